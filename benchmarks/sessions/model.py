"""The model as Rekognition runs and bills it."""

from dataclasses import dataclass, replace
from typing import Final

from vision.domain.session import custom_model

# How long StartProjectVersion takes until RUNNING. The developer guide speaks of 10 to 20 minutes without a model for a
# stop and a start, and of "a few minutes" for a start; 15 is also what the older batch waits. Read 2026-11-21.
# https://docs.aws.amazon.com/rekognition/latest/customlabels-dg/running-model.html
START_SECONDS: Final = 900.0
# How long StopProjectVersion takes until STOPPED; AWS names no figure, so this one is assumed.
STOP_SECONDS: Final = 300.0
# Price of one inference unit running for one hour in us-east-1, as in the project's design (2026-11-21).
# https://aws.amazon.com/rekognition/pricing/#Amazon_Rekognition_Custom_Labels_pricing
DOLLARS_PER_UNIT_HOUR: Final = 4.0


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the model: the times of its start request, RUNNING, its stop request and STOPPED."""

    units: int
    starting: float
    running: float
    stopping: float
    stopped: float

    @property
    def unit_hours(self) -> float:
        """Inference-unit hours from RUNNING to the stop request: "while it's running", in Rekognition's words."""
        return self.units * (self.stopping - self.running) / 3_600

    @property
    def unit_hours_at_worst(self) -> float:
        """Inference-unit hours if STARTING and STOPPING were billed too."""
        return self.units * (self.stopped - self.starting) / 3_600


class Model:
    """A trained version that takes time to start and stop.

    Attributes
    ----------
    runs
        Its runs; the last one may not have ended.
    """

    def __init__(self) -> None:
        self.runs: list[Run] = []

    def status(self, moment: float) -> str:
        """Return the status of the project version, as in DescribeProjectVersions."""
        if not self.runs:
            return "TRAINING_COMPLETED"
        last = self.runs[-1]
        if moment < last.running:
            return "STARTING"
        if moment < last.stopping:
            return "RUNNING"
        return "STOPPING" if moment < last.stopped else "STOPPED"

    def start(self, moment: float, units: int) -> None:
        """Start it.

        Raises
        ------
        ValueError
            It is not stopped: Rekognition returns ResourceInUseException.
        """
        if custom_model.step_to_stop(self.status(moment)) is not custom_model.StopStep.STOPPED:
            raise ValueError(f"model: {self.status(moment)} at {moment:.0f} s, start it when it rests")
        self.runs.append(Run(units, moment, moment + START_SECONDS, float("inf"), float("inf")))

    def stop(self, moment: float) -> None:
        """Stop it.

        Raises
        ------
        ValueError
            It is not running: Rekognition returns ResourceInUseException.
        """
        if not custom_model.is_paid_for(self.status(moment)):
            raise ValueError(f"model: {self.status(moment)} at {moment:.0f} s, stop it while it is RUNNING")
        self.runs[-1] = replace(self.runs[-1], stopping=moment, stopped=moment + STOP_SECONDS)
