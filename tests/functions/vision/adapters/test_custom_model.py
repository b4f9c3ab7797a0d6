"""A Custom Labels model, as Rekognition's own service model describes its errors."""

from collections.abc import Callable
from typing import Any

import botocore.session
import pytest
from botocore.stub import Stubber

from vision.adapters.custom_model import Description, Model
from vision.domain.errors import AccessDenied, ModelNotUsable, ServiceUnavailable, Throttled

ARN = "arn:aws:rekognition:eu-west-1:123456789012:project/things"
MODEL = Model(f"{ARN}/1794475800123", f"{ARN}/version/things.2026-11-12T10.00.00/1794479400123")
SERVICE_MODEL = botocore.session.get_session().get_service_model("rekognition")
CALLS: dict[str, tuple[str, Callable[[], Any]]] = {
    "DescribeProjectVersions": ("describe_project_versions", MODEL.describe),
    "StartProjectVersion": ("start_project_version", lambda: MODEL.start(1, 1)),
    "StopProjectVersion": ("stop_project_version", MODEL.stop),
}
EVERYWHERE = {
    "AccessDeniedException": AccessDenied,
    "InternalServerError": ServiceUnavailable,
    "ThrottlingException": Throttled,
    "ProvisionedThroughputExceededException": Throttled,
}
NOT_USABLE = {"ResourceNotFoundException": ModelNotUsable, "InvalidParameterException": ModelNotUsable}
RAISED = {
    "DescribeProjectVersions": EVERYWHERE | NOT_USABLE,
    "StartProjectVersion": EVERYWHERE | NOT_USABLE | {"LimitExceededException": Throttled},
    "StopProjectVersion": EVERYWHERE,
}
# Another execution has sent the same request a moment ago, or the model is gone.
HARMLESS = [
    ("StartProjectVersion", "ResourceInUseException"),
    ("StopProjectVersion", "ResourceInUseException"),
    ("StopProjectVersion", "ResourceNotFoundException"),
]
# The code never pages, describes a model before it stops it, and has the ARN from Rekognition.
IMPOSSIBLE = {
    ("DescribeProjectVersions", "InvalidPaginationTokenException"),
    ("StopProjectVersion", "InvalidParameterException"),
}


@pytest.fixture
def stub(stubbed: Callable[[str], Stubber]) -> Stubber:
    return stubbed("rekognition")


@pytest.mark.parametrize("message", [{"StatusMessage": "It runs."}, {}])
def test_status_is_read_by_project_and_version_name(stub: Stubber, message: dict[str, str]) -> None:
    described = {"ProjectVersionArn": MODEL.version_arn, "Status": "RUNNING", **message}
    asked = {"ProjectArn": MODEL.project_arn, "VersionNames": ["things.2026-11-12T10.00.00"]}
    stub.add_response("describe_project_versions", {"ProjectVersionDescriptions": [described]}, asked)
    assert MODEL.describe() == Description("RUNNING", message.get("StatusMessage", ""))


@pytest.mark.parametrize("others", [[], [{"ProjectVersionArn": f"{ARN}/version/things.2026/9", "Status": "RUNNING"}]])
def test_version_outside_the_project_is_an_error_that_names_the_parameter(stub: Stubber, others: list[Any]) -> None:
    stub.add_response("describe_project_versions", {"ProjectVersionDescriptions": others})
    with pytest.raises(ModelNotUsable, match=r"no such version; .* ModelVersionArn"):
        MODEL.describe()


@pytest.mark.parametrize(
    ("least", "most", "units"),
    [(1, 1, {"MinInferenceUnits": 1}), (2, 4, {"MinInferenceUnits": 2, "MaxInferenceUnits": 4})],
)
def test_model_is_started_with_its_inference_units_and_stopped(
    stub: Stubber, least: int, most: int, units: dict[str, int]
) -> None:
    version = {"ProjectVersionArn": MODEL.version_arn}
    stub.add_response("start_project_version", {"Status": "STARTING"}, version | units)
    stub.add_response("stop_project_version", {"Status": "STOPPING"}, version)
    MODEL.start(least, most)
    MODEL.stop()


def test_every_error_of_the_service_model_has_an_expected_outcome() -> None:
    known = {
        (operation, shape.name)
        for operation in CALLS
        for shape in SERVICE_MODEL.operation_model(operation).error_shapes
    }
    expected = {(operation, code) for operation, codes in RAISED.items() for code in codes}
    assert expected | set(HARMLESS) | IMPOSSIBLE == known


# Some name the parameter to change, or the quota.
REMEDIES = {
    ("DescribeProjectVersions", "ResourceNotFoundException"): "no such project; .* ProjectArn",
    ("StartProjectVersion", "InvalidParameterException"): "1 to 1 inference units .*; check the param",
    ("StartProjectVersion", "LimitExceededException"): "; wait, or ask for a higher quota",
}


@pytest.mark.parametrize(
    ("operation", "code", "kind"),
    [(operation, code, kind) for operation, codes in RAISED.items() for code, kind in codes.items()],
)
def test_service_error_is_a_named_error_with_a_remedy(stub: Stubber, operation: str, code: str, kind: Any) -> None:
    method, call = CALLS[operation]
    stub.add_client_error(method, code, http_status_code=500 if kind is ServiceUnavailable else 400)
    with pytest.raises(kind, match=REMEDIES.get((operation, code), "; ")):
        call()


@pytest.mark.parametrize(("operation", "code"), HARMLESS)
def test_model_that_starts_or_stops_already_or_is_gone_is_no_error(stub: Stubber, operation: str, code: str) -> None:
    method, call = CALLS[operation]
    stub.add_client_error(method, code)
    assert call() is None
