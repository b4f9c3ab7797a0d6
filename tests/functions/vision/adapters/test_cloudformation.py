import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.error import HTTPError

import pytest

from vision.adapters import cloudformation


class CloudFormation(HTTPServer):
    """Takes answers as the bucket behind a pre-signed address does."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.status = 200
        self.answers: list[tuple[str, dict[str, str], bytes]] = []

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
    def told(self) -> dict[str, Any]:
        [(_, _, body)] = self.answers
        return dict(json.loads(body))


class _Taking(BaseHTTPRequestHandler):
    server: CloudFormation

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.answers.append((self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def waiting() -> Iterator[CloudFormation]:
    server = CloudFormation()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_success_is_told_with_what_identifies_the_request(waiting: CloudFormation) -> None:
    cloudformation.respond(waiting.event(), "")
    assert waiting.told == {
        "Status": "SUCCESS",
        "Reason": "done",
        "PhysicalResourceId": "ValidRules-1",
        "StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/images/guid",
        "RequestId": "request-1",
        "LogicalResourceId": "ValidRules",
    }


def test_a_failure_is_told_with_its_reason(waiting: CloudFormation) -> None:
    cloudformation.respond(waiting.event(), "InvalidRule: rule 'Gärten': names no label")
    assert (waiting.told["Status"], waiting.told["Reason"]) == ("FAILED", "InvalidRule: rule 'Gärten': names no label")


def test_an_update_keeps_the_resource_so_that_nothing_is_deleted_after_it(waiting: CloudFormation) -> None:
    cloudformation.respond(waiting.event(RequestType="Update", PhysicalResourceId="ValidRules-1"), "")
    assert waiting.told["PhysicalResourceId"] == "ValidRules-1"


@pytest.mark.parametrize("letter", ["x", "é", "😀", "\ud800"])
def test_an_answer_is_never_longer_than_cloudformation_reads(waiting: CloudFormation, letter: str) -> None:
    cloudformation.respond(waiting.event(), letter * 10_000)
    [(_, _, body)] = waiting.answers
    assert len(body) <= 4096


def test_the_signed_address_is_used_as_it_is(waiting: CloudFormation) -> None:
    cloudformation.respond(waiting.event(), "")
    [(path, headers, _)] = waiting.answers
    assert (path, headers["Content-Type"]) == ("/answer?Signature=a%2Bb", "")


def test_an_answer_that_is_not_taken_is_an_error_so_that_lambda_tries_again(waiting: CloudFormation) -> None:
    waiting.status = 403
    with pytest.raises(HTTPError):
        cloudformation.respond(waiting.event(), "")


def test_a_resource_that_is_another_one_now_is_told_so_that_the_old_one_is_deleted(waiting: CloudFormation) -> None:
    cloudformation.respond(waiting.event(RequestType="Update", PhysicalResourceId="model-1"), "", "model-2")
    assert waiting.told["PhysicalResourceId"] == "model-2"
