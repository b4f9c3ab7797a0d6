"""The demo's third part: one Custom Labels session, from "the queue has work" to "the model is stopped".

The template has one detector for each stack, so the session gets its own stack beside the first one, from the same
build. Its parameters are the template's defaults, except for the age of images. The engine shortens Wait states while
the session runs, since two counts of the queue are a minute apart.
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

"""US dollars per hour of one inference unit: Custom Labels, inference, us-east-1.
https://aws.amazon.com/rekognition/pricing/"""

WAIT_SCALE = 0.05
"""Wait states take a twentieth of their time."""

IDLE_SECONDS = 60
"""The template's default: how long a session waits before it counts a seemingly empty queue again."""

RULES = [{"name": "no-animals", "prefix": f"{FOLDER}/", "min_confidence": 50, "none_of": ["animal"]}]


@dataclass(frozen=True)
class Moment:
    """An event in a session: its time, its name, and a description."""

    at: datetime
    name: str
    words: str


@dataclass(frozen=True)
class Session:
    """A session that has ended.

    Attributes
    ----------
    moments
        The events of the session, in order.
    inspected
        The drawings with their records.
    model_seconds
        How long the model was RUNNING, times its inference units: the time that AWS bills.
    """

    moments: list[Moment]
    inspected: list[Upload]
    model_seconds: float


def show(console: Console) -> list[Upload]:
    """Train, deploy, run a session and print it; return the drawings, none if they cannot be fetched.

    Raises
    ------
    DemoFailed
        The session does not end with a stopped model.
    HashMismatch
        The fetched drawings are not the pinned ones.
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
    """Train on the drawings; output of the model's runtime to the terminal is redirected to a log."""
    with _standard_error_in(log):
        return train(LABELLED_PICTURES_DIR / "training", PROJECT, LABELLED_PICTURES_DIR / "unseen", Projects())


def parameters(model: TrainedModel) -> dict[str, str]:
    """Return the template parameters of the session's stack: images of any age start it, the rest is default."""
    return {
        "InspectionDetector": "custom-labels",
        "ProjectArn": model.project_arn,
        "ModelVersionArn": model.trained.version.arn,
        "InspectionRules": json.dumps(RULES),
        "MaximumAgeSeconds": "0",
    }


def drawings() -> list[Path]:
    """Return some drawings of each label on which the model was not trained."""
    chosen = []
    for label in sorted(path for path in (LABELLED_PICTURES_DIR / "unseen").iterdir() if path.is_dir()):
        of_label = sorted(label.glob("*.png"))
        chosen += of_label[:: max(1, len(of_label) // DRAWINGS_PER_LABEL)][:DRAWINGS_PER_LABEL]
    return chosen


def run(stack: Stack, model: TrainedModel) -> Session:
    """Upload drawings, start a session as its schedule does, and wait until its model is stopped.

    Raises
    ------
    DemoFailed
        The session ends otherwise, or does not end.
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
            "try again in a minute, or start over with `make clean`"
        )
    wait_until_moved(stack, inspected)
    _require_stopped(stack, model)
    moments = [Moment(queued_at, "queued", f"{len(inspected)} drawings were uploaded, no model runs")]
    moments += _moments(stack, arn, output["inspected"])
    return Session(moments, inspected, _model_seconds(stack) - paid_before)


def timeline(session: Session) -> Table:
    """Return the events of a session, with seconds since the queue had work."""
    table = Table(header_style="bold")
    table.add_column("Seconds", justify="right")
    table.add_column("Session", no_wrap=True)
    table.add_column("What happened")
    for moment in session.moments:
        seconds = (moment.at - session.moments[0].at).total_seconds()
        table.add_row(f"{seconds:.1f}", moment.name, moment.words)
    return table


def cost(session: Session) -> str:
    """Return the model minutes, their cost on AWS, and how AWS differs."""
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
    """Wait until the queue counts all images: an earlier session would start too, but for fewer images."""
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
    """Return when a session reached each of its states, from the history of its execution."""
    pages = stack.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=arn)
    events = [event for page in pages for event in page["events"]]
    entered: dict[str, list[datetime]] = {}
    left: dict[str, list[datetime]] = {}
    for event in events:
        for verb, times in (("Entered", entered), ("Exited", left)):
            if name := event.get(f"state{verb}EventDetails", {}).get("name"):
                times.setdefault(name, []).append(event["timestamp"])
    workers = len(entered["Drain Queue"]) // len(entered["Drain Queue In Parallel"])
    return [
        Moment(entered["Start Model"][0], "started", "there is work: the session takes the lease and starts the model"),
        Moment(entered["Drain Queue In Parallel"][0], "ready", "the model runs, and is paid for"),
        Moment(
            left["Drain Queue In Parallel"][-1], "drained", f"{workers} workers have inspected {inspected} drawings"
        ),
        Moment(entered["Stop Model"][0], "empty", "the queue was empty at two looks: the model is to stop"),
        Moment(events[-1]["timestamp"], "stopped", "the model rests, the lease is free"),
    ]


def _model_seconds(stack: Stack) -> float:
    """Return the billed Custom Labels seconds of the local Rekognition."""
    counters = control.ask(stack.client_arguments(), {}, target="LocalRekognition.Counters")
    return float(counters.get("model_seconds", 0.0))


@contextlib.contextmanager
def _standard_error_in(log: Path) -> Iterator[None]:
    """Redirect the standard error of native code to a file: no setting of the runtime silences it."""
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
