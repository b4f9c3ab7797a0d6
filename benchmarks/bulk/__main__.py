"""Measure the bulk goals P10 to P13 and write the tables: ``python -m benchmarks.bulk``.

The exit code is 1 if a goal was missed, or else 2 if a measurement is void because the machine was too busy.
"""

import argparse
import datetime
import os
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.bulk import costs, counted, goals, limits, rates
from benchmarks.bulk.simulation import KAPPA, Load, simulate
from benchmarks.goals import Table, markdown
from benchmarks.peers import ROOT
from benchmarks.photos import BASELINE_12, PHOTOS, make_photos
from local.downloads import DownloadFailed
from vision.domain import prices
from vision.domain.bulk import bulk_run

RESULTS = ROOT / "benchmarks" / "bulk.md"
COMMAND = "python -m benchmarks.bulk"
MAX_LABELS = 10
_MILLION = 1_000_000
_QUOTAS = (5.0, 25.0, 50.0, 200.0)
_ALL_STEPS = ["metadata", "labels", "thumbnail"]


@dataclass(frozen=True)
class Thoroughness:
    """The size of a run: rounds, images at the quota, images counted, images simulated."""

    rounds: int
    images: int
    counted: int
    simulated: tuple[int, ...]


FULL = Thoroughness(rounds=5, images=3_000, counted=counted.IMAGES, simulated=(_MILLION, 10 * _MILLION))
QUICK = Thoroughness(rounds=3, images=2_000, counted=200, simulated=(_MILLION,))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, then print and write the report."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer of everything; writes only with --output")
    parser.add_argument("--output", type=Path, help="Markdown file to write; a full run writes benchmarks/bulk.md")
    options = parser.parse_args(arguments)

    started = time.monotonic()
    try:
        make_photos()
    except DownloadFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    tables, sections = measure(QUICK if options.quick else FULL)
    command = COMMAND + (" --quick" if options.quick else "")
    report = write_report(tables, sections, f"`{command}` · {time.monotonic() - started:.0f} s")
    print(report)
    output = options.output or (None if options.quick else RESULTS)
    if output is not None:
        output.write_text(report + "\n", encoding="utf-8")
    verdicts = {row.verdict for table in tables for row in table.results}
    return 1 if "MISSED" in verdicts else 2 if "void" in verdicts else 0


def measure(thoroughness: Thoroughness) -> tuple[list[Table], list[str]]:
    """Measure P10 to P13; also return the sections below the tables."""
    with rates.server(PHOTOS) as endpoint:
        _say("P10")
        alone, speed = rates.alone(endpoint, thoroughness.rounds)
        _say("P11")
        together = rates.together(endpoint, thoroughness.images)
    _say("P12")
    with counted.recorded() as (deployed, recorder):
        now = f"{time.time():.0f}"
        runs = {
            "as it is": counted.run(deployed, recorder, f"{now}/a/", thoroughness.counted, 0, steps=_ALL_STEPS),
            "2 % of requests failed": counted.run(
                deployed, recorder, f"{now}/b/", thoroughness.counted, counted.FAIL_EVERY, steps=_ALL_STEPS
            ),
        }
    counts, faulty = runs.values()
    _say("P13")
    load = Load(_MILLION, rates.QUOTA, speed.cpu_seconds * KAPPA, BASELINE_12.path.stat().st_size)
    outcomes = [simulate(replace(load, images=images)) for images in thoroughness.simulated]
    contended = simulate(goals.contention(load))
    line_seconds = limits.line_seconds()
    sizes = [(outcome, limits.size_of(outcome, counts, line_seconds)) for outcome in outcomes]
    by_quota = {
        quota: costs.ours(counts, simulate(replace(load, images=_MILLION // 10, quota=quota)), MAX_LABELS)
        for quota in _QUOTAS
    }
    bill = costs.ours(counts, outcomes[0], MAX_LABELS)
    tables = [
        alone,
        together,
        goals.costs_table(bill, costs.others(), counts, faulty),
        goals.simulation_table(sizes, contended),
    ]
    sections = [
        *goals.bill_lines(bill, costs.options(counts, MAX_LABELS), by_quota),
        "",
        *goals.counts_lines(runs),
        "",
        "### Consequence for `vision.domain.bulk.bulk_run`",
        "",
        f"- IMAGES_PER_SECOND_AND_WORKER is {bulk_run.IMAGES_PER_SECOND_AND_WORKER:g}; measured, divided by {KAPPA:g}: "
        f"{speed.images_per_second / KAPPA:.1f} photos of 12 MP a second with thumbnails.",
    ]
    return tables, [*sections, *_findings(by_quota)]


def _findings(by_quota: dict[float, costs.Bill]) -> list[str]:
    """Return the results that could be better."""
    above = [
        f"{quota:g} ({bill.dollars:.1f} $)" for quota, bill in by_quota.items() if bill.dollars > costs.GOAL_DOLLARS
    ]
    lines = ["", "### What could be better", ""]
    if above:
        lines.append(
            f"- The goal of {costs.GOAL_DOLLARS:g} $ is missed at a quota of {', '.join(above)} calls a second: "
            "workers are paid for while they wait for their calls, and there are never fewer than two."
        )
    lines += [
        f"- With EXIF, a thumbnail and {MAX_LABELS} labels a record is larger than 1 KB and takes two write units.",
        "- A thumbnail downloads the whole object, whose start was already read for the metadata.",
        f"- One UpdateItem for each image costs as many units as BatchWriteItem would, with {costs.READ_UNITS} read "
        "units and the rate limiter on top: the price of never paying for a label twice, and of sharing a quota.",
    ]
    return lines


def write_report(tables: Sequence[Table], sections: Sequence[str], run: str) -> str:
    """Return the report: a heading with time, place and method, and the tables."""
    lines = [
        "# What a bulk run does and costs",
        "",
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC · {run}",
        "",
        f"- Machine: {os.cpu_count()} cores ({_processor()}), shared with other work, Python "
        f"{platform.python_version()}. Not AWS: a server that imitates it with its latency, and the local engine.",
        f"- Prices: list prices of us-east-1 as `vision/domain/prices.py` has them ({prices.DATE}), on demand, without "
        "free tiers, storage and transfer. Third parties confirmed DynamoDB, Lambda, PUT, LIST and transitions; the "
        "other prices are those of the prototype. The older systems are priced by the prototype's model, with times "
        "that were measured, or read in their code.",
        "",
    ]
    return "\n".join([*lines, "\n\n".join(markdown(table).rstrip() for table in tables), "", *sections])


def _processor() -> str:
    processors = Path("/proc/cpuinfo")
    lines = processors.read_text(encoding="utf-8").splitlines() if processors.is_file() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _say(what: str) -> None:
    print(f"Measuring {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
