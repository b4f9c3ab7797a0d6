"""Load the page's API: ``python -m benchmarks.load``. The exit code is 1 when a single request failed."""

import argparse
import datetime
import io
import os
import platform
import random
import sys
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image

from benchmarks.load.visitors import THINKING_SECONDS, Log, Visitor, add, read, upload
from benchmarks.peers import ROOT
from local.demo import people
from local.demo.sample_photos import fetch_photos, photos
from local.rekognition.fetch import fetch_models
from local.stack import local_stack
from local.stack.local_stack import Stack, StackFiles

RESULTS = ROOT / "benchmarks" / "load.md"
COMMAND = "python -m benchmarks.load"
READERS, UPLOADERS, SECONDS = 50, 10, 120
_PORT = 4588
# Readers share a few libraries of this size.
_LIBRARIES, _LIBRARY = 5, 12


def main(arguments: list[str] | None = None) -> int:
    """Run the load, then print and write the report."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--seconds", type=int, default=SECONDS, help="duration; a full run takes two minutes")
    parser.add_argument("--readers", type=int, default=READERS)
    parser.add_argument("--uploaders", type=int, default=UPLOADERS)
    parser.add_argument("--output", type=Path, help="Markdown file to write; a full run writes benchmarks/load.md")
    options = parser.parse_args(arguments)
    fetch_models(say=lambda _: None)
    fetch_photos(say=lambda _: None)
    files = StackFiles(ROOT / ".local" / "load")
    try:
        deployed = local_stack.up(print, files, port=_PORT)
        log = run(deployed, options.readers, options.uploaders, options.seconds)
    finally:
        local_stack.down(print, files)
    text = report(log, options.readers, options.uploaders, options.seconds)
    print(text)
    is_full = (options.readers, options.uploaders, options.seconds) == (READERS, UPLOADERS, SECONDS)
    output = options.output or (RESULTS if is_full else None)
    if output:
        output.write_text(text)
    return 1 if log.errors else 0


def run(deployed: Stack, readers: int, uploaders: int, seconds: int) -> Log:
    """Run readers and uploaders at the same time, after the readers' libraries are filled."""
    library = [_token(deployed) for _ in range(_LIBRARIES)]
    log = Log()
    picture = _pictures()
    host = urlsplit(deployed.outputs["AppUrl"]).netloc

    def visitor(token: str, ends_at: float, noted: Log) -> Visitor:
        # By its address, since this resolver may not know that *.localhost is loopback.
        return Visitor(deployed.endpoint_url, host, token, noted, ends_at)

    print(f"Filling {_LIBRARIES} libraries ...")
    with ThreadPoolExecutor(_LIBRARIES) as pool:
        list(pool.map(lambda token: _fill(visitor(token, time.monotonic(), Log()), picture), library))
    print(f"{readers} readers and {uploaders} uploaders for {seconds} s ...")
    ends_at = time.monotonic() + seconds
    fresh = [_token(deployed) for _ in range(uploaders)]
    with ThreadPoolExecutor(readers + uploaders) as pool:
        tasks = [pool.submit(read, visitor(library[at % _LIBRARIES], ends_at, log)) for at in range(readers)]
        tasks += [pool.submit(upload, visitor(token, ends_at, log), picture) for token in fresh]
        for task in tasks:
            task.result()
    return log


def _fill(visitor: Visitor, picture: Callable[[], bytes]) -> None:
    for _ in range(_LIBRARY):
        add(visitor, None, picture())


def _token(deployed: Stack) -> str:
    cognito, email, password = deployed.client("cognito-idp"), f"{uuid.uuid4().hex}@example.com", "Load-test-2026"
    pool = deployed.outputs["UserPoolId"]
    cognito.admin_create_user(UserPoolId=pool, Username=email, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool, Username=email, Password=password, Permanent=True)
    return people.token(deployed, email, password)


def _pictures() -> Callable[[], bytes]:
    """Return a function that makes different small photos."""
    sources = [ROOT / ".local" / "photos" / photo.name for photo in photos() if photo.name.endswith(".jpg")]
    small = []
    for source in sources:
        try:
            with Image.open(source) as image:
                image.thumbnail((800, 800))
                small.append(image.convert("RGB"))
        except OSError:
            continue  # Two of the demo's files are intentionally broken.

    def picture() -> bytes:
        image = random.choice(small)
        changed = image.copy()
        changed.putpixel((random.randrange(image.width), random.randrange(image.height)), (1, 2, 3))
        encoded = io.BytesIO()
        changed.save(encoded, "JPEG", quality=random.randrange(70, 90))
        return encoded.getvalue()

    return picture


def report(log: Log, readers: int, uploaders: int, seconds: int) -> str:
    """Return the tables as Markdown."""
    rows = [
        [name, str(len(times)), *(f"{_percentile(times, share):.0f}" for share in (50, 95, 99, 100))]
        for name, times in sorted(log.seconds.items())
    ]
    total = sum(len(times) for name, times in log.seconds.items() if name != "upload to result")
    errors = "\n".join(f"- {error}" for error in log.errors[:20]) or "None."
    machine = f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}"
    lines = [
        "# The page's API under load",
        "",
        f"`{COMMAND}`, {datetime.date.today()}, {machine}: engine, functions, vision model and visitors share them.",
        f"{readers} readers and {uploaders} uploaders for {seconds} s. Each thinks for {THINKING_SECONDS:g} s between",
        "two requests; an uploader polls one photo until it is processed, and adds the next.",
        "",
        f"{total} requests, {total / seconds:.0f} a second; {len(log.errors)} errors; "
        f"{log.processed} photos processed.",
        "",
        _table(rows),
        "",
        "## Errors",
        "",
        errors,
        "",
    ]
    return "\n".join(lines)


def _table(rows: list[list[str]]) -> str:
    head = ["request", "times", "median ms", "95 %", "99 %", "longest"]
    lines = [" | ".join(head), " | ".join(["---", *["---:"] * (len(head) - 1)]), *(" | ".join(row) for row in rows)]
    return "\n".join(f"| {line} |" for line in lines)


def _percentile(seconds: list[float], share: int) -> float:
    ordered = sorted(seconds)
    return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share / 100))]


if __name__ == "__main__":
    sys.exit(main())
