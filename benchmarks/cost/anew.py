"""Count the requests of an image again, on separate local stacks, and store them in ``counters.json``."""

import datetime
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.cost import measure as one
from benchmarks.cost import usage
from benchmarks.cost.bill import BULK, CLASSIFIER, CUSTOM_LABELS, INSPECTION, OWN_MODEL, PHOTO, REKOGNITION
from benchmarks.cost.usage import Measured, Usage
from benchmarks.peers import ROOT
from benchmarks.photos import BASELINE_12, make_photos
from local.demo import session_demo
from local.own_model import stack as own_model
from local.rekognition.fetch import fetch_models
from local.stack import local_stack
from local.stack.local_stack import Stack, StackFiles

PORT = 4795
IMAGES = 20
BATCHED = 50
WAIT_SCALE = 0.05

WAYS: dict[str, tuple[one.Way, Sequence[str], int]] = {
    PHOTO: (one.photos, one.PHOTO, IMAGES),
    INSPECTION: (one.inspections, one.INSPECTION, IMAGES),
    BULK: (one.bulk, one.BULK, BATCHED),
}


def measure(say: Callable[[str], None]) -> None:
    """Measure each way with small and with large images, and write the counters.

    Raises
    ------
    benchmarks.cost.measure.NotMeasured
    """
    make_photos()
    files, own_files = StackFiles(ROOT / ".local" / "cost"), StackFiles(ROOT / ".local" / "cost-own-model")
    known = usage.read().ways if usage.COUNTERS.exists() else {}
    ways = dict(known)

    def keep(name: str, found: tuple[Usage, Usage]) -> None:
        ways[name] = found
        usage.write(Measured(f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}", ways))

    try:
        deployed = local_stack.up(say, files, {}, port=PORT, wait_scale=WAIT_SCALE)
        for name, (way, functions, images) in WAYS.items():
            say(f"Counting {name} ...")
            keep(f"{name}, {REKOGNITION}", sizes(deployed, way, functions, images, BASELINE_12.path))
        say("Counting a Custom Labels session ...")
        keep(f"{INSPECTION}, {CUSTOM_LABELS}", _session(say, files))
        local_stack.down(say, files)
        deployed = own_model.up(say, own_files, port=PORT, wait_scale=WAIT_SCALE)
        for name, (way, functions, images) in WAYS.items():
            say(f"Counting {name} with an own model ...")
            keep(f"{name}, {OWN_MODEL}", sizes(deployed, way, (*functions, CLASSIFIER), images, BASELINE_12.path))
    finally:
        for each in (files, own_files):
            local_stack.down(say, each)


def sizes(deployed: Stack, way: one.Way, functions: Sequence[str], images: int, source: Path) -> tuple[Usage, Usage]:
    """Return the usage of a small image, and that of a large one."""
    small = one.measure(deployed, way, functions, one.small_photos(source, images + 1))
    return small, one.measure(deployed, way, functions, one.large_photos(source, images + 1))


def _session(say: Callable[[str], None], files: StackFiles) -> tuple[Usage, Usage]:
    fetch_models(say=say)
    model = session_demo.trained_model(files.log / "training.log")
    beside = local_stack.up_beside(say, session_demo.STACK_NAME, session_demo.parameters(model), files)
    return sizes(beside, one.sessions, one.SESSION, IMAGES, BASELINE_12.path)
