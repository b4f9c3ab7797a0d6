"""The image of an own model: the findings of ECR in it, its name, and its bill of materials."""

import json
import os

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from local.delivery import image_scan, images, publish, sbom

pytestmark = pytest.mark.thorough

DIGEST = "sha256:" + "0a" * 32
REPOSITORY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/image-recognition/model"
IMAGE = f"{REPOSITORY}:classify-1"
NAMED = {"registryId": "123456789012", "repositoryName": "image-recognition/model"}
FINDINGS = NAMED | {"imageId": {"imageTag": "classify-1"}}
STATUS = FINDINGS | {"maxResults": 1}
OPERATION = "describe_image_scan_findings"


@pytest.fixture
def stub(aws):
    """A client of ECR, and its stub."""
    client = boto3.client("ecr", region_name="eu-west-1")
    with Stubber(client) as stub:
        yield stub


@pytest.fixture
def holes(stub):
    return lambda **polls: image_scan.holes(IMAGE, stub.client, poll_seconds=0, **polls)


@pytest.fixture
def answer(stub):
    """Let ECR answer the next request for the status, or for all findings."""

    def add(status="COMPLETE", request=STATUS, description="No.", **findings):
        scan = {"imageScanStatus": {"status": status, "description": description}, "imageScanFindings": findings}
        stub.add_response(OPERATION, scan, request)

    return add


@pytest.mark.parametrize(
    ("status", "finding", "expected"),
    [
        *(("COMPLETE", {"severity": one, "name": "CVE-1"}, [f"{one}: CVE-1"]) for one in ("CRITICAL", "HIGH")),
        *(("COMPLETE", {"severity": one, "name": "CVE-1"}, []) for one in ("MEDIUM", "LOW")),
        # The scan of Inspector never ends.
        ("ACTIVE", {"severity": "HIGH", "title": "CVE-1"}, ["HIGH: CVE-1"]),
    ],
)
def test_critical_and_high_findings_are_returned(answer, holes, status, finding, expected):
    name = "enhancedFindings" if status == "ACTIVE" else "findings"
    for request in (STATUS, FINDINGS):
        answer(status, request, **{name: [finding]})
    assert holes() == expected


@pytest.mark.parametrize("status", ["ScanNotFoundException", "PENDING", "IN_PROGRESS"])
def test_scan_that_has_not_begun_or_ended_is_waited_for(stub, answer, holes, status):
    if status == "ScanNotFoundException":
        stub.add_client_error(OPERATION, status)
    else:
        answer(status)
    answer()
    answer(request=FINDINGS)
    assert holes() == []


def test_failed_scan_is_an_error(answer, holes):
    for status in ("FAILED", "UNSUPPORTED_IMAGE", "LIMIT_EXCEEDED", "FINDINGS_UNAVAILABLE"):
        answer(status)
        with pytest.raises(RuntimeError, match=rf"is {status} .* No\."):
            holes()


def test_scan_that_does_not_end_and_another_error_of_ecr_are_raised(answer, holes, stub):
    for _ in range(2):
        answer("PENDING")
    with pytest.raises(RuntimeError, match="is not done"):
        holes(polls=2)
    stub.add_client_error(OPERATION, "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDenied"):
        holes()


def test_image_is_named_by_its_tag_or_its_digest_in_ecr():
    assert images.read(IMAGE).wanted() == FINDINGS
    assert images.read(f"{REPOSITORY}@{DIGEST}").wanted() == NAMED | {"imageId": {"imageDigest": DIGEST}}
    with pytest.raises(ValueError, match="no image of ECR"):
        images.read("python:3.13")


def test_published_template_is_pinned_to_the_digest_of_its_image(stub, tmp_path):
    template = tmp_path / "template.yaml"
    with pytest.raises(FileNotFoundError, match="make publish-image"):
        publish.published_image(template)
    template.write_text(f"Resources:\n  Function:\n    Properties:\n      ImageUri: {IMAGE}\n      Timeout: 60\n")
    assert publish.published_image(template) == IMAGE
    details = {"imageDetails": [{"imageDigest": DIGEST}]}
    stub.add_response("describe_images", details, NAMED | {"imageIds": [{"imageTag": "classify-1"}]})
    publish.pin_image(template, stub.client)
    assert publish.published_image(template) == f"{REPOSITORY}@{DIGEST}"


@pytest.fixture
def packages(tmp_path):
    """A folder with one package, as pip installs it."""
    folder = tmp_path / "task"
    (folder / "shot").mkdir(parents=True)
    (folder / "shot/__init__.py").touch()
    (folder / "shot-1.2.dist-info").mkdir()
    (folder / "shot-1.2.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: shot\nVersion: 1.2\n")
    return folder


def test_bill_of_an_image_lists_its_task_folder_and_removes_the_container(packages, tmp_path, monkeypatch):
    log, docker = tmp_path / "calls", tmp_path / "bin/docker"
    docker.parent.mkdir()
    docker.write_text(
        f'#!/bin/sh\necho "$@" >> {log}\ncase $1 in\ncreate) echo c0ffee;;\n'
        f'cp) [ "$3" = c0ffee:/var/task ] && cp -r {packages} "$4";;\nesac\n'
    )
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{docker.parent}{os.pathsep}{os.environ['PATH']}")
    sbom.write_bill_of_image("classify", tmp_path / "bill.json")
    components = json.loads((tmp_path / "bill.json").read_text())["components"]
    assert [(one["name"], one["version"]) for one in components] == [("shot", "1.2")]
    assert log.read_text().splitlines()[-1] == "rm c0ffee"
    with pytest.raises(FileNotFoundError, match="make package"):
        sbom.write_bill([], tmp_path / "bill.json")
