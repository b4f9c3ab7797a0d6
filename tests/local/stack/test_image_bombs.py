"""A folder of decompression bombs, processed by the whole stack."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmarks.hostile_files import chunk, flat_jpeg, png, repeat_last_scan, with_empty_scans, zeros
from local.demo.sample_photos import PHOTOS_DIR
from local.engine import state
from tests.local.stack.pipeline import PATIENCE_SECONDS
from vision.domain.objects import ObjectVersion
from vision.domain.statuses import OPEN

pytestmark = [pytest.mark.local, pytest.mark.thorough]

MAX_BYTES = 2_000_000_000
SIDE = 10_000


def bombs() -> Iterator[tuple[str, bytes]]:
    """Yield 70 different files: 60 are refused before they are decoded, 10 are decoded in part."""
    refused = {
        "scans.jpg": with_empty_scans(65_535),
        "scans-64-mp.jpg": repeat_last_scan(flat_jpeg(8_000, 8_000), 90),
        "progressive.jpg": flat_jpeg(SIDE, SIDE - 100),
        "16-bit.png": png(SIDE, SIDE, zeros(SIDE * (SIDE * 8 + 1)), bit_depth=16, color_type=6),
        "texts.png": png(600, 600, zeros(600 * 1801), extra=chunk(b"zTXt", b"a\0\0" + zeros(60_000_000)) * 40),
    }
    decoded = {
        "transparent.png": png(SIDE, SIDE - 100, zeros((SIDE - 100) * (SIDE * 4 + 1)), color_type=6),
        "wide.png": png(SIDE, SIDE - 100, zeros((SIDE - 100) * (SIDE * 3 + 1))),
    }
    for files, copies in ((refused, 12), (decoded, 5)):
        for number in range(copies):
            yield from ((f"{number}-{name}", data + bytes([number])) for name, data in files.items())


def resident_bytes(engine: int) -> int:
    """Return the memory of the engine and of its decoder."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
            command = status.with_name("cmdline").read_bytes()
        except OSError:
            continue
        is_decoder = lines["PPid"] == str(engine) and b"local.rekognition.decoder" in command
        if is_decoder or lines["Pid"] == str(engine):
            total += 1024 * int(lines.get("VmRSS", "0 kB").split()[0])
    return total


def test_folder_of_bombs_leaves_the_engine_healthy(own_pipeline):
    pipeline, engine = own_pipeline, state.holder(own_pipeline.files.state)
    assert engine is not None

    def send(name: str, body: bytes) -> ObjectVersion:
        return pipeline.upload(f"private/bombs/uploads/{name}", body)

    began, peak = time.monotonic(), 0
    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(lambda bomb: send(*bomb), bombs()))
    waiting = list(versions)
    while waiting and time.monotonic() < began + PATIENCE_SECONDS:
        waiting = [version for version in waiting if pipeline.record(version).get("status", "PENDING") in OPEN]
        peak = max(peak, resident_bytes(engine))
        assert peak < MAX_BYTES
        time.sleep(0.1)
    print(f"{len(versions)} bombs in {time.monotonic() - began:.0f} s, at most {peak / 1e6:,.0f} MB")
    assert waiting == []
    photo = send("photo.jpg", (PHOTOS_DIR / "rocket.jpg").read_bytes())
    assert pipeline.finished(photo)["status"] == "SUCCEEDED"
    assert state.holder(pipeline.files.state) == engine
