"""The demo's second part: images go in below images/, and verdicts come out.

As on AWS the upload is all that happens here: the queue's function judges, writes record and result file and moves
the image.
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
"""The template's default rule, which asks for 90: the small models here are less sure of people than AWS is."""

OWN_MODEL_RULES = [
    {"name": "no-cats", "prefix": "images/", "min_confidence": 50, "none_of": ["Egyptian Cat", "Tabby Cat"]}
]
"""In the words of the default own model; what its threshold calls unknown is no cat."""

# A handful: enough to see both verdicts.
IMAGES = 6

_COLOURS: dict[str, str] = {Judgement.SUCCESS: "green", Judgement.FAILURE: "red"}


def chosen(uploads: Sequence[Upload]) -> list[Path]:
    """Return the first few photos that were processed and whose ending an inspection takes."""
    fitting = [
        one.path for one in uploads if "error" not in one.record and one.name.lower().endswith(INSPECTED_SUFFIXES)
    ]
    return fitting[:IMAGES]


def inspect(console: Console, stack: Stack, files: Sequence[Path]) -> list[Upload]:
    """Upload images to be inspected, and wait until each has its verdict and its new place.

    Raises
    ------
    DemoFailed
        When results do not come.
    """
    with console.status(f"Inspecting {len(files)} images"):
        inspected = upload(stack, files, FOLDER)
        wait_until_moved(stack, inspected)
    return inspected


def wait_until_moved(stack: Stack, inspected: Sequence[Upload], timeout_seconds: float = 120) -> None:
    """Wait for the verdicts, and until each image that has one is gone from where it was uploaded.

    Raises
    ------
    DemoFailed
        When it takes too long.
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
        record, told = one.record, verdict(one)
        # Text, since names of files may look like markup.
        table.add_row(
            Text(one.name),
            Text(told, style=_COLOURS.get(told, "red")),
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
