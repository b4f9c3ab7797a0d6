"""A photo as its owner sees it: its item together with the record of its newest version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vision.domain import failures, table_keys
from vision.domain.gallery import listing
from vision.domain.gallery.pending_uploads import FORGOTTEN_SECONDS
from vision.domain.objects import ObjectVersion
from vision.domain.records import Record
from vision.domain.statuses import Status
from vision.domain.table_keys import ERASED, FORM_VERSION, LISTED_AS

SHOWN_LABELS = 10

_DEFAULT_REMEDY = "Delete it and add it again; if that does not help, contact the operator of this service."


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo in the table.

    Attributes
    ----------
    item
        The photo's item.
    record
        The record of its newest version, or empty if there is none yet.
    """

    item: Record
    record: Record

    @property
    def photo_id(self) -> str:
        """The id of the photo."""
        return str(self.item["photo_id"])

    @property
    def owner(self) -> str:
        """The owner of the photo, or ``""`` for none."""
        return str(self.item.get("owner", ""))

    @property
    def name(self) -> str:
        """The name that the owner gave the photo, or else the last part of its key."""
        return str(self.item.get("name") or str(self.item["object"]["key"]).rsplit("/", 1)[-1])

    @property
    def is_uploaded(self) -> bool:
        """Whether the photo is uploaded to S3."""
        return "etag" in self.item.get("object", {})

    @property
    def is_announced(self) -> bool:
        """Whether the photo was announced to the API, and so has an upload form."""
        return "content_type" in self.item

    @property
    def version(self) -> ObjectVersion | None:
        """The newest version, or ``None`` before the upload."""
        return ObjectVersion.from_dict(self.item["object"]) if self.is_uploaded else None

    def is_of_form(self, version: ObjectVersion) -> bool:
        """Return whether the photo's form uploaded this version."""
        return self.item.get(FORM_VERSION) == version.identity

    def refuses(self, version: ObjectVersion) -> bool:
        """Return whether to refuse a version from the form of an announced photo: it has another, or is deleted."""
        return ERASED in self.item or self.item.get(FORM_VERSION, version.identity) != version.identity

    @property
    def labels(self) -> list[Mapping[str, Any]]:
        """The labels of the photo, highest confidence first."""
        return sorted(self.record.get("labels", []), key=lambda label: -float(label["confidence"]))

    @property
    def listed_as(self) -> str:
        """The sort key of the photo in every list, also after its deletion."""
        known = self.item.get("listing_sk") or self.item.get(LISTED_AS)
        return str(known or table_keys.listing_sort_key(self.item["created_at"], self.photo_id))

    def position(self) -> listing.ListPosition:
        """Return the position of the photo in its owner's list."""
        listing_sk, pk = str(self.item.get("listing_sk", "")), str(self.item["pk"])
        return listing.ListPosition(listing_sk, pk, table_keys.PHOTO_SORT_KEY)

    def as_dict(self, now: str) -> Record:
        """Return the attributes that a list shows."""
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
            "error": _with_remedy(error) if error else None,
        }

    def details(self, now: str) -> Record:
        """Return the attributes that the view of a single photo shows."""
        shown = ("format", "capture_time", "camera_make", "camera_model", "location", "detector")
        size = self.item["object"].get("size_bytes", self.item.get("size_bytes"))
        return {
            **self.as_dict(now),
            **{name: self.record.get(name) for name in shown},
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


def _with_remedy(error: Mapping[str, Any]) -> Record:
    remedy = failures.REMEDIES.get(error["name"], _DEFAULT_REMEDY)
    return {**error, "cause": failures.first_cause(error["cause"]), "remedy": remedy}


def label_entry(photo: Photo, label: str) -> Record:
    """Return the item that lists a photo under a label."""
    return {
        **table_keys.label_entry_key(photo.owner, label, photo.listed_as),
        "record_type": "label_entry",
        "photo_id": photo.photo_id,
    }


def label_name(owner: str, label: str) -> Record:
    """Return the item that records a label of an owner's photos, for suggestions during typing."""
    return {
        **table_keys.label_name_key(owner, label),
        "record_type": "label_name",
        "name": label,
    }


def _seconds(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
