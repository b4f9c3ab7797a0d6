"""Projects and versions on the wire, with heads that nobody trained: no model is needed."""

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
from local.rekognition.errors import RekognitionError

UNKNOWN_PROJECT = "arn:aws:rekognition:us-east-1:000000000000:project/dogs/1795220249368"
UNKNOWN_VERSION = "arn:aws:rekognition:us-east-1:000000000000:project/cats/version/v9/1795220249368"


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


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


def _code(call, *arguments):
    with pytest.raises(RekognitionError) as refused:
        call(*arguments)
    return refused.value.code


def _describe(service, project, **members):
    return service.describe_project_versions({"ProjectArn": project.arn, **members})


def _status(service, project):
    return _describe(service, project)["ProjectVersionDescriptions"][0]["Status"]


# --- projects ---


def test_a_project_is_created_and_described(service):
    arn = service.create_project({"ProjectName": "cats"})["ProjectArn"]

    (described,) = service.describe_projects({})["ProjectDescriptions"]
    assert (described["ProjectArn"], described["Status"], described["Feature"]) == (arn, "CREATED", "CUSTOM_LABELS")


def test_a_second_project_of_a_name_is_refused(service, project):
    assert _code(service.create_project, {"ProjectName": project.name}) == "ResourceInUseException"


@pytest.mark.parametrize("name", [None, "", "two words", "a/b", "x" * 256])
def test_a_name_outside_the_service_model_is_refused(name, service):
    assert _code(service.create_project, {"ProjectName": name}) == "ValidationException"


@pytest.mark.parametrize("name", [".", "..", "..."])
def test_a_name_can_not_leave_the_folder(name, service):
    assert _code(service.create_project, {"ProjectName": name}) == "InvalidParameterException"


def test_projects_of_another_feature_are_refused(service):
    request = {"ProjectName": "cats", "Feature": "CONTENT_MODERATION"}

    assert _code(service.create_project, request) == "InvalidParameterException"


def test_projects_can_be_asked_for_by_name(service, projects, project):
    projects.create("dogs")

    described = service.describe_projects({"ProjectNames": ["cats"]})["ProjectDescriptions"]
    assert [each["ProjectArn"] for each in described] == [project.arn]


def test_a_project_without_versions_is_deleted(service, project):
    answer = service.delete_project({"ProjectArn": project.arn})

    assert (answer, service.describe_projects({})["ProjectDescriptions"]) == ({"Status": "DELETING"}, [])


def test_a_project_with_versions_is_not_deleted(service, project, version):
    assert _code(service.delete_project, {"ProjectArn": project.arn}) == "ResourceInUseException"


def test_an_unknown_project_is_not_found(service, project):
    assert _code(service.describe_project_versions, {"ProjectArn": UNKNOWN_PROJECT}) == "ResourceNotFoundException"


# --- versions ---


def test_a_version_is_described(service, project, version):
    (described,) = _describe(service, project)["ProjectVersionDescriptions"]

    assert described == {
        "ProjectVersionArn": version.arn,
        "CreationTimestamp": version.created_milliseconds / 1000,
        "TrainingEndTimestamp": version.created_milliseconds / 1000,
        "VersionDescription": "2 pictures",
        "Feature": "CUSTOM_LABELS",
        "Status": "TRAINING_COMPLETED",
        "StatusMessage": "The model is TRAINING_COMPLETED.",
    }


def test_versions_come_newest_first_in_pages(service, project, add_version):
    added = [add_version().arn for _ in range(5)]

    pages, members = [], {"MaxResults": 2}
    while True:
        answer = _describe(service, project, **members)
        pages.append([each["ProjectVersionArn"] for each in answer["ProjectVersionDescriptions"]])
        if "NextToken" not in answer:
            break
        members["NextToken"] = answer["NextToken"]

    newest_first = added[::-1]
    assert pages == [newest_first[0:2], newest_first[2:4], newest_first[4:]]


def test_a_full_last_page_is_the_last(service, project, add_version):
    for _ in range(2):
        add_version()

    assert "NextToken" not in _describe(service, project, MaxResults=2)


def test_versions_can_be_asked_for_by_name(service, project, add_version):
    first = add_version()
    add_version()

    described = _describe(service, project, VersionNames=["v1"])["ProjectVersionDescriptions"]
    assert [each["ProjectVersionArn"] for each in described] == [first.arn]


@pytest.mark.parametrize("token", ["no token", "OTk5", "LTE=", "MA==", ""])
def test_a_token_that_nobody_gave_is_refused(token, service, project, version):
    assert _code(_describe_with(service, project), token) == "InvalidPaginationTokenException"


def _describe_with(service, project):
    return lambda token: _describe(service, project, NextToken=token)


@pytest.mark.parametrize(
    "members",
    [{"MaxResults": 0}, {"MaxResults": 101}, {"VersionNames": []}, {"VersionNames": [f"v{n}" for n in range(11)]}],
)
def test_a_page_outside_the_service_model_is_refused(members, service, project):
    assert _code(lambda: _describe(service, project, **members)) == "ValidationException"


def test_a_version_is_started_stopped_and_deleted(service, project, version):
    arn = {"ProjectVersionArn": version.arn}
    service.set_project_version({**arn, "durations": {"start_seconds": 0, "stop_seconds": 0}})

    statuses = [
        service.start_project_version({**arn, "MinInferenceUnits": 1})["Status"],
        _status(service, project),
        service.stop_project_version(arn)["Status"],
        _status(service, project),
        service.delete_project_version(arn)["Status"],
    ]

    assert statuses == ["STARTING", "RUNNING", "STOPPING", "STOPPED", "DELETING"]
    assert _describe(service, project)["ProjectVersionDescriptions"] == []


def test_a_running_version_is_not_deleted(service, project, version):
    service.set_project_version({"ProjectVersionArn": version.arn, "status": "RUNNING"})

    assert _code(service.delete_project_version, {"ProjectVersionArn": version.arn}) == "ResourceInUseException"
    assert _status(service, project) == "RUNNING"


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({}, "ValidationException"),
        ({"MinInferenceUnits": 0}, "ValidationException"),
        ({"MinInferenceUnits": 1, "MaxInferenceUnits": 0}, "ValidationException"),
        ({"MinInferenceUnits": 2, "MaxInferenceUnits": 1}, "InvalidParameterException"),
    ],
)
def test_units_that_make_no_sense_are_refused(members, code, service, version):
    assert _code(service.start_project_version, {"ProjectVersionArn": version.arn, **members}) == code


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        (None, "ValidationException"),
        ("cats", "ValidationException"),
        ("arn:aws:rekognition:us-east-1:000000000000:project/cats/1", "ValidationException"),
        (UNKNOWN_VERSION, "ResourceNotFoundException"),
    ],
)
@pytest.mark.parametrize(
    "operation",
    ["start_project_version", "stop_project_version", "delete_project_version", "set_project_version"],
)
def test_a_wrong_version_arn_is_refused(arn, code, operation, service, version):
    request = {"ProjectVersionArn": arn, "MinInferenceUnits": 1}

    assert _code(getattr(service, operation), request) == code


def test_an_arn_of_another_region_is_not_found(service, version):
    arn = version.arn.replace("us-east-1", "eu-west-1")

    assert _code(service.stop_project_version, {"ProjectVersionArn": arn}) == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("StartProjectVersion", "start_project_version"),
        ("StopProjectVersion", "stop_project_version"),
        ("DeleteProjectVersion", "delete_project_version"),
    ],
)
def test_a_fault_refuses_the_call_before_it_changes_anything(operation, call, service, project, version):
    arn = {"ProjectVersionArn": version.arn}
    service.set_project_version({**arn, "faults": {operation: {"code": "LimitExceededException", "first": 1}}})

    assert _code(getattr(service, call), {**arn, "MinInferenceUnits": 1}) == "LimitExceededException"
    assert _status(service, project) == "TRAINING_COMPLETED"


def test_describing_can_be_throttled(service, project, version):
    fault = {"DescribeProjectVersions": {"code": "ThrottlingException", "first": 1}}
    service.set_project_version({"ProjectVersionArn": version.arn, "faults": fault})

    assert _code(_describe, service, project) == "ThrottlingException"
    assert _status(service, project) == "TRAINING_COMPLETED"


# --- on disk ---


def test_a_version_survives_a_restart(service, project, version, tmp_path):
    service.set_project_version({"ProjectVersionArn": version.arn, "status": "RUNNING"})

    restarted = CustomLabels(tmp_path / "no-model.tflite", tmp_path)

    assert _status(restarted, project) == "TRAINING_COMPLETED"


def test_a_version_trained_meanwhile_is_found(service, project, add_version):
    before = len(_describe(service, project)["ProjectVersionDescriptions"])
    add_version()

    assert (before, len(_describe(service, project)["ProjectVersionDescriptions"])) == (0, 1)


def test_a_deleted_number_is_not_given_to_a_version_beside_a_newer_one(projects, add_version):
    first, second = add_version(), add_version()
    projects.delete_version(first)

    assert (second.name, add_version().name) == ("v2", "v3")


# --- counting ---


def test_nothing_is_counted_while_no_version_was_asked_for(service):
    assert service.counters(reset=False) == {}


def test_the_bill_of_a_deleted_version_is_kept(service, version, clock):
    arn = {"ProjectVersionArn": version.arn}
    service.set_project_version({**arn, "status": "RUNNING"})
    clock.sleep(7)
    service.set_project_version({**arn, "status": "STOPPED"})
    service.delete_project_version(arn)

    assert service.counters(reset=False)["model_seconds"] == 7


def test_the_bills_of_all_versions_are_added_until_a_reset(service, add_version, clock):
    for version in (add_version(), add_version()):
        service.set_project_version({"ProjectVersionArn": version.arn, "status": "RUNNING"})
    clock.sleep(5)

    counted = [service.counters(reset=True)["model_seconds"], service.counters(reset=False)["model_seconds"]]

    assert counted == [10, 0]


# --- the form of the wire ---

_DESCRIPTION = botocore.loaders.Loader().load_service_model("rekognition", "service-2")
_MODEL = botocore.model.ServiceModel(_DESCRIPTION)


def _unknown_members(answer, shape):
    """Name what an answer has and the service model has not, or has as another type."""
    if shape.type_name == "structure":
        unknown = [name for name in answer if name not in shape.members]
        known = [name for name in answer if name in shape.members]
        return unknown + [each for name in known for each in _unknown_members(answer[name], shape.members[name])]
    if shape.type_name == "list":
        return [each for item in answer for each in _unknown_members(item, shape.member)]
    return [] if not getattr(shape, "enum", None) or answer in shape.enum else [answer]


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("CreateProject", lambda service, *_: service.create_project({"ProjectName": "dogs"})),
        ("DescribeProjects", lambda service, *_: service.describe_projects({"MaxResults": 1})),
        ("DescribeProjectVersions", lambda service, project, _: _describe(service, project)),
        (
            "StartProjectVersion",
            lambda service, _, arn: service.start_project_version({"ProjectVersionArn": arn, "MinInferenceUnits": 1}),
        ),
        ("DeleteProjectVersion", lambda service, _, arn: service.delete_project_version({"ProjectVersionArn": arn})),
    ],
)
def test_an_answer_has_the_members_of_the_service_model(operation, call, service, project, version):
    answer = call(service, project, version.arn)

    assert answer
    assert _unknown_members(answer, _MODEL.operation_model(operation).output_shape) == []


def test_the_sdk_reads_the_timestamps(service, project, version):
    body = json.dumps(_describe(service, project)).encode()
    parser = botocore.parsers.create_parser("json")
    shape = _MODEL.operation_model("DescribeProjectVersions").output_shape

    parsed = parser.parse({"status_code": 200, "headers": {}, "body": body}, shape)

    assert isinstance(parsed["ProjectVersionDescriptions"][0]["CreationTimestamp"], datetime)


def test_arns_have_the_patterns_of_the_service_model(project, version):
    patterns = [_DESCRIPTION["shapes"][shape]["pattern"] for shape in ("ProjectArn", "ProjectVersionArn")]

    assert [bool(re.fullmatch(*pair)) for pair in zip(patterns, (project.arn, version.arn), strict=True)] == [True] * 2


def test_the_statuses_are_those_of_the_service_model():
    assert list(STATUSES) == _DESCRIPTION["shapes"]["ProjectVersionStatus"]["enum"]
