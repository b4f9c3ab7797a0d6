"""The images that ECR must not remove: what production runs, and what it ran before."""

import json
import re

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError, ProfileNotFound

from local.delivery import images, keep_image

NAME = "image-recognition-model"


@pytest.fixture
def ecr(aws):
    client = boto3.client("ecr", region_name="eu-west-1")
    client.create_repository(repositoryName=NAME)
    return client


@pytest.fixture
def push(ecr):
    """Push an image that is made of one layer, and return its URI by the digest."""

    def pushed(name):
        digests = {one: "sha256:" + f"{ord(name):02x}{ord(one):02x}" * 16 for one in "cl"}
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {"mediaType": "application/json", "size": 1, "digest": digests["c"]},
            "layers": [{"mediaType": "application/gzip", "size": 1, "digest": digests["l"]}],
        }
        image = ecr.put_image(repositoryName=NAME, imageManifest=json.dumps(manifest), imageTag=f"classify-{name}")
        digest = image["image"]["imageId"]["imageDigest"]
        return f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/{NAME}@{digest}"

    return pushed


@pytest.fixture
def tagged(ecr):
    """Return who has which of the tags that keep an image."""

    def found():
        images = ecr.describe_images(repositoryName=NAME)["imageDetails"]
        kept = (keep_image.RUNS, keep_image.RAN_BEFORE)
        return {tag: one["imageDigest"] for one in images for tag in one.get("imageTags", []) if tag in kept}

    return found


def _digest(uri):
    return uri.partition("@")[2]


def test_the_first_image_of_production_has_none_before_it(ecr, push, tagged):
    first = push("a")
    keep_image.keep(first, ecr)
    assert tagged() == {keep_image.RUNS: _digest(first)}


def test_the_image_that_production_ran_before_is_kept_to_go_back_to(ecr, push, tagged):
    first, second = push("a"), push("b")
    for uri in (first, second):
        keep_image.keep(uri, ecr)
    assert tagged() == {keep_image.RUNS: _digest(second), keep_image.RAN_BEFORE: _digest(first)}


def test_no_more_than_two_images_are_ever_kept_by_their_tags(ecr, push, tagged):
    uris = [push(name) for name in "abc"]
    for uri in uris:
        keep_image.keep(uri, ecr)
    assert tagged() == {keep_image.RUNS: _digest(uris[2]), keep_image.RAN_BEFORE: _digest(uris[1])}


def test_going_back_changes_the_two(ecr, push, tagged):
    first, second = push("a"), push("b")
    for uri in (first, second, first):
        keep_image.keep(uri, ecr)
    assert tagged() == {keep_image.RUNS: _digest(first), keep_image.RAN_BEFORE: _digest(second)}


def test_the_same_image_once_more_changes_nothing(ecr, push, tagged):
    first, second = push("a"), push("b")
    for uri in (first, second, second):
        keep_image.keep(uri, ecr)
    assert tagged() == {keep_image.RUNS: _digest(second), keep_image.RAN_BEFORE: _digest(first)}


def test_a_run_that_was_cut_off_between_the_two_tags_is_run_again(ecr, push, tagged):
    first, second = push("a"), push("b")
    keep_image.keep(first, ecr)
    (manifest,) = ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageDigest": _digest(first)}])["images"]
    ecr.put_image(repositoryName=NAME, imageManifest=manifest["imageManifest"], imageTag=keep_image.RAN_BEFORE)
    keep_image.keep(second, ecr)
    assert tagged() == {keep_image.RUNS: _digest(second), keep_image.RAN_BEFORE: _digest(first)}


def test_an_image_that_is_gone_is_told_with_the_remedy(ecr, push):
    uri = push("a")
    ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": _digest(uri)}])
    with pytest.raises(RuntimeError, match="not in its repository any more") as gone:
        keep_image.keep(uri, ecr)
    # To deploy it alone would deploy the image that is gone.
    targets = re.findall(r"make ([a-z -]+)", str(gone.value))
    assert targets == ["image image-sbom", "publish-image", "scan-image", "deploy-image"]


def test_another_error_of_ecr_is_told(ecr, push, monkeypatch):
    def refuse(**_):
        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "PutImage")

    uri = push("a")
    monkeypatch.setattr(ecr, "put_image", refuse)
    with pytest.raises(ClientError, match="AccessDenied"):
        keep_image.keep(uri, ecr)


def test_the_image_is_the_one_that_the_published_template_names(push, tagged, tmp_path, capsys):
    uri = push("a")
    (tmp_path / "template.yaml").write_text(f"Resources:\n  F:\n    Properties:\n      ImageUri: {uri}\n")
    assert keep_image.main(["--template", str(tmp_path / "template.yaml")]) == 0
    assert tagged() == {keep_image.RUNS: _digest(uri)}
    assert capsys.readouterr().out == f"{uri} is kept as what production runs.\n"


def test_a_template_without_an_image_is_told_with_the_remedy(tmp_path, capsys):
    template = tmp_path / "template.yaml"
    template.write_text("Resources: {}\n")
    assert keep_image.main(["--template", str(template)]) == 1
    told = f"{template} names no image; take the one that `make publish-image` has written\n"
    assert capsys.readouterr().out == told


def test_a_folder_instead_of_a_template_is_told(tmp_path, capsys):
    assert keep_image.main(["--template", str(tmp_path)]) == 1
    assert capsys.readouterr().out == f"[Errno 21] Is a directory: '{tmp_path}'\n"


REFUSED = ClientError({"Error": {"Code": "ExpiredTokenException", "Message": "too old"}}, "BatchGetImage")


@pytest.mark.parametrize("error", [NoCredentialsError(), ProfileNotFound(profile="nope"), REFUSED])
def test_what_aws_refuses_is_told_in_its_own_words(error, tmp_path, monkeypatch, capsys):
    def refuse(_image):
        raise error

    monkeypatch.setattr(images.Image, "client", refuse)
    uri = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/{NAME}:classify-a"
    (tmp_path / "template.yaml").write_text(f"ImageUri: {uri}\n")
    assert keep_image.main(["--template", str(tmp_path / "template.yaml")]) == 1
    assert capsys.readouterr().out == f"{error}\n"
