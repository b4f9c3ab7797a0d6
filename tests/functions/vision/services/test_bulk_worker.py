"""A worker of a bulk run, with a Rekognition that fails as it is told and a clock that does not wait."""

import io
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from botocore.client import BaseClient
from PIL import Image

from tests.conftest import BUCKET
from tests.functions.conftest import RESULTS
from vision import entry
from vision.adapters import own_model, rekognition
from vision.adapters.aws_sdk import client
from vision.adapters.rekognition import Detection
from vision.adapters.table import Table
from vision.domain import records
from vision.domain.bulk import bulk_run
from vision.domain.bulk.bulk_run import Item, Request
from vision.domain.bulk.tallies import Tally
from vision.domain.envelopes import Envelope
from vision.domain.errors import AccessDenied, InvalidImage, ObjectNotAccessible, ServiceUnavailable, Throttled
from vision.domain.executions import Attempt
from vision.domain.inspection.rules import Rule, parse
from vision.domain.objects import ObjectVersion
from vision.services import bulk_worker as workers
from vision.services import detectors
from vision.services.bulk_worker import BatchOptions, BatchWorker, CallSlots, NoTimeLeft
from vision.services.detectors import Rekognition

ARN = "arn:aws:states:eu-west-1:123456789012:execution:image-recognition-ProcessBucket:"
FIRST, SECOND = (
    Attempt(f"{ARN}first", "2026-11-12T09:30:02.345Z"),
    Attempt(f"{ARN}second", "2026-11-12T10:30:02.345Z"),
)
# Typical names of DetectLabels, longer than most.
NAMES = [
    "Person",
    "Building",
    "Architecture",
    "Outdoors",
    "Cityscape",
    "Transportation",
    "Motor Vehicle",
    "Neighborhood",
    "Photography",
    "Vegetation",
]
LABELS = [
    {"name": name, "confidence": round(99.87 - rank * 3.01, 2), "parents": ["Thing"], "instances": [{"box": {}}]}
    for rank, name in enumerate(NAMES)
]


class Killed(BaseException):
    """What ends a worker in the middle."""


@dataclass
class Detector:
    """Rekognition: what it is asked for, and what it does with each key, attempt by attempt."""

    asked: list[tuple[str, int, float]] = field(default_factory=list)
    bought: Counter[str] = field(default_factory=Counter)
    scripts: dict[str, list[BaseException]] = field(default_factory=dict)
    labels: list[dict[str, Any]] = field(default_factory=lambda: LABELS)
    lock: Any = field(default_factory=threading.Lock)

    def detect(self, version: ObjectVersion, max_labels: int, min_confidence: float, only: Any = ()) -> Detection:
        name = version.key.rpartition("/")[2]
        with self.lock:
            self.asked.append((name, max_labels, min_confidence))
            if script := self.scripts.get(name):
                raise script.pop(0) if len(script) > 1 else script[0]
            self.bought[name] += 1
        wanted = [one for one in self.labels if not only or one["name"] in only]
        found = [one for one in wanted if one["confidence"] >= min_confidence][:max_labels]
        return Detection(found, {"name": "rekognition", "version": "3.0"})


@dataclass
class World:
    """A bucket, a table, a detector, and workers of them."""

    table: Table
    photo: bytes
    detector: Detector
    request: Request = field(default_factory=lambda: Request.from_dict({"bucket": BUCKET, "prefix": "archive/"}))
    rules: tuple[Rule, ...] = ()
    run: Attempt = FIRST
    remaining: Callable[[], float] = lambda: 270.0
    slept: list[float] = field(default_factory=list)

    def put(self, *names: str, content: bytes | None = None) -> list[Item]:
        """Put images, each with content of its own, and return what a listing says of them."""
        items = []
        for name in names:
            body = (self.photo + name.encode()) if content is None else content
            put = client("s3").put_object(Bucket=BUCKET, Key=f"archive/{name}", Body=body)
            listed = {"key": f"archive/{name}", "etag": put["ETag"], "size_bytes": len(body)}
            items.append(Item.of(listed, self.request))
        return items

    def worker(self) -> BatchWorker:
        options = BatchOptions(Rekognition(10, 60.0, entry.warn), 250, RESULTS, self.rules)
        return BatchWorker(
            self.run,
            self.request,
            options,
            self.table,
            lambda calls: [0.0] * calls,
            self.remaining,
            self.slept.append,
        )

    def work(self, items: list[Item]) -> Tally:
        return self.worker().work(items)

    def asking(self, **fields: Any) -> "World":
        return replace(self, request=Request.from_dict({"bucket": BUCKET, "prefix": "archive/", **fields}))

    def record(self, item: Item) -> dict[str, Any]:
        return self.table.image(Envelope.of(item.version)) or {}


def _counts(tally: Tally) -> tuple[int, int, int, int, int]:
    assert tally.seen == tally.skipped + tally.labelled + tally.partial + tally.failed
    return tally.seen, tally.skipped, tally.labelled, tally.partial, tally.failed


@pytest.fixture(autouse=True)
def one_call_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let moto, which is not made for threads, answer one call after the other, as each write of DynamoDB is atomic."""
    lock, send = threading.RLock(), BaseClient._make_api_call

    def serial(self: BaseClient, *arguments: Any) -> Any:
        with lock:
            return send(self, *arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", serial)


@pytest.fixture
def world(
    bucket: str,
    table: Table,
    results: Callable[[], list[str]],
    photo: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[World]:
    detector = Detector()
    monkeypatch.setattr(rekognition, "detect_labels", detector.detect)
    yield World(table, photo, detector)
    # Nothing is ever bought twice, whatever happened, unless the test says so.
    assert max(detector.bought.values(), default=0) <= 1 or "twice" in detector.scripts


NAMES_OF_40 = [f"{number:02}.jpg" for number in range(40)]


def test_every_image_of_a_batch_is_labelled_and_recorded_once(world: World) -> None:
    items = world.put(*NAMES_OF_40)
    tally = world.work(items)
    assert _counts(tally) == (40, 0, 40, 0, 0)
    assert (tally.calls, tally.writes, tally.batches, tally.is_in_vain) == (40, 40, 1, False)
    assert {world.record(item)["status"] for item in items} == {"SUCCEEDED"}


def test_an_empty_batch_is_no_work(world: World) -> None:
    assert _counts(world.work([])) == (0, 0, 0, 0, 0)


def test_a_bad_image_costs_its_neighbours_nothing(world: World) -> None:
    bad = [
        *world.put("text.jpg", content=b"not an image"),
        *world.put("empty.jpg", content=b""),
        *world.put("cut.jpg", content=world.photo[:200]),
    ]
    tally = world.work([*world.put(*NAMES_OF_40[:20]), *bad, *world.put(*NAMES_OF_40[20:])])
    assert _counts(tally) == (43, 0, 40, 0, 3)
    assert {world.record(item)["status"] for item in bad} == {"FAILED"}
    assert {one["key"] for one in tally.failures} == {item.version.key for item in bad}
    assert not tally.is_in_vain


def test_a_bad_image_is_not_tried_again_for_the_same_content(world: World) -> None:
    items = world.put("text.jpg", content=b"not an image")
    world.work(items)
    assert _counts(replace(world, run=SECOND).work(items)) == (1, 1, 0, 0, 0)


def test_an_error_of_a_kind_that_nothing_expects_costs_its_neighbours_nothing(world: World) -> None:
    world.detector.scripts["00.jpg"] = [RuntimeError("of a kind that nothing expects")]
    assert _counts(world.work(world.put(*NAMES_OF_40))) == (40, 0, 39, 0, 1)


def test_a_record_that_the_table_refuses_costs_its_neighbours_nothing(world: World, hook: Callable[..., None]) -> None:
    items = world.put(*NAMES_OF_40)
    envelope = Envelope.of(items[0].version)

    def refuse(params: dict[str, Any], **_: Any) -> None:
        if params["Key"]["pk"]["S"].endswith(envelope.photo_id):
            raise RuntimeError("ValidationException: the item is too large")

    hook("dynamodb", "provide-client-params.SERVICE.UpdateItem", refuse)
    assert _counts(world.work(items)) == (40, 0, 39, 0, 1)


def test_what_is_throttled_is_tried_again_until_it_is_fine(world: World) -> None:
    world.detector.scripts["00.jpg"] = [Throttled("slow down"), Throttled("slow down")]
    items = world.put("00.jpg", "01.jpg")

    def heal(seconds: float) -> None:
        world.slept.append(seconds)
        if len(world.slept) == 3:
            world.detector.scripts.clear()

    worker = world.worker()
    worker.sleep = heal
    assert _counts(worker.work(items)) == (2, 0, 2, 0, 0)
    assert len(world.slept) == 3


def test_what_is_throttled_for_good_fails_alone_and_is_tried_again_by_the_next_run(world: World) -> None:
    world.detector.scripts["00.jpg"] = [Throttled("slow down")]
    items = world.put("00.jpg", "01.jpg")
    assert _counts(world.work(items)) == (2, 0, 1, 0, 1)
    assert world.record(items[0])["error"]["name"] == "Throttled"
    assert world.record(items[0])["width"] == 640
    longest = workers._WAITS_SECONDS
    assert all(most / 2 <= one <= most for one, most in zip(world.slept, longest, strict=True))
    world.detector.scripts.clear()
    assert _counts(replace(world, run=SECOND).work(items)) == (2, 1, 1, 0, 0)
    assert "error" not in world.record(items[0])


def test_a_refused_image_is_settled(world: World) -> None:
    world.detector.scripts["00.jpg"] = [InvalidImage("refused")]
    items = world.put("00.jpg")
    world.work(items)
    world.detector.scripts.clear()
    assert _counts(replace(world, run=SECOND).work(items)) == (1, 1, 0, 0, 0)


def test_an_object_that_vanished_fails_alone(world: World) -> None:
    items = world.put("00.jpg", "01.jpg")
    client("s3").delete_object(Bucket=BUCKET, Key="archive/00.jpg")
    tally = world.work(items)
    assert (_counts(tally), dict(tally.reasons)) == ((2, 0, 1, 0, 1), {"ObjectNotFound": 1})


def test_an_object_that_is_replaced_while_the_run_goes_is_no_other_content(world: World) -> None:
    items = world.put("00.jpg")
    newer = world.put("00.jpg", content=world.photo + b"newer")
    tally = world.work(items)
    assert (_counts(tally), dict(tally.reasons)) == ((1, 0, 0, 0, 1), {"ObjectNotFound": 1})
    assert world.detector.asked == []
    assert _counts(replace(world, run=SECOND).work(newer)) == (1, 0, 1, 0, 0)


def test_rekognition_sees_the_very_version_that_was_checked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    items = world.put("00.jpg")
    [version] = client("s3").list_object_versions(Bucket=BUCKET)["Versions"]
    seen = []
    detect = world.detector.detect
    monkeypatch.setattr(rekognition, "detect_labels", lambda one, *rest: (seen.append(one), detect(one, *rest))[1])
    world.work(items)
    assert [one.version_id for one in seen] == [version["VersionId"]]


def test_a_table_that_is_throttled_in_the_middle_loses_nothing(world: World, refuse: Callable[..., None]) -> None:
    items = world.put(*NAMES_OF_40)
    refuse("dynamodb", "UpdateItem", "ProvisionedThroughputExceededException", calls=(5, 6, 7, 8, 9, 20, 21, 22))
    assert _counts(world.work(items)) == (40, 0, 40, 0, 0)
    assert {world.record(item)["status"] for item in items} == {"SUCCEEDED"}


def test_a_table_that_cannot_say_what_is_known_ends_the_worker_before_it_buys(
    world: World, refuse: Callable[..., None]
) -> None:
    items = world.put("00.jpg")
    refuse("dynamodb", "BatchGetItem", "ThrottlingException")
    with pytest.raises(Throttled):
        world.work(items)
    assert world.detector.asked == []


@pytest.mark.parametrize("done_before", [0, 1, 7, 20, 39])
def test_a_successor_does_exactly_what_a_killed_worker_left(world: World, done_before: int) -> None:
    items = world.put(*NAMES_OF_40)

    class Dying(Table):
        written = 0
        lock = threading.Lock()

        def advance(self, *arguments: Any) -> bool:
            with self.lock:
                if self.written == done_before:
                    raise Killed
                self.written += 1
                return super().advance(*arguments)

    with pytest.raises(Killed):
        replace(world, table=Dying("image-table")).work(items)
    recorded = {item.version.key for item in items if world.record(item)}
    assert len(recorded) == done_before
    bought = Counter(world.detector.bought)
    tally = world.work(items)
    # What was recorded counts as it ended, its call and its write too, and nothing of it is bought again.
    assert (_counts(tally), tally.calls, tally.writes) == ((40, 0, 40, 0, 0), 40, 40)
    again = Counter(world.detector.bought) - bought
    assert again.keys() == {item.version.key.rpartition("/")[2] for item in items} - {
        key.rpartition("/")[2] for key in recorded
    }
    world.detector.bought.clear()


def test_with_force_all_is_bought_again_by_another_run_and_not_by_the_same(world: World) -> None:
    items = world.put("00.jpg", "01.jpg")
    world.work(items)
    world.detector.bought.clear()
    forced = replace(world.asking(force=True), run=SECOND)
    assert _counts(forced.work(items)) == (2, 0, 2, 0, 0)
    assert _counts(forced.work(items)) == (2, 0, 2, 0, 0)
    assert world.detector.bought == {"00.jpg": 1, "01.jpg": 1}


def test_only_the_step_that_is_missing_is_done(world: World, results: Callable[[], list[str]]) -> None:
    items = world.put("00.jpg")
    world.work(items)
    before = world.record(items[0])
    tally = replace(world.asking(steps=["metadata", "labels", "thumbnail"]), run=SECOND).work(items)
    after = world.record(items[0])
    assert (_counts(tally), tally.calls, tally.thumbnails) == ((1, 0, 1, 0, 0), 0, 1)
    assert (after["labels"], after["detector"]) == (before["labels"], before["detector"])
    assert results() == [after["thumbnail"]["key"]]


def test_metadata_alone_buys_nothing(world: World) -> None:
    items = world.put("00.jpg")
    assert _counts(world.asking(steps=["metadata"]).work(items)) == (1, 0, 1, 0, 0)
    assert world.detector.asked == []
    assert world.record(items[0])["camera_make"] == "Apple"


def test_labels_are_kept_although_their_thumbnail_fails(world: World, refuse: Callable[..., None]) -> None:
    asked = world.asking(steps=["metadata", "labels", "thumbnail"])
    items = world.put("00.jpg")
    refuse("s3", "PutObject", "AccessDenied")
    tally = asked.work(items)
    assert (_counts(tally), dict(tally.reasons)) == ((1, 0, 0, 1, 0), {"AccessDenied": 1})
    assert len(world.record(items[0])["labels"]) == 10


def test_a_verdict_looks_at_all_labels_however_few_are_kept(world: World) -> None:
    [rule] = parse(
        '[{"name": "clean", "prefix": "images/", "min_confidence": 50, "any_of": ["Person"], "none_of": ["Weed"]}]'
    )
    rules = (replace(rule, prefix="archive/"),)
    world.detector.labels = [
        *LABELS,
        *({"name": f"Label {number}", "confidence": 70.0, "parents": [], "instances": []} for number in range(90)),
        {"name": "Weed", "confidence": 51.0, "parents": [], "instances": []},
    ]
    items = world.put("00.jpg")
    judging = replace(world.asking(steps=["labels", "verdict"]), rules=rules)
    judging.work(items)
    record = world.record(items[0])
    kept = [label["name"] for label in record["labels"]]
    assert (record["verdict"], len(kept), kept[-1]) == ("FAILURE", 11, "Weed")
    assert world.detector.asked == [("00.jpg", 1000, 50.0)]
    assert min(label["confidence"] for label in record["labels"][:10]) >= 60


def test_verdict_is_not_of_a_list_that_was_cut_before_a_label_of_the_rule(world: World) -> None:
    rules = parse('[{"name": "clean", "prefix": "images/", "min_confidence": 50, "none_of": ["Weed"]}]')
    world.detector.labels = [
        {"name": name, "confidence": confidence, "parents": [], "instances": []}
        for name, confidence in [*((f"Label {number}", 95.0) for number in range(1000)), ("Weed", 91.0)]
    ]
    world.detector.scripts["twice"] = []
    items = world.put("00.jpg")
    tally = replace(world.asking(steps=["verdict"]), rules=(replace(rules[0], prefix="archive/"),)).work(items)
    record = world.record(items[0])
    assert (record["verdict"], record["labels"][-1]["name"]) == ("FAILURE", "Weed")
    assert world.detector.asked == [("00.jpg", 1000, 50.0), ("00.jpg", 100, 50.0)]
    assert (tally.calls, tally.reads) == (2, 3)


def test_labels_are_bought_although_no_rule_covers_the_image(world: World) -> None:
    rules = parse('[{"name": "clean", "prefix": "images/", "any_of": ["Person"]}]')
    items = world.put("00.jpg")
    tally = replace(world.asking(steps=["labels", "verdict"]), rules=rules).work(items)
    assert (_counts(tally), dict(tally.reasons)) == ((1, 0, 0, 1, 0), {"NoRule": 1})
    assert len(world.record(items[0])["labels"]) == 10


def _item_size(value: Any) -> int:
    """Return the bytes of a value as DynamoDB counts them; of an item, the value is its map of attributes.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    match value:
        case None | bool():
            return 1
        case str():
            return len(value.encode())
        case int() | float():
            digits = str(value).lstrip("-").replace(".", "").strip("0")
            return (len(digits) + 1) // 2 + 1 + (value < 0)
        case dict():
            return 3 + sum(len(name.encode()) + 1 + _item_size(one) for name, one in value.items())
        case list():
            return 3 + sum(1 + _item_size(one) for one in value)
    raise AssertionError(value)


# 1 KB is a write unit.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html
WRITE_UNIT_BYTES = 1024
LONG_NAME = "2026/11/customer-0815/session-2026-11-20-brandenburg-gate/DSC_20261120_104501_0001.jpg"


def _size_of_the_record(world: World, items: list[Item]) -> int:
    world.work(items)
    record = world.record(items[0])
    assert record["labels"] == [{"name": one["name"], "confidence": one["confidence"]} for one in LABELS]
    assert "listing_pk" not in record
    return sum(len(attribute.encode()) + _item_size(value) for attribute, value in record.items())


def test_a_compact_record_of_a_picture_takes_one_write_unit(world: World) -> None:
    plain = io.BytesIO()
    Image.linear_gradient("L").resize((640, 480)).save(plain, "JPEG")
    assert _size_of_the_record(world, world.put(LONG_NAME, content=plain.getvalue())) <= WRITE_UNIT_BYTES


def test_what_camera_and_satellite_say_makes_it_two_at_most(world: World) -> None:
    assert _size_of_the_record(world, world.put(LONG_NAME)) <= 1.25 * WRITE_UNIT_BYTES


def test_a_full_record_keeps_parents_and_boxes(world: World) -> None:
    items = world.put("00.jpg")
    world.asking(record="full").work(items)
    assert world.record(items[0])["labels"] == LABELS


def test_two_workers_of_the_same_batch_leave_whole_records(world: World) -> None:
    world.detector.scripts["twice"] = []
    items = world.put(*NAMES_OF_40[:20])
    with ThreadPoolExecutor(2) as pool:
        tallies = list(pool.map(lambda _: world.worker().work(items), range(2)))
    assert [_counts(one)[0] for one in tallies] == [20, 20]
    assert all(one.failed == one.partial == 0 for one in tallies)
    assert {world.record(item)["status"] for item in items} == {"SUCCEEDED"}
    assert all(len(world.record(item)["labels"]) == 10 for item in items)


def test_an_object_that_comes_twice_is_done_once(world: World) -> None:
    items = world.put("00.jpg", "01.jpg")
    tally = world.work([*items, *items])
    assert (_counts(tally), tally.calls) == ((4, 2, 2, 0, 0), 2)
    assert _counts(replace(world, run=SECOND).work([*items, *items])) == (4, 4, 0, 0, 0)


def test_two_contents_of_one_key_are_two_objects(world: World) -> None:
    older = world.put("00.jpg")
    newer = world.put("00.jpg", content=world.photo + b"newer")
    assert _counts(world.work([*older, *newer])) == (2, 0, 1, 0, 1)
    assert world.record(newer[0])["status"] == "SUCCEEDED"


def test_the_same_content_under_two_keys_is_two_images(world: World) -> None:
    items = world.put("00.jpg", "01.jpg", content=world.photo)
    assert _counts(world.work(items)) == (2, 0, 2, 0, 0)


def test_what_the_photo_workflow_has_labelled_is_skipped(world: World) -> None:
    [item] = world.put("00.jpg")
    head = client("s3").head_object(Bucket=BUCKET, Key=item.version.key)
    seen = Envelope.of(replace(item.version, version_id=head["VersionId"], sequencer="1".ljust(64, "0")))
    world.table.register(seen, records.now())
    changes = {"status": "SUCCEEDED", "width": 640, "detector": {"name": "rekognition"}}
    world.table.advance(seen, Attempt("another", "2026-11-12T09:00:00.000Z"), changes, records.now())
    assert _counts(world.work([item])) == (1, 1, 0, 0, 0)


def test_folders_and_deleted_objects_are_skipped_and_never_read(world: World) -> None:
    asked = world.asking(inventory={"bucket": BUCKET, "key": "manifest.json"})
    gone = {"key": "archive/00.jpg", "etag": "", "size_bytes": "", "is_delete_marker": "true"}
    folder = {"key": "archive/", "etag": "e", "size_bytes": "0"}
    items = [Item.of(one, asked.request) for one in (gone, folder)]
    assert _counts(asked.work([*items, *world.put("01.jpg")])) == (3, 2, 1, 0, 0)


def test_without_time_nothing_is_begun_and_nothing_recorded(world: World) -> None:
    items = world.put("00.jpg", "01.jpg")
    tally = replace(world, remaining=lambda: 19.0).work(items)
    assert (_counts(tally), dict(tally.reasons)) == ((2, 0, 0, 0, 2), {"ServiceUnavailable": 2})
    assert tally.is_in_vain
    assert world.detector.asked == []
    assert world.record(items[0]) == {}


def test_an_image_is_not_tried_again_when_time_is_short(world: World) -> None:
    world.detector.scripts["00.jpg"] = [Throttled("slow down")]
    left = iter([100.0, 100.0])
    tally = replace(world, remaining=lambda: next(left, 10.0)).work(world.put("00.jpg"))
    assert (tally.failed, len(world.detector.asked), world.slept) == (1, 1, [])


def test_a_moment_beyond_the_end_of_the_worker_is_not_waited_for(world: World) -> None:
    items = world.put("00.jpg")
    worker = world.worker()
    worker.reserve = lambda calls: [4e9] * calls
    tally = worker.work(items)
    assert (tally.failed, dict(tally.reasons), world.slept) == (1, {"ServiceUnavailable": 1}, [])
    assert "no time left" in world.record(items[0])["error"]["cause"]
    assert _counts(replace(world, run=SECOND).work(items)) == (1, 0, 1, 0, 0)


@pytest.mark.parametrize(
    "error", [AccessDenied("no"), ServiceUnavailable("no"), Throttled("no"), ObjectNotAccessible("no")]
)
def test_a_batch_in_which_nothing_can_be_done_is_in_vain(world: World, error: Exception) -> None:
    names = NAMES_OF_40[:3]
    world.detector.scripts = {name: [error] for name in names}
    tally = world.work(world.put(*names))
    assert (_counts(tally), tally.is_in_vain) == ((3, 0, 0, 0, 3), True)


@dataclass
class OwnModel:
    """The own model's function: how many images each of its calls had."""

    sizes: list[int] = field(default_factory=list)

    def classify(self, versions: list[ObjectVersion], _arn: str, _top_k: int | None = None) -> own_model.Classified:
        self.sizes.append(len(versions))
        # Long enough for the others to come.
        time.sleep(0.2)
        found = Detection(LABELS[:1], {"name": "own-model", "version": "colours 7"})
        return own_model.Classified([found for _ in versions], 0.25)


@pytest.fixture
def with_own_model(world: World, monkeypatch: pytest.MonkeyPatch) -> tuple[BatchWorker, OwnModel]:
    """A worker whose detector is the own model; nobody has a moment of Rekognition left."""
    model = OwnModel()
    monkeypatch.setattr(own_model, "classify", model.classify)
    worker = world.worker()
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:own"
    worker.options = replace(worker.options, detector=detectors.OwnModel(arn, 10, 60.0))
    worker.reserve = lambda calls: [4e9] * calls
    return worker, model


def test_an_own_model_does_not_wait_for_the_pace_of_rekognition(
    world: World, with_own_model: tuple[BatchWorker, OwnModel]
) -> None:
    worker, _ = with_own_model
    assert _counts(worker.work(world.put("a.jpg", "b.jpg"))) == (2, 0, 2, 0, 0)


def test_an_own_model_is_asked_for_many_images_in_few_calls(
    world: World, with_own_model: tuple[BatchWorker, OwnModel]
) -> None:
    worker, model = with_own_model
    worker.work(world.put(*(f"{number}.jpg" for number in range(24))))
    assert sum(model.sizes) == 24
    assert len(model.sizes) <= 12


def test_an_own_model_is_not_asked_when_its_worker_has_no_time_left(
    world: World, with_own_model: tuple[BatchWorker, OwnModel]
) -> None:
    worker, model = with_own_model
    times = iter([270.0])
    worker.remaining_seconds = lambda: next(times, 10.0)
    assert (worker.work(world.put("a.jpg")).failed, model.sizes) == (1, [])


def test_no_more_moments_are_reserved_than_there_are_calls_to_make() -> None:
    reserved: list[int] = []

    def reserve(calls: int) -> list[float]:
        reserved.append(calls)
        return [float(len(reserved) * 100 + call) for call in range(calls)]

    slept: list[float] = []
    slots = CallSlots(reserve, 23, clock=lambda: 0.0, sleep=slept.append)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: slots.wait(), range(23)))
    assert reserved == [10, 10, 3]
    # Each moment has been somebody's.
    assert len(set(slept)) == 23


def test_who_tries_again_takes_another_moment() -> None:
    slots = CallSlots(lambda calls: [1.0] * calls, 1, clock=lambda: 0.0, sleep=lambda _: None)
    for _ in range(3):
        slots.wait()
    with pytest.raises(NoTimeLeft):
        slots.wait(0.5)


def test_a_reservation_that_fails_leaves_the_turns_usable() -> None:
    failures = [Throttled("no")]

    def reserve(calls: int) -> list[float]:
        if failures:
            raise failures.pop()
        return [0.0] * calls

    slots = CallSlots(reserve, 2, sleep=lambda _: None)
    with pytest.raises(Throttled):
        slots.wait()
    slots.wait()


def test_calls_that_wait_never_stop_each_other_from_being_made(world: World) -> None:
    # More images than threads, each throttled once: nobody holds a thread that another needs.
    names = [f"{number:03}.jpg" for number in range(3 * workers.THREADS)]
    items = world.put(*names)
    throttled: set[str] = set()
    detect = world.detector.detect

    def once(version: ObjectVersion, *rest: Any) -> Detection:
        with world.detector.lock:
            first = version.key not in throttled
            throttled.add(version.key)
        if first:
            raise Throttled("slow down")
        return detect(version, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rekognition, "detect_labels", once)
        tally = world.asking(steps=list(bulk_run.STEPS[:3])).work(items)
    assert _counts(tally) == (len(names), 0, len(names), 0, 0)
    assert tally.thumbnails == len(names)
