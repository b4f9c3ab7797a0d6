"""Object versions in S3."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from vision.domain.errors import InvalidEvent

# A sequencer is a hexadecimal string of varying length. According to the S3 documentation, compare two sequencers of
# the same key like this: right pad the shorter with zeros, then compare lexicographically. Padding every sequencer to
# this length makes them comparable anywhere, including in a DynamoDB condition.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
SEQUENCER_LENGTH = 64
_SEQUENCER = re.compile(rf"[0-9A-F]{{1,{SEQUENCER_LENGTH}}}")


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One version of one S3 object.

    Attributes
    ----------
    bucket, key
        Bucket and raw key, never URL-encoded.
    version_id
        S3 version id, or ``""`` without versioning.
    etag
        S3 entity tag, without quotes.
    sequencer
        Orders the versions of one key; right-padded hexadecimal, or ``""`` if the source has none.
    size_bytes
        Object size in bytes.
    """

    bucket: str
    key: str
    version_id: str
    etag: str
    sequencer: str
    size_bytes: int

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ObjectVersion:
        """Parse the ``object`` of an envelope.

        Raises
        ------
        InvalidEvent
            A field is missing or has the wrong type, or the fields identify no version.
        """
        if not isinstance(data, Mapping):
            raise InvalidEvent(f"object: expected a JSON object, got {type(data).__name__}")
        version = cls(
            bucket=_text(data, "bucket", required=True),
            key=_text(data, "key", required=True),
            version_id=_text(data, "version_id"),
            etag=_text(data, "etag").strip('"'),
            sequencer=comparable_sequencer(_text(data, "sequencer")),
            size_bytes=_size(data.get("size_bytes")),
        )
        if not version.identity:
            raise InvalidEvent("object.version_id, object.etag: one of them is required")
        return version

    @property
    def identity(self) -> str:
        """The identity of this version among the versions of its key: the version id, else the ETag."""
        return self.version_id or self.etag

    def pinned_to(self, version_id: str) -> ObjectVersion:
        """Return this version with a version id, for calls that cannot pin an ETag."""
        return replace(self, version_id=version_id) if version_id else self

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form that envelopes and records carry."""
        return asdict(self)


def comparable_sequencer(sequencer: str) -> str:
    """Pad a sequencer so that plain string comparison orders the versions of one key.

    Raises
    ------
    InvalidEvent
        The sequencer is not hexadecimal, or longer than any that S3 sends.
    """
    if not sequencer:
        return ""
    upper = sequencer.upper()
    if not _SEQUENCER.fullmatch(upper):
        raise InvalidEvent(
            f"object.sequencer: expected at most {SEQUENCER_LENGTH} hexadecimal digits, got {sequencer[:80]!r}"
        )
    return upper.ljust(SEQUENCER_LENGTH, "0")


def _text(data: Mapping[str, Any], name: str, *, required: bool = False) -> str:
    value = data.get(name)
    if value is None or value == "":
        if required:
            raise InvalidEvent(f"object.{name}: missing; an envelope names bucket and key")
        return ""
    if not isinstance(value, str):
        raise InvalidEvent(f"object.{name}: expected text, got {type(value).__name__}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        # JSON can contain half a surrogate pair, which no request to S3 or DynamoDB can contain.
        raise InvalidEvent(f"object.{name}: not UTF-8, as every key in S3 is") from error
    return value


def _size(value: Any) -> int:
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or value < 0:
        raise InvalidEvent(f"object.size_bytes: expected a whole number of bytes, got {value!r:.80}")
    return value
