"""Decode images in a separate process: one at a time, with limits of memory and time.

An image that exceeds the limits, or exploits a decoder, ends only that process; the next image gets a new one.
`python -m local.rekognition.decoder` is the process. It reads requests from its standard input: a line of JSON and the
bytes of an image. Its response is a line of JSON and the pixels of small images.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from PIL import Image

from local.rekognition import errors, images
from local.rekognition.custom_labels import pictures
from local.rekognition.errors import RekognitionError

MAX_MEMORY_BYTES = 1_000_000_000
MAX_CPU_SECONDS = 10.0
"""For one image: several times the limit of `admission`, so that slow and fast machines refuse the same images."""

_REPOSITORY = Path(__file__).resolve().parents[2]

READERS = {"DetectLabels": images.views, "DetectCustomLabels": pictures.views}


class Decoder:
    """Decode images to the inputs of the models. Safe for any number of threads, which take turns.

    The process starts with the first image, and ends with the current process.

    Parameters
    ----------
    cpu_seconds
        CPU time limit for an image.
    """

    def __init__(self, cpu_seconds: float = MAX_CPU_SECONDS) -> None:
        self._cpu_seconds = cpu_seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def views(self, operation: str, read: Callable[[], bytes], sides: list[int]) -> list[Image.Image]:
        """Decode an image for an operation.

        Parameters
        ----------
        operation
            ``DetectLabels`` or ``DetectCustomLabels``: they have different limits.
        read
            Returns the bytes of the image. It is called when its turn comes: waiting images take no memory.
        sides
            Sides of the square inputs of the models, in pixels, as the operation's ``views`` takes them.

        Raises
        ------
        RekognitionError
            An error of ``read`` or of the decoder, or ``ImageTooLargeException`` when the image ended the process.
        """
        with self._lock:
            data = read()
            process = self._started()
            request = {"operation": operation, "sides": sides, "cpu_seconds": self._cpu_seconds, "bytes": len(data)}
            try:
                return _ask(process, request, data)
            except (BrokenPipeError, EOFError):
                process.kill()
                process.wait()
                raise errors.too_costly() from None

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "local.rekognition.decoder"],
                cwd=_REPOSITORY,
                # Without the engine's environment, which has the secret of root.
                env={},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        return self._process


def _ask(process: subprocess.Popen[bytes], request: dict[str, Any], data: bytes) -> list[Image.Image]:
    if process.stdin is None or process.stdout is None:
        raise EOFError
    process.stdin.write(json.dumps(request).encode() + b"\n" + data)
    process.stdin.flush()
    line = process.stdout.readline()
    if not line:
        raise EOFError
    answer = json.loads(line)
    if "error" in answer:
        raise RekognitionError(*answer["error"])
    return [_read_view(process.stdout, side) for side in answer["sides"]]


def _read_view(source: IO[bytes], side: int) -> Image.Image:
    pixels = source.read(3 * side * side)
    if len(pixels) < 3 * side * side:
        raise EOFError
    return Image.frombytes("RGB", (side, side), pixels)


def main() -> None:
    """Answer requests until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Some systems, such as macOS, do not support this limit; the time is still limited.
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # The output of a library must not get into the responses.
    os.dup2(2, 1)
    while line := requests.readline():
        request = json.loads(line)
        # After this time the kernel ends the process.
        signal.setitimer(signal.ITIMER_PROF, request["cpu_seconds"])
        answer, views = _answer(request, requests.read(request["bytes"]))
        answers.write(json.dumps(answer).encode() + b"\n")
        for view in views:
            answers.write(view.tobytes())
        answers.flush()


def _answer(request: dict[str, Any], data: bytes) -> tuple[dict[str, Any], list[Image.Image]]:
    try:
        views = READERS[request["operation"]](data, request["sides"])
    except MemoryError:
        error = errors.too_costly()
    except RekognitionError as refusal:
        error = refusal
    else:
        return {"sides": [view.width for view in views]}, views
    return {"error": [error.code, error.message, error.http_status]}, []


if __name__ == "__main__":
    main()
