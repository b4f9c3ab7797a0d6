"""The photos of a person without the API in front: announced, uploaded, processed, and what is left of them."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.conftest import BUCKET, TABLE
from vision.adapters.albums import Albums
from vision.adapters.aws_sdk import client
from vision.adapters.people import People
from vision.adapters.photos import Photos
from vision.adapters.table import Table
from vision.domain import keys, records
from vision.domain.envelopes import Envelope
from vision.domain.executions import Attempt
from vision.domain.gallery.daily_allowance import Allowance
from vision.domain.gallery.photo_query import PhotoQuery
from vision.domain.gallery.photos import Photo
from vision.domain.objects import ObjectVersion, comparable_sequencer
from vision.services import label_index
from vision.services.gallery import Gallery

ARN = "arn:aws:states:eu-west-1:123456789012:execution:image-recognition-ProcessImage"
STARTED_AT = "2026-11-21T10:00:00.000Z"
SMALL = {"width": 250, "height": 188}
# The sequencer of a later write to a key is greater.
_sequence = itertools.count(1)


def found(**confidences: float) -> list[dict[str, Any]]:
    """Labels as an execution finds them, such as ``found(Rose=98.7)``."""
    return [
        {"name": name, "confidence": confidence, "parents": [], "instances": []}
        for name, confidence in confidences.items()
    ]


def rows(record_type: str = "") -> list[dict[str, Any]]:
    """The items of the table, of one type or of all, in DynamoDB JSON."""
    there = client("dynamodb").scan(TableName=TABLE)["Items"]
    return [item for item in there if record_type in ("", item["record_type"]["S"])]


def left_of(photo: Photo) -> list[str]:
    """The sort keys of the items of a photo."""
    return sorted(item["sk"]["S"] for item in rows() if item["pk"]["S"] == photo.item["pk"])


def objects(prefix: str = "") -> list[str]:
    """The keys of all versions in the bucket, and of its delete markers."""
    listed = client("s3").list_object_versions(Bucket=BUCKET, Prefix=prefix)
    return sorted(one["Key"] for one in listed.get("Versions", []) + listed.get("DeleteMarkers", []))


def put(key: str, content: bytes = b"content") -> Envelope:
    """Put an object, whose event has not been delivered yet."""
    stored = client("s3").put_object(Bucket=BUCKET, Key=key, Body=content)
    sequencer = comparable_sequencer(f"{next(_sequence):016X}")
    etag = stored["ETag"].strip('"')
    return Envelope.of(ObjectVersion(BUCKET, key, stored["VersionId"], etag, sequencer, len(content)))


def process(envelope: Envelope, run: Attempt, labels: Mapping[str, float], **changes: Any) -> None:
    """Do what an execution does: write the thumbnail, the record and the label index."""
    thumbnail = {"bucket": BUCKET, "key": keys.thumbnail_key(envelope.object, envelope.owner)}
    client("s3").put_object(Bucket=BUCKET, Key=thumbnail["key"], Body=b"small")
    outcome = {"status": "SUCCEEDED", "labels": found(**labels), "detector": {"name": "rekognition", "version": "3.0"}}
    outcome |= {"thumbnail": {**thumbnail, **SMALL}, **changes}
    Table(TABLE).advance(envelope, run, outcome, records.now())
    label_index.add(Photos(TABLE), envelope, run, outcome)


@dataclass(frozen=True, slots=True)
class PhotoApp:
    """The services behind the API, and the workflow that processes uploads."""

    gallery: Gallery = field(
        default_factory=lambda: Gallery(Albums(TABLE), People(TABLE), Photos(TABLE), BUCKET, Allowance(0, 0))
    )
    table: Table = field(default_factory=lambda: Table(TABLE))

    @property
    def photos(self) -> Photos:
        return self.gallery.photos

    def announce(
        self,
        owner: str = "ann",
        name: str = "rose.jpg",
        content_type: str = "image/jpeg",
        size_bytes: int = 7,
        album_id: str = "",
        key: str = "",
    ) -> Photo:
        return self.gallery.announce(owner, name, content_type, size_bytes, album_id, key)[0]

    def album(self, owner: str = "ann", name: str = "Rome", key: str = "") -> str:
        """Make an album, and return its id."""
        return str(self.gallery.make_album(owner, name, key)["album_id"])

    @staticmethod
    def put(key: str) -> Envelope:
        return put(key)

    def upload(self, photo: Photo) -> Envelope:
        """Upload an announced photo, and deliver its event."""
        envelope = put(photo.item["object"]["key"])
        self.table.register(envelope, records.now())
        return envelope

    def uploaded(self, **announced: Any) -> tuple[Photo, Envelope]:
        photo = self.announce(**announced)
        return photo, self.upload(photo)

    def finish(self, envelope: Envelope, started_at: str = STARTED_AT, **confidences: float) -> None:
        """Process an upload with success."""
        process(envelope, self.run(envelope, started_at), confidences or {"Rose": 98.7})

    @staticmethod
    def run(envelope: Envelope, started_at: str = STARTED_AT) -> Attempt:
        return Attempt(f"{ARN}:{keys.execution_name(envelope.object)}", started_at)

    def processed(self, labels: dict[str, float] | None = None, **announced: Any) -> Photo:
        """Announce, upload and process a photo, and return it."""
        photo, envelope = self.uploaded(**announced)
        self.finish(envelope, **(labels or {}))
        now = self.photos.read(photo.photo_id)
        assert now is not None
        return now

    def listed(self, owner: str = "ann", **wanted: Any) -> list[str]:
        """The ids of the photos that a query of this owner finds."""
        return [photo.photo_id for photo in self.gallery.find(PhotoQuery(owner, **wanted), None, 100)[0]]
