"""Commands of the README and of `make up`, with the AWS CLI and nothing but `.local/aws.env`."""

import os
from pathlib import Path

import pytest

from tests.local.stack.shell import bash
from tests.pictures import gradients, jpeg_of
from vision.domain.objects import ObjectVersion

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def shell(shared_pipeline, aws_cli, tmp_path_factory):
    """Run a command in a new shell with the stack's environment file and the AWS CLI, set up for another account."""
    folder = tmp_path_factory.mktemp("home")
    environment = {
        "PATH": f"{aws_cli}:{os.environ['PATH']}",
        "HOME": str(folder),
        "AWS_PROFILE": "company",
        "AWS_SESSION_TOKEN": "of-another-account",
        "LANG": "C.UTF-8",
    }
    return lambda command: bash(f"source {shared_pipeline.files.shell}; {command}", environment, folder)


def test_aws_cli_uploads_a_photo_and_downloads_its_thumbnail(shell, shared_pipeline, tmp_path):
    pipeline, photo, thumbnail = shared_pipeline, tmp_path / "my photo+1.jpg", tmp_path / "thumbnail.jpg"
    photo.write_bytes(jpeg_of(gradients(320, 240)))
    shell(f'aws s3 cp "{photo}" "s3://$ImageBucketName/private/me/uploads/"')
    key = "private/me/uploads/my photo+1.jpg"
    [found] = pipeline.client("s3").list_object_versions(Bucket=pipeline.bucket, Prefix=key)["Versions"]
    etag = found["ETag"].strip('"')
    record = pipeline.finished(ObjectVersion(pipeline.bucket, key, found["VersionId"], etag, "", found["Size"]))
    assert record["status"] == "SUCCEEDED"
    assert record["object"]["key"] == key
    shell(f"aws s3 cp s3://{record['thumbnail']['bucket']}/{record['thumbnail']['key']} {thumbnail}")
    assert thumbnail.read_bytes().startswith(b"\xff\xd8")


def test_environment_file_points_at_the_local_stack_and_no_other_account(shell, shared_pipeline):
    assert shell("echo $AWS_DEFAULT_REGION ${AWS_PROFILE:-none} ${AWS_SESSION_TOKEN:-none}") == "us-east-1 none none\n"
    assert Path(shared_pipeline.files.shell).name == "aws.env"
    assert shell("echo $AWS_ENDPOINT_URL").strip() == shared_pipeline.stack.endpoint_url
