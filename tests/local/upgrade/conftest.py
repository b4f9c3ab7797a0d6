"""A stack of the last release with records of every kind, updated while people upload and executions run."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local.demo.sample_photos import PHOTOS_DIR, fetch_photos
from local.rekognition.fetch import fetch_models
from local.stack import deployment, index_steps, local_stack
from local.stack.deployment import DeploymentFailed
from local.stack.local_stack import StackFiles
from tests import last_release
from tests.browser.people import Person, make_person, tokens_of
from tests.local.app.conftest import HOST, port_of, post_form
from tests.local.bulk.bulk_runs import Bulk
from tests.local.engine import web_app
from tests.local.stack.conftest import PARAMETERS, LocalStacks, local_stacks, no_word
from tests.local.stack.inspections import Inspections
from tests.local.stack.pipeline import Pipeline, wait_for
from tests.pictures import gradients, jpeg_of
from vision.domain import records, table_keys
from vision.domain.objects import ObjectVersion

__all__ = ["local_stacks"]

PHOTO = jpeg_of(gradients(160, 120))
# Long ago, for what is found when nothing has happened for a while.
LONG_AGO = "2026-01-01T00:00:00.000Z"
BURST_SECONDS = 5.0
SESSION = "before-the-upgrade"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the first test the time of two builds and of as many deployments as a release needs."""
    for item in items:
        if "tests/local/upgrade/" in item.nodeid:
            item.add_marker(pytest.mark.timeout(1800), append=False)


@dataclass
class Earlier:
    """What the last release has left."""

    ann: Person
    bob: Person
    album: dict[str, Any] = field(default_factory=dict)
    # What the API answered of each photo of Ann, by its id.
    photos: dict[str, dict[str, Any]] = field(default_factory=dict)
    # The ids of all photos in the order of the list, the rest of them after a cursor, and those with each label.
    listed: list[str] = field(default_factory=list)
    cursor: str = ""
    rest: list[str] = field(default_factory=list)
    labelled: dict[str, set[str]] = field(default_factory=dict)
    of_bob: str = ""
    refused: ObjectVersion | None = None
    inspected: dict[str, Any] = field(default_factory=dict)
    deleted: str = ""
    deleting: ObjectVersion | None = None
    aborted: ObjectVersion | None = None
    run: dict[str, Any] = field(default_factory=dict)
    running: list[ObjectVersion] = field(default_factory=list)


@dataclass
class Upgrade:
    """The stack after the update, and what was there and came before."""

    pipeline: Pipeline
    earlier: Earlier
    after_the_failure: dict[str, Any]
    failure: str
    indexes_after_the_failure: set[str]
    burst: list[ObjectVersion]


def ask(pipeline: Pipeline, person: Person, method: str, target: str, body: Any = None) -> Any:
    """Send a request of a person to the API of the last release."""
    headers = {"Authorization": f"Bearer {tokens_of(pipeline, person)['access_token']}"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    content = None if body is None else json.dumps(body).encode()
    answer = web_app.send(port_of(pipeline), method, target, content, HOST, **headers)
    assert answer.status < 400, answer
    return json.loads(answer.body) if answer.body else None


def of_ann(earlier: Earlier, name: str) -> str:
    return f"private/{earlier.ann.owner}/uploads/{name}"


def indexes(pipeline: Pipeline) -> set[str]:
    described = pipeline.client("dynamodb").describe_table(TableName=pipeline.table)["Table"]
    return {one["IndexName"] for one in described["GlobalSecondaryIndexes"]}


def change(pipeline: Pipeline, key: dict[str, str], **values: str) -> None:
    """Set attributes of an item, as time or a killed function would leave them."""
    pipeline.client("dynamodb").update_item(
        TableName=pipeline.table,
        Key={name: {"S": value} for name, value in key.items()},
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
        ExpressionAttributeNames={f"#{name}": name for name in values},
        ExpressionAttributeValues={f":{name}": {"S": value} for name, value in values.items()},
    )


def fill(pipeline: Pipeline) -> Earlier:
    """Leave records of every kind, through the APIs of the release where they have one."""
    earlier = Earlier(make_person(pipeline), make_person(pipeline))
    earlier.album = ask(pipeline, earlier.ann, "POST", "/api/albums", {"name": "Summer"})
    picture = (PHOTOS_DIR / "rocket.jpg").read_bytes()
    form = {
        "name": "rocket.jpg",
        "content_type": "image/jpeg",
        "size_bytes": len(picture),
        "album_id": earlier.album["album_id"],
    }
    announced = ask(pipeline, earlier.ann, "POST", "/api/photos", form)
    assert post_form(pipeline, announced["upload"]["url"], announced["upload"]["fields"], picture) < 300
    versions = [pipeline.upload(of_ann(earlier, f"{number}.jpg"), PHOTO) for number in range(4)]
    of_bob = pipeline.upload(f"private/{earlier.bob.owner}/uploads/bob.jpg", PHOTO)
    earlier.refused = pipeline.upload(of_ann(earlier, "broken.jpg"), PHOTO[:200])
    earlier.deleting = pipeline.upload(f"private/{earlier.bob.owner}/uploads/deleting.jpg", PHOTO)
    photographer = (PHOTOS_DIR / "photographer.png").read_bytes()
    inspected = pipeline.upload("images/gate/photographer.png", photographer, ContentType="image/png")
    bulk = Bulk.of(pipeline)
    bulk.put_photos(3)
    earlier.run = bulk.run()
    pipeline.all_finished([*versions, of_bob, earlier.refused, earlier.deleting])
    rocket = announced["photo"]["photo_id"]
    wait_for(lambda: ask(pipeline, earlier.ann, "GET", f"/api/photos/{rocket}")["status"] == "SUCCEEDED")
    earlier.inspected = Inspections(pipeline).moved(inspected)

    # One photo is deleted, and the deletion of another one was interrupted.
    earlier.deleted = pipeline.photo(versions.pop())["photo_id"]
    ask(pipeline, earlier.ann, "DELETE", f"/api/photos/{earlier.deleted}")
    interrupted = table_keys.photo_key(pipeline.photo(earlier.deleting)["photo_id"])
    # Only versions from before the deletion are deleted.
    change(pipeline, interrupted, status="DELETING", erased_at=records.now(), updated_at=LONG_AGO)
    # The form of adapters/session_log.py: a session needs a trained model.
    session = {
        "pk": f"MODEL-SESSION#{SESSION}",
        "sk": "SESSION",
        "record_type": "model_session",
        "listing_pk": "SESSIONS",
        "listing_sk": f"{LONG_AGO}#{SESSION}",
        "started_at": LONG_AGO,
        "updated_at": LONG_AGO,
        "execution_arn": f"{pipeline.machine_arn.replace(':stateMachine:', ':execution:')}:{SESSION}",
    }
    numbers = {"units": {"N": "1"}, "images": {"N": "12"}, "model_minutes": {"N": "7.5"}}
    item = {name: {"S": value} for name, value in session.items()} | numbers
    pipeline.client("dynamodb").put_item(TableName=pipeline.table, Item=item)

    earlier.of_bob = pipeline.photo(of_bob)["photo_id"]
    first = ask(pipeline, earlier.ann, "GET", "/api/photos?limit=2")
    earlier.cursor = first["cursor"]
    rest = ask(pipeline, earlier.ann, "GET", f"/api/photos?cursor={earlier.cursor}")
    earlier.rest = [photo["photo_id"] for photo in rest["photos"]]
    earlier.listed = [photo["photo_id"] for photo in first["photos"]] + earlier.rest
    assert earlier.rest
    for photo_id in earlier.listed:
        earlier.photos[photo_id] = ask(pipeline, earlier.ann, "GET", f"/api/photos/{photo_id}")
    for label in ask(pipeline, earlier.ann, "GET", "/api/labels")["labels"]:
        name = label if isinstance(label, str) else label["name"]
        found = ask(pipeline, earlier.ann, "GET", f"/api/photos?label={name.replace(' ', '%20')}")
        earlier.labelled[name] = {photo["photo_id"] for photo in found["photos"]}
    assert any(earlier.labelled.values())
    return earlier


def leave_executions(pipeline: Pipeline, earlier: Earlier) -> None:
    """Start executions that wait for a quota of the detector, and abort one of them without its event."""
    local_stack._set_wait_scale(pipeline.stack, 1.0)
    pipeline.set_faults(throttle={"every": 1})
    earlier.running = [pipeline.upload(of_ann(earlier, f"running{number}.jpg"), PHOTO) for number in range(3)]
    earlier.aborted = pipeline.upload(of_ann(earlier, "aborted.jpg"), PHOTO)
    for version in [*earlier.running, earlier.aborted]:
        pipeline.wait_until_entered(version, "Detect Labels")
        wait_for(lambda version=version: pipeline.record(version).get("status") == "RUNNING")
    rule = pipeline.resource_name("ExecutionStatusRule").rpartition("|")[2]
    pipeline.client("events").disable_rule(Name=rule)
    pipeline.client("stepfunctions").stop_execution(executionArn=pipeline.execution_arn(earlier.aborted))
    change(pipeline, table_keys.image_key(earlier.aborted), updated_at=LONG_AGO)
    pipeline.client("events").enable_rule(Name=rule)


@contextmanager
def uploads(pipeline: Pipeline, earlier: Earlier) -> Iterator[list[ObjectVersion]]:
    """Upload a photo every five seconds within a ``with`` block."""
    sent: list[ObjectVersion] = []
    ended = threading.Event()

    def send() -> None:
        while not ended.wait(BURST_SECONDS):
            sent.append(pipeline.upload(of_ann(earlier, f"burst/{len(sent)}.jpg"), PHOTO))

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield sent
    finally:
        ended.set()
        thread.join()


def update_that_fails(pipeline: Pipeline) -> str:
    """Deploy the build with a trigger that AWS refuses, after the table, a function and a state machine have changed.

    The role of the function may not read that queue. Returns what the deployment says.
    """
    target = pipeline.files.target(
        local_stack._own_parameters(pipeline.stack) | PARAMETERS, pipeline.stack.client_arguments()
    )
    deployment.build(target)
    built = target.build_dir / "template.yaml"
    whole = built.read_text(encoding="utf-8")
    template = index_steps.read(built)
    template["Resources"]["Refused"] = {
        "Type": "AWS::Lambda::EventSourceMapping",
        "DependsOn": [index_steps.TABLE, "StoreMetadataFunction", "ProcessImage"],
        "Properties": {
            "FunctionName": {"Ref": "StoreMetadataFunction"},
            "EventSourceArn": {"Fn::GetAtt": ["TrackingDeadLetterQueue", "Arn"]},
        },
    }
    built.write_text(json.dumps(template), encoding="utf-8")
    try:
        with pytest.raises(DeploymentFailed) as failed:
            deployment.deploy(target)
    finally:
        built.write_text(whole, encoding="utf-8")
    return str(failed.value)


def stack_of_the_last_release(folder: Path, local_stacks: LocalStacks) -> Pipeline:
    source = last_release.extract(folder / "source")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deployment, "REPOSITORY", source)
        return local_stacks.up(StackFiles(folder / "stack"))


@pytest.fixture(scope="session")
def upgrade(local_stacks: LocalStacks, tmp_path_factory: pytest.TempPathFactory) -> Upgrade:
    fetch_models(say=no_word)
    fetch_photos(say=no_word)
    pipeline = stack_of_the_last_release(tmp_path_factory.mktemp("upgrade"), local_stacks)
    earlier = fill(pipeline)
    failure = update_that_fails(pipeline)
    after_the_failure = pipeline.finished(pipeline.upload(of_ann(earlier, "after-the-failure.jpg"), PHOTO))
    indexes_after_the_failure = indexes(pipeline)
    leave_executions(pipeline, earlier)
    with uploads(pipeline, earlier) as burst:
        upgraded = local_stacks.up(pipeline.files)
    upgraded.set_faults()
    local_stack._set_wait_scale(upgraded.stack, 0.01)
    upgraded.all_finished([*earlier.running, *burst])
    return Upgrade(upgraded, earlier, after_the_failure, failure, indexes_after_the_failure, burst)
