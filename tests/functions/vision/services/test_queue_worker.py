"""A worker of a session, with a scripted inspector and a clock that does not wait."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.functions.conftest import Hook, Refuse
from vision.adapters import queue
from vision.adapters.aws_sdk import client
from vision.domain.errors import (
    AccessDenied,
    InvalidEvent,
    ModelNotReady,
    ObjectNotAccessible,
    ServiceUnavailable,
    Throttled,
)
from vision.domain.session.decisions import Backlog
from vision.services import queue_worker
from vision.services.queue_worker import DrainResult

Script = list[list[str] | Exception]


@dataclass
class Inspecting:
    """Does what the script of a message says, attempt by attempt; the last step of a script is repeated."""

    scripts: dict[str, Script] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    before: Callable[[], None] = lambda: None
    last: list[str] = field(default_factory=list)

    def inspect_message(self, body: str, is_last_receive: bool, report: Callable[[str], None]) -> None:
        self.before()
        self.last += [body] if is_last_receive else []
        script = self.scripts.get(body, [["SUCCESS"]])
        step = script[min(self.seen.count(body), len(script) - 1)]
        self.seen.append(body)
        if isinstance(step, Exception):
            raise step
        for outcome in step:
            report(outcome)


@dataclass
class Session:
    """A queue and its worker, with the waits and the reported outcomes of the worker."""

    url: str
    inspecting: Inspecting = field(default_factory=Inspecting)
    remaining: list[float] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    reported: list[str] = field(default_factory=list)

    def send(self, *bodies: str) -> None:
        for body in bodies:
            client("sqs").send_message(QueueUrl=self.url, MessageBody=body)

    def drain(self, **scripts: Script) -> DrainResult:
        self.inspecting.scripts = scripts
        return queue_worker.drain(
            self.inspecting, self.url, self.clock, self.reported.append, self.slept.append, poll_seconds=0
        )

    def clock(self) -> float:
        if len(self.remaining) > 1:
            return self.remaining.pop(0)
        return self.remaining[0] if self.remaining else 300.0 - sum(self.slept)

    def receives(self) -> dict[str, int]:
        """The number of receives of each visible message, including this one."""
        names = {"AttributeNames": ["ApproximateReceiveCount"], "MaxNumberOfMessages": 10}
        found = client("sqs").receive_message(QueueUrl=self.url, **names).get("Messages", [])
        return {one["Body"]: int(one["Attributes"]["ApproximateReceiveCount"]) for one in found}


@pytest.fixture
def session(inspection_queue: str) -> Session:
    return Session(inspection_queue)


EMPTY = Backlog(0, 0, 0)
# The waits between the attempts at a message before the worker gives up.
ALL_WAITS = [0.2, 0.5, 1, 2, 4, 8]


def test_worker_inspects_each_message_once_until_the_queue_is_empty(session: Session) -> None:
    assert session.drain() == DrainResult()
    images = [f"image{number:02}" for number in range(23)]
    session.send(*images)
    assert session.drain() == DrainResult(inspected=23)
    assert sorted(session.inspecting.seen) == images
    assert queue.backlog(session.url) == EMPTY


def test_every_outcome_deletes_its_message_and_is_counted_and_reported(session: Session) -> None:
    session.send("good", "bad", "corrupt", "gone", "both", "test_event")
    result = session.drain(
        bad=[["FAILURE"]], corrupt=[["CorruptImage"]], gone=[["GONE"]], both=[["SUCCESS", "GONE"]], test_event=[[]]
    )
    assert result == DrainResult(inspected=3, refused=3)
    assert session.reported == ["SUCCESS", "FAILURE", "CorruptImage", "GONE", "SUCCESS", "GONE"]
    assert queue.backlog(session.url) == EMPTY


@pytest.mark.parametrize("error", [Throttled("wait"), ServiceUnavailable("wait"), ModelNotReady("wait")])
def test_transient_error_is_retried_within_the_worker(session: Session, error: Exception) -> None:
    session.send("image")
    assert session.drain(image=[error, error, ["SUCCESS"]]) == DrainResult(inspected=1)
    assert session.slept == [0.2, 0.5]


def test_retried_message_stays_hidden_and_is_received_once(session: Session, hook: Hook) -> None:
    received, visible = [], []
    hook("sqs", "before-call.SERVICE.ReceiveMessage", lambda **_: received.append(1))
    session.send("image")
    session.inspecting.before = lambda: visible.append(queue.backlog(session.url).visible)
    session.drain(image=[Throttled("wait")] * 5 + [["SUCCESS"]])
    assert visible == [0] * 6
    # The second call found the queue empty.
    assert len(received) == 2


def test_throttled_message_is_retried_until_the_time_is_over(session: Session) -> None:
    session.send("busy")
    with pytest.raises(Throttled):
        session.drain(busy=[Throttled("wait")])
    assert session.slept[:7] == [0.2, 0.5, 1, 2, 4, 8, 8]
    assert 270 <= sum(session.slept) < 280


def test_model_that_accepts_no_call_ends_the_worker_and_returns_all(session: Session) -> None:
    session.send("busy", "image")
    with pytest.raises(Throttled):
        session.drain(busy=[Throttled("wait")], image=[Throttled("wait")])
    assert session.receives() == {"busy": 1, "image": 1}


def test_worker_with_some_inspections_returns_the_throttled_rest(session: Session) -> None:
    session.send("image", "busy")
    assert session.drain(busy=[Throttled("wait")]) == DrainResult(inspected=1, returned=1)


def test_image_at_which_a_service_always_fails_does_not_stop_the_others(session: Session) -> None:
    session.send("broken", "image")
    assert session.drain(broken=[ServiceUnavailable("broken")]) == DrainResult(inspected=1, returned=1)
    assert session.slept == ALL_WAITS


def test_service_that_fails_for_all_images_ends_the_worker_soon(session: Session) -> None:
    images = [f"image{number}" for number in range(8)]
    session.send(*images)
    with pytest.raises(ServiceUnavailable):
        session.drain(**{image: [ServiceUnavailable("failed")] for image in images})
    assert session.receives() == dict.fromkeys(images, 1)
    # The model is paid for meanwhile.
    assert sum(session.slept) < 60


def test_service_that_fails_for_all_of_few_images_ends_the_worker(session: Session) -> None:
    session.send("one", "two")
    with pytest.raises(ServiceUnavailable):
        session.drain(one=[ServiceUnavailable("failed")], two=[ServiceUnavailable("failed")])
    # These two may be the cause themselves: each has used one of its receives, as it would among others.
    assert queue.backlog(session.url) == Backlog(0, 2, 0)


def test_messages_behind_a_waiting_one_stay_hidden(session: Session, hook: Hook) -> None:
    hidden: list[str] = []
    hook(
        "sqs",
        "before-parameter-build.SERVICE.ChangeMessageVisibility",
        lambda params, **_: hidden.append(params["ReceiptHandle"]),
    )
    session.send("busy", "image")
    session.drain(busy=[Throttled("wait")] * 9 + [["SUCCESS"]])
    counts = sorted(hidden.count(handle) for handle in set(hidden))
    # The one that is tried ten times, and the one behind it: at each long wait, and before its own attempt.
    assert counts == [4, 10]


def test_inspection_learns_that_a_receive_is_the_last(session: Session) -> None:
    session.send("image")
    for _ in range(4):
        [message] = queue.receive(session.url, 0, 60)
        queue.hide(session.url, message, 0)
    session.drain()
    assert session.inspecting.last == ["image"]


def test_invalid_message_is_returned_at_once_and_the_worker_continues(session: Session) -> None:
    session.send("poison", "image")
    assert session.drain(poison=[InvalidEvent("no event")]) == DrainResult(inspected=1, returned=1)
    assert session.slept == []
    assert queue.backlog(session.url) == Backlog(0, 1, 0)


def test_stopped_model_ends_the_worker_and_returns_all_messages(session: Session) -> None:
    session.send("first")
    session.drain()
    session.send("image", "second", "third")
    stopped: Script = [ModelNotReady("stopped")]
    with pytest.raises(ModelNotReady):
        session.drain(image=stopped, second=stopped, third=stopped)
    assert session.slept == ALL_WAITS
    assert session.reported == ["SUCCESS"]
    assert session.receives() == {"image": 1, "second": 1, "third": 1}


@pytest.mark.parametrize(
    ("error", "slept"), [(AccessDenied("policy"), []), (ObjectNotAccessible("key policy"), ALL_WAITS)]
)
def test_missing_permission_ends_the_worker_and_returns_the_others(
    session: Session, error: Exception, slept: list[float]
) -> None:
    session.send("a", "b", "c")
    with pytest.raises(type(error)):
        session.drain(a=[error], b=[error], c=[error])
    assert session.slept == slept
    assert queue.backlog(session.url) == Backlog(2, 1, 0)


@pytest.mark.parametrize(
    ("remaining", "inspected", "returned"),
    # Enough time to start, for two messages, and then too little; or too little for any.
    [([300.0, 300.0, 120.0, 30.0], 2, 3), ([60.0], 0, 0)],
)
def test_remaining_messages_are_returned_when_the_time_is_over(
    session: Session, remaining: list[float], inspected: int, returned: int
) -> None:
    session.send(*(f"image{number}" for number in range(5)))
    session.remaining = remaining
    assert session.drain() == DrainResult(inspected=inspected, returned=returned)
    assert [*session.receives().values()] == [1] * (5 - inspected)


def test_message_that_another_worker_received_meanwhile_is_left_to_it(session: Session, refuse: Refuse) -> None:
    session.send("image", "late")
    refuse("sqs", "ChangeMessageVisibility", "MessageNotInflight", calls=(2,))
    assert session.drain() == DrainResult(inspected=1, returned=1)
    assert len(session.inspecting.seen) == 1


def test_throttled_queue_ends_the_worker(session: Session, refuse: Refuse) -> None:
    refuse("sqs", "ReceiveMessage", "ThrottlingException")
    with pytest.raises(Throttled):
        session.drain()


def test_unexpected_error_goes_to_the_dead_letter_queue_alone(session: Session) -> None:
    sqs = client("sqs")
    dead = sqs.create_queue(QueueName="DeadLetters")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
    sqs.set_queue_attributes(QueueUrl=session.url, Attributes={"RedrivePolicy": redrive})
    session.send("odd", *(f"image{number}" for number in range(9)))
    session.remaining = [300.0] * 40 + [0.0]
    assert session.drain(odd=[RuntimeError("unexpected")]) == DrainResult(inspected=9, returned=5)
    assert session.reported == ["SUCCESS"] * 9
    assert session.inspecting.seen.count("odd") == 5
    assert queue.backlog(session.url) == EMPTY
