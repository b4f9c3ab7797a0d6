"""The table of photos and image records. Every write is conditional: repeated and late writes change nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from vision.adapters.items import Items
from vision.domain import keys, records, table_keys
from vision.domain.envelopes import Envelope
from vision.domain.executions import Attempt
from vision.domain.failures import Failure
from vision.domain.objects import ObjectVersion
from vision.domain.records import Record
from vision.domain.statuses import OPEN, Status
from vision.domain.table_keys import ERASED, EXPIRES, FORM_VERSION, GONE

# A run may write when nobody has run before, when it is newer than the run that wrote last, or while it is itself
# the run that the record waits for. So an older run never overwrites a newer one, be it the redrive of its own
# execution, and an ended run stays ended.
_MAY_ADVANCE = (
    "attribute_not_exists(execution_arn)"
    " OR (execution_arn <> :execution_arn AND run_started_at < :run_started_at)"
    " OR (execution_arn = :execution_arn AND run_started_at <= :latest_earlier)"
    " OR (execution_arn = :execution_arn AND run_started_at < :earliest_later"
    f" AND #status IN ({', '.join(f':{status.lower()}' for status in OPEN)}))"
)

# A form uploads one version, and to an announced photo that is not deleted; a later version that came otherwise stays
# the photo's newest.
_TAKES_FORM = (
    f"attribute_exists(content_type) AND attribute_not_exists({ERASED})"
    f" AND (attribute_not_exists({FORM_VERSION}) OR {FORM_VERSION} = :{FORM_VERSION})"
    " AND (attribute_not_exists(sequencer) OR sequencer <= :sequencer)"
)

# What tells how far a record is.
_PROGRESS = ("status", "execution_arn", "owner", "error", "width", "detector", "thumbnail", "verdict")


class Table:
    """The table by its name.

    All methods raise Throttled, ServiceUnavailable and AccessDenied.
    """

    def __init__(self, name: str) -> None:
        self._items = Items(name)

    def register(self, envelope: Envelope, now: str, failure: Failure | None = None) -> bool:
        """Record that a version waits to be processed, or why it does not, and make it its photo's newest if it is.

        Both writes are no-ops when they have happened before, so a crash between them heals with the next delivery.

        Returns
        -------
        bool
            False when there was a record of the version already.
        """
        is_new = self._record(envelope, now, failure)
        self._attach(envelope, now, {}, "attribute_not_exists(sequencer) OR sequencer < :sequencer")
        return is_new

    def register_form(self, envelope: Envelope, now: str) -> bool | None:
        """Make a version the one that a photo's form has uploaded, and record that it waits to be processed.

        In this order, so that of several versions of one form one is recorded; both writes may happen again.

        Returns
        -------
        bool or None
            As of :meth:`register`; ``None`` when the photo does not take it: nothing has changed.
        """
        if self._attach(envelope, now, {FORM_VERSION: envelope.object.identity}, _TAKES_FORM):
            return self._record(envelope, now, None)
        return None

    def _record(self, envelope: Envelope, now: str, failure: Failure | None) -> bool:
        refused = {"status": Status.FAILED, "error": failure.as_dict()} if failure else {}
        return self._items.put_once(records.pending(envelope, now) | refused)

    def _attach(self, envelope: Envelope, now: str, more: Record, condition: str) -> bool:
        photo = records.photo(envelope, now) | more
        fields = {name: value for name, value in photo.items() if name not in ("pk", "sk")}
        first = {"created_at": now} | ({"listing_sk": fields.pop("listing_sk")} if "listing_sk" in fields else {})
        return self._items.update(
            table_keys.photo_key(envelope.photo_id),
            fields,
            first,
            # What a ticket said of itself, and that an earlier photo of the same key was erased.
            remove=("status", ERASED, GONE, EXPIRES),
            condition=condition,
        )

    def is_newest(self, envelope: Envelope) -> bool:
        """Tell whether no newer version of the photo is registered; one without a sequencer counts as the newest."""
        sequencer = envelope.object.sequencer
        photo = self._items.get(table_keys.photo_key(envelope.photo_id)) or {}
        return not sequencer or bool(photo.get("sequencer", "") <= sequencer)

    def withdraw(self, envelope: Envelope) -> None:
        """Delete the record of a version that was registered once more although its photo is deleted."""
        self._items.delete_many([table_keys.image_key(envelope.object)])

    def mark_running(self, envelope: Envelope, run: Attempt, now: str) -> bool:
        """Record that the execution has started, unless it has already said more than that itself."""
        return self._items.update(
            table_keys.image_key(envelope.object),
            _run_fields(run) | {"status": Status.RUNNING, "updated_at": now},
            {},
            condition="attribute_exists(pk) AND attribute_not_exists(execution_arn)",
        )

    def advance(self, envelope: Envelope, run: Attempt, changes: Record, now: str) -> bool:
        """Move the image record forward to what this run knows.

        Parameters
        ----------
        changes
            Attributes to set, among them the ``status``; without an ``error`` an earlier one is removed.

        Returns
        -------
        bool
            False when a newer run has written, or this one has already ended: then nothing changes.
        """
        first = {
            name: value
            for name, value in records.pending(envelope, now).items()
            if name not in ("pk", "sk", "status", "updated_at")
        }
        return self._items.update(
            table_keys.image_key(envelope.object),
            changes | _run_fields(run) | {"updated_at": now},
            first,
            remove=() if "error" in changes else ("error",),
            condition=_MAY_ADVANCE,
            condition_values={":latest_earlier": run.latest_earlier, ":earliest_later": run.earliest_later}
            | {f":{status.lower()}": str(status) for status in OPEN},
        )

    def judge(self, envelope: Envelope, inspection: Record, now: str) -> bool:
        """Record a verdict; the first one stays, so that a repeated inspection tells the same.

        Returns
        -------
        bool
            False when there is a verdict already.
        """
        return self._inspect(envelope, inspection, now, remove=("error",))

    def refuse(self, envelope: Envelope, inspection: Record, now: str) -> bool:
        """Record why an image could not be inspected, unless it has been."""
        return self._inspect(envelope, inspection, now)

    def claim_notification(self, envelope: Envelope, now: str, abandoned: str) -> bool:
        """Let one delivery tell people of the verdict; False when they know, or another is about to tell them.

        Parameters
        ----------
        abandoned
            A claim from before this moment is not heeded: whoever made it died.
        """
        return self._items.update(
            table_keys.image_key(envelope.object),
            {"notifying_at": now, "updated_at": now},
            {},
            condition="attribute_exists(pk) AND attribute_not_exists(notified_at)"
            " AND (attribute_not_exists(#notifying_at) OR #notifying_at < :abandoned)",
            condition_values={":abandoned": abandoned},
        )

    def give_up_notification(self, envelope: Envelope, now: str) -> None:
        """Take back a claim: people could not be told, and the next delivery may try at once."""
        self._items.update(
            table_keys.image_key(envelope.object),
            {"updated_at": now},
            {},
            condition="attribute_exists(pk)",
            remove=("notifying_at",),
        )

    def mark_notified(self, envelope: Envelope, now: str) -> None:
        """Record that people have been told of the verdict."""
        self._items.update(
            table_keys.image_key(envelope.object),
            {"notified_at": now, "updated_at": now},
            {},
            condition="attribute_exists(pk)",
            remove=("notifying_at",),
        )

    def _inspect(self, envelope: Envelope, inspection: Record, now: str, remove: tuple[str, ...] = ()) -> bool:
        return self._items.update(
            table_keys.image_key(envelope.object),
            inspection | {"updated_at": now},
            {},
            condition="attribute_exists(pk) AND attribute_not_exists(verdict)",
            remove=remove,
        )

    def image(self, envelope: Envelope) -> Record | None:
        """Return the image record of a version, if there is one."""
        return self._items.get(table_keys.image_key(envelope.object))

    def recorded_versions(self, versions: Sequence[ObjectVersion]) -> dict[ObjectVersion, tuple[ObjectVersion, Record]]:
        """Return what is recorded of objects of which a listing told only the ETag.

        That is the record of the ETag; or, where the photo workflow has seen the same content, that of its version.
        """
        listed = {_primary(table_keys.image_key(version)): version for version in versions}
        photos = {keys.photo_id(version.bucket, version.key) for version in versions}
        wanted = [table_keys.photo_key(photo) for photo in photos] + [_key(*primary) for primary in listed]
        found: dict[ObjectVersion, tuple[ObjectVersion, Record]] = {}
        newest: dict[tuple[str, str], tuple[ObjectVersion, ObjectVersion]] = {}
        for item in self._items.get_many(wanted, ("object", *_PROGRESS)):
            if item["sk"] != table_keys.PHOTO_SORT_KEY:
                version = listed[_primary(item)]
                found[version] = (version, item)
                continue
            if "etag" not in item["object"]:
                continue  # A photo that is announced, and not uploaded yet.
            seen = ObjectVersion.from_dict(item["object"])
            same = listed.get(_primary(table_keys.image_key(replace(seen, version_id=""))))
            if same and seen.version_id:
                newest[_primary(table_keys.image_key(seen))] = (same, seen)
        for item in self._items.get_many([_key(*primary) for primary in newest], _PROGRESS):
            same, seen = newest[_primary(item)]
            found[same] = (seen, item)
        return found

    def running_since(self, before: str) -> Iterator[Record]:
        """Yield what the index knows of each image that has been RUNNING without a word since before a moment."""
        return self._items.query(
            "by_status",
            "#status = :status AND updated_at < :before",
            {"#status": "status"},
            {":status": Status.RUNNING, ":before": before},
        )


def _primary(item: Record) -> tuple[str, str]:
    return item["pk"], item["sk"]


def _key(pk: str, sk: str) -> Record:
    return {"pk": pk, "sk": sk}


def _run_fields(run: Attempt) -> Record:
    return {"execution_arn": run.execution_arn, "run_started_at": run.started_at}
