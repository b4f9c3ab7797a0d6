"""A photo as its owner sees it: its item and the record of its newest version, seen together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from vision.domain import failures, table_keys
from vision.domain.gallery import daily_counts, listing
from vision.domain.gallery.pending_uploads import FORGOTTEN_SECONDS
from vision.domain.objects import ObjectVersion
from vision.domain.records import Record
from vision.domain.statuses import Status
from vision.domain.table_keys import ERASED, FORM_VERSION

SHOWN_LABELS = 10

_OURS = "Delete it and add it again; if that does not help, tell whoever runs this service."


@dataclass(frozen=True, slots=True)
class Photo:
    """What is known of a photo.

    Attributes
    ----------
    item
        The photo's item.
    record
        The record of its newest version; empty while there is none.
    """

    item: Record
    record: Record

    @property
    def photo_id(self) -> str:
        """Its id."""
        return str(self.item["photo_id"])

    @property
    def owner(self) -> str:
        """Whose it is."""
        return str(self.item.get("owner", ""))

    @property
    def name(self) -> str:
        """What its owner calls it, or else the end of its key."""
        return str(self.item.get("name") or str(self.item["object"]["key"]).rsplit("/", 1)[-1])

    @property
    def is_uploaded(self) -> bool:
        """Whether S3 has it."""
        return "etag" in self.item.get("object", {})

    @property
    def is_announced(self) -> bool:
        """Whether it was announced to the API, and so has a form that uploads it."""
        return "content_type" in self.item

    @property
    def version(self) -> ObjectVersion | None:
        """Its newest version, if S3 has one."""
        return ObjectVersion.from_dict(self.item["object"]) if self.is_uploaded else None

    def is_of_form(self, version: ObjectVersion) -> bool:
        """Tell whether a version is the one that the photo's form has uploaded."""
        return self.item.get(FORM_VERSION) == version.identity

    def refuses(self, version: ObjectVersion) -> bool:
        """Tell whether a version of an announced photo's form is one too many: it has another, or is deleted."""
        return ERASED in self.item or self.item.get(FORM_VERSION, version.identity) != version.identity

    @property
    def labels(self) -> list[Mapping[str, Any]]:
        """What is in it, the most certain first."""
        return sorted(self.record.get("labels", []), key=lambda label: -float(label["confidence"]))

    def place(self) -> listing.ListPosition:
        """Return where it stands in a list of its owner."""
        listing_sk, pk = str(self.item.get("listing_sk", "")), str(self.item["pk"])
        return listing.ListPosition(listing_sk, pk, table_keys.PHOTO_SORT_KEY)

    def as_dict(self, now: str) -> Record:
        """Return what a list shows."""
        status, error = self._state(now)
        return {
            "photo_id": self.photo_id,
            "album_id": self.item.get("album_id"),
            "name": self.name,
            "status": status,
            "is_uploaded": self.is_uploaded,
            "created_at": self.item["created_at"],
            "width": self.record.get("width"),
            "height": self.record.get("height"),
            "labels": [
                {"name": label["name"], "confidence": label["confidence"]} for label in self.labels[:SHOWN_LABELS]
            ],
            "error": _told(error) if error else None,
        }

    def details(self, now: str) -> Record:
        """Return what is shown of the photo alone."""
        told = ("format", "capture_time", "camera_make", "camera_model", "location", "detector")
        size = self.item["object"].get("size_bytes", self.item.get("size_bytes"))
        return {
            **self.as_dict(now),
            **{name: self.record.get(name) for name in told},
            "size_bytes": size,
            "labels": [
                {
                    "name": label["name"],
                    "confidence": label["confidence"],
                    "parents": label.get("parents", []),
                    "instances": label.get("instances", []),
                }
                for label in self.labels
            ],
        }

    def _state(self, now: str) -> tuple[str, Mapping[str, Any] | None]:
        if self.record:
            return self.record["status"], self.record.get("error")
        if not self.is_uploaded and _seconds(self.item["created_at"], now) > FORGOTTEN_SECONDS:
            return Status.FAILED, {"name": "UploadMissing", "cause": "The file was announced and never arrived."}
        return Status.PENDING, None


def _told(error: Mapping[str, Any]) -> Record:
    remedy = failures.REMEDIES.get(error["name"], _OURS)
    return {**error, "cause": failures.first_cause(error["cause"]), "remedy": remedy}


@dataclass(frozen=True, slots=True)
class PhotoQuery:
    """What a search asks for; ``""`` and 0 ask for nothing.

    Attributes
    ----------
    class_name
        The label of highest confidence.
    min_confidence
        How sure a label must be, from 0 to 100; the wanted one if one is wanted.
    """

    owner: str
    album_id: str = ""
    label: str = ""
    class_name: str = ""
    min_confidence: float = 0
    span: listing.Span = field(default_factory=listing.Span)

    @property
    def partition(self) -> str:
        """The shortest list that has everything wanted."""
        if self.label or self.class_name:
            return table_keys.label_listing(self.owner, self.label or self.class_name)
        if self.album_id:
            return table_keys.album_listing(self.owner, self.album_id)
        return table_keys.owner_listing(self.owner)

    def admits(self, photo: Photo) -> bool:
        """Tell whether a photo of the list is wanted: lists may tell of labels that a newer version has not."""
        if photo.owner != self.owner or ERASED in photo.item:
            return False
        if self.album_id and photo.item.get("album_id") != self.album_id:
            return False
        if self.class_name and daily_counts.class_of(photo.record).casefold() != self.class_name.casefold():
            return False
        return has_label(photo.record, self.label, self.min_confidence)


def has_label(record: Mapping[str, Any], name: str, min_confidence: float) -> bool:
    """Tell whether an image has a label, in any case; ``""`` is any label, and 0 asks for none."""
    if not name and not min_confidence:
        return True
    return any(
        label["confidence"] >= min_confidence and (not name or label["name"].casefold() == name.casefold())
        for label in record.get("labels", [])
    )


def label_entry(photo: Photo, label: str) -> Record:
    """Return the item under which a photo is found by a label."""
    return {
        **table_keys.label_entry_key(photo.photo_id, label),
        "record_type": "label_entry",
        "listing_pk": table_keys.label_listing(photo.owner, label),
        "listing_sk": photo.item["listing_sk"],
    }


def label_name(owner: str, label: str) -> Record:
    """Return the item that remembers a label which a person's photos have had, for a search as one types."""
    return {
        **table_keys.label_name_key(owner, label),
        "record_type": "label_name",
        "name": label,
    }


def _seconds(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
