"""The commands of docs/coming-from.md, on images and rows as the older systems have them."""

import json
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import boto3
import pytest

from local.stack.deployment import REPOSITORY
from tests.local.bulk.bulk_runs import OLDER, photo
from tests.local.stack.pipeline import Pipeline, wait_for
from tests.local.stack.shell import bash, clean_environment
from vision.domain import table_keys
from vision.domain.keys import photo_id
from vision.domain.objects import ObjectVersion

pytestmark = pytest.mark.local

PAGE = (REPOSITORY / "docs/coming-from.md").read_text(encoding="utf-8")
SECTIONS = {
    text.partition("\n")[0]: re.findall(r"```bash\n(.*?)```", text, re.DOTALL) for text in PAGE.split("\n## ")[1:]
}
RUN = {"Custom Labels batch", "Photo backend", "Quality control", "Own model in a container", "Distributed Map"}
IDENTITY = "us-east-1:4f182a97-9165-46d8-a6de-f29b16927761"

Shell = Callable[..., None]


@pytest.fixture
def shell(pipeline, aws_cli, tmp_path):
    """Run the block of a section as a reader does, with variables for the names of the older system."""
    for name, target in {".local": pipeline.files.folder, "local": REPOSITORY / "local"}.items():
        (tmp_path / name).symlink_to(target)
    (tmp_path / ".venv").symlink_to(REPOSITORY / ".venv")

    def run(section: str, **variables: str) -> None:
        [block] = SECTIONS[section]
        bash(f"source .local/aws.env\n{block}", clean_environment(aws_cli, **variables), tmp_path)

    return run


@pytest.fixture
def put(pipeline):
    """Put different photos into a bucket of an older system."""
    s3 = pipeline.client("s3")

    def into(bucket: str, *keys: str) -> None:
        if bucket not in {one["Name"] for one in s3.list_buckets()["Buckets"]}:
            s3.create_bucket(Bucket=bucket)
        for number, key in enumerate(keys):
            s3.put_object(Bucket=bucket, Key=key, Body=photo(number) if not key.endswith((".txt", ".json")) else b"[]")

    return into


def _keys(pipeline: Pipeline, bucket: str, prefix: str = "") -> set[str]:
    found = pipeline.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    return {one["Key"] for one in found}


def _table(pipeline: Pipeline, name: str, *rows: dict[str, Any]) -> str:
    name = f"{name}-{uuid.uuid4().hex[:8]}"
    table = boto3.resource("dynamodb", **pipeline.stack.client_arguments()).create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for row in rows:
        table.put_item(Item=row)
    return name


def _photo_of(pipeline: Pipeline, owner: str) -> dict[str, Any]:
    """The only photo of an owner, once its record has succeeded."""

    def done() -> dict[str, Any] | None:
        found = pipeline.client("dynamodb").query(
            TableName=pipeline.table,
            IndexName="listing",
            KeyConditionExpression="listing_pk = :owner",
            ExpressionAttributeValues={":owner": {"S": f"OWNER#{owner}"}},
        )["Items"]
        [item] = [pipeline.item(one["pk"]["S"], one["sk"]["S"]) for one in found] or [{}]
        record = pipeline.item(item.get("pk", "none"), f"VERSION#{item.get('object', {}).get('version_id')}")
        return item | {"record": record} if record.get("status") == "SUCCEEDED" else None

    return wait_for(done)


def _sub(pipeline: Pipeline, email: str) -> str:
    found = pipeline.client("cognito-idp").admin_get_user(
        UserPoolId=pipeline.stack.outputs["UserPoolId"], Username=email
    )
    [sub] = [attribute["Value"] for attribute in found["UserAttributes"] if attribute["Name"] == "sub"]
    return sub


def test_every_command_of_the_page_is_run():
    assert {section for section, blocks in SECTIONS.items() if blocks} == RUN


def test_images_of_a_custom_labels_batch_are_inspected(shell, put, pipeline):
    put("older-source", "Screenshot 2020-11-17.png", "line 1/part.jpg", "notes.txt", "part.gif")
    put("older-final", "QwErTyUiOp-part.jpg", "QwErTyUiOp-part.jpg.json")
    shell("Custom Labels batch", OLD_SOURCE_BUCKET="older-source", OLD_FINAL_BUCKET="older-final")
    assert _keys(pipeline, "older-source") == {"notes.txt", "part.gif"}
    results = pipeline.stack.outputs["ResultsBucketName"]
    assert _keys(pipeline, results, "older/") == {"older/QwErTyUiOp-part.jpg", "older/QwErTyUiOp-part.jpg.json"}
    inspected = {f"analyzed/success/{key}" for key in ("Screenshot 2020-11-17.png", "line 1/part.jpg")}
    wait_for(lambda: inspected <= _keys(pipeline, results, "analyzed/"))


def test_photo_of_a_photo_backend_keeps_its_album_and_has_a_record(shell, put, pipeline):
    put("older-photos", f"private/{IDENTITY}/uploads/e2d9705b.jpg", f"private/{IDENTITY}/resized/e2d9705b.jpg")
    album = {"id": "9a1c", "name": "Summer", "owner": "ann", "createdAt": "2023-05-01T09:00:00.000Z"}
    uploaded = {"id": "e2d9705b", "uploadTime": "2023-05-02T10:00:00.000Z", "objectDetected": ["Dog"]}
    row = {**uploaded, "albumId": "9a1c", "owner": "ann", "bucket": "older-photos", "ProcessingStatus": "SUCCEEDED"}
    tables = {
        "OLD_PHOTO_TABLE": _table(pipeline, "Photo", row),
        "OLD_ALBUM_TABLE": _table(pipeline, "Album", album),
    }
    email = f"ann-{uuid.uuid4().hex[:8]}@example.com"
    shell("Photo backend", OLD_BUCKET="older-photos", OWNER="ann", IDENTITY=IDENTITY, EMAIL=email, **tables)
    sub = _sub(pipeline, email)
    moved = _photo_of(pipeline, sub)
    assert moved["created_at"] == "2023-05-02T10:00:00.000Z"
    assert moved["name"] == "e2d9705b.jpg"
    assert pipeline.item(f"OWNER#{sub}", f"ALBUM#{moved['album_id']}")["name"] == "Summer"
    assert moved["record"]["owner"] == sub
    assert moved["record"]["width"] == 160
    assert {"labels", "thumbnail"} <= moved["record"].keys()


def test_images_of_a_quality_control_are_inspected_and_kept(shell, put, pipeline):
    put("older-quality", "images/line/a+b.png", "analyzed/failure/c.jpg", "other/d.jpg")
    shell("Quality control", OLD_BUCKET="older-quality")
    results = pipeline.stack.outputs["ResultsBucketName"]
    moved = {"analyzed/success/line/a+b.png", "analyzed/failure/c.jpg"}
    wait_for(lambda: moved <= _keys(pipeline, results, "analyzed/"))
    assert _keys(pipeline, "older-quality") == {"analyzed/failure/c.jpg", "other/d.jpg"}


def test_images_of_an_own_model_become_photos_of_a_person(shell, put, pipeline):
    put("older-model", "rose 1.JPG", "labels.txt")
    people, pool = pipeline.client("cognito-idp"), pipeline.stack.outputs["UserPoolId"]
    email = f"bob-{uuid.uuid4().hex[:8]}@example.com"
    people.admin_create_user(UserPoolId=pool, Username=email, UserAttributes=[{"Name": "email", "Value": email}])
    shell("Own model in a container", OLD_BUCKET="older-model", EMAIL=email)
    sub = _sub(pipeline, email)
    assert _photo_of(pipeline, sub)["object"]["key"] == f"private/{sub}/uploads/rose 1.JPG"
    assert _keys(pipeline, pipeline.bucket, f"private/{sub}/uploads/") == {f"private/{sub}/uploads/rose 1.JPG"}


def test_labels_of_the_distributed_map_sample_are_not_paid_again(shell, put, bulk, pipeline):
    put(OLDER, "dog.jpg", "new.jpeg")
    rows = _table(pipeline, "older-rows", {"id": "dog.jpg", "labels": ("Dog", Decimal("98.7"))})
    first_run = datetime.now(UTC).isoformat()
    shell("Distributed Map", OLD_TABLE=rows, OLD_BUCKET=OLDER, FIRST_RUN=first_run)

    states = pipeline.client("stepfunctions")
    machine = pipeline.stack.outputs["ProcessBucketStateMachineArn"]
    [run] = wait_for(lambda: states.list_executions(stateMachineArn=machine)["executions"][:1])
    summary = json.loads(pipeline.closed(run["executionArn"])["output"])
    assert summary["request"]["bucket"] == OLDER
    assert summary["seen"] == summary["labelled"] == 2
    assert summary["calls"] == 1
    etag = pipeline.client("s3").head_object(Bucket=OLDER, Key="dog.jpg")["ETag"].strip('"')
    record = pipeline.item(**table_keys.image_key(ObjectVersion(OLDER, "dog.jpg", "", etag, "", 0)))
    assert record["labels"] == [{"name": "Dog", "confidence": Decimal("98.7")}]
    assert record["status"] == "SUCCEEDED"
    assert record["width"] == 160
    assert record["photo_id"] == photo_id(OLDER, "dog.jpg")
