"""The own model's image: what ECR found in it, and the list of what is in it."""

import json
import os
from pathlib import Path

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
WANTED = NAMED | {"imageId": {"imageTag": "classify-1"}}
LOOK = WANTED | {"maxResults": 1}
OPERATION = "describe_image_scan_findings"


def _finding(severity):
    return {"severity": severity, "name": f"CVE-{severity}"}


@pytest.fixture
def ecr(aws):
    client = boto3.client("ecr", region_name="eu-west-1")
    with Stubber(client) as stub:
        yield client, stub


def _answer(status="COMPLETE", **findings):
    return {"imageScanStatus": {"status": status}, "imageScanFindings": findings}


@pytest.mark.parametrize(
    ("severity", "refused"), [("CRITICAL", True), ("HIGH", True), ("MEDIUM", False), ("LOW", False)]
)
def test_an_image_with_critical_or_high_holes_is_refused(ecr, severity, refused):
    client, stub = ecr
    for expected in (LOOK, WANTED):
        stub.add_response(OPERATION, _answer(findings=[_finding(severity)]), expected)
    assert bool(image_scan.holes(IMAGE, client)) is refused


def test_what_inspector_finds_counts_too_and_its_scan_never_ends(ecr):
    client, stub = ecr
    for expected in (LOOK, WANTED):
        stub.add_response(
            OPERATION, _answer("ACTIVE", enhancedFindings=[{"severity": "HIGH", "title": "CVE-1"}]), expected
        )
    assert image_scan.holes(IMAGE, client) == ["HIGH: CVE-1"]


@pytest.mark.parametrize("status", ["PENDING", "IN_PROGRESS"])
def test_it_waits_until_the_scan_is_done(ecr, status):
    client, stub = ecr
    stub.add_response(OPERATION, {"imageScanStatus": {"status": status}}, LOOK)
    stub.add_response(OPERATION, _answer(), LOOK)
    stub.add_response(OPERATION, _answer(), WANTED)
    assert image_scan.holes(IMAGE, client, poll_seconds=0) == []


def test_it_waits_until_the_scan_has_begun(ecr):
    client, stub = ecr
    stub.add_client_error(OPERATION, "ScanNotFoundException")
    stub.add_response(OPERATION, _answer(), LOOK)
    stub.add_response(OPERATION, _answer(), WANTED)
    assert image_scan.holes(IMAGE, client, poll_seconds=0) == []


@pytest.mark.parametrize("status", ["FAILED", "UNSUPPORTED_IMAGE", "LIMIT_EXCEEDED", "FINDINGS_UNAVAILABLE"])
def test_a_scan_that_cannot_tell_is_no_pass(ecr, status):
    client, stub = ecr
    stub.add_response(OPERATION, {"imageScanStatus": {"status": status, "description": "No."}}, LOOK)
    with pytest.raises(RuntimeError, match=rf"is {status} and says nothing of its holes. No."):
        image_scan.holes(IMAGE, client, poll_seconds=0)


def test_a_scan_that_does_not_end_is_no_pass(ecr):
    client, stub = ecr
    for _ in range(2):
        stub.add_response(OPERATION, {"imageScanStatus": {"status": "PENDING"}}, LOOK)
    with pytest.raises(RuntimeError, match="is not done"):
        image_scan.holes(IMAGE, client, poll_seconds=0, polls=2)


def test_another_error_of_ecr_is_not_waited_for(ecr):
    client, stub = ecr
    stub.add_client_error(OPERATION, "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDenied"):
        image_scan.holes(IMAGE, client, poll_seconds=0)


def test_what_is_no_image_of_ecr_is_refused():
    with pytest.raises(ValueError, match="no image of ECR"):
        images.read("python:3.13")


@pytest.mark.parametrize(
    ("uri", "which"), [(IMAGE, {"imageTag": "classify-1"}), (f"{REPOSITORY}@{DIGEST}", {"imageDigest": DIGEST})]
)
def test_an_image_is_named_by_its_tag_or_its_digest(uri, which):
    assert images.read(uri).wanted() == NAMED | {"imageId": which}


@pytest.fixture
def template(tmp_path):
    file = tmp_path / "template.yaml"
    file.write_text(f"Resources:\n  Function:\n    Properties:\n      ImageUri: {IMAGE}\n      Timeout: 60\n")
    return file


def test_the_published_template_names_the_image(template):
    assert publish.published_image(template) == IMAGE


def test_a_published_template_names_its_image_by_the_digest(ecr, template):
    client, stub = ecr
    stub.add_response(
        "describe_images",
        {"imageDetails": [{"imageDigest": DIGEST}]},
        NAMED | {"imageIds": [{"imageTag": "classify-1"}]},
    )
    publish.pin_image(template, client)
    assert publish.published_image(template) == f"{REPOSITORY}@{DIGEST}"


def test_nothing_published_is_told_with_the_remedy(tmp_path):
    with pytest.raises(FileNotFoundError, match="make publish-image"):
        publish.published_image(tmp_path / "template.yaml")


@pytest.fixture
def packages(tmp_path):
    """A folder with one package, as pip lays it down."""
    folder = tmp_path / "task"
    (folder / "shot").mkdir(parents=True)
    (folder / "shot/__init__.py").touch()
    (folder / "shot-1.2.dist-info").mkdir()
    (folder / "shot-1.2.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: shot\nVersion: 1.2\n")
    return folder


def _listed(bill: Path):
    return {(one["name"], one["version"]) for one in json.loads(bill.read_text())["components"]}


def test_a_bill_lists_the_packages_of_its_folders_and_no_others(packages, tmp_path):
    sbom.write_bill([packages], tmp_path / "bill.json")
    assert _listed(tmp_path / "bill.json") == {("shot", "1.2")}


def test_a_bill_of_nothing_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="make package"):
        sbom.write_bill([], tmp_path / "bill.json")


def test_the_bill_of_an_image_lists_what_lies_where_lambda_looks_and_leaves_no_container(
    packages, tmp_path, monkeypatch
):
    log, docker = tmp_path / "calls", tmp_path / "bin/docker"
    docker.parent.mkdir()
    docker.write_text(
        f'#!/bin/sh\necho "$@" >> {log}\ncase $1 in\ncreate) echo c0ffee;;\n'
        f'cp) [ "$3" = c0ffee:/var/task ] && cp -r {packages} "$4";;\nesac\n'
    )
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{docker.parent}{os.pathsep}{os.environ['PATH']}")
    sbom.write_bill_of_image("classify", tmp_path / "bill.json")
    assert _listed(tmp_path / "bill.json") == {("shot", "1.2")}
    assert log.read_text().splitlines()[-1] == "rm c0ffee"
