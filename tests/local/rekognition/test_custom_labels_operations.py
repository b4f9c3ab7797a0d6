"""Projects and versions on the wire, with heads that nothing was trained for: no model is needed."""

import json
import re
from datetime import datetime

import botocore.loaders
import botocore.model
import botocore.parsers
import numpy as np
import pytest

from local.rekognition.custom_labels.head import Head
from local.rekognition.custom_labels.life_cycle import STATUSES
from local.rekognition.custom_labels.operations import CustomLabels
from local.rekognition.custom_labels.projects import Projects
from tests.local.rekognition.conftest import error_code

UNKNOWN_PROJECT = "arn:aws:rekognition:us-east-1:000000000000:project/dogs/1795220249368"
UNKNOWN_VERSION = "arn:aws:rekognition:us-east-1:000000000000:project/cats/version/v9/1795220249368"


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
def describe(service, project):
    """Call DescribeProjectVersions; keyword arguments are members of the request."""
    return lambda **members: service.describe_project_versions({"ProjectArn": project.arn, **members})


@pytest.fixture
def status(describe):
    """Return the status of the newest version."""
    return lambda: describe()["ProjectVersionDescriptions"][0]["Status"]


def arns(answer):
    return [each["ProjectVersionArn"] for each in answer["ProjectVersionDescriptions"]]


# --- projects ---


def test_project_is_created_described_and_deleted(service):
    arn = service.create_project({"ProjectName": "cats"})["ProjectArn"]
    [described] = service.describe_projects({})["ProjectDescriptions"]
    assert described["ProjectArn"] == arn
    assert described["Status"] == "CREATED"
    assert described["Feature"] == "CUSTOM_LABELS"
    assert service.delete_project({"ProjectArn": arn}) == {"Status": "DELETING"}
    assert service.describe_projects({})["ProjectDescriptions"] == []


@pytest.mark.parametrize(
    ("request_body", "code"),
    [
        ({"ProjectName": "cats"}, "ResourceInUseException"),
        ({"ProjectName": "birds", "Feature": "CONTENT_MODERATION"}, "InvalidParameterException"),
        # A name must not lead out of the folder of the projects.
        *(({"ProjectName": name}, "InvalidParameterException") for name in (".", "..", "...")),
        *(({"ProjectName": name}, "ValidationException") for name in (None, "", "two words", "a/b", "x" * 256)),
    ],
)
def test_project_that_cannot_be_created_is_refused(request_body, code, service, project):
    assert error_code(service.create_project, request_body) == code


def test_projects_are_described_by_name(service, projects, project):
    projects.create("dogs")
    described = service.describe_projects({"ProjectNames": ["cats"]})["ProjectDescriptions"]
    assert [each["ProjectArn"] for each in described] == [project.arn]


def test_project_with_versions_is_not_deleted(service, project, version):
    assert error_code(service.delete_project, {"ProjectArn": project.arn}) == "ResourceInUseException"


# --- versions ---


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
def test_versions_come_newest_first_in_pages(describe, add_version, number):
    newest_first = [add_version().arn for _ in range(number)][::-1]
    pages = [describe(MaxResults=2)]
    while "NextToken" in pages[-1]:
        pages.append(describe(MaxResults=2, NextToken=pages[-1]["NextToken"]))
    assert [arns(page) for page in pages] == [newest_first[at : at + 2] for at in range(0, number, 2)]


def test_versions_are_described_by_name(describe, add_version):
    first = add_version()
    add_version()
    assert arns(describe(VersionNames=["v1"])) == [first.arn]


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"ProjectArn": UNKNOWN_PROJECT}, "ResourceNotFoundException"),
        ({"MaxResults": 0}, "ValidationException"),
        ({"MaxResults": 101}, "ValidationException"),
        ({"VersionNames": []}, "ValidationException"),
        ({"VersionNames": [f"v{n}" for n in range(11)]}, "ValidationException"),
        *(
            ({"NextToken": token}, "InvalidPaginationTokenException")
            for token in ("no token", "OTk5", "LTE=", "MA==", "")
        ),
    ],
)
def test_page_that_cannot_be_described_is_refused(members, code, describe, version):
    assert error_code(describe, **members) == code


def test_version_is_started_stopped_and_deleted(service, describe, status, version):
    arn = {"ProjectVersionArn": version.arn}
    service.set_project_version({**arn, "durations": {"start_seconds": 0, "stop_seconds": 0}})
    assert service.start_project_version({**arn, "MinInferenceUnits": 1})["Status"] == "STARTING"
    assert status() == "RUNNING"
    assert error_code(service.delete_project_version, arn) == "ResourceInUseException"
    assert status() == "RUNNING"
    assert service.stop_project_version(arn)["Status"] == "STOPPING"
    assert status() == "STOPPED"
    assert service.delete_project_version(arn)["Status"] == "DELETING"
    assert arns(describe()) == []


@pytest.mark.parametrize(
    ("units", "code"),
    [
        ({}, "ValidationException"),
        ({"MinInferenceUnits": 0}, "ValidationException"),
        ({"MinInferenceUnits": 1, "MaxInferenceUnits": 0}, "ValidationException"),
        ({"MinInferenceUnits": 2, "MaxInferenceUnits": 1}, "InvalidParameterException"),
    ],
)
def test_impossible_inference_units_are_refused(units, code, service, version):
    assert error_code(service.start_project_version, {"ProjectVersionArn": version.arn, **units}) == code


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        (None, "ValidationException"),
        ("cats", "ValidationException"),
        ("arn:aws:rekognition:us-east-1:000000000000:project/cats/1", "ValidationException"),
        (UNKNOWN_VERSION, "ResourceNotFoundException"),
        ("of another region", "ResourceNotFoundException"),
    ],
)
@pytest.mark.parametrize("operation", ["start", "stop", "delete", "set"])
def test_wrong_version_arn_is_refused(arn, code, operation, service, version):
    if arn == "of another region":
        arn = version.arn.replace("us-east-1", "eu-west-1")
    request = {"ProjectVersionArn": arn, "MinInferenceUnits": 1}
    assert error_code(getattr(service, f"{operation}_project_version"), request) == code


@pytest.mark.parametrize("operation", ["Start", "Stop", "Delete"])
def test_fault_refuses_the_call_before_it_changes_anything(operation, service, status, version):
    arn = {"ProjectVersionArn": version.arn}
    fault = {f"{operation}ProjectVersion": {"code": "LimitExceededException", "first": 1}}
    service.set_project_version({**arn, "faults": fault})
    call = getattr(service, f"{operation.lower()}_project_version")
    assert error_code(call, {**arn, "MinInferenceUnits": 1}) == "LimitExceededException"
    assert status() == "TRAINING_COMPLETED"


def test_describing_can_be_throttled(service, describe, status, version):
    fault = {"DescribeProjectVersions": {"code": "ThrottlingException", "first": 1}}
    service.set_project_version({"ProjectVersionArn": version.arn, "faults": fault})
    assert error_code(describe) == "ThrottlingException"
    assert status() == "TRAINING_COMPLETED"


# --- on disk ---


def test_restart_keeps_the_version_but_not_its_status(service, project, version, tmp_path):
    service.set_project_version({"ProjectVersionArn": version.arn, "status": "RUNNING"})
    restarted = CustomLabels(tmp_path / "no-model.tflite", tmp_path)
    [described] = restarted.describe_project_versions({"ProjectArn": project.arn})["ProjectVersionDescriptions"]
    assert described["Status"] == "TRAINING_COMPLETED"


def test_version_that_another_process_trains_is_found(describe, add_version):
    assert arns(describe()) == []
    assert [add_version().arn] == arns(describe())


def test_number_of_a_deleted_version_is_not_used_again(projects, add_version):
    first, second = add_version(), add_version()
    projects.delete_version(first)
    assert second.name == "v2"
    assert add_version().name == "v3"


# --- counters ---


def test_bill_of_a_deleted_version_is_kept(service, version, clock):
    arn = {"ProjectVersionArn": version.arn}
    service.set_project_version({**arn, "status": "RUNNING"})
    clock.sleep(7)
    service.set_project_version({**arn, "status": "STOPPED"})
    service.delete_project_version(arn)
    assert service.counters(reset=False)["model_seconds"] == 7


def test_bills_of_all_versions_are_added_until_a_reset(service, add_version, clock):
    assert service.counters(reset=False) == {}
    for version in (add_version(), add_version()):
        service.set_project_version({"ProjectVersionArn": version.arn, "status": "RUNNING"})
    clock.sleep(5)
    assert service.counters(reset=True)["model_seconds"] == 10
    assert service.counters(reset=False)["model_seconds"] == 0


# --- the service model of the SDK ---

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


def test_answers_have_the_members_of_the_service_model(service, project, version):
    arn = {"ProjectVersionArn": version.arn}
    answers = {
        "CreateProject": service.create_project({"ProjectName": "dogs"}),
        "DescribeProjects": service.describe_projects({"MaxResults": 1}),
        "DescribeProjectVersions": service.describe_project_versions({"ProjectArn": project.arn}),
        "StartProjectVersion": service.start_project_version({**arn, "MinInferenceUnits": 1}),
    }
    service.set_project_version({**arn, "status": "STOPPED"})
    answers["DeleteProjectVersion"] = service.delete_project_version(arn)
    assert all(answers.values())
    shapes = {operation: MODEL.operation_model(operation).output_shape for operation in answers}
    unknown = {operation: unknown_members(answer, shapes[operation]) for operation, answer in answers.items()}
    assert unknown == {operation: [] for operation in answers}


def test_sdk_reads_the_timestamps(describe, version):
    parser = botocore.parsers.create_parser("json")
    shape = MODEL.operation_model("DescribeProjectVersions").output_shape
    response = {"status_code": 200, "headers": {}, "body": json.dumps(describe()).encode()}
    [parsed] = parser.parse(response, shape)["ProjectVersionDescriptions"]
    assert isinstance(parsed["CreationTimestamp"], datetime)


def test_arns_and_statuses_are_those_of_the_service_model(project, version):
    shapes = DESCRIPTION["shapes"]
    assert re.fullmatch(shapes["ProjectArn"]["pattern"], project.arn)
    assert re.fullmatch(shapes["ProjectVersionArn"]["pattern"], version.arn)
    assert list(STATUSES) == shapes["ProjectVersionStatus"]["enum"]
