"""The table of photos and image records. Every write is conditional, so repeated and late writes are no-ops."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from vision.adapters.items import Items
from vision.domain import keys, records, table_keys
from vision.domain.envelopes import Envelope
from vision.domain.executions import Attempt
from vision.domain.failures import Failure
from vision.domain.gallery import daily_counts
from vision.domain.objects import ObjectVersion
from vision.domain.records import Record
from vision.domain.statuses import OPEN, Status
from vision.domain.table_keys import (
    COUNTED,
    EARLIER_LABELS,
    ERASED,
    EXPIRES,
    FORM_VERSION,
    GONE,
    LISTED_AS,
    OPEN_PK,
    OPEN_SINCE,
)

# An attempt may write if no attempt has written before, if it is newer than the attempt that wrote last, or while the
# record waits for this attempt. An older attempt therefore never overwrites a newer one, not even a redrive of its own
# execution, and an ended attempt stays ended.
_MAY_ADVANCE = (
    "attribute_not_exists(execution_arn)"
    " OR (execution_arn <> :execution_arn AND run_started_at < :run_started_at)"
    " OR (execution_arn = :execution_arn AND run_started_at <= :latest_earlier)"
    " OR (execution_arn = :execution_arn AND run_started_at < :earliest_later"
    f" AND #status IN ({', '.join(f':{status.lower()}' for status in OPEN)}))"
)

# A form uploads one version only, to an announced photo that is not deleted. A later version that did not come through
# the form stays the newest version of the photo.
_TAKES_FORM = (
    f"attribute_exists(content_type) AND attribute_not_exists({ERASED})"
    f" AND (attribute_not_exists({FORM_VERSION}) OR {FORM_VERSION} = :{FORM_VERSION})"
    " AND (attribute_not_exists(sequencer) OR sequencer <= :sequencer)"
)

# What an open record needs to be closed.
_OPEN = ("status", "object", "execution_arn", "run_started_at", "updated_at")

# Most open records of a shard that one scheduled run reads: together 10,000, of which few are silent.
_READ_OF_A_SHARD = 625

# Most PENDING records of a shard whose executions one scheduled run looks for: together 160, within the 250 calls of
# DescribeExecution that a small Region takes at once.
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
_WAITING_OF_A_SHARD = 10

# The attributes that show the progress of a record.
_PROGRESS = ("status", "execution_arn", "owner", "error", "width", "detector", "thumbnail", "verdict")


class Table:
    """The image table.

    All methods raise Throttled, ServiceUnavailable and AccessDenied.
    """

    def __init__(self, name: str) -> None:
        self._items = Items(name)

    def register(self, envelope: Envelope, now: str, failure: Failure | None = None) -> bool:
        """Record a version as pending or failed, and make it the photo's newest version unless a newer one is known.

        Both writes are idempotent, so the next delivery repairs a crash between them.

        Returns
        -------
        bool
            False if the version already had a record.
        """
        is_new = self._record(envelope, now, failure)
        self._attach(envelope, now, {}, "attribute_not_exists(sequencer) OR sequencer < :sequencer")
        return is_new

    def register_form(self, envelope: Envelope, now: str) -> bool | None:
        """Attach a version to a photo as the upload of its form, and record the version as pending.

        The order ensures that only one of several versions from one form is recorded. Both writes are idempotent.

        Returns
        -------
        bool or None
            As for :meth:`register`; ``None`` if the photo does not accept the version. Nothing has changed then.
        """
        if self._attach(envelope, now, {FORM_VERSION: envelope.object.identity}, _TAKES_FORM):
            return self._record(envelope, now, None)
        return None

    def _record(self, envelope: Envelope, now: str, failure: Failure | None) -> bool:
        refused = {"status": Status.FAILED, "error": failure.as_dict()} if failure else records.opened(envelope, now)
        return self._items.put_once(records.pending(envelope, now) | refused)

    def _attach(self, envelope: Envelope, now: str, more: Record, condition: str) -> bool:
        photo = records.photo(envelope, now) | more
        fields = {name: value for name, value in photo.items() if name not in ("pk", "sk")}
        first = {"created_at": now} | ({"listing_sk": fields.pop("listing_sk")} if "listing_sk" in fields else {})
        return self._items.update(
            table_keys.photo_key(envelope.photo_id),
            fields,
            first,
            # Attributes of the pending upload, and the tombstone of an earlier photo with the same key.
            remove=("status", ERASED, GONE, EXPIRES, LISTED_AS, OPEN_PK, OPEN_SINCE),
            condition=condition,
        )

    def is_newest(self, envelope: Envelope) -> bool:
        """Return whether no newer version of the photo is registered; without a sequencer, it counts as the newest."""
        sequencer = envelope.object.sequencer
        photo = self._items.get(table_keys.photo_key(envelope.photo_id)) or {}
        return not sequencer or bool(photo.get("sequencer", "") <= sequencer)

    def withdraw(self, envelope: Envelope) -> None:
        """Delete the record of a version that was registered again after the deletion of its photo."""
        self._items.delete_many([table_keys.image_key(envelope.object)])

    def begin(self, envelope: Envelope, attempt: Attempt, metadata: Record, now: str) -> bool:
        """Record that an execution has started, and the metadata of its image; the result is as of :meth:`advance`."""
        return self.advance(envelope, attempt, metadata | {"status": Status.RUNNING}, now)

    def add_labels(self, envelope: Envelope, attempt: Attempt, found: Record, now: str) -> bool:
        """Record labels and detector while the execution goes on; the result is as of :meth:`advance`."""
        return self.advance(envelope, attempt, found | {"status": Status.RUNNING}, now)

    def advance(self, envelope: Envelope, attempt: Attempt, changes: Record, now: str) -> bool:
        """Update the image record with the results of this attempt.

        With the first labels of a photo the record also says under which day and class the photo is counted. Labels of
        attempts before are kept, because the photo may be listed under them.

        Parameters
        ----------
        changes
            Attributes to set, including the ``status``; without an ``error``, an earlier error is removed.

        Returns
        -------
        bool
            False if a newer attempt has written, or this attempt has already ended. Nothing has changed then.
        """
        first = {
            name: value
            for name, value in records.pending(envelope, now).items()
            if name not in ("pk", "sk", "status", "updated_at")
        }
        is_open, is_labelled = changes["status"] in OPEN, bool(envelope.owner and changes.get("labels"))
        if is_open:
            first |= records.opened(envelope, now)
        if is_labelled:
            first[COUNTED] = daily_counts.mark(attempt.started_at, changes)
        return self._items.update(
            table_keys.image_key(envelope.object),
            changes | _attempt_fields(attempt) | {"updated_at": now},
            first,
            remove=(*(() if "error" in changes else ("error",)), *(() if is_open else (OPEN_PK, OPEN_SINCE))),
            kept={EARLIER_LABELS: "labels"} if is_labelled else {},
            condition=_MAY_ADVANCE,
            condition_values={":latest_earlier": attempt.latest_earlier, ":earliest_later": attempt.earliest_later}
            | {f":{status.lower()}": str(status) for status in OPEN},
        )

    def record_verdict(self, envelope: Envelope, inspection: Record, now: str) -> bool:
        """Record a verdict. The first verdict stays, so that a repeated inspection has the same result.

        Returns
        -------
        bool
            False if the record already has a verdict.
        """
        return self._record_inspection(envelope, inspection, now, remove=("error",))

    def record_refusal(self, envelope: Envelope, inspection: Record, now: str) -> bool:
        """Record why an image could not be inspected, unless it has a verdict."""
        return self._record_inspection(envelope, inspection, now)

    def claim_notification(self, envelope: Envelope, now: str, abandoned: str) -> bool:
        """Claim the notification of a verdict for one delivery; return False if it is sent, or claimed by another.

        Parameters
        ----------
        abandoned
            A claim before this time is ignored, because the worker that made it died.
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
        """Release a claim after a failed notification, so that the next delivery can try immediately."""
        self._items.update(
            table_keys.image_key(envelope.object),
            {"updated_at": now},
            {},
            condition="attribute_exists(pk)",
            remove=("notifying_at",),
        )

    def mark_notified(self, envelope: Envelope, now: str) -> None:
        """Record that the notification of the verdict was sent."""
        self._items.update(
            table_keys.image_key(envelope.object),
            {"notified_at": now, "updated_at": now},
            {},
            condition="attribute_exists(pk)",
            remove=("notifying_at",),
        )

    def _record_inspection(
        self, envelope: Envelope, inspection: Record, now: str, remove: tuple[str, ...] = ()
    ) -> bool:
        return self._items.update(
            table_keys.image_key(envelope.object),
            inspection | {"updated_at": now},
            {},
            condition="attribute_exists(pk) AND attribute_not_exists(verdict)",
            remove=remove,
        )

    def image(self, envelope: Envelope) -> Record | None:
        """Return the image record of a version, or None."""
        return self._items.get(table_keys.image_key(envelope.object))

    def recorded_versions(self, versions: Sequence[ObjectVersion]) -> dict[ObjectVersion, tuple[ObjectVersion, Record]]:
        """Return existing records for listed objects, matched by ETag.

        This is the record of the ETag; or, if the photo workflow has processed the same content, the record of its
        version.
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
                continue  # A pending upload.
            seen = ObjectVersion.from_dict(item["object"])
            same = listed.get(_primary(table_keys.image_key(replace(seen, version_id=""))))
            if same and seen.version_id:
                newest[_primary(table_keys.image_key(seen))] = (same, seen)
        for item in self._items.get_many([_key(*primary) for primary in newest], _PROGRESS):
            same, seen = newest[_primary(item)]
            found[same] = (seen, item)
        return found

    def silent_since(self, before: str) -> Iterator[Record]:
        """Yield the image records that are RUNNING and were last updated before this time, and some PENDING ones.

        Of each shard the oldest open records are read. The execution of a PENDING record may have ended before its
        first step; mostly it has not started, so only some are yielded.
        """
        for shard in range(table_keys.OPEN_SHARDS):
            listed = self._items.query(
                "open",
                f"{OPEN_PK} = :listing AND {OPEN_SINCE} < :before",
                {},
                {":listing": table_keys.open_listing(shard), ":before": before},
                page_size=_READ_OF_A_SHARD,
            )
            found = [_key(item["pk"], item["sk"]) for item in islice(listed, _READ_OF_A_SHARD)]
            waiting = []
            for record in self._items.get_many(found, _OPEN):
                if record["status"] == Status.RUNNING and record["updated_at"] < before:
                    yield record
                elif record["status"] == Status.PENDING:
                    waiting.append(record)
                elif record["status"] not in OPEN:
                    self._unlist(record)
            # Others in each run, since an upload whose execution never starts stays PENDING.
            yield from random.sample(waiting, min(len(waiting), _WAITING_OF_A_SHARD))

    def _unlist(self, record: Record) -> None:
        """Remove an ended record from the index ``open``: the last release, which rolls back, does not know it."""
        self._items.update(
            _key(record["pk"], record["sk"]),
            {"status": record["status"]},
            {},
            condition="#status = :status",
            remove=(OPEN_PK, OPEN_SINCE),
        )


def _primary(item: Record) -> tuple[str, str]:
    return item["pk"], item["sk"]


def _key(pk: str, sk: str) -> Record:
    return {"pk": pk, "sk": sk}


def _attempt_fields(attempt: Attempt) -> Record:
    return {"execution_arn": attempt.execution_arn, "run_started_at": attempt.started_at}
