"""The template parameters that decide when the model runs: the defaults, or overrides."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from benchmarks.peers import ROOT
from vision.domain.session.decisions import SessionPolicy

Overrides = Mapping[str, str | int]

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_SECONDS = {"minute": 60, "hour": 3_600, "day": 86_400}


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a deployed stack.

    Attributes
    ----------
    policy
        The policy of ``check_queue``.
    schedule_seconds
        Time between two checks of the queue.
    poll_seconds, idle_seconds
        Durations of the state machine's waits.
    round_seconds
        How long a worker receives messages before the next one takes over.
    patience_seconds
        How long it waits for a message before it ends.
    """

    policy: SessionPolicy
    schedule_seconds: int
    poll_seconds: int
    idle_seconds: int
    round_seconds: int
    patience_seconds: int


def read(overrides: Overrides | None = None) -> Settings:
    """Read the defaults of ``template.yaml``, with overrides as for ``sam deploy``.

    Raises
    ------
    ValueError
        The template does not have the parameter or allow its value, or the schedule has no rate.
    """
    # This loader reads every value as text, so that it accepts the intrinsic functions.
    template = yaml.load((ROOT / "template.yaml").read_text(encoding="utf-8"), yaml.BaseLoader)
    values = {name: parameter.get("Default", "") for name, parameter in template["Parameters"].items()}
    for name, value in (overrides or {}).items():
        _check(name, value, template["Parameters"])
        values[name] = str(value)
    drain_queue = template["Resources"]["DrainQueueFunction"]["Properties"]
    variables = drain_queue["Environment"]["Variables"]
    return Settings(
        SessionPolicy(
            minimum_batch=int(values["MinimumBatch"]),
            maximum_age_seconds=int(values["MaximumAgeSeconds"]),
            minimum_units=int(values["MinimumInferenceUnits"]),
            maximum_units=int(values["MaximumInferenceUnits"]),
            drain_seconds=int(values["DrainSeconds"]),
            maximum_seconds=int(values["MaximumSessionSeconds"]),
        ),
        _seconds_of(values["SessionSchedule"]),
        int(values["ModelPollSeconds"]),
        int(values["IdleSeconds"]),
        # A worker receives no more messages when its remaining time is below half of their visibility timeout.
        int(drain_queue["Timeout"]) - int(variables["HIDDEN_SECONDS"]) // 2,
        int(variables["POLL_SECONDS"]),
    )


def _check(name: str, value: str | int, parameters: Mapping[str, Any]) -> None:
    if name not in parameters:
        raise ValueError(f"{name}: the template has no such parameter")
    if isinstance(value, int):
        low, high = int(parameters[name]["MinValue"]), int(parameters[name]["MaxValue"])
        if not low <= value <= high:
            raise ValueError(f"{name}: {value}, the template takes {low} to {high}")


def _seconds_of(schedule: str) -> int:
    rate = _RATE.fullmatch(schedule)
    if rate is None:
        raise ValueError(f"SessionSchedule: {schedule}, the simulation takes a rate such as rate(15 minutes)")
    return int(rate[1]) * _SECONDS[rate[2]]
