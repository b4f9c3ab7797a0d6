"""Failures as a record keeps them: the name of the error, and its cause."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

# Step Functions limits a cause to 32,768 characters; a record needs only a sentence.
# https://docs.aws.amazon.com/step-functions/latest/apireference/API_FailExecution.html
CAUSE_LIMIT = 1000

REMEDIES = {
    "NotSupportedImageType": "Save it as JPEG or PNG and add it again.",
    "CorruptImage": "The file is damaged; export it again from where it came from, and add that.",
    "ImageTooLarge": "Make it smaller, at most 15 MB and 10,000 pixels a side, and add it again.",
    "ImageTooSmall": "Add a larger version, at least 80 pixels a side.",
    "TooManyPixels": "Make it smaller and add it again.",
    "InvalidImage": "Save it again as JPEG or PNG and add that.",
    "ObjectNotFound": "The file is gone from the bucket; add it again.",
    "UploadMissing": "Add the file again; a lost connection may have stopped it.",
    "AllowanceExceeded": "Add it again tomorrow, or ask an operator for a larger allowance.",
}
"""Remedies for the owner of an image, by error name. The upload causes these errors; the service causes all others."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a step or a whole execution failed."""

    name: str
    cause: str

    @classmethod
    def from_error_output(cls, error_output: Mapping[str, Any]) -> Failure:
        """Parse the ``{Error, Cause}`` that Step Functions passes to a Catch and in status-change events.

        The cause from a Lambda function is JSON that contains the message; other causes are plain text.
        """
        name = str(error_output.get("Error") or "States.Unknown")
        cause = str(error_output.get("Cause") or "")
        try:
            parsed = json.loads(cause)
        except (ValueError, RecursionError):
            parsed = None
        if isinstance(parsed, Mapping) and "errorMessage" in parsed:
            cause = str(parsed["errorMessage"])
        return cls(name[:256], (cause or _explanation(name))[:CAUSE_LIMIT])

    @property
    def is_of_upload(self) -> bool:
        """Whether the upload, or what the owner did with it, caused the failure, and not the service."""
        return self.name in REMEDIES

    def as_dict(self) -> dict[str, Any]:
        """Return the failure in the form of the record's ``error``."""
        return asdict(self)


_AND = "; also "


def combined(failures: list[Failure]) -> Failure | None:
    """Combine several failures into one: the first, with the others appended to its cause."""
    if len(failures) < 2:
        return failures[0] if failures else None
    first, *others = failures
    causes = _AND.join([first.cause, *(f"{other.name}: {other.cause}" for other in others)])
    return Failure(first.name, causes[:CAUSE_LIMIT])


def first_cause(cause: str) -> str:
    """Return the first part of a combined cause, for the owner; the rest is for readers of the record."""
    return cause.partition(_AND)[0]


def _explanation(name: str) -> str:
    match name:
        case "States.Timeout":
            return "The step did not answer within its time limit; process the image again."
        case "States.DataLimitExceeded":
            return "The step's data exceeds 256 KiB, the limit of a state; lower MaxLabels."
        case _:
            return "Step Functions gave no cause; the execution's history shows what happened."
