"""A Custom Labels model, as Rekognition's own service model describes its errors."""

from collections.abc import Callable, Iterator
from typing import Any

import botocore.session
import pytest
from botocore.stub import Stubber

from vision.adapters.aws_sdk import client
from vision.adapters.custom_model import Description, Model
from vision.domain.errors import AccessDenied, ModelNotUsable, ServiceUnavailable, Throttled

ARN = "arn:aws:rekognition:eu-west-1:123456789012:project/things"
MODEL = Model(f"{ARN}/1794475800123", f"{ARN}/version/things.2026-11-12T10.00.00/1794479400123")
SERVICE_MODEL = botocore.session.get_session().get_service_model("rekognition")
CALLS: dict[str, Callable[[], Any]] = {
    "DescribeProjectVersions": MODEL.describe,
    "StartProjectVersion": lambda: MODEL.start(1, 1),
    "StopProjectVersion": MODEL.stop,
}
METHODS = {
    "DescribeProjectVersions": "describe_project_versions",
    "StartProjectVersion": "start_project_version",
    "StopProjectVersion": "stop_project_version",
}
EVERYWHERE = {
    "AccessDeniedException": AccessDenied,
    "InternalServerError": ServiceUnavailable,
    "ThrottlingException": Throttled,
    "ProvisionedThroughputExceededException": Throttled,
}
RAISED = {
    "DescribeProjectVersions": EVERYWHERE
    | {"ResourceNotFoundException": ModelNotUsable, "InvalidParameterException": ModelNotUsable},
    "StartProjectVersion": EVERYWHERE
    | {
        "ResourceNotFoundException": ModelNotUsable,
        "InvalidParameterException": ModelNotUsable,
        "LimitExceededException": Throttled,
    },
    "StopProjectVersion": EVERYWHERE,
}
# Somebody else has asked for the same a moment ago.
HARMLESS = [("StartProjectVersion", "ResourceInUseException"), ("StopProjectVersion", "ResourceInUseException")]
# We never page, we look before we stop, and the ARN has the form that Rekognition gave it.
OURS = {
    ("DescribeProjectVersions", "InvalidPaginationTokenException"),
    ("StopProjectVersion", "ResourceNotFoundException"),
    ("StopProjectVersion", "InvalidParameterException"),
}


@pytest.fixture
def stub(aws: None) -> Iterator[Stubber]:
    with Stubber(client("rekognition")) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def _described(*versions: dict[str, str]) -> dict[str, Any]:
    return {"ProjectVersionDescriptions": list(versions)}


def test_the_status_is_asked_for_by_project_and_version_name(stub: Stubber) -> None:
    expected = {"ProjectArn": MODEL.project_arn, "VersionNames": ["things.2026-11-12T10.00.00"]}
    stub.add_response(
        "describe_project_versions",
        _described({"ProjectVersionArn": MODEL.version_arn, "Status": "RUNNING", "StatusMessage": "It runs."}),
        expected,
    )
    assert MODEL.describe() == Description("RUNNING", "It runs.")


def test_a_status_without_words_is_a_status(stub: Stubber) -> None:
    stub.add_response(
        "describe_project_versions", _described({"ProjectVersionArn": MODEL.version_arn, "Status": "STOPPED"})
    )
    assert MODEL.describe() == Description("STOPPED", "")


@pytest.mark.parametrize("others", [[], [{"ProjectVersionArn": f"{ARN}/version/things.2026/9", "Status": "RUNNING"}]])
def test_a_version_that_is_not_of_the_project_is_named_by_its_parameter(stub: Stubber, others: list[Any]) -> None:
    stub.add_response("describe_project_versions", _described(*others))
    with pytest.raises(ModelNotUsable, match="no such version; check the parameter ModelVersionArn"):
        MODEL.describe()


def test_a_project_that_is_not_there_is_named_by_its_parameter(stub: Stubber) -> None:
    stub.add_client_error("describe_project_versions", "ResourceNotFoundException")
    with pytest.raises(ModelNotUsable, match="no such project; check the parameter ProjectArn"):
        MODEL.describe()


@pytest.mark.parametrize(
    ("least", "most", "units"),
    [(1, 1, {"MinInferenceUnits": 1}), (2, 4, {"MinInferenceUnits": 2, "MaxInferenceUnits": 4})],
)
def test_a_model_is_started_with_its_units(stub: Stubber, least: int, most: int, units: dict[str, int]) -> None:
    stub.add_response(
        "start_project_version", {"Status": "STARTING"}, {"ProjectVersionArn": MODEL.version_arn, **units}
    )
    MODEL.start(least, most)


def test_a_model_is_stopped_by_its_version(stub: Stubber) -> None:
    stub.add_response("stop_project_version", {"Status": "STOPPING"}, {"ProjectVersionArn": MODEL.version_arn})
    MODEL.stop()


def test_each_error_of_the_service_is_thought_of() -> None:
    known = {
        (operation, shape.name)
        for operation in CALLS
        for shape in SERVICE_MODEL.operation_model(operation).error_shapes
    }
    thought_of = {(operation, code) for operation, codes in RAISED.items() for code in codes}
    assert thought_of | set(HARMLESS) | OURS == known


@pytest.mark.parametrize(
    ("operation", "code", "kind"),
    [(operation, code, kind) for operation, codes in RAISED.items() for code, kind in codes.items()],
)
def test_an_error_of_the_service_is_an_error_of_the_session(
    stub: Stubber, operation: str, code: str, kind: type[Exception]
) -> None:
    stub.add_client_error(METHODS[operation], code, http_status_code=500 if kind is ServiceUnavailable else 400)
    with pytest.raises(kind, match="; "):
        CALLS[operation]()


@pytest.mark.parametrize(("operation", "code"), HARMLESS)
def test_asking_for_what_happens_already_changes_nothing(stub: Stubber, operation: str, code: str) -> None:
    stub.add_client_error(METHODS[operation], code)
    assert CALLS[operation]() is None


def test_refused_units_are_named_with_what_to_check(stub: Stubber) -> None:
    stub.add_client_error("start_project_version", "InvalidParameterException")
    with pytest.raises(ModelNotUsable, match="2 to 9 inference units were refused; check the parameters"):
        MODEL.start(2, 9)


def test_a_quota_of_units_is_named_with_its_remedy(stub: Stubber) -> None:
    stub.add_client_error("start_project_version", "LimitExceededException", "too many inference units")
    with pytest.raises(Throttled, match="too many inference units; wait, or ask for a higher quota"):
        MODEL.start(1, 1)
