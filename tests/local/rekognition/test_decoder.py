"""An image that takes too much memory or time ends its own decode and no other."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmarks.hostile_files import png, zeros
from local.rekognition.decoder import MAX_MEMORY_BYTES, Decoder
from tests.local.engine.account import wait_for
from tests.local.rekognition.conftest import error_code
from tests.pictures import gradients, jpeg_of

SIDES = [448, 280]
DECODED = [(448, 448), (280, 280), (280, 280)]


def photo(width: int = 300, height: int = 200) -> bytes:
    return jpeg_of(gradients(width, height))


# An image of the largest permitted size takes a second and more of work; its transparency, more memory than permitted.
def wide_png(channels: int, color_type: int) -> bytes:
    return png(10_000, 9_900, zeros(9_900 * (10_000 * channels + 1)), color_type=color_type)


def sides(decoder: Decoder, data: bytes, operation: str = "DetectLabels") -> list[tuple[int, int]]:
    return [view.size for view in decoder.views(operation, lambda: data, SIDES)]


def refusal(decoder: Decoder, data: bytes) -> str:
    return error_code(decoder.views, "DetectLabels", lambda: data, SIDES)


def child(decoder: Decoder) -> int:
    assert decoder._process is not None
    return decoder._process.pid


def peak_bytes(process_id: int) -> int:
    status = Path(f"/proc/{process_id}/status").read_text().splitlines()
    [line] = [line for line in status if line.startswith("VmHWM")]
    return 1024 * int(line.split()[1])


@pytest.mark.parametrize(
    ("operation", "size", "squares"),
    [
        ("DetectLabels", (300, 200), [448, 280, 280]),
        ("DetectLabels", (200, 200), [448, 280]),
        ("DetectCustomLabels", (300, 200), [448, 280]),
    ],
)
def test_image_becomes_the_model_inputs(operation, size, squares):
    assert sides(Decoder(), photo(*size), operation) == [(side, side) for side in squares]


def test_refused_image_keeps_its_code_and_the_process():
    decoder = Decoder()
    assert refusal(decoder, b"text") == "InvalidImageFormatException"
    process = child(decoder)
    assert refusal(decoder, photo(79, 200)) == "InvalidParameterException"
    assert child(decoder) == process


def test_image_beyond_the_memory_or_time_limit_is_too_large():
    decoder = Decoder()
    assert refusal(decoder, wide_png(channels=4, color_type=6)) == "ImageTooLargeException"
    assert sides(decoder, photo()) == DECODED
    assert peak_bytes(child(decoder)) < MAX_MEMORY_BYTES
    decoder = Decoder(cpu_seconds=0.2)
    assert refusal(decoder, wide_png(channels=3, color_type=2)) == "ImageTooLargeException"
    assert sides(decoder, photo()) == DECODED


def test_killed_process_is_started_again():
    decoder = Decoder()
    sides(decoder, photo())
    os.kill(child(decoder), signal.SIGKILL)
    wait_for(lambda: decoder._process.poll() is not None)
    assert sides(decoder, photo()) == DECODED


def test_images_are_read_one_at_a_time():
    decoder, reading, overlaps = Decoder(), threading.Lock(), []

    def read() -> bytes:
        alone = reading.acquire(blocking=False)
        time.sleep(0.02)
        reading.release() if alone else overlaps.append(1)
        return photo()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: decoder.views("DetectLabels", read, SIDES), range(8)))
    assert overlaps == []


def test_process_has_no_credentials_and_ends_with_its_parent(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    decoder = Decoder()
    sides(decoder, photo())
    assert b"AWS_" not in Path(f"/proc/{child(decoder)}/environ").read_bytes()
    # The end of the parent closes this pipe, however it ends.
    decoder._process.stdin.close()
    assert decoder._process.wait(timeout=10) == 0
