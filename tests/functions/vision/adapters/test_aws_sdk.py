import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ParamValidationError,
    ReadTimeoutError,
)

from vision.adapters import aws_sdk
from vision.adapters.aws_sdk import domain_errors
from vision.domain.errors import (
    AccessDenied,
    ImageTooLarge,
    InvalidImage,
    ObjectNotFound,
    ServiceUnavailable,
    Throttled,
    VisionError,
)

# As the services' API references list them.
CODES = {
    ObjectNotFound: ("NoSuchKey", "NoSuchVersion", "NoSuchBucket", "404"),
    AccessDenied: ("AccessDenied", "AccessDeniedException", "AuthorizationError", "KMSAccessDenied", "403"),
    ImageTooLarge: ("ImageTooLargeException",),
    InvalidImage: ("InvalidImageFormatException",),
    ServiceUnavailable: ("RequestTimeout",),
    Throttled: (
        "SlowDown",
        "503",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "KMSThrottling",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "ProvisionedThroughputExceededException",
        "LimitExceededException",
        "ExecutionLimitExceeded",
    ),
}


def test_adapters_are_tested_with_the_oldest_sdk_of_a_lambda_runtime(aws: None) -> None:
    # Newer ones know this parameter.
    with pytest.raises(ParamValidationError, match="IfNoneMatch"):
        aws_sdk.client("s3").copy_object(Bucket="b", Key="k", CopySource="b/k", IfNoneMatch="*")


def _refusal(code: str, http_status: int = 400, message: str = "as the service says it") -> ClientError:
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": http_status}}
    return ClientError(response, "Operation")  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "code"), [(kind, code) for kind, codes in CODES.items() for code in codes])
def test_a_code_becomes_the_error_that_the_state_machine_knows(kind: type[VisionError], code: str) -> None:
    with pytest.raises(kind), domain_errors("image"):
        raise _refusal(code)


def test_no_code_is_mapped_without_a_test() -> None:
    assert {(code, kind) for kind, codes in CODES.items() for code in codes} == set(aws_sdk._ERRORS.items())


@pytest.mark.parametrize("code", ["InternalServerError", "InternalError", "ServiceUnavailable", "SomethingNew"])
def test_a_failure_on_the_services_side_is_worth_waiting_for(code: str) -> None:
    with pytest.raises(ServiceUnavailable), domain_errors("image"):
        raise _refusal(code, 500)


def test_a_throttle_stays_a_throttle_whatever_its_status() -> None:
    with pytest.raises(Throttled), domain_errors("image"):
        raise _refusal("SlowDown", 503)


@pytest.mark.parametrize(
    "silence",
    [
        ConnectTimeoutError(endpoint_url="https://s3"),
        ReadTimeoutError(endpoint_url="https://s3"),
        EndpointConnectionError(endpoint_url="https://s3"),
    ],
)
def test_silence_is_worth_waiting_for(silence: Exception) -> None:
    with pytest.raises(ServiceUnavailable), domain_errors("image"):
        raise silence


def test_a_refusal_that_is_a_bug_of_ours_passes_as_it_is() -> None:
    with pytest.raises(ClientError, match="ValidationException"), domain_errors("image"):
        raise _refusal("ValidationException")


def test_an_error_of_the_domain_passes_as_it_is() -> None:
    with pytest.raises(InvalidImage), domain_errors("image"):
        raise InvalidImage("no")


def test_the_message_names_the_subject_and_keeps_the_services_words() -> None:
    with pytest.raises(Throttled, match=r"^DetectLabels: Rate exceeded; "), domain_errors("DetectLabels"):
        raise _refusal("ThrottlingException", message="Rate exceeded.")


def test_a_refusal_without_words_is_named_by_its_code() -> None:
    with pytest.raises(Throttled, match=r"^image: SlowDown; "), domain_errors("image"):
        raise _refusal("SlowDown", message="")


@pytest.mark.parametrize("kind", CODES)
def test_each_message_ends_with_a_remedy(kind: type[VisionError]) -> None:
    with pytest.raises(kind, match=r"; [A-Za-z ,]{10,}$"), domain_errors("image"):
        raise _refusal(CODES[kind][0])


def test_a_client_is_made_once(aws: None) -> None:
    assert aws_sdk.client("s3") is aws_sdk.client("s3")


def test_a_client_gives_up_well_before_its_function_does(aws: None) -> None:
    # The shortest function has 30 seconds; after that nobody would see a named error.
    config = aws_sdk.client("s3").meta.config
    assert config.connect_timeout + config.read_timeout < 30
