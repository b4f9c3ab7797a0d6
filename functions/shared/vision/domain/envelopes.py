"""The envelope that passes between states: which object version, which photo, whose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vision.domain import keys
from vision.domain.errors import InvalidEvent
from vision.domain.objects import ObjectVersion

# What a person can fill in: `aws s3api head-object` tells version and size.
_EXAMPLE = '{"object": {"bucket": …, "key": …, "version_id": …, "size_bytes": …}}'


@dataclass(frozen=True, slots=True)
class Envelope:
    """One image on its way: never its bytes, only where they are.

    Attributes
    ----------
    object
        The object version that is processed; every read pins it.
    photo_id
        The photo that this is a version of.
    owner
        Whose upload it is; ``""`` for images that belong to nobody.
    """

    object: ObjectVersion
    photo_id: str
    owner: str

    @classmethod
    def of(cls, version: ObjectVersion) -> Envelope:
        """Make the envelope of an object version; id and owner follow from its key."""
        upload = keys.upload_key(version.key)
        return cls(version, keys.photo_id(version.bucket, version.key), upload.owner if upload else "")

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Envelope:
        """Read an envelope; id and owner may be left out, and may not contradict the key.

        Raises
        ------
        InvalidEvent
            When the object is missing or malformed, or id or owner belong to another key.
        """
        if not isinstance(data, Mapping) or "object" not in data:
            raise InvalidEvent(f"object: missing; upload the image again, or start with {_EXAMPLE}")
        envelope = cls.of(ObjectVersion.from_dict(data["object"]))
        for name, expected in (("photo_id", envelope.photo_id), ("owner", envelope.owner)):
            if data.get(name, expected) != expected:
                raise InvalidEvent(f"{name}: does not belong to this bucket and key; leave it out")
        return envelope

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form, the input of the state machine."""
        return {"object": self.object.as_dict(), "photo_id": self.photo_id, "owner": self.owner}
