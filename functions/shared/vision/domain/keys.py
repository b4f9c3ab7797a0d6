"""All names that derive from an object key. Only this module makes ids and decodes keys."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from urllib.parse import unquote_plus

from vision.domain.objects import ObjectVersion

# S3 keys have at most 1,024 bytes of UTF-8. Names are therefore built from digests of keys, never by appending to keys.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
KEY_LIMIT_BYTES = 1024

# 26 base32 characters are 130 bits: no collision among all photos that S3 will ever hold.
_PHOTO_ID_LENGTH = 26
# 13 characters are 65 bits: versions need to differ only within one photo.
_VERSION_TOKEN_LENGTH = 13


@dataclass(frozen=True, slots=True)
class UploadKey:
    """A key below ``private/{owner}/uploads/``: the owner, and the rest of the path."""

    owner: str
    path: str


def upload_key(key: str) -> UploadKey | None:
    """Return the parts of an upload key, or ``None`` for any other key.

    The EventBridge rule cannot anchor a wildcard to one path segment, so ``private/ann/resized/uploads/x`` passes
    it. This function rejects such a key.
    """
    match key.split("/", 3):
        case ["private", owner, "uploads", path] if owner and path and not path.endswith("/"):
            return UploadKey(owner, path)
    return None


def photo_id(bucket: str, key: str) -> str:
    """Return the id of the photo at this key: 26 lower-case letters and digits.

    All versions of a key are the same photo. The id is a digest, so it does not leak the file name into logs or
    execution names, and a key cannot be chosen to match the id of another photo.
    """
    return _digest(f"{bucket}/{key}", _PHOTO_ID_LENGTH)


def version_digest(version: ObjectVersion) -> str:
    """Return a short name of the version, unique within its photo: 13 letters and digits."""
    return _digest(version.identity, _VERSION_TOKEN_LENGTH)


def digest(text: str) -> str:
    """Return a name that is unique to a text: 26 lower-case letters and digits."""
    return _digest(text, _PHOTO_ID_LENGTH)


def model_digest(model_version_arn: str) -> str:
    """Return a short name of a Custom Labels model, under which its session is recorded."""
    return _digest(model_version_arn, _PHOTO_ID_LENGTH)


def execution_name(version: ObjectVersion, attempt: int = 1) -> str:
    """Return the name of the execution that processes this version.

    The same version always has the same name, and Step Functions rejects a repeated name within 90 days, so a
    repeated event starts nothing. To process a version again on purpose, use the next attempt.
    """
    name = f"{photo_id(version.bucket, version.key)}-{version_digest(version)}"
    return name if attempt == 1 else f"{name}-{attempt}"


def thumbnail_key(version: ObjectVersion, owner: str) -> str:
    """Return the key of this version's thumbnail, beside the owner's uploads.

    The key contains the version, so that an older version that finishes late cannot replace a newer thumbnail.
    If the owner's name leaves no room in a key, the thumbnail goes into ``private//resized/``, a folder without an
    owner, since no upload has an empty owner.
    """
    name = f"{photo_id(version.bucket, version.key)}/{version_digest(version)}.jpg"
    key = f"private/{owner}/resized/{name}"
    return key if len(key.encode()) <= KEY_LIMIT_BYTES else f"private//resized/{name}"


def thumbnail_folders(photo_id: str, owner: str) -> tuple[str, str]:
    """Return the prefixes of the keys that :func:`thumbnail_key` returns for all versions of a photo."""
    return f"private/{owner}/resized/{photo_id}/", f"private//resized/{photo_id}/"


def is_thumbnail(key: str) -> bool:
    """Return whether a key has the form of :func:`thumbnail_key`; thumbnails are output, not images to process."""
    match key.split("/", 3):
        case ["private", _, "resized", _]:
            return True
    return False


def decode_notification_key(key: str) -> str:
    """Decode a key from an S3 notification or an inventory, and only from there.

    EventBridge events contain the raw key: decoding it would corrupt ``+`` and ``%``.
    """
    return unquote_plus(key)


def _digest(text: str, length: int) -> str:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return base64.b32encode(digest).decode("ascii").lower()[:length]
