"""What went wrong, in the two words that the record keeps: the error's name and its cause."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

# Step Functions cuts a cause at 32,768 characters; a record needs a sentence.
# https://docs.aws.amazon.com/step-functions/latest/apireference/API_FailExecution.html
CAUSE_LIMIT = 1000


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
