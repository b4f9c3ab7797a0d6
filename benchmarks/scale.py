"""What breaks first at a number of images a day: ``python -m benchmarks.scale`` prints the tables of docs/scale.md.

Measured counters of one image, divided into the quotas of an account; then a day in steps of a minute, in which what
exceeds the narrowest quota waits.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from benchmarks.cost import bill, usage
from benchmarks.cost.usage import Usage
from vision.domain.bulk import bulk_run

IMAGES_A_DAY: Final = (1_000_000, 10_000_000, 100_000_000)
IMAGE_BYTES: Final = 3e6
PEAK: Final = 2.0
"""The arrivals of the busiest minute, as a multiple of the day's mean: assumed."""
_MINUTES = 24 * 60
_CONCURRENCY = "Lambda: concurrent executions"
_UPLOADS = "ProcessingMaximumConcurrency"
_PACE = "BulkCallsPerSecond"
_FAST = 1_000.0


@dataclass(frozen=True)
class Region:
    """The default quotas of an account in a Region, a second.

    Attributes
    ----------
    detect_labels
        Calls of DetectLabels: figures of this project's documents, shown for the account under Service Quotas.
    starts, transitions
        StartExecution and StateTransition of Standard workflows, refilled a second:
        https://github.com/awsdocs/aws-step-functions-developer-guide/blob/main/doc_source/limits-overview.md
    concurrency
        Concurrent executions of Lambda: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    write_units
        Write units that a new table takes on its first day:
        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html
    """

    name: str
    detect_labels: float
    starts: float
    transitions: float
    concurrency: float = 1_000
    write_units: float = 4_000


LARGE: Final = Region("large", 50, 300, 1_500)
SMALL: Final = Region("small", 5, 150, 500)


@dataclass(frozen=True)
class Limit:
    """A limit, and the images a second that it allows.

    Attributes
    ----------
    is_parameter
        Whether a parameter of the stack raises it, and not AWS.
    """

    name: str
    images_a_second: float
    is_parameter: bool = False


@dataclass(frozen=True)
class Day:
    """A simulated day with default quotas.

    Attributes
    ----------
    first
        The limit that breaks first.
    exceeded
        The limits below the arrivals of the busiest minute, and the factor by which each must be raised.
    waiting
        The most images that wait at one time.
    hours
        How long the last image of the day waits, in hours; infinite if more arrive in a day than can be processed.
    """

    first: Limit
    exceeded: Mapping[str, float]
    waiting: float
    hours: float


def photo_limits(region: Region, photo: Usage) -> list[Limit]:
    """Return the limits of photos that are uploaded one by one, narrowest first."""
    seconds = {name: bill.seconds(name, use, photo) for name, use in photo.functions.items()}
    waits_for_queue = seconds["StartProcessingFunction"]
    return _narrowest_first(
        Limit("Rekognition: DetectLabels", region.detect_labels / photo.request("DetectLabels")),
        Limit(_UPLOADS, uploads_at_once() / waits_for_queue, is_parameter=True),
        Limit("Step Functions: StartExecution", region.starts),
        Limit("Step Functions: StateTransition", region.transitions / photo.transitions),
        Limit(_CONCURRENCY, region.concurrency / sum(seconds.values())),
        Limit("DynamoDB: a new table's first day", region.write_units / photo.request("write units")),
    )


def bulk_limits(region: Region, image: Usage) -> list[Limit]:
    """Return the limits of bulk runs, narrowest first; those that are equal in this order."""
    return _narrowest_first(
        Limit("Rekognition: DetectLabels", region.detect_labels / image.request("DetectLabels")),
        Limit(_PACE, bill.calls_per_second(), is_parameter=True),
        Limit(_CONCURRENCY, region.concurrency / bulk_run.workers(_FAST) * _FAST),
        Limit("DynamoDB: a new table's first day", region.write_units / image.request("write units")),
    )


def _narrowest_first(*limits: Limit) -> list[Limit]:
    return sorted(limits, key=lambda limit: limit.images_a_second)


def uploads_at_once() -> float:
    """Return the default of ProcessingMaximumConcurrency: invocations that take one upload at a time."""
    return bill.default(_UPLOADS)


def simulate(limits: list[Limit], images_a_day: int) -> Day:
    """Simulate a day whose arrivals rise to the peak in the evening, and the time until nothing waits any more."""
    first = limits[0]
    mean = images_a_day / _MINUTES
    waiting = most = 0.0
    for minute in range(_MINUTES):
        arriving = mean * (1 - (PEAK - 1) * math.cos(2 * math.pi * minute / _MINUTES))
        waiting = max(0.0, waiting + arriving - 60 * first.images_a_second)
        most = max(most, waiting)
    peak = images_a_day / 86_400 * PEAK
    exceeded = {one.name: peak / one.images_a_second for one in limits if one.images_a_second < peak}
    lasts = images_a_day / 86_400 > first.images_a_second
    return Day(first, exceeded, most, math.inf if lasts else most / first.images_a_second / 3_600)


def photos() -> list[str]:
    """Return the table of days of uploads, as lines of Markdown."""
    image = _measured(bill.PHOTO)
    lines = [
        "| photos a day | Region | breaks first | the longest wait | raise, at least |",
        "| ---: | --- | --- | --- | --- |",
    ]
    for count in IMAGES_A_DAY:
        for region in (LARGE, SMALL):
            day = simulate(photo_limits(region, image), count)
            lines.append(f"| {count:,} | {region.name} | {_first(day)} | {_waits(day)} | {_factors(day.exceeded)} |")
    return lines


def bulk_runs() -> list[str]:
    """Return the table of bulk runs, as lines of Markdown: how long they take, and what makes them take a day."""
    image = _measured(bill.BULK)
    lines = [
        "| images | Region | limited by | takes | in a day: raise, at least |",
        "| ---: | --- | --- | ---: | --- |",
    ]
    for count in IMAGES_A_DAY:
        for region in (LARGE, SMALL):
            limits = bulk_limits(region, image)
            needed = {one.name: count / 86_400 / one.images_a_second for one in limits}
            days = needed[limits[0].name]
            exceeded = {name: factor for name, factor in needed.items() if factor > 1}
            lines.append(f"| {count:,} | {region.name} | {limits[0].name} | {days:,.1f} days | {_factors(exceeded)} |")
    return lines


def _measured(way: str) -> Usage:
    small, large = usage.read().ways[f"{way}, {bill.REKOGNITION}"]
    return bill.between(small, large, IMAGE_BYTES)


def capacities() -> list[str]:
    """Return the images a second that each limit allows, as lines of Markdown."""
    lines = [
        "| limit | photos a second, large | small | in bulk, large | small |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    columns = []
    for way, limits in ((bill.PHOTO, photo_limits), (bill.BULK, bulk_limits)):
        image = _measured(way)
        columns += [{one.name: one.images_a_second for one in limits(region, image)} for region in (LARGE, SMALL)]
    for name in dict.fromkeys(name for column in columns for name in column):
        cells = [f"{column[name]:,.0f}" if name in column else "–" for column in columns]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _first(day: Day) -> str:
    return f"{day.first.name}, at {day.first.images_a_second:,.0f} a second" if day.exceeded else "nothing"


def _waits(day: Day) -> str:
    if not day.exceeded:
        return "–"
    return "grows every day" if math.isinf(day.hours) else f"{day.hours:.1f} hours"


def _factors(exceeded: Mapping[str, float]) -> str:
    named = (f"{name.partition(':')[2].strip() or name} × {factor:,.1f}" for name, factor in exceeded.items())
    return ", ".join(named) or "–"


def main() -> int:
    """Print the tables."""
    print("\n".join([*capacities(), "", *photos(), "", *bulk_runs()]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
