"""The demo's second part: upload images below images/, and show their verdicts.

As on AWS, only the upload happens here: the function of the queue judges the image, writes the record and the result
file, and moves the image.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from local.demo.photo_demo import DemoFailed, Upload, findings, upload, watch
from local.stack.local_stack import Stack
from vision.domain.inspection.results import INSPECTED_SUFFIXES
from vision.domain.inspection.verdicts import Judgement

FOLDER = "images/demo"

RULES = [{"name": "no-people", "prefix": "images/", "min_confidence": 75, "none_of": ["Person"]}]
"""The template's default rule, with a higher confidence, for which the demo's photos were chosen."""

OWN_MODEL_RULES = [
    {"name": "no-cats", "prefix": "images/", "min_confidence": 50, "none_of": ["Egyptian Cat", "Tabby Cat"]}
]
"""A rule with class names of the default own model; an image below its threshold, unknown, counts as no cat."""

# Enough to see both verdicts.
IMAGES = 6

_COLOURS: dict[str, str] = {Judgement.SUCCESS: "green", Judgement.FAILURE: "red"}


def chosen(uploads: Sequence[Upload]) -> list[Path]:
    """Return the first few processed photos whose file type the inspection supports."""
    fitting = [
        one.path for one in uploads if "error" not in one.record and one.name.lower().endswith(INSPECTED_SUFFIXES)
    ]
    return fitting[:IMAGES]


def inspect(console: Console, stack: Stack, files: Sequence[Path]) -> list[Upload]:
    """Upload images for inspection, and wait until each has its verdict and has been moved.

    Raises
    ------
    DemoFailed
        Results are missing.
    """
    with console.status(f"Inspecting {len(files)} images"):
        inspected = upload(stack, files, FOLDER)
        wait_until_moved(stack, inspected)
    return inspected


def wait_until_moved(stack: Stack, inspected: Sequence[Upload], timeout_seconds: float = 120) -> None:
    """Wait for the verdicts, and until each image with a verdict has been moved away.

    Raises
    ------
    DemoFailed
        It takes too long.
    """
    deadline = time.monotonic() + timeout_seconds
    moving = [one for one in watch(stack, inspected, timeout_seconds) if "moved_to" in one.record]
    s3 = stack.client("s3")
    for one in moving:
        source = {"Bucket": one.version.bucket, "Key": one.version.key, "VersionId": one.version.version_id}
        while True:
            try:
                s3.head_object(**source)
            except s3.exceptions.ClientError:
                break
            if time.monotonic() > deadline:
                raise DemoFailed(f"{one.name} was judged but has not moved; look at .local/logs/engine.log")
            time.sleep(0.1)


def verdict_table(inspected: Sequence[Upload]) -> Table:
    """Return the verdicts as a table for a terminal."""
    table = Table(header_style="bold")
    table.add_column("Image", no_wrap=True, max_width=28)
    table.add_column("Verdict", no_wrap=True)
    table.add_column("Rule", no_wrap=True, max_width=20)
    table.add_column("Reasons, or the labels", ratio=1)
    table.add_column("Moved to", overflow="fold")
    for one in inspected:
        record, judgement = one.record, verdict(one)
        # Text, since file names may look like markup.
        table.add_row(
            Text(one.name),
            Text(judgement, style=_COLOURS.get(judgement, "red")),
            Text(record.get("rule", "")),
            Text("; ".join(record.get("reasons", [])) or _labels(one)),
            Text(record["moved_to"]["key"] if "moved_to" in record else "stays"),
        )
    return table


def _labels(one: Upload) -> str:
    has_words = one.record.get("labels") or "error" in one.record
    return findings(one.record, most=3) if has_words else "no label that counts"


def verdict(one: Upload) -> str:
    """Return the verdict on an image, or its status when it could not be inspected."""
    return str(one.record.get("verdict", one.record["status"]))
