"""An inspection can be repeated from any point: one verdict, one copy, one result file, one deletion."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from tests.functions.conftest import RESULTS, Hook, Listing, Refuse
from tests.functions.vision.services.conftest import ScriptedDetector, detect, upload
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

Look = Callable[[], dict[str, Any]]
CrashAt = Callable[..., list[str]]
ANALYZED = "analyzed/success/garden/rose (1) 50%+.jpg"
# Each call to AWS that an inspection makes, in order.
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
NUMBER = {name: number for number, name in enumerate(CALLS, 1)}
# The verdict is recorded and not yet reported: it is never counted.
NOT_COUNTED = ("after", 6)
# The notification is sent and not yet recorded: it is sent again, under the same id.
SENT_TWICE = {("after", NUMBER["Publish"]), ("before", len(CALLS))}


class Crash(BaseException):
    """The environment dies: nothing in the code can catch it."""


@pytest.fixture
def left(inspected: Envelope, table: Table, results: Listing, notified: Listing) -> Look:
    """Return everything that an inspection leaves, except its timestamps."""

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
def record_calls(hook: Hook) -> CrashAt:
    """Record the calls to AWS; crash before the given one is made or after it was carried out, counted from 1."""
    made: list[str] = []

    def register(moment: str = "never", at: int = 0) -> list[str]:
        def before(model: Any, **_: Any) -> None:
            made.append(model.name)
            if moment == "before" and len(made) == at:
                raise Crash

        def after(model: Any, **_: Any) -> None:
            if moment == "after" and len(made) == at:
                raise Crash

        # The fixture `answer` hooks DetectLabels by its name, and the most specific hook comes first.
        for service, calls in (("dynamodb", ""), ("s3", ""), ("rekognition", ".DetectLabels"), ("sns", "")):
            hook(service, f"before-call.SERVICE{calls}", before, first=True)
            hook(service, f"after-call.SERVICE{calls}", after)
        return made

    return register


@pytest.fixture
def crash(inspector: Inspector, inspected: Envelope, record_calls: CrashAt) -> Callable[..., None]:
    """Deliver the image for the first time, to a worker that crashes at a call."""

    def deliver(moment: str, at: int, report: Callable[[str], None] = lambda _: None) -> None:
        record_calls(moment, at)
        with pytest.raises(Crash):
            inspector.inspect(inspected.object, report=report)

    return deliver


@pytest.fixture
def later(inspector: Inspector) -> Inspector:
    """An inspector that receives the message after the claim of a crashed delivery has expired."""
    return dataclasses.replace(inspector, claim_seconds=-1)


def _moved(envelope: Envelope, messages: int = 1) -> dict[str, Any]:
    """What an inspection leaves of a moved image, apart from its record."""
    return {
        "notified": True,
        "results": sorted([ANALYZED, result_key(envelope.object)]),
        "copies": 1,
        "images": [],
        "messages": [f"{envelope.photo_id}-{keys.version_digest(envelope.object)}"] * messages,
    }


def test_inspection_makes_these_calls_and_leaves_a_moved_image(
    inspector: Inspector, inspected: Envelope, left: Look, record_calls: CrashAt
) -> None:
    made = record_calls()
    assert inspector.inspect(inspected.object) == "SUCCESS"
    assert made == CALLS
    found = left()
    assert found.pop("record")["verdict"] == "SUCCESS"
    assert found == _moved(inspected)


@pytest.mark.parametrize("at", range(1, len(CALLS) + 1), ids=[f"{at}-{call}" for at, call in enumerate(CALLS, 1)])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_delivery_after_a_crash_at_any_call_completes_the_inspection(
    later: Inspector, inspected: Envelope, left: Look, crash: Callable[..., None], moment: str, at: int
) -> None:
    reported: list[str] = []
    crash(moment, at, report=reported.append)
    assert later.inspect(inspected.object, report=reported.append) == "SUCCESS"
    found = left()
    record = found.pop("record")
    assert (record["verdict"], record["status"]) == ("SUCCESS", "SUCCEEDED")
    assert found == _moved(inspected, 2 if (moment, at) in SENT_TWICE else 1)
    for _ in range(2):
        later.inspect(inspected.object, report=reported.append)
    assert left() == {**found, "record": record}
    assert reported == ["SUCCESS"] * ((moment, at) != NOT_COUNTED)


def test_concurrent_deliveries_send_one_notification(
    inspector: Inspector, inspected: Envelope, hook: Hook, notified: Listing
) -> None:
    met: list[Exception] = []

    def second(**_: Any) -> None:
        if not met:
            with pytest.raises(ServiceUnavailable, match="another delivery is sending it") as refused:
                inspector.inspect(inspected.object)
            met.append(refused.value)

    hook("sns", "before-call.SERVICE.Publish", second)
    inspector.inspect(inspected.object)
    assert len(met) == 1
    assert len(notified()) == 1


def test_notification_that_sns_refused_is_sent_by_the_next_delivery(
    inspector: Inspector, inspected: Envelope, refuse: Refuse, notified: Listing
) -> None:
    refuse("sns", "Publish", "AuthorizationError", calls=(1,))
    with pytest.raises(AccessDenied):
        inspector.inspect(inspected.object)
    inspector.inspect(inspected.object)
    assert len(notified()) == 1


def test_image_that_a_crashed_delivery_moved_meanwhile_is_still_notified(
    later: Inspector, inspected: Envelope, crash: Callable[..., None], notified: Listing
) -> None:
    def overtaken(_: ObjectVersion, __: Rule) -> Detection:
        crash("before", NUMBER["Publish"])
        raise ObjectNotFound("GetObject: it is not there")

    # The other delivery crashed before its notification, and this may be the last message about the image.
    assert dataclasses.replace(later, detector=ScriptedDetector(overtaken)).inspect(inspected.object) == "SUCCESS"
    assert len(notified()) == 1


def test_redelivery_after_success_changes_nothing_and_calls_no_detector(
    inspector: Inspector, inspected: Envelope, left: Look, results: Listing, record_calls: CrashAt
) -> None:
    inspector.inspect(inspected.object)
    before, written = left(), results()
    made = record_calls()
    assert inspector.inspect(inspected.object) == "SUCCESS"
    assert "DetectLabels" not in made
    assert left() == before
    assert results() == written


def test_image_that_was_deleted_after_its_verdict_is_not_copied(
    later: Inspector, inspected: Envelope, crash: Callable[..., None], results: Listing
) -> None:
    crash("before", NUMBER["PutObject"])
    client("s3").delete_object(Bucket=inspected.object.bucket, Key=inspected.object.key)
    later.inspect(inspected.object)
    assert results() == [result_key(inspected.object)]


def test_late_copy_of_an_older_version_does_not_replace_the_newer_one(
    inspector: Inspector, inspected: Envelope, photo: bytes, hook: Hook
) -> None:
    newer = [dataclasses.replace(upload(inspected, photo), sequencer="F".ljust(64, "0"))]

    def meanwhile(**_: Any) -> None:
        if newer:
            inspector.inspect(newer.pop())

    hook("s3", "before-call.SERVICE.CopyObject", meanwhile)
    inspector.inspect(inspected.object)
    assert client("s3").get_object(Bucket=RESULTS, Key=ANALYZED)["Body"].read() == photo


def test_verdict_is_kept_when_the_rules_change(inspector: Inspector, inspected: Envelope, table: Table) -> None:
    inspector.inspect(inspected.object)
    stricter = dataclasses.replace(inspector, rules=(Rule("garden", "images/", 90.0, any_of=("Tulip",)),))
    assert stricter.inspect(inspected.object) == "SUCCESS"
    assert (table.image(inspected) or {})["verdict"] == "SUCCESS"


def test_first_verdict_counts_for_two_concurrent_workers(inspector: Inspector, inspected: Envelope, left: Look) -> None:
    reported = []

    def slow(version: ObjectVersion, _: Rule) -> Detection:
        inspector.inspect(version, report=lambda outcome: reported.append(("fast", outcome)))
        return Detection([], {"name": "slow", "version": "1"})

    outcome = dataclasses.replace(inspector, detector=ScriptedDetector(slow)).inspect(
        inspected.object, report=lambda outcome: reported.append(("slow", outcome))
    )
    assert outcome == "SUCCESS"
    assert reported == [("fast", "SUCCESS")]
    assert left()["copies"] == len(left()["messages"]) == 1


def test_version_uploaded_meanwhile_is_not_moved(inspector: Inspector, inspected: Envelope, photo: bytes) -> None:
    newer = []

    def meanwhile(version: ObjectVersion, rule: Rule) -> Detection:
        newer.append(upload(inspected, photo).version_id)
        return detect(version, rule)

    dataclasses.replace(inspector, detector=ScriptedDetector(meanwhile)).inspect(inspected.object)
    listed = client("s3").list_object_versions(Bucket=inspected.object.bucket, Prefix="images/")
    assert [one["VersionId"] for one in listed["Versions"]] == newer


def test_redelivery_of_an_older_version_keeps_the_newer_copy(
    inspector: Inspector, inspected: Envelope, photo: bytes, results: Listing
) -> None:
    inspector.inspect(inspected.object)
    newer = upload(inspected, photo)
    for version in (newer, inspected.object):
        assert inspector.inspect(version) == "SUCCESS"
    assert {key for key in results() if key.startswith("results/")} == {
        result_key(version) for version in (inspected.object, newer)
    }
    assert client("s3").get_object(Bucket=RESULTS, Key=ANALYZED)["Body"].read() == photo
