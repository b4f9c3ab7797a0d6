"""The images that ECR must keep: the one that production runs, and the one that it ran before."""

import json
import re
from unittest.mock import Mock

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError, ProfileNotFound

from local.delivery import images, keep_image

NAME = "image-recognition-model"
REPOSITORY = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/{NAME}"
REFUSED = ClientError({"Error": {"Code": "ExpiredTokenException", "Message": "too old"}}, "BatchGetImage")


@pytest.fixture
def ecr(aws):
    client = boto3.client("ecr", region_name="eu-west-1")
    client.create_repository(repositoryName=NAME)
    return client


@pytest.fixture
def push(ecr):
    """Push an image of one layer, and return its URI with the digest."""

    def pushed(name):
        digests = {one: "sha256:" + f"{ord(name):02x}{ord(one):02x}" * 16 for one in "cl"}
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {"mediaType": "application/json", "size": 1, "digest": digests["c"]},
            "layers": [{"mediaType": "application/gzip", "size": 1, "digest": digests["l"]}],
        }
        image = ecr.put_image(repositoryName=NAME, imageManifest=json.dumps(manifest), imageTag=f"classify-{name}")
        return f"{REPOSITORY}@{image['image']['imageId']['imageDigest']}"

    return pushed


@pytest.fixture
def kept(ecr):
    """Return the URIs of the image that runs and of the one that ran before."""

    def by_tags():
        details = ecr.describe_images(repositoryName=NAME)["imageDetails"]
        uris = {tag: f"{REPOSITORY}@{one['imageDigest']}" for one in details for tag in one.get("imageTags", [])}
        return uris.get(keep_image.RUNS), uris.get(keep_image.RAN_BEFORE)

    return by_tags


@pytest.fixture
def main(tmp_path, capsys):
    """Run the command on a template that names an image; return exit code and output."""

    def run(uri):
        template = tmp_path / "template.yaml"
        template.write_text(f"Resources:\n  F:\n    Properties:\n      ImageUri: {uri}\n" if uri else "Resources: {}\n")
        code = keep_image.main(["--template", str(template)])
        return code, capsys.readouterr().out

    return run


@pytest.mark.parametrize(
    ("deployed", "runs", "ran_before"),
    [("a", "a", None), ("ab", "b", "a"), ("abc", "c", "b"), ("aba", "a", "b"), ("abb", "b", "a")],
    ids=["first", "second", "third", "back to the first", "second again"],
)
def test_running_image_and_the_one_before_are_kept(ecr, push, kept, deployed, runs, ran_before):
    uris = {name: push(name) for name in sorted(set(deployed))}
    for name in deployed:
        keep_image.keep(uris[name], ecr)
    assert kept() == (uris[runs], uris.get(ran_before))


def test_run_that_ended_between_the_two_tags_is_repeated(ecr, push, kept):
    first, second = push("a"), push("b")
    keep_image.keep(first, ecr)
    [image] = ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageDigest": first.partition("@")[2]}])["images"]
    ecr.put_image(repositoryName=NAME, imageManifest=image["imageManifest"], imageTag=keep_image.RAN_BEFORE)
    keep_image.keep(second, ecr)
    assert kept() == (second, first)


def test_deleted_image_is_reported_with_the_remedy(ecr, push):
    uri = push("a")
    ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": uri.partition("@")[2]}])
    with pytest.raises(RuntimeError, match="not in its repository any more") as deleted:
        keep_image.keep(uri, ecr)
    # `make deploy-image` alone would deploy the deleted image.
    targets = re.findall(r"make ([a-z -]+)", str(deleted.value))
    assert targets == ["image image-sbom", "publish-image", "scan-image", "deploy-image"]


def test_other_error_of_ecr_is_raised(ecr, push, monkeypatch):
    uri = push("a")
    monkeypatch.setattr(ecr, "put_image", Mock(side_effect=REFUSED))
    with pytest.raises(ClientError, match="too old"):
        keep_image.keep(uri, ecr)


def test_command_keeps_the_image_of_a_template_or_reports_that_it_names_none(push, kept, main, tmp_path, capsys):
    uri = push("a")
    assert main(uri) == (0, f"{uri} is kept as what production runs.\n")
    assert kept() == (uri, None)
    code, output = main(None)
    assert code == 1
    assert "names no image" in output
    assert "make publish-image" in output
    assert keep_image.main(["--template", str(tmp_path)]) == 1
    assert capsys.readouterr().out == f"[Errno 21] Is a directory: '{tmp_path}'\n"


@pytest.mark.parametrize("error", [NoCredentialsError(), ProfileNotFound(profile="nope"), REFUSED])
def test_command_reports_an_error_of_the_sdk(error, monkeypatch, main):
    monkeypatch.setattr(images.Image, "client", Mock(side_effect=error))
    assert main(f"{REPOSITORY}:classify-a") == (1, f"{error}\n")
