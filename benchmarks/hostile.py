"""P8: hostile and damaged files must be refused by name, within limits of CPU time and memory."""

import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from benchmarks.goals import Table, at_most
from benchmarks.hostile_files import HostileFile, damaged, made, thousand_scans
from benchmarks.peers import Peers, Worker, WorkerFailed

MAX_CPU_SECONDS = 2.0
MAX_BYTES = 450e6
MAX_THOUSAND_SCANS_SECONDS = 0.02


@dataclass
class Findings:
    """The results of a set of files.

    Attributes
    ----------
    outcomes
        The number of files by outcome: the name of an error, or ``taken``.
    uncaught
        The name of the file and the exception that was not caught.
    slowest, largest
        CPU seconds, and peak memory of the process in bytes; each with the name of the file.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    uncaught: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    largest: tuple[float, str] = (0.0, "")


def table(peers: Peers, damaged_files: int) -> Table:
    """Send the files to a worker in sequence: metadata through ranged requests, then a thumbnail."""
    findings = feed(peers.commands["ours"], chain(made(), damaged(damaged_files)))
    seconds = min(_seconds(peers.commands["ours"], thousand_scans()) for _ in range(3))
    count = sum(findings.outcomes.values()) + len(findings.uncaught)
    case = f"{count:,} hostile and damaged files"
    rows = [
        at_most("P8", f"{case}, errors without a name", len(findings.uncaught), 0, "files"),
        at_most("P8", f"{case}, most CPU: {findings.slowest[1]}", findings.slowest[0], MAX_CPU_SECONDS, "s"),
        at_most("P8", f"{case}, most memory: {findings.largest[1]}", findings.largest[0] / 1e6, MAX_BYTES / 1e6, "MB"),
        at_most("P8", "JPEG of a thousand scans", seconds * 1e3, MAX_THOUSAND_SCANS_SECONDS * 1e3, "ms of CPU"),
    ]
    outcomes = ", ".join(f"{name} {number:,}" for name, number in findings.outcomes.most_common())
    details = [f"- Outcomes: {outcomes}."]
    details += [f"- Not caught: {sentence}" for sentence in findings.uncaught]
    return Table("P8 · hostile and damaged files", rows, details)


def feed(command: list[str], files: Iterable[HostileFile]) -> Findings:
    """Send each file to a worker; if the worker ends, start a new one for the rest."""
    findings = Findings()
    worker = Worker("ours", command)
    with tempfile.TemporaryDirectory() as folder:
        path, output = Path(folder) / "photo", Path(folder) / "refusal"
        for file in files:
            path.write_bytes(file.data)
            try:
                answer = worker.ask("refusal", path=path, output=output, fresh_peak=True)
            except WorkerFailed as failure:
                findings.uncaught.append(f"{file.name}: {failure}")
                worker.close()
                worker = Worker("ours", command)
                continue
            findings.outcomes[output.read_text(encoding="utf-8") or "taken"] += 1
            findings.slowest = max(findings.slowest, (answer["cpu_seconds"][0], file.name))
            findings.largest = max(findings.largest, (answer["peak_bytes"], file.name))
    worker.close()
    return findings


def _seconds(command: list[str], data: bytes) -> float:
    return feed(command, [HostileFile("", data)] * 2).slowest[0]
