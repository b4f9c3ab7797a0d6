import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

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


def _client_error(code: str, http_status: int = 400, message: str = "service message") -> ClientError:
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": http_status}}
    return ClientError(response, "Operation")  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "code"), [(kind, code) for kind, codes in CODES.items() for code in codes])
def test_code_becomes_the_error_that_the_state_machines_know(kind: type[VisionError], code: str) -> None:
    with pytest.raises(kind, match=r"^image: .*; [A-Za-z ,]{10,}$"), domain_errors("image"):
        raise _client_error(code)


def test_every_mapped_code_is_tested() -> None:
    assert {(code, kind) for kind, codes in CODES.items() for code in codes} == set(aws_sdk._ERRORS.items())


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        *((_client_error(code, 500), ServiceUnavailable) for code in ("InternalServerError", "InternalError", "New")),
        (_client_error("ServiceUnavailable", 500), ServiceUnavailable),
        (_client_error("SlowDown", 503), Throttled),
        (ConnectTimeoutError(endpoint_url="https://s3"), ServiceUnavailable),
        (ReadTimeoutError(endpoint_url="https://s3"), ServiceUnavailable),
        (EndpointConnectionError(endpoint_url="https://s3"), ServiceUnavailable),
    ],
)
def test_http_500_timeout_and_lost_connection_are_transient(error: Exception, kind: type[VisionError]) -> None:
    with pytest.raises(kind), domain_errors("image"):
        raise error


@pytest.mark.parametrize("error", [_client_error("ValidationException"), InvalidImage("no")])
def test_validation_error_and_domain_error_pass_unchanged(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, domain_errors("image"):
        raise error
    assert raised.value is error


@pytest.mark.parametrize(("message", "shown"), [("Rate exceeded.", "Rate exceeded"), ("", "SlowDown")])
def test_error_names_its_subject_and_the_service_message_or_code(message: str, shown: str) -> None:
    with pytest.raises(Throttled, match=rf"^DetectLabels: {shown}; "), domain_errors("DetectLabels"):
        raise _client_error("SlowDown", message=message)


def test_client_is_created_once_and_times_out_before_its_function(aws: None) -> None:
    client = aws_sdk.client("s3")
    assert aws_sdk.client("s3") is client
    # The shortest function has 30 seconds; after that the error would have no name.
    assert client.meta.config.connect_timeout + client.meta.config.read_timeout < 30


def test_clients_are_made_when_lambda_starts_a_function(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    aws_sdk.make_clients("s3", "dynamodb")
    assert aws_sdk.client.cache_info().currsize == 0
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
    aws_sdk.make_clients("s3", "dynamodb")
    assert aws_sdk.client.cache_info().currsize == 2
    aws_sdk.client("s3")
    assert aws_sdk.client.cache_info().hits == 1


def test_clients_for_many_threads_are_created_one_at_a_time(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    current, most, lock = 0, 0, threading.Lock()

    class Session:
        def create_client(self, service: str, config: Any) -> str:
            nonlocal current, most
            with lock:
                current += 1
                most = max(most, current)
            time.sleep(0.02)
            with lock:
                current -= 1
            return service

    aws_sdk.client.cache_clear()
    monkeypatch.setattr(aws_sdk, "_session", Session)
    names = ["s3", "rekognition", "dynamodb"] * 4
    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(aws_sdk.client, names)) == names
    assert most == 1
    aws_sdk.client.cache_clear()
