"""The demo of a bulk run: with ``make demo BULK=1000``, one event starts a run over a thousand images below a prefix.

The images are crops of the fetched photos, each with its own ETag. Each demo makes the same bytes again, so a second
demo finds every image recorded.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from local.demo.photo_demo import DemoFailed
from local.stack.local_stack import Stack
from vision.adapters import event_bus
from vision.domain import table_keys

LARGEST = 100_000
"""Most images that the demo makes: the engine keeps its objects in memory."""

CALLS_PER_SECOND = 50
"""The quota in the busiest Regions, and more than the local model can answer on a laptop."""

_SIDE_PX = 400
_NO_IMAGE = b"This is no image, although its name says so.\n"
# How many images are made and uploaded concurrently, so that a hundred thousand need no more memory than a thousand.
_AT_ONCE = 64
# How often progress is printed if no terminal shows a bar.
_SECONDS_BETWEEN_LINES = 5.0
# How long the batches of a stopped run may take to end.
_LAST_BATCHES_SECONDS = 60.0


@dataclass(frozen=True)
class Run:
    """An execution of the state machine, and the number of objects below its prefix."""

    stack: Stack
    execution_arn: str
    objects: int

    @property
    def run_id(self) -> str:
        """The id of the run's record and of its folder of results."""
        return self.execution_arn.rsplit(":", 1)[-1]

    def progress(self) -> dict[str, int]:
        """Return the counts so far in the run's record."""
        key = {name: {"S": value} for name, value in table_keys.bulk_run_key(self.run_id).items()}
        found = self.stack.client("dynamodb").get_item(TableName=self.stack.outputs["ImageTableName"], Key=key)
        item = found.get("Item", {})
        names = ("seen", "skipped", "labelled", "partial", "failed")
        return {name: int(item.get(name, {"N": "0"})["N"]) for name in names}

    def batches(self) -> tuple[int, int]:
        """Return the number of ended batches and of all batches; 0 and 0 before the objects are listed."""
        counts = self._counts()
        return counts.get("succeeded", 0) + counts.get("failed", 0), counts.get("total", 0)

    def _counts(self) -> dict[str, int]:
        states = self.stack.client("stepfunctions")
        runs = states.list_map_runs(executionArn=self.execution_arn)["mapRuns"]
        return dict(states.describe_map_run(mapRunArn=runs[0]["mapRunArn"])["executionCounts"]) if runs else {}

    def execution(self) -> dict[str, Any]:
        """Return the current description of the execution."""
        return dict(self.stack.client("stepfunctions").describe_execution(executionArn=self.execution_arn))

    def stop(self) -> None:
        """Stop the execution, unless it has ended, and wait for running batches: Lambda does not stop them."""
        states = self.stack.client("stepfunctions")
        if self.execution()["status"] == "RUNNING":
            states.stop_execution(executionArn=self.execution_arn, cause="stopped in the demo")
        deadline = time.monotonic() + _LAST_BATCHES_SECONDS
        while self._counts().get("running") and time.monotonic() < deadline:
            time.sleep(0.2)


def count(text: str) -> int:
    """Parse the number of images.

    Raises
    ------
    DemoFailed
        The text is not a whole number from 1 to :data:`LARGEST`.
    """
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 1 <= int(text) <= LARGEST):
        raise DemoFailed(f"BULK is {text}; give a whole number from 1 to {LARGEST:,}, such as make demo BULK=1000")
    return int(text)


def show(console: Console, stack: Stack, photos: Sequence[Path], images: int) -> None:
    """Make the images, send the event, show the progress, print the summary.

    Raises
    ------
    DemoFailed
        The run does not start, or fails.
    """
    prefix = f"archive/{images}/"
    _make(console, stack, photos, images, prefix)
    console.print(f"Sending the event Bulk Run Requested for the prefix {prefix} ...")
    run = request(stack, prefix, images)
    execution = _followed(console, run, images)
    if execution["status"] == "SUCCEEDED" and json.loads(execution["output"]).get("decision") == "BUSY":
        run = Run(stack, json.loads(execution["output"])["execution_arn"], images)
        console.print("An earlier run is still running, so the event started none; this is the earlier one.")
        execution = _followed(console, run, images)
    if execution["status"] != "SUCCEEDED":
        raise DemoFailed(f"the run is {execution['status']}: {execution.get('error')}: {execution.get('cause')}")
    console.print(summary_table(json.loads(execution["output"])))
    _say_what_next(console, run, prefix, images)


def _followed(console: Console, run: Run, images: int) -> dict[str, Any]:
    """Show the progress of a run, and return its execution when it has ended; Ctrl-C stops the run."""
    try:
        _watch(console, run)
    except KeyboardInterrupt:
        console.print("Stopping the run; the batches under way come to their end ...")
        run.stop()
        done = run.progress()["seen"]
        raise DemoFailed(
            f"the run was stopped; what is done stays done, {done:,} of {images:,}. make demo BULK={images} does the "
            "rest, and pays for no label twice"
        ) from None
    return run.execution()


def request(stack: Stack, prefix: str, objects: int) -> Run:
    """Put the event on the bus, and return the run that it starts.

    Raises
    ------
    DemoFailed
        No run starts in time.
    """
    states, machine = stack.client("stepfunctions"), stack.outputs["ProcessBucketStateMachineArn"]

    def executions() -> list[str]:
        return [one["executionArn"] for one in states.list_executions(stateMachineArn=machine)["executions"]]

    before = set(executions())
    detail = {"bucket": stack.outputs["ImageBucketName"], "prefix": prefix}
    stack.client("events").put_events(
        Entries=[
            {
                "EventBusName": stack.outputs["VisionEventBusName"],
                "Source": event_bus.SOURCE,
                "DetailType": "Bulk Run Requested",
                "Detail": json.dumps(detail),
            }
        ]
    )
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if new := [arn for arn in executions() if arn not in before]:
            return Run(stack, new[0], objects)
        time.sleep(0.1)
    raise DemoFailed("the event started no run within 20 s; look at .local/logs/engine.log")


def pieces(photos: Sequence[Path], images: int) -> Iterator[tuple[str, bytes]]:
    """Yield names and contents: different JPEGs cropped from the photos, and one non-image in every hundred.

    The same arguments give the same bytes.
    """
    opened = [picture for path in photos if (picture := _picture(path))]
    if not opened:
        raise DemoFailed("there is no photo to cut images from; run python -m local.demo.sample_photos")
    for number in range(images):
        if number % 100 == 99:
            yield f"{number:06}.jpg", _NO_IMAGE + str(number).encode()
            continue
        picture = opened[number % len(opened)]
        # Each round crops slightly more on the left and at the top, so that the subject stays the same.
        step = 1 + number // len(opened)
        left, top = step % (picture.width // 4), step // (picture.width // 4) % (picture.height // 4)
        content = io.BytesIO()
        picture.crop((left, top, picture.width, picture.height)).save(content, "JPEG", quality=80)
        yield f"{number:06}.jpg", content.getvalue()


def _picture(path: Path) -> Image.Image | None:
    try:
        with Image.open(path, formats=("JPEG", "PNG")) as picture:
            picture.thumbnail((_SIDE_PX, _SIDE_PX))
            return picture.convert("RGB") if min(picture.size) >= 160 else None
    except OSError:
        return None


def _make(console: Console, stack: Stack, photos: Sequence[Path], images: int, prefix: str) -> None:
    s3, bucket = stack.client("s3"), stack.outputs["ImageBucketName"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    there = {one["Key"] for page in pages for one in page.get("Contents", [])}
    if len(there) == images:
        console.print(f"The {images:,} images are there already.")
        return

    def put(piece: tuple[str, bytes]) -> None:
        name, content = piece
        if f"{prefix}{name}" not in there:
            s3.put_object(Bucket=bucket, Key=f"{prefix}{name}", Body=content, ContentType="image/jpeg")

    made, began = pieces(photos, images), time.monotonic()
    with _bar(console) as progress, ThreadPoolExecutor(8) as pool:
        task = progress.add_task("Making images", total=images, words="")
        while some := list(islice(made, _AT_ONCE)):
            for _ in pool.map(put, some):
                progress.advance(task)
    console.print(f"Made {images:,} images in {time.monotonic() - began:.0f} s.")


def _watch(console: Console, run: Run) -> None:
    began = printed_at = time.monotonic()
    with _bar(console) as progress:
        task = progress.add_task("Labelling", total=run.objects, words="")
        while True:
            # Check the status before the counts, so that the last counts are complete.
            goes_on = run.execution()["status"] == "RUNNING"
            counted, (ended, batches) = run.progress(), run.batches()
            now = time.monotonic()
            words = progress_told(counted, run.objects, now - began) + f", batch {ended} of {batches}"
            progress.update(task, completed=counted["seen"], words=words)
            if not goes_on:
                return
            if not console.is_terminal and now - printed_at >= _SECONDS_BETWEEN_LINES:
                printed_at = now
                console.print(f"Labelling {counted['seen']:,} of {run.objects:,}: {words}")
            time.sleep(0.5)


def progress_told(counted: dict[str, int], objects: int, seconds: float) -> str:
    """Return the progress of a run in words: skipped and failed images, the rate, and the remaining time."""
    rate = counted["seen"] / seconds if seconds else 0.0
    remaining = f", {max(0, objects - counted['seen']) / rate:.0f} s left" if rate else ""
    return f"{counted['skipped']:,} skipped, {counted['failed']:,} failed, {rate:.0f} a second{remaining}"


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[words]}"),
        console=console,
    )


def summary_table(summary: dict[str, Any]) -> Table:
    """Return a run's summary as a table, with one row for each result."""
    cost, seconds = summary["estimated_cost_usd"], summary["duration_seconds"]
    worked = summary["seen"] - summary["skipped"]
    reasons = sorted(summary["reasons"].items(), key=lambda reason: -reason[1])
    rows = {
        "seen": f"{summary['seen']:,}",
        "skipped, since they are recorded": f"{summary['skipped']:,}",
        "labelled": f"{summary['labelled']:,}",
        "partial": f"{summary['partial']:,}",
        "failed": f"{summary['failed']:,}",
        **{f"  {name}": f"{count:,}" for name, count in reasons},
        "duration": f"{seconds:.1f} s",
        "images a second": f"{worked / seconds:.1f}" if worked and seconds else "-",
        "paid calls of DetectLabels": f"{summary['calls']:,}",
        "paid calls for each image": f"{summary['calls'] / summary['seen']:.4f}" if summary["seen"] else "-",
        "requests to S3": f"{summary['reads']:,} GET, {summary['thumbnails']:,} PUT",
        "writes of records": f"{summary['writes']:,}",
        "batches": f"{summary['batches']:,}",
        f"on AWS, by the prices of {cost['prices_of']}": (
            f"Rekognition {cost['rekognition']:.4f} $, everything else {cost['everything_else']:.4f} $"
        ),
    }
    table = Table(show_header=False)
    for name, value in rows.items():
        table.add_row(Text(name), Text(value))
    return table


def _say_what_next(console: Console, run: Run, prefix: str, images: int) -> None:
    console.print(
        f"""
Once more, and everything is skipped: make demo BULK={images}
Stop it in the middle with Ctrl-C, and once more: only the rest is done.
With the AWS CLI, in any terminal:

  source .local/aws.env
  aws stepfunctions start-execution --state-machine-arn "$ProcessBucketStateMachineArn" \\
    --input '{{"bucket": "'$ImageBucketName'", "prefix": "{prefix}", "steps": ["thumbnail"]}}'
  aws s3 cp "s3://$ResultsBucketName/imageLabelJobs/{run.run_id}/summary.json" -
  aws dynamodb scan --table-name "$ImageTableName" --max-items 3 --filter-expression "execution_arn = :run" \\
    --expression-attribute-values '{{":run": {{"S": "{run.execution_arn}"}}}}'""",
        markup=False,
        soft_wrap=True,
    )
