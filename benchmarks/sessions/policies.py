"""The ways to run a model, side by side."""

from collections.abc import Callable, Mapping
from typing import Final

from benchmarks.sessions import others, settings
from benchmarks.sessions.loads import Arrivals
from benchmarks.sessions.outcome import Outcome
from benchmarks.sessions.session import Sessions, schedule

Policy = Callable[[Arrivals, int], Outcome]

OLDER: Final = "older scheduled batch"
ALWAYS: Final = "always running, 1 unit"
DEFAULT: Final = "ours, default"
CHEAPER: Final = "ours, cheaper"
FASTER: Final = "ours, faster"
DUMP: Final = "ours, for a dump"

SETTINGS: Final[Mapping[str, settings.Overrides]] = {
    DEFAULT: {},
    CHEAPER: {"MinimumBatch": 5_000, "MaximumAgeSeconds": 14_100, "MaximumSessionSeconds": 1_800},
    FASTER: {
        "SessionSchedule": "rate(5 minutes)",
        "MinimumBatch": 50,
        "MaximumAgeSeconds": 600,
        "DrainSeconds": 600,
    },
    # Once the batch is reached, use all five units: the size of a session is decided at its start.
    DUMP: {"MinimumBatch": 15_000, "MaximumAgeSeconds": 43_200, "DrainSeconds": 600},
}


def ours(name: str) -> Policy:
    """Return the policy of the product's sessions with the settings of this name."""
    chosen = settings.read(SETTINGS[name])
    return lambda arrivals, seed: Sessions(arrivals, chosen).run(schedule(chosen.schedule_seconds, seed))


def policies() -> dict[str, Policy]:
    """Return all policies, with settings from the current template."""
    return {
        OLDER: others.older_batch,
        ALWAYS: lambda arrivals, _seed: others.always_running(arrivals),
        **{name: ours(name) for name in SETTINGS},
    }
