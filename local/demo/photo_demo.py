"""The demo: upload photos, and show the results in a table and a contact sheet.

Everything happens as on AWS: the photos are uploaded to the bucket, and the triggers, queue, state machine and
functions of the template do the rest. This module only uploads, and reads the results.
"""

from __future__ import annotations

import mimetypes
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from local.stack.local_stack import Stack
from vision.domain import table_keys
from vision.domain.objects import ObjectVersion
from vision.domain.statuses import OPEN, Status

_COLOURS = {Status.SUCCEEDED: "green", Status.PARTIAL: "yellow"}
_deserialize = TypeDeserializer().deserialize


class DemoFailed(RuntimeError):
    """The demo cannot continue; the message says why and what to do."""


@dataclass
class Upload:
    """One uploaded file: its object version, and its record once there is one."""

    path: Path
    version: ObjectVersion
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The file's name in UTF-8, as in its key."""
        return utf8_name(self.path)

    @property
    def is_finished(self) -> bool:
        """Whether the record has a final status."""
        return bool(self.record) and self.record["status"] not in OPEN


def utf8_name(path: Path) -> str:
    """Return a file's name with invalid UTF-8 replaced by replacement characters, since S3 keys are UTF-8."""
    return os.fsencode(path.name).decode("utf-8", "replace")


def upload(stack: Stack, files: Sequence[Path], folder: str) -> list[Upload]:
    """Upload files to a folder of the bucket, as any user would."""
    s3, bucket = stack.client("s3"), stack.outputs["ImageBucketName"]

    def put(path: Path) -> Upload:
        content = path.read_bytes()
        key = f"{folder}/{utf8_name(path)}"
        content_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        answer = s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType=content_type)
        return Upload(
            path,
            ObjectVersion(
                bucket=bucket,
                key=key,
                version_id=answer["VersionId"],
                etag=answer["ETag"].strip('"'),
                sequencer="",
                size_bytes=len(content),
            ),
        )

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(put, files))


def watch(stack: Stack, uploads: Sequence[Upload], timeout_seconds: float = 120) -> Iterator[Upload]:
    """Yield each upload when its record is finished.

    Raises
    ------
    DemoFailed
        No upload was finished for too long. The total time has no limit, since a large folder takes long.
    """
    moved = time.monotonic()
    waiting = list(uploads)
    while waiting:
        _read_records(stack, waiting)
        finished = [upload for upload in waiting if upload.is_finished]
        yield from finished
        waiting = [upload for upload in waiting if not upload.is_finished]
        if finished:
            moved = time.monotonic()
        if waiting and time.monotonic() > moved + timeout_seconds:
            names = ", ".join(upload.name for upload in waiting[:5])
            raise DemoFailed(
                f"{len(waiting)} of {len(uploads)} images have no result ({names} ...), and none came for "
                f"{timeout_seconds:.0f} s; look at .local/logs/engine.log, then try `make down` and `make demo` again"
            )
        if waiting:
            time.sleep(0.25)


def _read_records(stack: Stack, waiting: Sequence[Upload]) -> None:
    dynamodb, table = stack.client("dynamodb"), stack.outputs["ImageTableName"]
    by_key = {tuple(table_keys.image_key(upload.version).values()): upload for upload in waiting}
    names = list(by_key)
    # BatchGetItem accepts 100 keys.
    for start in range(0, len(names), 100):
        keys = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in names[start : start + 100]]
        answer = dynamodb.batch_get_item(RequestItems={table: {"Keys": keys, "ConsistentRead": True}})
        for item in answer["Responses"].get(table, []):
            record = {name: _deserialize(value) for name, value in item.items()}
            by_key[record["pk"], record["sk"]].record = record


def process(console: Console, stack: Stack, files: Sequence[Path], owner: str) -> list[Upload]:
    """Upload files and show a progress bar until each has its record.

    Raises
    ------
    DemoFailed
        There is nothing to upload, or results are missing.
    """
    if not files:
        raise DemoFailed("there is no file to upload; name a folder with pictures: make demo PHOTOS=folder")
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("Processing photos", total=len(files))
        uploads = upload(stack, files, f"private/{owner}/uploads")
        for finished in watch(stack, uploads):
            progress.update(task, advance=1, description=f"Processing photos  {finished.name[:32]:32}")
        progress.update(task, description="Processed photos")
    return uploads


def result_table(uploads: Sequence[Upload], width: int) -> Table:
    """Return the results as a table for a terminal of this width; a narrow one gets fewer, taller cells."""
    wide = width >= 130
    facts = ("Pixels", "Camera", "Taken", "Place") if wide else ("Photo",)
    table = Table(header_style="bold")
    table.add_column("File", no_wrap=True, max_width=28)
    table.add_column("Status", no_wrap=True)
    for heading in facts:
        table.add_column(heading, no_wrap=True)
    table.add_column("Labels, or why there are none", ratio=1)
    for one in uploads:
        record, status = one.record, Status(one.record["status"])
        values = [pixels(record), camera(record), capture_time(record), place(record)]
        # Text, since file and camera names may look like markup.
        cells = values if wide else ["\n".join(filter(None, values))]
        table.add_row(
            Text(one.name),
            Text(status, style=_COLOURS.get(status, "red")),
            *(Text(cell) for cell in cells),
            Text(findings(record)),
        )
    return table


def pixels(record: dict[str, Any]) -> str:
    """Return width and height as displayed."""
    return f"{record['width']} × {record['height']}" if "width" in record else ""


def camera(record: dict[str, Any]) -> str:
    """Return make and model, without repeating the make."""
    make, model = record.get("camera_make", ""), record.get("camera_model", "")
    return model if model.lower().startswith(make.lower()) else f"{make} {model}".strip()


def capture_time(record: dict[str, Any]) -> str:
    """Return day and minute."""
    return str(record.get("capture_time", ""))[:16].replace("T", " ")


def place(record: dict[str, Any]) -> str:
    """Return latitude and longitude with three digits, about a hundred metres."""
    location = record.get("location")
    return f"{location['latitude']:.3f}, {location['longitude']:.3f}" if location else ""


def findings(record: dict[str, Any], most: int = 4) -> str:
    """Return the most certain labels, or the error that explains why there are none."""
    labels = ", ".join(f"{label['name']} {label['confidence']:.0f}" for label in record.get("labels", [])[:most])
    error = f"{record['error']['name']}: {record['error']['cause']}" if "error" in record else ""
    return "  ".join(filter(None, [labels, error])) or "nothing that it is sure enough of"
