import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.error import HTTPError

import pytest

from vision.adapters import cloudformation


class CloudFormation(HTTPServer):
    """Accepts responses as the bucket behind a presigned URL does."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Receiver)
        self.status = 200
        self.responses: list[tuple[str, dict[str, str], bytes]] = []

    def event(self, **changes: Any) -> dict[str, Any]:
        return {
            "RequestType": "Create",
            "ResponseURL": f"http://127.0.0.1:{self.server_port}/answer?Signature=a%2Bb",
            "StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/images/guid",
            "RequestId": "request-1",
            "LogicalResourceId": "ValidRules",
            **changes,
        }

    @property
    def response(self) -> dict[str, Any]:
        [(_, _, body)] = self.responses
        return dict(json.loads(body))


class _Receiver(BaseHTTPRequestHandler):
    server: CloudFormation

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.responses.append((self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Write no access log."""


@pytest.fixture
def stack() -> Iterator[CloudFormation]:
    server = CloudFormation()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_success_is_sent_to_the_signed_url_with_the_ids_of_the_request(stack: CloudFormation) -> None:
    cloudformation.respond(stack.event(), "")
    assert stack.response == {
        "Status": "SUCCESS",
        "Reason": "done",
        "PhysicalResourceId": "ValidRules-1",
        "StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/images/guid",
        "RequestId": "request-1",
        "LogicalResourceId": "ValidRules",
    }
    [(path, headers, _)] = stack.responses
    assert path == "/answer?Signature=a%2Bb"
    assert headers["Content-Type"] == ""


def test_failure_is_sent_with_its_reason(stack: CloudFormation) -> None:
    cloudformation.respond(stack.event(), "InvalidRule: rule 'Gärten': names no label")
    assert stack.response["Status"] == "FAILED"
    assert stack.response["Reason"] == "InvalidRule: rule 'Gärten': names no label"


@pytest.mark.parametrize(
    ("before", "now", "sent"), [("ValidRules-1", "", "ValidRules-1"), ("model-1", "model-2", "model-2")]
)
def test_update_keeps_the_id_unless_it_is_replaced(stack: CloudFormation, before: str, now: str, sent: str) -> None:
    # CloudFormation deletes the old resource after an update that sends another id.
    cloudformation.respond(stack.event(RequestType="Update", PhysicalResourceId=before), "", now)
    assert stack.response["PhysicalResourceId"] == sent


@pytest.mark.parametrize("letter", ["x", "é", "😀", "\ud800"])
def test_response_is_never_longer_than_cloudformation_reads(stack: CloudFormation, letter: str) -> None:
    cloudformation.respond(stack.event(), letter * 10_000)
    [(_, _, body)] = stack.responses
    assert len(body) <= 4096


def test_rejected_response_is_an_error_so_that_lambda_retries(stack: CloudFormation) -> None:
    stack.status = 403
    with pytest.raises(HTTPError):
        cloudformation.respond(stack.event(), "")
