"""What went wrong, in the two words that the record keeps: the error's name and its cause."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

# Step Functions cuts a cause at 32,768 characters; a record needs a sentence.
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
"""What the owner of an image can do, by the error's name: these errors lie in the upload, all others in the service."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a step or a whole execution failed."""

    name: str
    cause: str

    @classmethod
    def from_error_output(cls, error_output: Mapping[str, Any]) -> Failure:
        """Read the ``{Error, Cause}`` that Step Functions hands to a Catch and to status-change events.

        A Lambda function's cause is JSON with the message inside; other causes are plain text.
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
        """Whether it lies in what was uploaded, or in what its owner did with it, and not in the service."""
        return self.name in REMEDIES

    def as_dict(self) -> dict[str, Any]:
        """Return the form of the record's ``error``."""
        return asdict(self)


_AND = "; also "


def combined(failures: list[Failure]) -> Failure | None:
    """Return one failure for several: the first, with the others named in its cause."""
    if len(failures) < 2:
        return failures[0] if failures else None
    first, *others = failures
    causes = _AND.join([first.cause, *(f"{other.name}: {other.cause}" for other in others)])
    return Failure(first.name, causes[:CAUSE_LIMIT])


def first_cause(cause: str) -> str:
    """Return the part of a combined cause that a person is told; the rest is for whoever reads records."""
    return cause.partition(_AND)[0]


def _explanation(name: str) -> str:
    match name:
        case "States.Timeout":
            return "The step did not answer within its time limit; process the image again."
        case "States.DataLimitExceeded":
            return "The step's data exceeds 256 KiB, the limit of a state; lower MaxLabels."
        case _:
            return "Step Functions gave no cause; the execution's history shows what happened."
