"""Projects and versions on the wire, with heads that nothing was trained for: no model is needed."""

import json
import re
from datetime import datetime

import botocore.loaders
import botocore.model
import botocore.parsers
import numpy as np
import pytest
from botocore import xform_name

from local.rekognition.custom_labels.head import Head
from local.rekognition.custom_labels.life_cycle import STATUSES
from local.rekognition.custom_labels.operations import CustomLabels
from local.rekognition.custom_labels.projects import Projects
from tests.local.rekognition.conftest import error_code

UNKNOWN = "arn:aws:rekognition:us-east-1:000000000000:project"


@pytest.fixture
def projects(tmp_path, clock):
    return Projects(tmp_path, clock)


@pytest.fixture
def project(projects):
    return projects.create("cats")


@pytest.fixture
def add_version(projects, project, clock):
    def add(pictures="0" * 64):
        clock.sleep(1)
        return projects.add_version("cats", "2 pictures", pictures, Head(("cat", "dog"), np.eye(2), 10.0))

    return add


@pytest.fixture
def version(add_version):
    return add_version()


@pytest.fixture
def service(tmp_path, clock):
    return CustomLabels(tmp_path / "no-model.tflite", tmp_path, clock)


@pytest.fixture
def configure(service, version):
    """Set the status, the durations or the faults of the version."""
    return lambda **members: service.set_project_version({"ProjectVersionArn": version.arn, **members})


@pytest.fixture
def describe(service, project):
    """Call DescribeProjectVersions; keyword arguments are members of the request."""
    return lambda **members: service.describe_project_versions({"ProjectArn": project.arn, **members})


@pytest.fixture
def status(describe):
    """Return the status of the newest version."""
    return lambda: describe()["ProjectVersionDescriptions"][0]["Status"]


def arns(answer):
    return [each["ProjectVersionArn"] for each in answer["ProjectVersionDescriptions"]]


def test_project_is_created_described_and_deleted(service, projects):
    arn = service.create_project({"ProjectName": "cats"})["ProjectArn"]
    projects.create("dogs")
    [described] = service.describe_projects({"ProjectNames": ["cats"]})["ProjectDescriptions"]
    assert described["ProjectArn"] == arn
    assert (described["Status"], described["Feature"]) == ("CREATED", "CUSTOM_LABELS")
    assert service.delete_project({"ProjectArn": arn}) == {"Status": "DELETING"}
    [left] = service.describe_projects({})["ProjectDescriptions"]
    assert left["ProjectArn"] != arn


def test_version_is_described(describe, version):
    [described] = describe()["ProjectVersionDescriptions"]
    assert described == {
        "ProjectVersionArn": version.arn,
        "CreationTimestamp": version.created_milliseconds / 1000,
        "TrainingEndTimestamp": version.created_milliseconds / 1000,
        "VersionDescription": "2 pictures",
        "Feature": "CUSTOM_LABELS",
        "Status": "TRAINING_COMPLETED",
        "StatusMessage": "The model is TRAINING_COMPLETED.",
    }


@pytest.mark.parametrize("number", [4, 5])
def test_versions_come_newest_first_in_pages_or_by_name(describe, add_version, number):
    newest_first = [add_version().arn for _ in range(number)][::-1]
    pages = [describe(MaxResults=2)]
    while "NextToken" in pages[-1]:
        pages.append(describe(MaxResults=2, NextToken=pages[-1]["NextToken"]))
    assert [arns(page) for page in pages] == [newest_first[at : at + 2] for at in range(0, number, 2)]
    assert arns(describe(VersionNames=["v1"])) == newest_first[-1:]


INVALID = {
    ("create_project", "ResourceInUseException"): [{"ProjectName": "cats"}],
    ("create_project", "InvalidParameterException"): [
        {"ProjectName": "birds", "Feature": "CONTENT_MODERATION"},
        # A name must not lead out of the folder of the projects.
        *({"ProjectName": name} for name in (".", "..", "...")),
    ],
    ("create_project", "ValidationException"): [
        {"ProjectName": name} for name in (None, "", "two words", "a/b", "x" * 256)
    ],
    ("delete_project", "ResourceInUseException"): [{}],
    ("describe_project_versions", "ResourceNotFoundException"): [{"ProjectArn": f"{UNKNOWN}/dogs/1795220249368"}],
    ("describe_project_versions", "ValidationException"): [
        *({"MaxResults": number} for number in (0, 101)),
        *({"VersionNames": [f"v{number}" for number in range(length)]} for length in (0, 11)),
    ],
    ("describe_project_versions", "InvalidPaginationTokenException"): [
        {"NextToken": token} for token in ("no token", "OTk5", "LTE=", "MA==", "")
    ],
    ("start_project_version", "ValidationException"): [
        *({}, {"MinInferenceUnits": 0}, {"MinInferenceUnits": 1, "MaxInferenceUnits": 0}),
    ],
    ("start_project_version", "InvalidParameterException"): [{"MinInferenceUnits": 2, "MaxInferenceUnits": 1}],
}


@pytest.mark.parametrize(("operation", "code"), INVALID)
def test_invalid_request_is_refused(operation, code, service, project, version):
    arns = {"ProjectVersionArn": version.arn} if operation == "start_project_version" else {"ProjectArn": project.arn}
    for request in INVALID[operation, code]:
        known = {} if operation == "create_project" else arns
        assert error_code(getattr(service, operation), known | request) == code, request


def test_version_is_started_stopped_and_deleted(service, configure, describe, status, version):
    arn = {"ProjectVersionArn": version.arn}
    configure(durations={"start_seconds": 0, "stop_seconds": 0})
    assert service.start_project_version({**arn, "MinInferenceUnits": 1})["Status"] == "STARTING"
    assert status() == "RUNNING"
    assert error_code(service.delete_project_version, arn) == "ResourceInUseException"
    assert status() == "RUNNING"
    assert service.stop_project_version(arn)["Status"] == "STOPPING"
    assert status() == "STOPPED"
    assert service.delete_project_version(arn)["Status"] == "DELETING"
    assert arns(describe()) == []


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        (None, "ValidationException"),
        ("cats", "ValidationException"),
        (f"{UNKNOWN}/cats/1", "ValidationException"),
        (f"{UNKNOWN}/cats/version/v9/1795220249368", "ResourceNotFoundException"),
        ("of another region", "ResourceNotFoundException"),
    ],
)
@pytest.mark.parametrize("operation", ["start", "stop", "delete", "set"])
def test_wrong_version_arn_is_refused(arn, code, operation, service, version):
    if arn == "of another region":
        arn = version.arn.replace("us-east-1", "eu-west-1")
    request = {"ProjectVersionArn": arn, "MinInferenceUnits": 1}
    assert error_code(getattr(service, f"{operation}_project_version"), request) == code


@pytest.mark.parametrize("operation", ["Start", "Stop", "Delete", "Describe"])
def test_fault_refuses_the_call_before_it_changes_anything(operation, service, configure, status, project, version):
    name = "DescribeProjectVersions" if operation == "Describe" else f"{operation}ProjectVersion"
    configure(faults={name: {"code": "LimitExceededException", "first": 1}})
    request = {"ProjectArn": project.arn, "ProjectVersionArn": version.arn, "MinInferenceUnits": 1}
    call = getattr(service, xform_name(name))
    assert error_code(call, request) == "LimitExceededException"
    assert status() == "TRAINING_COMPLETED"


def test_restart_keeps_the_version_but_not_its_status(configure, project, tmp_path):
    configure(status="RUNNING")
    restarted = CustomLabels(tmp_path / "no-model.tflite", tmp_path)
    [described] = restarted.describe_project_versions({"ProjectArn": project.arn})["ProjectVersionDescriptions"]
    assert described["Status"] == "TRAINING_COMPLETED"


def test_version_of_another_process_is_found_and_a_deleted_number_not_used_again(describe, projects, add_version):
    assert arns(describe()) == []
    first, second = add_version(), add_version()
    assert arns(describe()) == [second.arn, first.arn]
    projects.delete_version(first)
    assert (second.name, add_version().name) == ("v2", "v3")


def test_bills_of_all_versions_are_added_until_a_reset_even_of_a_deleted_one(service, add_version, clock):
    assert service.counters(reset=False) == {}
    arns = [{"ProjectVersionArn": add_version().arn} for _ in range(2)]
    for arn in arns:
        service.set_project_version({**arn, "status": "RUNNING"})
    clock.sleep(5)
    assert service.counters(reset=True)["model_seconds"] == 10
    assert service.counters(reset=False)["model_seconds"] == 0
    clock.sleep(7)
    for arn in arns:
        service.set_project_version({**arn, "status": "STOPPED"})
        service.delete_project_version(arn)
    assert service.counters(reset=False)["model_seconds"] == 14


DESCRIPTION = botocore.loaders.Loader().load_service_model("rekognition", "service-2")
MODEL = botocore.model.ServiceModel(DESCRIPTION)


def unknown_members(answer, shape):
    """List what an answer has that the service model does not, or has with another type."""
    if shape.type_name == "structure":
        unknown = [name for name in answer if name not in shape.members]
        known = [name for name in answer if name in shape.members]
        return unknown + [each for name in known for each in unknown_members(answer[name], shape.members[name])]
    if shape.type_name == "list":
        return [each for item in answer for each in unknown_members(item, shape.member)]
    return [] if not getattr(shape, "enum", None) or answer in shape.enum else [answer]


def test_answers_have_the_members_of_the_service_model(service, configure, describe, version):
    arn = {"ProjectVersionArn": version.arn}
    answers = {
        "CreateProject": service.create_project({"ProjectName": "dogs"}),
        "DescribeProjects": service.describe_projects({"MaxResults": 1}),
        "DescribeProjectVersions": describe(),
        "StartProjectVersion": service.start_project_version({**arn, "MinInferenceUnits": 1}),
    }
    configure(status="STOPPED")
    answers["DeleteProjectVersion"] = service.delete_project_version(arn)
    assert all(answers.values())
    shapes = {operation: MODEL.operation_model(operation).output_shape for operation in answers}
    unknown = {operation: unknown_members(answer, shapes[operation]) for operation, answer in answers.items()}
    assert unknown == {operation: [] for operation in answers}
    # The SDK reads the timestamps.
    response = {"status_code": 200, "headers": {}, "body": json.dumps(answers["DescribeProjectVersions"]).encode()}
    parsed = botocore.parsers.create_parser("json").parse(response, shapes["DescribeProjectVersions"])
    assert isinstance(parsed["ProjectVersionDescriptions"][0]["CreationTimestamp"], datetime)


def test_arns_and_statuses_are_those_of_the_service_model(project, version):
    shapes = DESCRIPTION["shapes"]
    assert re.fullmatch(shapes["ProjectArn"]["pattern"], project.arn)
    assert re.fullmatch(shapes["ProjectVersionArn"]["pattern"], version.arn)
    assert list(STATUSES) == shapes["ProjectVersionStatus"]["enum"]
