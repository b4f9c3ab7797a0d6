"""The demo's third part: one Custom Labels session, from "the queue has work" to "the model is stopped".

The template knows one detector for each stack, so the session gets a stack of its own beside the first, out of the
same build. Its settings are the template's defaults but for the age of images; instead the engine shortens Wait
states while the session runs, since two looks at the queue are a minute apart.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from local.demo.inspection_demo import verdict_table, wait_until_moved
from local.demo.labelled_pictures import LABELLED_PICTURES_DIR, fetch_labelled_pictures
from local.demo.photo_demo import DemoFailed, Upload, upload
from local.downloads import DownloadFailed, HashMismatch
from local.engine import control
from local.rekognition.custom_labels.projects import Projects
from local.rekognition.train import TrainedModel, train
from local.stack import local_stack
from local.stack.local_stack import LOCAL_DIR, Stack
from vision.domain import prices

STACK_NAME = "image-recognition-session"
PROJECT = "drawings"
FOLDER = "images/drawings"
DRAWINGS_PER_LABEL = 3

"""US dollars for an hour of one inference unit: Custom Labels, inference, us-east-1.
https://aws.amazon.com/rekognition/pricing/"""

WAIT_SCALE = 0.05
"""Wait states last a twentieth of their time."""

IDLE_SECONDS = 60
"""The template's default: how long a session waits before it looks again at a queue that seems empty."""

RULES = [{"name": "no-animals", "prefix": f"{FOLDER}/", "min_confidence": 50, "none_of": ["animal"]}]


@dataclass(frozen=True)
class Moment:
    """Something that happened in a session: when, its name, and words about it."""

    at: datetime
    name: str
    words: str


@dataclass(frozen=True)
class Session:
    """A session that has ended.

    Attributes
    ----------
    moments
        What happened, in order.
    inspected
        The drawings with their records.
    model_seconds
        How long the model was RUNNING, times its inference units: what AWS bills.
    """

    moments: list[Moment]
    inspected: list[Upload]
    model_seconds: float


def show(console: Console) -> list[Upload]:
    """Train, deploy, run a session and print it; return the drawings, none where they cannot be fetched.

    Raises
    ------
    DemoFailed
        When the session does not end with a stopped model.
    HashMismatch
        When the drawings that came are not the pinned ones.
    local.stack.deployment.DeploymentFailed
    """
    try:
        fetch_labelled_pictures(say=console.print)
    except HashMismatch:
        raise
    except DownloadFailed as failure:
        console.print(f"The Custom Labels session is left out. {failure}", markup=False, soft_wrap=True)
        return []
    with console.status("Training on drawings"):
        model = trained_model(LOCAL_DIR / "logs" / "training.log")
    console.print(
        f"Trained on {sum(model.picture_counts.values())} drawings of {', '.join(model.picture_counts)}. Balanced "
        f"accuracy {model.unseen_accuracy:.2f} on {model.unseen_count} drawings that it has not seen.\n"
        "They are drawings of the emoji font Noto, not photos.",
        soft_wrap=True,
    )
    deployed = local_stack.up_beside(console.print, STACK_NAME, parameters(model))
    with console.status("Running a session"), local_stack.shorter_waits(deployed, WAIT_SCALE):
        session = run(deployed, model)
    console.print(verdict_table(session.inspected))
    console.print(timeline(session))
    console.print(cost(session), soft_wrap=True)
    return session.inspected


def trained_model(log: Path) -> TrainedModel:
    """Train on the drawings; what the model's runtime writes to the terminal on its own goes to a log."""
    with _standard_error_in(log):
        return train(LABELLED_PICTURES_DIR / "training", PROJECT, LABELLED_PICTURES_DIR / "unseen", Projects())


def parameters(model: TrainedModel) -> dict[str, str]:
    """Return the template parameters of the session's stack: whatever waits is old enough, the rest is default."""
    return {
        "InspectionDetector": "custom-labels",
        "ProjectArn": model.project_arn,
        "ModelVersionArn": model.trained.version.arn,
        "InspectionRules": json.dumps(RULES),
        "MaximumAgeSeconds": "0",
    }


def drawings() -> list[Path]:
    """Return some drawings of each label that the model has not seen."""
    chosen = []
    for label in sorted(path for path in (LABELLED_PICTURES_DIR / "unseen").iterdir() if path.is_dir()):
        of_label = sorted(label.glob("*.png"))
        chosen += of_label[:: max(1, len(of_label) // DRAWINGS_PER_LABEL)][:DRAWINGS_PER_LABEL]
    return chosen


def run(stack: Stack, model: TrainedModel) -> Session:
    """Upload drawings, start a session as its schedule would, and wait until its model is stopped.

    Raises
    ------
    DemoFailed
        When it ends otherwise, or not at all.
    """
    queued_at = datetime.now(UTC)
    paid_before = _model_seconds(stack)
    inspected = upload(stack, drawings(), FOLDER)
    _wait_until_queued(stack, len(inspected))
    arn = _start(stack)
    output = _ended(stack, arn)
    if "inspected" not in output:
        raise DemoFailed(
            f"the session had nothing to do ({output.get('decision')}): another one holds its model; "
            "try again in a minute, or begin anew with `make clean`"
        )
    wait_until_moved(stack, inspected)
    _require_stopped(stack, model)
    moments = [Moment(queued_at, "queued", f"{len(inspected)} drawings were uploaded, no model runs")]
    moments += _moments(stack, arn, output["inspected"])
    return Session(moments, inspected, _model_seconds(stack) - paid_before)


def timeline(session: Session) -> Table:
    """Return when what happened, in seconds since the queue had work."""
    table = Table(header_style="bold")
    table.add_column("Seconds", justify="right")
    table.add_column("Session", no_wrap=True)
    table.add_column("What happened")
    for moment in session.moments:
        seconds = (moment.at - session.moments[0].at).total_seconds()
        table.add_row(f"{seconds:.1f}", moment.name, moment.words)
    return table


def cost(session: Session) -> str:
    """Return the model minutes, what they would have cost, and how AWS differs."""
    there = session.model_seconds + IDLE_SECONDS * (1 - WAIT_SCALE)
    return (
        f"Model minutes: {session.model_seconds / 60:.1f}, at {prices.CUSTOM_LABELS_UNIT_HOUR:g} $ an hour and "
        f"inference unit {_dollars(session.model_seconds):.3f} $.\n"
        f"Here starting takes 3 s, stopping 2 s, and waits last a twentieth. On AWS starting and stopping take minutes "
        f"each, and {IDLE_SECONDS} s lie between the two looks at the queue: at least {there / 60:.1f} model minutes, "
        f"{_dollars(there):.2f} $."
    )


def _dollars(model_seconds: float) -> float:
    return model_seconds / 3600 * prices.CUSTOM_LABELS_UNIT_HOUR


def _wait_until_queued(stack: Stack, count: int) -> None:
    """Wait until the queue counts all images: a session that looks earlier would start as well, but for fewer."""
    sqs, deadline = stack.client("sqs"), time.monotonic() + 30
    name = "ApproximateNumberOfMessages"
    while time.monotonic() < deadline:
        answer = sqs.get_queue_attributes(QueueUrl=stack.outputs["InspectionQueueUrl"], AttributeNames=[name])
        if int(answer["Attributes"][name]) >= count:
            return
        time.sleep(0.1)
    raise DemoFailed("the uploaded drawings did not reach the inspection queue; look at .local/logs/engine.log")


def _start(stack: Stack) -> str:
    machine_arn = stack.outputs["CustomModelSessionStateMachineArn"]
    return str(stack.client("stepfunctions").start_execution(stateMachineArn=machine_arn, input="{}")["executionArn"])


def _ended(stack: Stack, arn: str, timeout_seconds: float = 180) -> dict[str, Any]:
    """Wait for the end of a session and return its output."""
    states, deadline = stack.client("stepfunctions"), time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        found = states.describe_execution(executionArn=arn)
        if found["status"] == "SUCCEEDED":
            output: dict[str, Any] = json.loads(found["output"])
            return output
        if found["status"] != "RUNNING":
            raise DemoFailed(f"the session is {found['status']}: {found.get('error')}: {found.get('cause')}")
        time.sleep(0.25)
    raise DemoFailed(f"the session has not ended within {timeout_seconds:.0f} s; look at .local/logs/engine.log")


def _require_stopped(stack: Stack, model: TrainedModel) -> None:
    [version] = stack.client("rekognition").describe_project_versions(
        ProjectArn=model.project_arn, VersionNames=[model.trained.version.name]
    )["ProjectVersionDescriptions"]
    if version["Status"] != "STOPPED":
        raise DemoFailed(f"the session has ended and its model is {version['Status']}; the watchdog stops it")


def _moments(stack: Stack, arn: str, inspected: int) -> list[Moment]:
    """Read out of a session's history when it was where."""
    pages = stack.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=arn)
    events = [event for page in pages for event in page["events"]]
    entered: dict[str, list[datetime]] = {}
    left: dict[str, list[datetime]] = {}
    for event in events:
        for verb, times in (("Entered", entered), ("Exited", left)):
            if name := event.get(f"state{verb}EventDetails", {}).get("name"):
                times.setdefault(name, []).append(event["timestamp"])
    workers = len(entered["Inspect Images"]) // len(entered["Drain Queue"])
    return [
        Moment(entered["Start Model"][0], "started", "there is work: the session takes the lease and starts the model"),
        Moment(entered["Drain Queue"][0], "ready", "the model runs, and is paid for"),
        Moment(left["Drain Queue"][-1], "drained", f"{workers} workers have inspected {inspected} drawings"),
        Moment(entered["Stop Model"][0], "empty", "the queue was empty at two looks: the model is to stop"),
        Moment(events[-1]["timestamp"], "stopped", "the model rests, the lease is free"),
    ]


def _model_seconds(stack: Stack) -> float:
    """Ask the local Rekognition for its bill of Custom Labels."""
    counters = control.ask(stack.client_arguments(), {}, target="LocalRekognition.Counters")
    return float(counters.get("model_seconds", 0.0))


@contextlib.contextmanager
def _standard_error_in(log: Path) -> Iterator[None]:
    """Send to a file what native code writes to the standard error: no setting of the runtime silences it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with log.open("ab") as file:
            os.dup2(file.fileno(), 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
