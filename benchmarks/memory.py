"""P6: memory, each figure from a separate process."""

import statistics
from dataclasses import dataclass
from pathlib import Path

from benchmarks.goals import Result, Table, at_most, skipped
from benchmarks.peers import Peers, running
from benchmarks.photos import BASELINE_12, BASELINE_48, PNG_12

MAX_ADDED_BYTES = 15e6
MAX_OF_SHARP = 0.6


@dataclass(frozen=True)
class Memory:
    """Peak resident memory: the addition of the thumbnail to the loaded photo, and the whole process."""

    added_bytes: float
    process_bytes: float


def table(peers: Peers, repeats: int) -> Table:
    """Measure every contender whose worker does the work in its own process, unlike ImageMagick's."""
    names = [name for name in peers.commands if name != "ImageMagick"]
    cases = {photo.name: photo.path for photo in (BASELINE_48, PNG_12)}
    measured = {
        case: {name: _measure(name, peers.commands[name], path, repeats) for name in names}
        for case, path in cases.items()
    }
    baseline = measured[BASELINE_48.name]
    case = f"{BASELINE_48.name} to 250 px"
    rows = [at_most("P6", f"{case}, added", baseline["ours"].added_bytes / 1e6, MAX_ADDED_BYTES / 1e6, "MB")]
    if "sharp" in baseline:
        ratio = baseline["ours"].process_bytes / baseline["sharp"].process_bytes
        rows.append(at_most("P6", f"{case}, process", ratio, MAX_OF_SHARP, "× sharp"))
        png = measured[PNG_12.name]
        ratio = png["ours"].process_bytes / png["sharp"].process_bytes
        rows.append(Result("", f"{PNG_12.name} to 250 px, process", "no goal", f"{ratio:.3g} × sharp", ""))
    else:
        rows.append(skipped("P6", f"{case}, process", f"≤ {MAX_OF_SHARP} × sharp", peers.missing["sharp"]))
    details = [f"- {case}, MB added / process: {_listed(figures)}." for case, figures in measured.items()]
    return Table("P6 · memory", rows, details)


def _measure(name: str, command: list[str], path: Path, repeats: int) -> Memory:
    added, process = [], []
    for _ in range(repeats):
        with running({name: command}) as workers:
            # The first thumbnail loads the modules that every later one uses.
            workers[name].ask("thumbnail", path=BASELINE_12.path, box=16)
            answer = workers[name].ask("thumbnail", path=path, box=250, fresh_peak=True)
        added.append(answer["peak_bytes"] - answer["resident_bytes"])
        process.append(answer["peak_bytes"])
    return Memory(statistics.median(added), statistics.median(process))


def _listed(figures: dict[str, Memory]) -> str:
    return ", ".join(f"{name} {m.added_bytes / 1e6:.1f} / {m.process_bytes / 1e6:.0f}" for name, m in figures.items())
