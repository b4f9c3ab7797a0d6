"""Goals, their measurements, and the verdicts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Verdict = Literal["met", "MISSED", "void", "skipped", ""]


@dataclass(frozen=True)
class Result:
    """One row of a goal's table.

    Attributes
    ----------
    goal
        The identity of the goal, such as P1, or empty for a figure that has none.
    case
        The measured quantity, and the photo.
    wanted
        The goal in words.
    measured
        The figure, with its unit.
    verdict
        Empty without a goal.
    """

    goal: str
    case: str
    wanted: str
    measured: str
    verdict: Verdict


@dataclass(frozen=True)
class Table:
    """The rows of a goal under a heading, and details of all contenders.

    Attributes
    ----------
    heading
        The heading in the report.
    results
        The rows.
    details
        Lines of Markdown below the rows.
    """

    heading: str
    results: Sequence[Result]
    details: Sequence[str] = field(default_factory=tuple)


def at_most(goal: str, case: str, measured: float, limit: float, unit: str, *, void: bool = False) -> Result:
    """Return the row of a figure that must not be above its limit."""
    verdict: Verdict = "void" if void else "met" if measured <= limit else "MISSED"
    return Result(goal, case, f"≤ {limit:.4g} {unit}".rstrip(), f"{measured:.3g} {unit}".rstrip(), verdict)


def at_least(goal: str, case: str, measured: float, limit: float, unit: str) -> Result:
    """Return the row of a figure that must not be below its limit."""
    verdict: Verdict = "met" if measured >= limit else "MISSED"
    return Result(goal, case, f"≥ {limit:.4g} {unit}".rstrip(), f"{measured:.4g} {unit}".rstrip(), verdict)


def skipped(goal: str, case: str, wanted: str, reason: str) -> Result:
    """Return the row of a goal that was not measured, with the reason."""
    return Result(goal, case, wanted, reason, "skipped")


def markdown(table: Table) -> str:
    """Return a table with its details as Markdown."""
    lines = [
        f"## {table.heading}",
        "",
        "| goal | case | wanted | measured | verdict |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [f"| {row.goal} | {row.case} | {row.wanted} | {row.measured} | {row.verdict} |" for row in table.results]
    return "\n".join((*lines, "", *table.details))
