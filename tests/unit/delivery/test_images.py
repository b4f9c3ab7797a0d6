"""The own model's image: what ECR found in it, and the list of what is in it."""

import json
import os
from pathlib import Path

import boto3
import pytest
from botocore.stub import Stubber

from local.delivery import image_scan, sbom

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/image-recognition/model:classify-1"
WANTED = {"repositoryName": "image-recognition/model", "imageId": {"imageTag": "classify-1"}}


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
    for _ in range(2):
        stub.add_response("describe_image_scan_findings", _answer(findings=[_finding(severity)]), WANTED)
    assert bool(image_scan.holes(IMAGE, client)) is refused


def test_what_inspector_finds_counts_too(ecr):
    client, stub = ecr
    for _ in range(2):
        stub.add_response(
            "describe_image_scan_findings", _answer(enhancedFindings=[{"severity": "HIGH", "title": "CVE-1"}]), WANTED
        )
    assert image_scan.holes(IMAGE, client) == ["HIGH: CVE-1"]


def test_it_waits_until_the_scan_is_done(ecr):
    client, stub = ecr
    stub.add_response("describe_image_scan_findings", _answer("IN_PROGRESS"), WANTED)
    stub.add_response("describe_image_scan_findings", _answer(), WANTED)
    stub.add_response("describe_image_scan_findings", _answer(), WANTED)
    assert image_scan.holes(IMAGE, client, poll_seconds=0) == []


def test_a_scan_that_fails_is_no_pass(ecr):
    client, stub = ecr
    stub.add_response("describe_image_scan_findings", _answer("FAILED"), WANTED)
    with pytest.raises(image_scan.WaiterError):
        image_scan.holes(IMAGE, client, poll_seconds=0)


def test_what_is_no_image_of_ecr_is_refused():
    with pytest.raises(ValueError, match="no image of ECR"):
        image_scan.holes("python:3.13", object())


def test_the_published_template_names_the_image(tmp_path):
    template = tmp_path / "template.yaml"
    template.write_text(f"Resources:\n  Function:\n    Properties:\n      ImageUri: {IMAGE}\n")
    assert image_scan.published(template) == IMAGE


def test_nothing_published_is_told_with_the_remedy(tmp_path):
    with pytest.raises(FileNotFoundError, match="make publish-image"):
        image_scan.published(tmp_path / "template.yaml")


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
