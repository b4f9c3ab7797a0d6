"""Which uploads are processed: of each form one version, and of each person as many as the allowance of a day has."""

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
    """Whether an upload is processed; one that is known has been admitted before."""

    NEW = "new"
    KNOWN = "known"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Gate:
    """Decides on each upload, once: a repeated event finds what was decided.

    Attributes
    ----------
    allowance
        What a person may upload in a day.
    """

    table: Table
    photos: Photos
    people: People
    allowance: Allowance

    def admit(self, envelope: Envelope, origin: Origin) -> Admission:
        """Record an upload, and decide whether it is processed.

        What a form uploads was counted when it was announced; a further version of it is deleted. A copy by one request
        is how an operator has an image processed again, and counts for nothing; one in parts looks like any upload.

        Raises
        ------
        AccessDenied, Throttled, ServiceUnavailable
        """
        admission = self._admit_form(envelope) if origin is Origin.FORM else None
        if admission is not None:
            return admission
        is_free = origin is Origin.COPY or not self.allowance.is_limited
        return self._admit_free(envelope) if is_free else self._admit_counted(envelope)

    def _admit_form(self, envelope: Envelope) -> Admission | None:
        """Take the version of a form; ``None`` when its photo was never announced, and the form is not the API's."""
        is_new = self.table.register_form(envelope, records.now())
        if is_new is not None:
            return Admission.NEW if is_new else Admission.KNOWN
        photo = self.photos.read(envelope.photo_id)
        if photo is None or not photo.is_announced:
            return None
        if photo.refuses(envelope.object):
            storage.delete(envelope.object)
            return Admission.REFUSED
        # Taken before, and replaced since by a version that came otherwise.
        return self._admit_free(envelope)

    def _admit_free(self, envelope: Envelope) -> Admission:
        return Admission.NEW if self.table.register(envelope, records.now()) else Admission.KNOWN

    def _admit_counted(self, envelope: Envelope) -> Admission:
        """Count an upload before its record decides: a crash in between counts twice, and lets none through."""
        known = self.table.image(envelope)
        failure = None if known else self._refusal(envelope)
        if self.table.register(envelope, records.now(), failure):
            return Admission.REFUSED if failure else Admission.NEW
        # Two deliveries at the same moment: what the first has recorded holds.
        known = known or self.table.image(envelope) or {}
        return Admission.REFUSED if is_refused(known) else Admission.KNOWN

    def _refusal(self, envelope: Envelope) -> Failure | None:
        try:
            self.people.charge(envelope.owner, envelope.object.size_bytes, self.allowance, records.now())
        except AllowanceExceeded as error:
            return Failure(type(error).__name__, str(error))
        return None


def is_refused(record: Record) -> bool:
    """Tell whether an image was refused before any execution began."""
    return record.get("status") == Status.FAILED and "execution_arn" not in record
