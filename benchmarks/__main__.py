"""Measure every goal in one run and write the tables: ``python -m benchmarks``.

The exit code is 1 if a goal was missed, or else 2 if a measurement is void because the machine was too busy.
"""

import argparse
import datetime
import os
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import cold_start, hostile, memory, reading
from benchmarks.goals import Result, Table, markdown
from benchmarks.peers import ROOT, Peers, find_peers, running
from benchmarks.photos import make_photos
from benchmarks.runner import MAX_SPREAD
from benchmarks.speed import OURS, TWIN, Speed
from local.downloads import DownloadFailed

RESULTS = ROOT / "benchmarks" / "results.md"


@dataclass(frozen=True)
class Thoroughness:
    """The size of a run: rounds per timing, rounds of cold starts, processes for memory, damaged files."""

    rounds: int
    cold_rounds: int
    processes: int
    damaged_files: int


FULL = Thoroughness(rounds=9, cold_rounds=5, processes=3, damaged_files=1_000)
QUICK = Thoroughness(rounds=5, cold_rounds=3, processes=1, damaged_files=200)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, then print and write the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="fewer rounds; nothing is written unless --output is given"
    )
    parser.add_argument("--output", type=Path, help="Markdown file to write; a full run writes benchmarks/results.md")
    options = parser.parse_args(arguments)

    started = time.monotonic()
    try:
        source = make_photos()
    except DownloadFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    peers = find_peers()
    tables, versions = measure(peers, QUICK if options.quick else FULL)
    command = "python -m benchmarks" + (" --quick" if options.quick else "")
    run = f"`{command}` · {time.monotonic() - started:.0f} s"
    report = write_report(tables, _machine(versions), peers, source, run)
    print(report)
    output = options.output or (None if options.quick else RESULTS)
    if output is not None:
        output.write_text(report + "\n", encoding="utf-8")
    verdicts = {row.verdict for table in tables for row in table.results}
    return 1 if "MISSED" in verdicts else 2 if "void" in verdicts else 0


def measure(peers: Peers, thoroughness: Thoroughness) -> tuple[list[Table], dict[str, str]]:
    """Measure P1 to P9, P17 and P18; also return the versions of the workers."""
    with running(peers.commands | {TWIN: peers.commands[OURS]}) as workers:
        versions = {name: str(worker.ask("version")["version"]) for name, worker in workers.items() if name != TWIN}
        _say("P1 to P5, P17, and PNG")
        tables = Speed(workers, peers, thoroughness.rounds).tables()
    _say("P6")
    tables.insert(5, memory.table(peers, thoroughness.processes))
    _say("P7")
    tables.insert(6, reading.table(peers))
    _say("P8")
    tables.insert(7, hostile.table(peers, thoroughness.damaged_files))
    _say("P9 and P18")
    tables.insert(8, cold_start.table(thoroughness.cold_rounds))
    tables.insert(9, cold_start.imports_table(thoroughness.rounds))
    return tables, versions


def write_report(tables: Sequence[Table], machine: str, peers: Peers, source: str, run: str) -> str:
    """Return the report: a heading with place, time and method, and the tables."""
    rows = [row for table in tables for row in table.results]
    lines = [
        "# Benchmarks",
        "",
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC · {run}",
        "",
        f"- Machine: {machine}",
        f"- Photos: {source}; the PNG, and photos marked as published, have no added noise.",
        "- Ratios are medians over shuffled rounds of CPU time, user and system, one thread for each contender. "
        f"A/A is one contender against itself: if it spreads by {MAX_SPREAD:.0%} or more, the row is void.",
        *(f"- {sentence}; rows that need it are skipped." for sentence in peers.missing.values()),
        "",
        _summary(rows),
        "",
    ]
    return "\n".join(lines) + "\n" + "\n\n".join(markdown(table).rstrip() for table in tables)


def _summary(rows: Sequence[Result]) -> str:
    judged = [row for row in rows if row.goal]
    counts = {
        verdict: sum(row.verdict == verdict for row in judged) for verdict in ("met", "MISSED", "void", "skipped")
    }
    sentence = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count) + "."
    if counts["void"]:
        sentence += " Rows marked void do not count: the machine was too busy; run it again."
    return f"**{sentence}**"


def _machine(versions: dict[str, str]) -> str:
    model = platform.machine()
    processors = Path("/proc/cpuinfo")
    if processors.is_file():
        lines = processors.read_text(encoding="utf-8", errors="replace").splitlines()
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), model)
    named = [f"{name}: {version}" if name in (OURS, "plain Pillow") else version for name, version in versions.items()]
    return ", ".join((f"{os.cpu_count()} cores ({model})", f"Python {platform.python_version()}", *named))


def _say(what: str) -> None:
    print(f"Measuring {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
