"""An inspection is safe to repeat from any point: one verdict, one copy, one result file, one deletion."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.functions.conftest import RESULTS, ScriptedDetector, detect, upload
from vision.adapters.aws_sdk import client
from vision.adapters.rekognition import Detection
from vision.adapters.table import Table
from vision.domain import keys
from vision.domain.envelopes import Envelope
from vision.domain.errors import AccessDenied, ObjectNotFound, ServiceUnavailable
from vision.domain.inspection.results import result_key
from vision.domain.inspection.rules import Rule
from vision.domain.objects import ObjectVersion
from vision.services.inspection import Inspector

pytestmark = pytest.mark.thorough

Listing = Callable[[], list[Any]]
ANALYZED = "analyzed/success/garden/rose (1) 50%+.jpg"
MOMENTS = ("created_at", "updated_at", "inspected_at", "notified_at", "listing_sk")


class Crash(BaseException):
    """The environment dies: nothing in the code can catch it."""


@pytest.fixture
def left(inspected: Envelope, table: Table, results: Listing, notified: Listing) -> Callable[[], dict[str, Any]]:
    """All that an inspection leaves behind, but for its moments."""

    def look() -> dict[str, Any]:
        record = table.image(inspected) or {}
        versions = client("s3").list_object_versions(Bucket=inspected.object.bucket, Prefix="images/")
        return {
            "record": {
                name: value for name, value in record.items() if not name.endswith("_at") and name != "listing_sk"
            },
            "notified": "notified_at" in record,
            "results": sorted(set(results())),
            "copies": results().count(ANALYZED),
            "images": [one["Key"] for one in versions.get("Versions", [])],
            "messages": [message["id"] for message in notified()],
        }

    return look


@pytest.fixture
def crash(hook: Callable[..., None]) -> Iterator[Callable[[str, int], list[str]]]:
    """Die before a call to AWS is made, or after it was carried out; calls are counted from 1."""
    made: list[str] = []

    def register(moment: str, at: int) -> list[str]:
        def before(model: Any, **_: Any) -> None:
            made.append(model.name)
            if moment == "before" and len(made) == at:
                raise Crash

        def after(model: Any, **_: Any) -> None:
            if moment == "after" and len(made) == at:
                raise Crash

        # The answer to DetectLabels is hooked to its very name, and the more special hook comes first.
        for service, calls in (("dynamodb", ""), ("s3", ""), ("rekognition", ".DetectLabels"), ("sns", "")):
            hook(service, f"before-call.SERVICE{calls}", before, first=True)
            hook(service, f"after-call.SERVICE{calls}", after)
        return made

    return register


# Each call to AWS that an inspection makes, in its order.
CALLS = [
    "PutItem",
    "UpdateItem",
    "GetItem",
    "GetObject",
    "DetectLabels",
    "UpdateItem",
    "GetItem",
    "PutObject",
    "HeadObject",
    "HeadObject",
    "CopyObject",
    "HeadObject",
    "GetItem",
    "DeleteObject",
    "UpdateItem",
    "Publish",
    "UpdateItem",
]


@pytest.fixture
def later(inspector: Inspector) -> Inspector:
    """The inspector that gets a message again when the claim of a delivery that died has run out."""
    return dataclasses.replace(inspector, claim_seconds=-1)


def test_an_inspection_makes_these_calls_in_this_order(
    inspector: Inspector, inspected: Envelope, crash: Callable[[str, int], list[str]]
) -> None:
    made = crash("never", 0)
    inspector.inspect(inspected.object)
    assert made == CALLS


def test_an_inspection_leaves_all_that_it_should(
    inspector: Inspector, inspected: Envelope, left: Callable[[], dict[str, Any]]
) -> None:
    assert inspector.inspect(inspected.object) == "SUCCESS"
    found = left()
    assert found.pop("record")["verdict"] == "SUCCESS"
    assert found == {
        "notified": True,
        "results": sorted([ANALYZED, result_key(inspected.object)]),
        "copies": 1,
        "images": [],
        "messages": [_message_id(inspected)],
    }


def _message_id(envelope: Envelope) -> str:
    return f"{envelope.photo_id}-{keys.version_digest(envelope.object)}"


@pytest.fixture
def whole(inspected: Envelope) -> dict[str, Any]:
    """What a crash may not change."""
    return {
        "notified": True,
        "results": sorted([ANALYZED, result_key(inspected.object)]),
        "images": [],
    }


@pytest.mark.parametrize("at", range(1, len(CALLS) + 1), ids=[f"{at}-{call}" for at, call in enumerate(CALLS, 1)])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_crash_at_any_call_is_healed_by_the_next_delivery(
    inspector: Inspector,
    later: Inspector,
    inspected: Envelope,
    left: Callable[[], dict[str, Any]],
    whole: dict[str, Any],
    crash: Callable[[str, int], list[str]],
    moment: str,
    at: int,
) -> None:
    crash(moment, at)
    with pytest.raises(Crash):
        inspector.inspect(inspected.object)
    assert later.inspect(inspected.object) == "SUCCESS"
    found = left()
    assert {name: found[name] for name in whole} == whole
    assert (found["record"]["verdict"], found["record"]["status"]) == ("SUCCESS", "SUCCEEDED")


@pytest.mark.parametrize("at", range(1, len(CALLS) + 1), ids=[f"{at}-{call}" for at, call in enumerate(CALLS, 1)])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_crash_never_copies_an_image_twice(
    inspector: Inspector,
    later: Inspector,
    inspected: Envelope,
    left: Callable[[], dict[str, Any]],
    crash: Callable[[str, int], list[str]],
    moment: str,
    at: int,
) -> None:
    crash(moment, at)
    with pytest.raises(Crash):
        inspector.inspect(inspected.object)
    later.inspect(inspected.object)
    assert left()["copies"] == 1


# The verdict is recorded, and nobody has been told.
NOT_COUNTED = ("after", 6)


@pytest.mark.parametrize("at", range(1, len(CALLS) + 1), ids=[f"{at}-{call}" for at, call in enumerate(CALLS, 1)])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_image_is_counted_once_however_often_it_is_delivered(
    inspector: Inspector,
    later: Inspector,
    inspected: Envelope,
    crash: Callable[[str, int], list[str]],
    moment: str,
    at: int,
) -> None:
    counted: list[str] = []
    crash(moment, at)
    with pytest.raises(Crash):
        inspector.inspect(inspected.object, report=counted.append)
    for _ in range(3):
        later.inspect(inspected.object, report=counted.append)
    assert counted == ["SUCCESS"] * ((moment, at) != NOT_COUNTED)


# Between telling people and noting it nothing can help: they hear of it twice, under one id.
TOLD_TWICE = {("after", CALLS.index("Publish") + 1), ("before", len(CALLS))}


@pytest.mark.parametrize("at", range(1, len(CALLS) + 1), ids=[f"{at}-{call}" for at, call in enumerate(CALLS, 1)])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_people_are_told_once_and_at_the_one_point_without_a_way_back_twice_under_one_id(
    inspector: Inspector,
    later: Inspector,
    inspected: Envelope,
    left: Callable[[], dict[str, Any]],
    crash: Callable[[str, int], list[str]],
    moment: str,
    at: int,
) -> None:
    crash(moment, at)
    with pytest.raises(Crash):
        inspector.inspect(inspected.object)
    later.inspect(inspected.object)
    assert left()["messages"] == [_message_id(inspected)] * (2 if (moment, at) in TOLD_TWICE else 1)


def test_of_two_deliveries_at_the_same_time_one_tells_people(
    inspector: Inspector, inspected: Envelope, hook: Callable[..., None], notified: Listing
) -> None:
    met: list[Exception] = []

    def second(**_: Any) -> None:
        if not met:
            with pytest.raises(ServiceUnavailable, match="another delivery is sending it") as refused:
                inspector.inspect(inspected.object)
            met.append(refused.value)

    hook("sns", "before-call.SERVICE.Publish", second)
    inspector.inspect(inspected.object)
    assert (len(met), len(notified())) == (1, 1)


def test_a_message_that_sns_refused_is_sent_with_the_next_delivery(
    inspector: Inspector, inspected: Envelope, refuse: Callable[..., None], notified: Listing
) -> None:
    refuse("sns", "Publish", "AuthorizationError", calls=(1,))
    with pytest.raises(AccessDenied):
        inspector.inspect(inspected.object)
    inspector.inspect(inspected.object)
    assert len(notified()) == 1


def test_the_delivery_that_came_second_is_done_when_it_comes_again(
    inspector: Inspector, inspected: Envelope, notified: Listing
) -> None:
    inspector.inspect(inspected.object)
    assert (inspector.inspect(inspected.object), len(notified())) == ("SUCCESS", 1)


def test_a_claim_whose_owner_died_holds_nobody_up_for_ever(
    inspector: Inspector,
    later: Inspector,
    inspected: Envelope,
    crash: Callable[[str, int], list[str]],
    notified: Listing,
) -> None:
    crash("before", CALLS.index("Publish") + 1)
    with pytest.raises(Crash):
        inspector.inspect(inspected.object)
    later.inspect(inspected.object)
    assert len(notified()) == 1


def test_an_image_that_another_delivery_has_moved_meanwhile_is_not_gone(
    inspector: Inspector,
    later: Inspector,
    inspected: Envelope,
    crash: Callable[[str, int], list[str]],
    notified: Listing,
) -> None:
    def overtaken(version: ObjectVersion, _: Rule) -> Detection:
        crash("before", CALLS.index("Publish") + 1)
        with pytest.raises(Crash):
            inspector.inspect(version)
        raise ObjectNotFound("GetObject: it is not there")

    # Its owner died before it told people, and this may be the last message that can.
    assert dataclasses.replace(later, detector=ScriptedDetector(overtaken)).inspect(inspected.object) == "SUCCESS"
    assert len(notified()) == 1


def test_a_redelivery_after_success_changes_nothing(
    inspector: Inspector, inspected: Envelope, left: Callable[[], dict[str, Any]]
) -> None:
    inspector.inspect(inspected.object)
    before = left()
    assert inspector.inspect(inspected.object) == "SUCCESS"
    assert left() == before


def test_repeated_delivery_writes_no_object(inspector: Inspector, inspected: Envelope, results: Listing) -> None:
    inspector.inspect(inspected.object)
    before = results()
    inspector.inspect(inspected.object)
    assert results() == before


def test_image_that_was_deleted_after_its_verdict_is_not_copied(
    inspector: Inspector,
    later: Inspector,
    inspected: Envelope,
    crash: Callable[[str, int], list[str]],
    results: Listing,
) -> None:
    crash("before", CALLS.index("PutObject") + 1)
    with pytest.raises(Crash):
        inspector.inspect(inspected.object)
    client("s3").delete_object(Bucket=inspected.object.bucket, Key=inspected.object.key)
    later.inspect(inspected.object)
    assert results() == [result_key(inspected.object)]


def test_older_version_that_is_copied_late_does_not_hide_the_newer_one(
    inspector: Inspector, inspected: Envelope, photo: bytes, hook: Callable[..., None]
) -> None:
    newer = [dataclasses.replace(upload(inspected, photo), sequencer="F".ljust(64, "0"))]

    def meanwhile(**_: Any) -> None:
        if newer:
            inspector.inspect(newer.pop())

    hook("s3", "before-call.SERVICE.CopyObject", meanwhile)
    inspector.inspect(inspected.object)
    assert client("s3").get_object(Bucket=RESULTS, Key=ANALYZED)["Body"].read() == photo


def test_a_redelivery_asks_rekognition_nothing(
    inspector: Inspector, inspected: Envelope, crash: Callable[[str, int], list[str]]
) -> None:
    inspector.inspect(inspected.object)
    made = crash("never", 0)
    inspector.inspect(inspected.object)
    assert "DetectLabels" not in made


def test_a_verdict_is_never_replaced(inspector: Inspector, inspected: Envelope, table: Table) -> None:
    inspector.inspect(inspected.object)
    stricter = dataclasses.replace(inspector, rules=(Rule("garden", "images/", 90.0, any_of=("Tulip",)),))
    assert stricter.inspect(inspected.object) == "SUCCESS"
    assert (table.image(inspected) or {})["verdict"] == "SUCCESS"


def test_of_two_workers_with_one_image_the_first_verdict_counts_for_both(
    inspector: Inspector, inspected: Envelope, left: Callable[[], dict[str, Any]]
) -> None:
    reported = []

    def slow(version: ObjectVersion, rule: Rule) -> Detection:
        inspector.inspect(version, report=lambda outcome: reported.append(("fast", outcome)))
        return Detection([], {"name": "slow", "version": "1"})

    outcome = dataclasses.replace(inspector, detector=ScriptedDetector(slow)).inspect(
        inspected.object, report=lambda outcome: reported.append(("slow", outcome))
    )
    assert outcome == "SUCCESS"
    assert reported == [("fast", "SUCCESS")]
    assert (left()["copies"], len(left()["messages"])) == (1, 1)


def test_a_reupload_while_the_old_version_is_inspected_stays_for_its_own_inspection(
    inspector: Inspector, inspected: Envelope, photo: bytes
) -> None:
    newer = []

    def meanwhile(version: ObjectVersion, rule: Rule) -> Detection:
        newer.append(upload(inspected, photo).version_id)
        return detect(version, rule)

    dataclasses.replace(inspector, detector=ScriptedDetector(meanwhile)).inspect(inspected.object)
    listed = client("s3").list_object_versions(Bucket=inspected.object.bucket, Prefix="images/")
    assert [one["VersionId"] for one in listed["Versions"]] == newer


def test_two_versions_of_an_image_have_two_result_files(
    inspector: Inspector, inspected: Envelope, photo: bytes, results: Listing
) -> None:
    newer = upload(inspected, photo)
    for version in (inspected.object, newer):
        inspector.inspect(version)
    assert {key for key in results() if key.startswith("results/")} == {
        result_key(version) for version in (inspected.object, newer)
    }


def test_a_redelivery_after_a_newer_version_has_moved_to_the_same_place_is_no_poison(
    inspector: Inspector, inspected: Envelope, photo: bytes
) -> None:
    inspector.inspect(inspected.object)
    newer = upload(inspected, photo)
    inspector.inspect(newer)
    assert inspector.inspect(inspected.object) == "SUCCESS"
    assert client("s3").get_object(Bucket=RESULTS, Key=ANALYZED)["Body"].read() == photo
