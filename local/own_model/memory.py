"""Measure the memory that a model's function needs, in a separate process that does the same as a call."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np

from local.stack.deployment import REPOSITORY
from vision.domain.errors import InvalidModel
from vision.domain.image_file.limits import MEGABYTE
from vision.domain.image_file.pixels import DECODE_BUDGET_BYTES
from vision.services.own_model import classification
from vision.services.own_model.runtime import Classifier

DEFAULT_MB = 2048
"""MemorySize of own-model.yaml."""
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
_LIMIT_MB = 10_240
_STEP_MB = 128


def needed(folder: Path) -> str:
    """Return a sentence with the ``MemorySize`` that the function needs.

    Raises
    ------
    InvalidModel
        The model needs more memory than Lambda has, or the memory could not be measured.
    """
    needed = needed_mb(folder)
    if needed > _LIMIT_MB:
        raise InvalidModel(
            f"a call takes up to {needed:,} MB, a function of Lambda has {_LIMIT_MB:,} at most; export the model "
            "smaller, or for smaller images"
        )
    if needed > DEFAULT_MB:
        ways = f"own-model.yaml with MemorySize={needed}, or by delivery with memory_size = {needed} in samconfig.toml"
        return f"A call takes up to {needed:,} MB: deploy {ways}."
    return f"A call takes up to {needed:,} MB, the {DEFAULT_MB:,} MB of own-model.yaml last."


def needed_mb(folder: Path) -> int:
    """Return the ``MemorySize`` in MB that suffices for any call, rounded up.

    It is the peak memory of a process that loads the model and classifies as many images as are in memory at the same
    time, plus the memory for the images that are read and decoded meanwhile, since ONNX Runtime keeps the memory that
    it has allocated.

    Raises
    ------
    InvalidModel
        The process ended early.
    """
    measured = subprocess.run(
        [sys.executable, "-m", __name__, folder.resolve()], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    if measured.returncode:
        last = (measured.stderr.strip().splitlines() or ["it was killed"])[-1]
        raise InvalidModel(f"the memory of a call could not be measured ({last}); free some memory and check again")
    objects = classification.READERS * classification.SIZE_LIMIT_BYTES
    taken = int(measured.stdout) + classification.DECODERS * DECODE_BUDGET_BYTES + objects
    return -(-taken // (_STEP_MB * MEGABYTE)) * _STEP_MB


def _peak_bytes(folder: Path) -> int:
    classifier = Classifier.load(folder)
    side = classifier.manifest.input
    random = np.random.default_rng(0)
    size = side.width * side.height * 3
    classifier.answers(
        [random.integers(0, 256, size, np.uint8).tobytes() for _ in range(classification.IMAGES_AT_ONCE)]
    )
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except FileNotFoundError:  # macOS, where the unit is bytes.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Not getrusage, which on Linux starts in a child with the peak of its parent.
    [kilobytes] = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(kilobytes) * 1024


if __name__ == "__main__":
    sys.stdout.write(f"{_peak_bytes(Path(sys.argv[1]))}\n")
