"""Step Functions: the parts of the Amazon States Language that the engine's interpreter lacks."""

from __future__ import annotations

from local.engine.step_functions import (
    branches,
    distributed_map,
    executions,
    integrations,
    limits,
    references,
    retries,
    roles,
    timeouts,
)


def install() -> None:
    """Patch the engine's Step Functions."""
    references.install()
    retries.install()
    limits.install()
    timeouts.install()
    branches.install()
    distributed_map.install()
    integrations.install()
    roles.install()
    executions.install()
