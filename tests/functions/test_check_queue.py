import pytest

from tests.functions.conftest import Event, Start
from vision.adapters.aws_sdk import client
from vision.adapters.lease import Lease


def test_enough_images_start_a_session_with_its_workers_and_its_time(
    function: Start, event: Event, lease: Lease, inspection_queue: str
) -> None:
    check = function("check_queue")
    for _ in range(20):
        client("sqs").send_message(QueueUrl=inspection_queue, MessageBody="image")
    started = {"decision": "START", "messages": 20, "units": 1, "workers": [1, 2], "seconds": 7200}
    assert check(event("check_queue_start")) == started
    assert lease.read().holder == event("check_queue_start")["execution_arn"]


@pytest.mark.parametrize(
    ("last_round", "decision"), [(None, "DRAIN"), ({"inspected": 130, "seconds": 240.0, "units": 1}, "SLACK")]
)
def test_session_goes_on_unless_its_last_round_was_slack(
    function: Start, event: Event, held: Lease, inspection_queue: str, last_round: dict[str, float], decision: str
) -> None:
    client("sqs").send_message(QueueUrl=inspection_queue, MessageBody="image")
    asked = event("check_queue_session") | {"round": last_round}
    assert function("check_queue")(asked) == {"decision": decision, "messages": 1}
