"""Decide which uploads are processed: one version for each form, and for each owner as many as the daily allowance."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from vision.adapters import storage
from vision.adapters.people import People
from vision.adapters.photos import Photos
from vision.adapters.table import Table
from vision.domain import records
from vision.domain.envelopes import Envelope
from vision.domain.errors import AllowanceExceeded
from vision.domain.events import Origin
from vision.domain.failures import Failure
from vision.domain.gallery.daily_allowance import Allowance
from vision.domain.records import Record
from vision.domain.statuses import Status


class Admission(Enum):
    """Whether an upload is processed; a known upload was admitted before."""

    NEW = "new"
    KNOWN = "known"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Gate:
    """Decides once on each upload: a repeated event finds the earlier decision.

    Attributes
    ----------
    allowance
        The daily allowance of each owner.
    """

    table: Table
    photos: Photos
    people: People
    allowance: Allowance

    def admit(self, envelope: Envelope, origin: Origin) -> Admission:
        """Record an upload, and decide whether it is processed.

        An upload of a form was counted when it was announced; further versions of it are deleted. A copy by one request
        (CopyObject) is how an operator has an image processed again, and is not counted. A copy in parts looks like any
        other upload, and is counted.

        Raises
        ------
        AccessDenied, Throttled, ServiceUnavailable
        """
        admission = self._admit_form(envelope) if origin is Origin.FORM else None
        if admission is not None:
            return admission
        is_uncounted = origin is Origin.COPY or not self.allowance.is_limited
        return self._admit_uncounted(envelope) if is_uncounted else self._admit_counted(envelope)

    def _admit_form(self, envelope: Envelope) -> Admission | None:
        """Admit the version of a form; return ``None`` if its photo was never announced: the form is not the API's."""
        is_new = self.table.register_form(envelope, records.now())
        if is_new is not None:
            return Admission.NEW if is_new else Admission.KNOWN
        photo = self.photos.read(envelope.photo_id)
        if photo is None or not photo.is_announced:
            return None
        if photo.refuses(envelope.object):
            storage.delete(envelope.object)
            return Admission.REFUSED
        # Admitted before, and since replaced by a version that did not come from the form.
        return self._admit_uncounted(envelope)

    def _admit_uncounted(self, envelope: Envelope) -> Admission:
        return Admission.NEW if self.table.register(envelope, records.now()) else Admission.KNOWN

    def _admit_counted(self, envelope: Envelope) -> Admission:
        """Charge an upload before its record decides: a crash in between charges it twice, but admits none for free."""
        known = self.table.image(envelope)
        failure = None if known else self._refusal(envelope)
        if self.table.register(envelope, records.now(), failure):
            return Admission.REFUSED if failure else Admission.NEW
        # Two concurrent deliveries: the record of the first one decides.
        known = known or self.table.image(envelope) or {}
        return Admission.REFUSED if is_refused(known) else Admission.KNOWN

    def _refusal(self, envelope: Envelope) -> Failure | None:
        try:
            self.people.charge(envelope.owner, envelope.object.size_bytes, self.allowance, records.now())
        except AllowanceExceeded as error:
            return Failure(type(error).__name__, str(error))
        return None


def is_refused(record: Record) -> bool:
    """Return whether an image was refused before any execution began."""
    return record.get("status") == Status.FAILED and "execution_arn" not in record
