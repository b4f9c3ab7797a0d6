"""Every name that the pipeline derives from an object's key: the one place that makes ids and decodes keys."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from urllib.parse import unquote_plus

from vision.domain.objects import ObjectVersion

# S3 keys end at 1,024 bytes of UTF-8, so names derived from keys are built from digests, never by appending.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
KEY_LIMIT_BYTES = 1024

# 26 base32 characters are 130 bits: no collision among all photos that S3 will ever hold.
_PHOTO_ID_LENGTH = 26
# 13 characters are 65 bits: versions need to differ only within one photo.
_VERSION_TOKEN_LENGTH = 13


@dataclass(frozen=True, slots=True)
class UploadKey:
    """A key under ``private/{owner}/uploads/``: whose upload it is, and the path below."""

    owner: str
    path: str


def upload_key(key: str) -> UploadKey | None:
    """Return the parts of an upload's key, or ``None`` for any other key.

    The EventBridge rule cannot anchor a wildcard to one path segment, so ``private/ann/resized/uploads/x`` gets
    through it; this is where such a key ends.
    """
    match key.split("/", 3):
        case ["private", owner, "uploads", path] if owner and path and not path.endswith("/"):
            return UploadKey(owner, path)
    return None


def photo_id(bucket: str, key: str) -> str:
    """Return the id of the photo at this key: 26 lower-case letters and digits.

    All versions of a key are the same photo. The id is a digest, so it leaks no file name into logs or
    execution names, and nobody can choose another photo's id by choosing a key.
    """
    return _digest(f"{bucket}/{key}", _PHOTO_ID_LENGTH)


def version_digest(version: ObjectVersion) -> str:
    """Return a short name of the version, unique within its photo: 13 letters and digits."""
    return _digest(version.identity, _VERSION_TOKEN_LENGTH)


def digest(text: str) -> str:
    """Return a name for what a text tells apart: 26 lower-case letters and digits."""
    return _digest(text, _PHOTO_ID_LENGTH)


def model_digest(model_version_arn: str) -> str:
    """Return a short name of a Custom Labels model, under which its session is recorded."""
    return _digest(model_version_arn, _PHOTO_ID_LENGTH)


def execution_name(version: ObjectVersion, attempt: int = 1) -> str:
    """Return the name of the execution that processes this version.

    The same version always gets the same name, and Step Functions refuses a name twice within 90 days, so a
    repeated event starts nothing. Processing again on purpose takes the next attempt.
    """
    name = f"{photo_id(version.bucket, version.key)}-{version_digest(version)}"
    return name if attempt == 1 else f"{name}-{attempt}"


def thumbnail_key(version: ObjectVersion, owner: str) -> str:
    """Return where the thumbnail of this version goes, beside the owner's uploads.

    The version is part of it, so that an older version which finishes late cannot replace a newer thumbnail.
    Where the owner's name leaves no room in a key, the thumbnail goes into ``private//resized/``, a folder that
    belongs to nobody, since no upload has an empty owner.
    """
    name = f"{photo_id(version.bucket, version.key)}/{version_digest(version)}.jpg"
    key = f"private/{owner}/resized/{name}"
    return key if len(key.encode()) <= KEY_LIMIT_BYTES else f"private//resized/{name}"


def thumbnail_folders(photo_id: str, owner: str) -> tuple[str, str]:
    """Return below which prefixes :func:`thumbnail_key` puts the thumbnails of all versions of a photo."""
    return f"private/{owner}/resized/{photo_id}/", f"private//resized/{photo_id}/"


def is_thumbnail(key: str) -> bool:
    """Tell whether a key is where :func:`thumbnail_key` puts things: what we made ourselves is no image to process."""
    match key.split("/", 3):
        case ["private", _, "resized", _]:
            return True
    return False


def decode_notification_key(key: str) -> str:
    """Decode a key as S3 encodes it in its own notifications and in inventories, and only there.

    Events that come through EventBridge carry the key as it is: decoding those would corrupt ``+`` and ``%``.
    """
    return unquote_plus(key)


def _digest(text: str, length: int) -> str:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return base64.b32encode(digest).decode("ascii").lower()[:length]
