"""The envelope that passes between states: the object version, its photo and its owner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vision.domain import keys
from vision.domain.errors import InvalidEvent
from vision.domain.objects import ObjectVersion

# An input that a person can fill in: `aws s3api head-object` returns version and size.
_EXAMPLE = '{"object": {"bucket": …, "key": …, "version_id": …, "size_bytes": …}}'


@dataclass(frozen=True, slots=True)
class Envelope:
    """An image in a workflow: its location, never its bytes.

    Attributes
    ----------
    object
        The object version to process; every read pins it.
    photo_id
        The photo that this is a version of.
    owner
        The owner of the upload; ``""`` for images without an owner.
    """

    object: ObjectVersion
    photo_id: str
    owner: str

    @classmethod
    def of(cls, version: ObjectVersion) -> Envelope:
        """Return the envelope of an object version; id and owner derive from its key."""
        upload = keys.upload_key(version.key)
        return cls(version, keys.photo_id(version.bucket, version.key), upload.owner if upload else "")

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Envelope:
        """Parse an envelope; id and owner are optional, and must match the key.

        Raises
        ------
        InvalidEvent
            The object is missing or malformed, or id or owner belong to another key.
        """
        if not isinstance(data, Mapping) or "object" not in data:
            raise InvalidEvent(f"object: missing; upload the image again, or start with {_EXAMPLE}")
        envelope = cls.of(ObjectVersion.from_dict(data["object"]))
        for name, expected in (("photo_id", envelope.photo_id), ("owner", envelope.owner)):
            if data.get(name, expected) != expected:
                raise InvalidEvent(f"{name}: does not belong to this bucket and key; leave it out")
        return envelope

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form, which is the input of the state machine."""
        return {"object": self.object.as_dict(), "photo_id": self.photo_id, "owner": self.owner}
