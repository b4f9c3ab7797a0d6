"""A worker of a session, with an inspector that does as it is told and a clock that does not wait."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

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
    """Does with each message what its script says, attempt by attempt; the last line of a script counts for good."""

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
class World:
    """A queue, a worker of it, and all that the worker waited for and told."""

    url: str
    inspecting: Inspecting = field(default_factory=Inspecting)
    remaining: list[float] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def send(self, *bodies: str) -> None:
        for body in bodies:
            client("sqs").send_message(QueueUrl=self.url, MessageBody=body)

    def drain(self, **scripts: Script) -> DrainResult:
        self.inspecting.scripts = scripts
        return queue_worker.drain(
            self.inspecting, self.url, self.clock, self.told.append, self.slept.append, poll_seconds=0
        )

    def clock(self) -> float:
        if len(self.remaining) > 1:
            return self.remaining.pop(0)
        return self.remaining[0] if self.remaining else 300.0 - sum(self.slept)

    def receives(self) -> dict[str, int]:
        """How often each message that is visible has been received, this look included."""
        names = {"AttributeNames": ["ApproximateReceiveCount"], "MaxNumberOfMessages": 10}
        found = client("sqs").receive_message(QueueUrl=self.url, **names).get("Messages", [])
        return {one["Body"]: int(one["Attributes"]["ApproximateReceiveCount"]) for one in found}


@pytest.fixture
def session(inspection_queue: str) -> World:
    return World(inspection_queue)


EMPTY = Backlog(0, 0, 0)


def test_an_empty_queue_is_no_work(session: World) -> None:
    assert session.drain() == DrainResult()


def test_a_worker_inspects_until_the_queue_is_empty(session: World) -> None:
    session.send(*(f"image{number}" for number in range(23)))
    assert session.drain() == DrainResult(inspected=23)
    assert queue.backlog(session.url) == EMPTY


def test_each_message_is_inspected_once(session: World) -> None:
    session.send(*(f"image{number:02}" for number in range(23)))
    session.drain()
    assert sorted(session.inspecting.seen) == [f"image{number:02}" for number in range(23)]


def test_a_failed_inspection_is_done_too(session: World) -> None:
    session.send("good", "bad")
    assert session.drain(bad=[["FAILURE"]]) == DrainResult(inspected=2)


def test_what_is_refused_or_gone_is_done_and_counted_apart(session: World) -> None:
    session.send("corrupt", "gone", "good")
    assert session.drain(corrupt=[["CorruptImage"]], gone=[["GONE"]]) == DrainResult(inspected=1, refused=2)
    assert queue.backlog(session.url) == EMPTY


def test_a_message_that_is_no_image_is_acknowledged(session: World) -> None:
    session.send("test_event")
    assert session.drain(test_event=[[]]) == DrainResult()
    assert queue.backlog(session.url) == EMPTY


def test_each_outcome_is_told(session: World) -> None:
    session.send("both", "none")
    session.drain(both=[["SUCCESS", "GONE"]], none=[[]])
    assert session.told == ["SUCCESS", "GONE"]


@pytest.mark.parametrize("error", [Throttled("wait"), ServiceUnavailable("wait"), ModelNotReady("wait")])
def test_what_waiting_heals_is_healed_within_the_worker(session: World, error: Exception) -> None:
    session.send("image")
    assert session.drain(image=[error, error, ["SUCCESS"]]) == DrainResult(inspected=1)
    assert session.slept == [0.2, 0.5]


def test_healing_costs_a_message_none_of_its_receives(session: World, hook: Callable[..., None]) -> None:
    received = []
    hook("sqs", "before-call.SERVICE.ReceiveMessage", lambda **_: received.append(1))
    session.send("image")
    session.drain(image=[Throttled("wait")] * 5 + [["SUCCESS"]])
    # The second found the queue empty.
    assert len(received) == 2


def test_a_message_stays_hidden_while_it_is_tried_again(session: World) -> None:
    session.send("image")
    visible = []
    session.inspecting.before = lambda: visible.append(queue.backlog(session.url).visible)
    session.drain(image=[Throttled("wait")] * 5 + [["SUCCESS"]])
    assert visible == [0] * 6


def test_what_does_not_heal_is_tried_until_the_time_is_over(session: World) -> None:
    session.send("busy")
    with pytest.raises(Throttled):
        session.drain(busy=[Throttled("wait")])
    assert session.slept[:7] == [0.2, 0.5, 1, 2, 4, 8, 8]
    assert 270 <= sum(session.slept) < 280


def test_a_model_that_takes_no_call_at_all_ends_the_worker_and_gives_all_back(session: World) -> None:
    session.send("busy", "image")
    with pytest.raises(Throttled):
        session.drain(busy=[Throttled("wait")], image=[Throttled("wait")])
    assert session.receives() == {"busy": 1, "image": 1}


def test_a_worker_that_has_done_something_goes_back_to_the_session_for_another_round(session: World) -> None:
    session.send("image", "busy")
    assert session.drain(busy=[Throttled("wait")]) == DrainResult(inspected=1, returned=1)


def test_an_image_at_which_a_service_always_breaks_does_not_keep_the_model_from_the_others(session: World) -> None:
    session.send("broken", "image")
    assert session.drain(broken=[ServiceUnavailable("broken")]) == DrainResult(inspected=1, returned=1)
    assert session.slept == [0.2, 0.5, 1, 2, 4, 8]


def test_service_that_fails_for_every_image_ends_the_worker_and_costs_no_image_a_receive(session: World) -> None:
    images = [f"image{number}" for number in range(8)]
    session.send(*images)
    with pytest.raises(ServiceUnavailable):
        session.drain(**{image: [ServiceUnavailable("failed")] for image in images})
    assert session.receives() == dict.fromkeys(images, 1)
    # Soon: the model is paid for meanwhile.
    assert sum(session.slept) < 60


def test_service_that_fails_for_the_few_images_there_are_ends_the_worker(session: World) -> None:
    session.send("one", "two")
    with pytest.raises(ServiceUnavailable):
        session.drain(one=[ServiceUnavailable("failed")], two=[ServiceUnavailable("failed")])
    # These two may be the cause themselves: each has used up one of its receives, as it would among others.
    assert queue.backlog(session.url) == Backlog(0, 2, 0)


def test_those_behind_an_image_that_waits_stay_hidden(session: World, hook: Callable[..., None]) -> None:
    hidden: list[str] = []
    hook(
        "sqs",
        "before-parameter-build.SERVICE.ChangeMessageVisibility",
        lambda params, **_: hidden.append(params["ReceiptHandle"]),
    )
    session.send("busy", "image")
    session.drain(busy=[Throttled("wait")] * 9 + [["SUCCESS"]])
    counts = sorted(hidden.count(handle) for handle in set(hidden))
    # The one that is tried ten times, and the one behind it: at each long wait, and when its turn comes.
    assert counts == [4, 10]


def test_the_last_receive_of_a_message_is_told_to_the_inspection(session: World) -> None:
    session.send("image")
    for _ in range(4):
        [message] = queue.receive(session.url, 0, 60)
        queue.hide(session.url, message, 0)
    session.drain()
    assert session.inspecting.last == ["image"]


def test_a_poison_goes_back_at_once_and_the_worker_goes_on(session: World) -> None:
    session.send("poison", "image")
    assert session.drain(poison=[InvalidEvent("no event")]) == DrainResult(inspected=1, returned=1)
    assert session.slept == []
    assert queue.backlog(session.url) == Backlog(0, 1, 0)


def test_a_model_that_does_not_get_ready_ends_the_worker(session: World) -> None:
    session.send("image")
    with pytest.raises(ModelNotReady):
        session.drain(image=[ModelNotReady("stopped")])
    assert session.slept == [0.2, 0.5, 1, 2, 4, 8]


def test_without_a_model_all_messages_are_given_back_at_once(session: World) -> None:
    session.send("image", "second", "third")
    gone: Script = [ModelNotReady("stopped")]
    with pytest.raises(ModelNotReady):
        session.drain(image=gone, second=gone, third=gone)
    assert session.receives() == {"image": 1, "second": 1, "third": 1}


def test_what_was_done_before_the_model_went_stays_done(session: World) -> None:
    session.send("first")
    session.drain()
    session.send("image")
    with pytest.raises(ModelNotReady):
        session.drain(image=[ModelNotReady("stopped")])
    assert (session.told, session.receives()) == (["SUCCESS"], {"image": 1})


def test_a_missing_permission_ends_the_worker_and_gives_the_others_back(session: World) -> None:
    session.send("a", "b", "c")
    denied: Script = [AccessDenied("policy")]
    with pytest.raises(AccessDenied):
        session.drain(a=denied, b=denied, c=denied)
    assert queue.backlog(session.url) == Backlog(2, 1, 0)


def test_images_that_rekognition_cannot_read_do_not_keep_the_model_running(session: World) -> None:
    session.send("a", "b", "c")
    unreadable: Script = [ObjectNotAccessible("key policy")]
    with pytest.raises(ObjectNotAccessible):
        session.drain(a=unreadable, b=unreadable, c=unreadable)
    assert session.slept == [0.2, 0.5, 1, 2, 4, 8]
    assert queue.backlog(session.url) == Backlog(2, 1, 0)


def test_when_the_time_is_over_the_rest_is_given_back(session: World) -> None:
    session.send(*(f"image{number}" for number in range(5)))
    # Enough to begin, for two messages, and then no more.
    session.remaining = [300.0, 300.0, 120.0, 30.0]
    assert session.drain() == DrainResult(inspected=2, returned=3)
    assert set(session.receives().values()) == {1}


def test_a_worker_without_time_takes_no_message(session: World) -> None:
    session.send("image")
    session.remaining = [60.0]
    assert session.drain() == DrainResult()
    assert session.receives() == {"image": 1}


def test_a_message_that_another_worker_has_meanwhile_is_left_to_it(session: World, refuse: Callable[..., None]) -> None:
    session.send("image", "late")
    refuse("sqs", "ChangeMessageVisibility", "MessageNotInflight", calls=(2,))
    tally = session.drain()
    assert (tally, len(session.inspecting.seen)) == (DrainResult(inspected=1, returned=1), 1)


def test_a_queue_that_throttles_is_the_sessions_to_wait_for(session: World, refuse: Callable[..., None]) -> None:
    refuse("sqs", "ReceiveMessage", "ThrottlingException")
    with pytest.raises(Throttled):
        session.drain()


def test_an_image_of_a_kind_that_nothing_expects_costs_its_neighbours_nothing(session: World) -> None:
    session.send("odd", *(f"image{number}" for number in range(9)))
    session.remaining = [300.0] * 40 + [0.0]
    tally = session.drain(odd=[RuntimeError("of a kind that nothing expects")])
    assert (tally.inspected, session.told.count("SUCCESS")) == (9, 9)
    assert tally.returned >= 1


def test_an_image_of_a_kind_that_nothing_expects_is_in_the_dead_letter_queue_within_one_session(
    session: World,
) -> None:
    sqs = client("sqs")
    dead = sqs.create_queue(QueueName="DeadLetters")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
    sqs.set_queue_attributes(QueueUrl=session.url, Attributes={"RedrivePolicy": redrive})
    session.send("odd")
    session.remaining = [300.0] * 40 + [0.0]
    session.drain(odd=[RuntimeError("of a kind that nothing expects")])
    assert queue.backlog(session.url) == EMPTY
    assert session.inspecting.seen == ["odd"] * 5
