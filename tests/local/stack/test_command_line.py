"""Commands of the README and of `make up`, with the AWS CLI and nothing but `.local/aws.env`."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.local.stack.pipeline import Pipeline
from tests.pictures import gradients, jpeg_of
from vision.domain.objects import ObjectVersion

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def shell(shared_pipeline: Pipeline, aws_cli: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Run a command in a new shell that has sourced the stack's variables and has the AWS CLI on its PATH."""
    folder = tmp_path_factory.mktemp("home")
    # A developer's shell may be set up for another account.
    environment = {
        "PATH": f"{aws_cli}:{os.environ['PATH']}",
        "HOME": str(folder),
        "AWS_PROFILE": "company",
        "AWS_SESSION_TOKEN": "of-another-account",
        "LANG": "C.UTF-8",
    }

    def run(command: str) -> str:
        text = f"source {shared_pipeline.files.shell}; {command}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text], env=environment, cwd=folder, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="module")
def processed(shell: Callable[[str], str], shared_pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The record of a photo that was uploaded by the AWS CLI."""
    photo = tmp_path_factory.mktemp("photos") / "my photo+1.jpg"
    photo.write_bytes(jpeg_of(gradients(320, 240)))
    shell(f'aws s3 cp "{photo}" "s3://$ImageBucketName/private/me/uploads/"')
    [found] = shared_pipeline.client("s3").list_object_versions(
        Bucket=shared_pipeline.bucket, Prefix=f"private/me/uploads/{photo.name}"
    )["Versions"]
    version = ObjectVersion(
        bucket=shared_pipeline.bucket,
        key=found["Key"],
        version_id=found["VersionId"],
        etag=found["ETag"].strip('"'),
        sequencer="",
        size_bytes=found["Size"],
    )
    return shared_pipeline.finished(version)


def test_photo_copied_by_the_aws_cli_is_processed(processed):
    assert processed["status"] == "SUCCEEDED"
    assert processed["object"]["key"] == "private/me/uploads/my photo+1.jpg"


def test_execution_its_history_and_record_are_read(shell, processed):
    listed = json.loads(shell('aws stepfunctions list-executions --state-machine-arn "$ProcessImageStateMachineArn"'))
    assert processed["execution_arn"] in {one["executionArn"] for one in listed["executions"]}
    command = f"aws stepfunctions get-execution-history --execution-arn {processed['execution_arn']}"
    assert json.loads(shell(command))["events"][-1]["type"] == "ExecutionSucceeded"
    scanned = json.loads(shell('aws dynamodb scan --table-name "$ImageTableName"'))
    [item] = [item for item in scanned["Items"] if item["sk"]["S"] == processed["sk"]]
    assert item["status"] == {"S": "SUCCEEDED"}
    assert item["width"] == {"N": "320"}


def test_thumbnail_is_copied_back(shell, processed, tmp_path):
    target = tmp_path / "thumbnail.jpg"
    thumbnail = processed["thumbnail"]
    shell(f"aws s3 cp s3://{thumbnail['bucket']}/{thumbnail['key']} {target}")
    assert target.read_bytes().startswith(b"\xff\xd8")


def test_queues_are_reached_by_the_urls_of_the_outputs(shell, processed):
    for name in ("ProcessingQueueUrl", "ProcessingDeadLetterQueueUrl"):
        # Version 1 of the AWS CLI does not look at AWS_ENDPOINT_URL for SQS; docs/operations.md says so.
        command = f'aws sqs get-queue-attributes --endpoint-url "$AWS_ENDPOINT_URL" --queue-url "${name}"'
        answer = json.loads(shell(f"{command} --attribute-names All"))
        assert answer["Attributes"]["ApproximateNumberOfMessages"] == "0"


def test_logs_of_functions_are_read(shell, processed):
    groups = json.loads(shell("aws logs describe-log-groups"))["logGroups"]
    assert any("FunctionLogs" in group["logGroupName"] for group in groups)


def test_environment_file_points_at_the_local_stack_and_no_other_account(shell, shared_pipeline: Pipeline):
    assert shell("echo $AWS_DEFAULT_REGION ${AWS_PROFILE:-none} ${AWS_SESSION_TOKEN:-none}") == "us-east-1 none none\n"
    assert Path(shared_pipeline.files.shell).name == "aws.env"
    assert shell("echo $AWS_ENDPOINT_URL").strip() == shared_pipeline.stack.endpoint_url
