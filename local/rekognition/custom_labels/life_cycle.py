"""The life cycle of one project version: its status over time, its rate, and the seconds that AWS would bill.

It is in memory: a running model ends with the engine, so after a restart each version is TRAINING_COMPLETED.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local.rekognition import errors
from local.rekognition.custom_labels import limits, refusals
from local.rekognition.errors import RekognitionError

STATUSES = (
    "TRAINING_IN_PROGRESS",
    "TRAINING_COMPLETED",
    "TRAINING_FAILED",
    "STARTING",
    "RUNNING",
    "FAILED",
    "STOPPING",
    "STOPPED",
    "DELETING",
    "COPYING_IN_PROGRESS",
    "COPYING_COMPLETED",
    "COPYING_FAILED",
    "DEPRECATED",
    "EXPIRED",
)
"""``ProjectVersionStatus`` of the service model."""

_STARTABLE = {"TRAINING_COMPLETED", "STOPPED", "FAILED", "COPYING_COMPLETED", "DEPRECATED"}
_NEVER_STARTABLE = {"TRAINING_FAILED", "COPYING_FAILED", "EXPIRED"}
_NOT_DELETABLE = {"TRAINING_IN_PROGRESS", "STARTING", "RUNNING", "STOPPING", "COPYING_IN_PROGRESS"}
_SERVER_SIDE = {"InternalServerError", "ServiceUnavailableException"}

DEFAULT_START_SECONDS = 3.0
"""For a laptop. On AWS "starting a model might take a few minutes to complete" (developer guide, Running a trained
model)."""

DEFAULT_STOP_SECONDS = 2.0
"""For a laptop. On AWS "the operation might take a while to complete" (StopProjectVersion, API reference)."""


@dataclass
class Fault:
    """A fault of one operation: an error code for the first calls or, without a number, for all."""

    code: str
    first: int | None = None
    seen: int = 0

    def hit(self) -> RekognitionError | None:
        """Count a call and return the error if it is refused."""
        self.seen += 1
        if self.first is not None and self.seen > self.first:
            return None
        status = 500 if self.code in _SERVER_SIDE else 400
        return RekognitionError(self.code, f"{self.code} switched on by SetProjectVersion", status)


@dataclass
class Behaviour:
    """The behaviour of one version; ``LocalRekognition.SetProjectVersion`` sets all of it.

    Attributes
    ----------
    start_seconds, stop_seconds
        How long it is STARTING and STOPPING.
    starts_into
        The status after STARTING.
    calls_per_second_per_unit
        Rate of DetectCustomLabels calls for each inference unit.
    max_inference_units
        The quota of the account, ``None`` for any number.
    faults
        Faults by operation.
    """

    start_seconds: float = DEFAULT_START_SECONDS
    stop_seconds: float = DEFAULT_STOP_SECONDS
    starts_into: str = "RUNNING"
    calls_per_second_per_unit: float = limits.CALLS_PER_SECOND_AND_UNIT
    max_inference_units: int | None = None
    faults: dict[str, Fault] = field(default_factory=dict)


class LifeCycle:
    """Status, rate and billing of one version. The caller must serialize the calls."""

    def __init__(self, arn: str, clock: Callable[[], float]) -> None:
        self.behaviour = Behaviour()
        self._arn = arn
        self._clock = clock
        self._status = "TRAINING_COMPLETED"
        self._message = ""
        self._entered_at = clock()
        self._next: tuple[float, str] | None = None
        self._units = 0
        self._max_units: int | None = None
        self._billed_seconds = 0.0
        self._admitted: deque[float] = deque()

    @property
    def status(self) -> str:
        """The current status."""
        self._advance()
        return self._status

    def refuse(self, operation: str) -> None:
        """Raise the error of a fault that refuses this call of an operation."""
        fault = self.behaviour.faults.get(operation)
        if fault and (refusal := fault.hit()):
            raise refusal

    def describe(self) -> dict[str, Any]:
        """Return the members of ``ProjectVersionDescription`` that change while it runs."""
        status = self.status
        units = {"MinInferenceUnits": self._units, "MaxInferenceUnits": self._max_units}
        members = {name: value for name, value in units.items() if value}
        return {"Status": status, "StatusMessage": self._message or f"The model is {status}."} | members

    def start(self, units: int, max_units: int | None) -> str:
        """Start the model.

        Raises
        ------
        RekognitionError
            ``ResourceInUseException`` while it runs or changes its status, ``InvalidParameterException`` for a version
            that can never run, ``LimitExceededException`` above the account's units.
        """
        status = self.status
        if status in _NEVER_STARTABLE:
            raise errors.invalid_parameters(f"{self._arn} is {status} and can not be started; train a new version")
        if status not in _STARTABLE:
            raise refusals.in_use(f"{self._arn} is {status}; it can be started from {', '.join(sorted(_STARTABLE))}")
        limit = self.behaviour.max_inference_units
        if limit is not None and max(units, max_units or units) > limit:
            raise refusals.limit_exceeded(max(units, max_units or units), limit)
        self._units, self._max_units = units, max_units
        self._admitted.clear()
        now = self._clock()
        self._enter("STARTING", now)
        self._next = (now + self.behaviour.start_seconds, self.behaviour.starts_into)
        return "STARTING"

    def stop(self) -> str:
        """Stop the model.

        Raises
        ------
        RekognitionError
            ``ResourceInUseException`` unless it is RUNNING.
        """
        if self.status != "RUNNING":
            raise refusals.in_use(f"{self._arn} is {self._status}; only a RUNNING model can be stopped")
        now = self._clock()
        self._enter("STOPPING", now)
        self._next = (now + self.behaviour.stop_seconds, "STOPPED")
        return "STOPPING"

    def require_deletable(self) -> None:
        """Raise ``ResourceInUseException`` while it runs, changes its status or is trained."""
        if self.status in _NOT_DELETABLE:
            raise refusals.in_use(f"{self._arn} is {self._status}; stop it, or wait, before deleting it")

    def put_into(self, status: str, message: str) -> None:
        """Set a status at once and keep it, whatever the next status would be. RUNNING uses at least one unit."""
        self._advance()
        self._enter(status, self._clock())
        self._message = message
        if status == "RUNNING":
            self._units = max(1, self._units)

    def admit(self) -> None:
        """Admit one image.

        Raises
        ------
        RekognitionError
            ``ResourceNotReadyException`` unless RUNNING, ``ProvisionedThroughputExceededException`` above the rate
            of the units that it was started with.
        """
        if self.status != "RUNNING":
            raise refusals.not_ready(self._arn, self._status)
        now = self._clock()
        while self._admitted and self._admitted[0] <= now - 1:
            self._admitted.popleft()
        if len(self._admitted) >= self._units * self.behaviour.calls_per_second_per_unit:
            raise errors.rate_exceeded()
        self._admitted.append(now)

    def billed_seconds(self, reset: bool) -> float:
        """Return RUNNING time × inference units until now; with ``reset``, count from zero afterwards.

        "your billing will start once the model is in the RUNNING state" (AWS on re:Post, "resourcenotreadyexception
        error when calling detectcustomlabels operation"); units × hours: developer guide, Inference units.
        """
        self._advance()
        self._bill(self._clock())
        billed = self._billed_seconds
        if reset:
            self._billed_seconds = 0.0
        return billed

    def _advance(self) -> None:
        if self._next and self._clock() >= self._next[0]:
            at, status = self._next
            self._enter(status, at)

    def _enter(self, status: str, at: float) -> None:
        self._bill(at)
        self._status, self._message, self._next = status, "", None

    def _bill(self, at: float) -> None:
        if self._status == "RUNNING":
            self._billed_seconds += (at - self._entered_at) * self._units
        self._entered_at = at
