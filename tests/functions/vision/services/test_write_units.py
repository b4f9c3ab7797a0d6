"""The capacity units of each way through the product: how many an image takes, and how many a key takes in a second.

docs/scale.md has the numbers that these tests compute.
"""

import itertools
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from benchmarks.bulk.counted import item_bytes, units
from benchmarks.cost.capacity import Partition, indexes, partition_units
from tests.conftest import ROOT, TABLE
from tests.functions.conftest import Hook
from tests.functions.photo_app import PhotoApp
from vision.adapters.aws_sdk import client
from vision.adapters.bulk_runs import BulkRuns
from vision.adapters.rate_limiter import RateLimiter
from vision.adapters.table import Table
from vision.domain import keys, records, table_keys
from vision.domain.bulk.bulk_run import Request
from vision.domain.bulk.tallies import Tally
from vision.domain.envelopes import Envelope
from vision.domain.failures import Failure
from vision.domain.gallery.daily_allowance import Allowance
from vision.domain.objects import ObjectVersion, comparable_sequencer
from vision.services import label_index

# What DynamoDB takes for one partition in a second; a key that is written or read more often is hot.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
WRITES_OF_A_KEY, READS_OF_A_KEY = 1_000, 3_000
# The promise: a thousand photos a second of 50 people, a hundred of one of them; 5,000 images a second in bulk.
PHOTOS, PHOTOS_OF_ONE, BULK_IMAGES = 1_000, 100, 5_000
BATCH = 100
NAMES = ("Cat", "Car", "Dog", "Outdoors", "Nature", "Tree", "Urban", "Building", "Sky", "Water")
BOX = {"box": {"left": 0.125, "top": 0.25, "width": 0.25, "height": 0.5}, "confidence": 98.77}
# Ten labels as Rekognition finds them on a photo of a street: each with a broader term, three with a box.
LABELS = [
    {
        "name": name,
        "confidence": round(98.7654321 - number, 2),
        "parents": ["Environment"],
        "instances": [BOX] if number < 3 else [],
    }
    for number, name in enumerate(NAMES)
]
METADATA = {"format": "JPEG", "width": 4032, "height": 3024, "camera_make": "Apple", "camera_model": "iPhone 15"}
# The tests concentrate all photos in one.
SHARDS = table_keys.OPEN_SHARDS
WRITES = {"PutItem", "UpdateItem", "BatchWriteItem", "TransactWriteItems", "DeleteItem"}


@pytest.fixture
def written(table_name: str, hook: Hook) -> Callable[[], Counter[Partition]]:
    """Return the write units of each partition key since the last call, from the items before and after each write."""
    of = indexes(client("dynamodb").describe_table(TableName=table_name)["Table"])
    total: Counter[Partition] = Counter()
    before: list[tuple[dict[str, Any], Any]] = []

    def item(key: dict[str, Any]) -> Any:
        return client("dynamodb").get_item(TableName=TABLE, Key=key, ConsistentRead=True).get("Item")

    def remember(params: dict[str, Any], **_: Any) -> None:
        before.extend((key, item(key)) for key in _keys(params))

    def count(**_: Any) -> None:
        while before:
            key, old = before.pop()
            total.update(partition_units(old, item(key), of))

    for operation in WRITES:
        hook("dynamodb", f"provide-client-params.SERVICE.{operation}", remember)
        hook("dynamodb", f"after-call.SERVICE.{operation}", count)

    def take() -> Counter[Partition]:
        taken = Counter(total)
        total.clear()
        return taken

    return take


def _keys(params: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the keys of the items of a write, in DynamoDB JSON."""
    requests = [part for one in params.get("TransactItems", []) for part in one.values()]
    requests += [part for one in params.get("RequestItems", {}).get(TABLE, []) for part in one.values()]
    for request in requests or [params]:
        found = request.get("Key") or request["Item"]
        yield {name: found[name] for name in ("pk", "sk")}


@pytest.fixture
def app(table_name: str, bucket: str) -> PhotoApp:
    return PhotoApp()


def _envelope(number: int, key: str = "private/ann/uploads/{}.jpg") -> Envelope:
    version = ObjectVersion(
        "image-recognition-imagebucket-1a2b3c4d5e6f",
        key.format(number),
        "52498503-eafe-4d57-bb06-ededc7bb895f",
        "426915630c9bfe3e886d9cd7b25c06bd",
        comparable_sequencer(f"{number:016X}"),
        11_260,
    )
    return Envelope.of(version)


def _process(app: PhotoApp, envelope: Envelope) -> None:
    """Do what an execution does with the table after its upload is recorded as PENDING."""
    run = app.run(envelope, records.now())
    app.table.begin(envelope, run, METADATA, records.now())
    detector = {"name": "rekognition", "version": "3.0"}
    app.table.add_labels(envelope, run, {"labels": LABELS, "detector": detector}, records.now())
    place = {"bucket": envelope.object.bucket, "key": keys.thumbnail_key(envelope.object, envelope.owner)}
    parts = {"metadata": {"format": "JPEG"}, "label_count": 10, "detector": detector}
    outcome = records.outcome({**parts, "thumbnail": {**place, "width": 250, "height": 188}}, [])
    app.table.advance(envelope, run, outcome, records.now())
    label_index.add(app.photos, envelope, run, outcome)


def _upload(app: PhotoApp, number: int) -> Envelope:
    envelope = _envelope(number)
    app.table.register(envelope, records.now())
    _process(app, envelope)
    return envelope


# Units of an image


def test_photo_with_ten_labels_takes_21_write_units(app: PhotoApp, written: Callable[[], Counter[Partition]]) -> None:
    _upload(app, 1)
    written()  # The label names are new with the first photo only.
    envelope = _envelope(2)
    app.table.register(envelope, records.now())
    # The record and its entry in the index open; the photo and its entry in the index listing.
    assert _by_kind(written()) == {"PHOTO": 2, "OPEN": 1, "OWNER": 1}
    _process(app, envelope)
    # RUNNING with the metadata, and two writes of two units: labels, and the end; the entry that is removed; the
    # labels; the count.
    assert _by_kind(written()) == {"PHOTO": 5, "OPEN": 1, "OWNER#LABEL": 10, "COUNTS": 1}
    [record] = [item for item in _items() if item["pk"]["S"].endswith(envelope.photo_id) and "width" in item]
    assert units(item_bytes(record)) == 2


def test_repeated_events_and_states_write_no_more_than_conditions(
    app: PhotoApp, written: Callable[[], Counter[Partition]]
) -> None:
    envelope = _upload(app, 1)
    written()
    app.table.begin(envelope, app.run(envelope), METADATA, records.now())
    # A condition that is not met takes the units of the item.
    assert set(_by_kind(written())) <= {"PHOTO"}


def _items() -> list[dict[str, Any]]:
    return list(client("dynamodb").scan(TableName=TABLE)["Items"])


def _by_kind(taken: Counter[Partition]) -> dict[str, int]:
    """Return units by the kind of their partition key, such as ``OWNER#LABEL``."""
    kinds: Counter[str] = Counter()
    for (_, key), number in taken.items():
        kinds["OWNER#LABEL" if "#LABEL#" in key else key.partition("#")[0]] += number
    return dict(kinds)


# Units of a key in a second


def _rates(taken: Counter[Partition], images: int, rate_of: Callable[[str], float]) -> dict[str, float]:
    """Return the units a second of the most written key of each kind, without the keys of one image alone."""
    found: dict[str, float] = {}
    for (attribute, key), number in taken.items():
        if (rate := rate_of(key)) and not key.startswith("PHOTO#"):
            kind = _kind(attribute, key)
            found[kind] = max(found.get(kind, 0), number / images * rate)
    return found


def _kind(attribute: str, key: str) -> str:
    """Return the form of a key, as docs/record.md writes it."""
    index = {"listing_pk": "`listing`: ", "open_pk": "`open`: "}.get(attribute, "")
    forms = {
        r"^(OWNER|COUNTS|ALLOWANCE)#ann": r"\1#{owner}",
        r"#LABEL#.*": "#LABEL#{label}",
        r"^OPEN#\d+": "OPEN#{shard}",
        r"#2\d\d\d-\d\d-\d\d$": "#{day}",
        r"^RUN#.*": "RUN#{run_id}",
    }
    for pattern, form in forms.items():
        key = re.sub(pattern, form, key)
    return f"{index}`{key}`"


@contextmanager
def _one_shard() -> Iterator[None]:
    """Send all photos to one shard, so that its units are those of all photos."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(table_keys, "OPEN_SHARDS", 1)
        yield


def _photo_rates(app: PhotoApp, written: Callable[[], Counter[Partition]]) -> dict[str, float]:
    """Photos of one person, all with the same labels, announced on the page or not."""
    allowance = Allowance(1_000, 0)
    images = 6
    with _one_shard():
        _upload(app, 0)
        written()
        for number in range(1, images + 1):
            app.gallery.people.charge("ann", 7, allowance, records.now())
            _upload(app, number)
        return _rates(written(), images, lambda key: PHOTOS / SHARDS if key.startswith("OPEN#") else PHOTOS_OF_ONE)


def _bulk_rates(table: Table, written: Callable[[], Counter[Partition]]) -> dict[str, float]:
    """One batch of a bulk run, whose workers reserve call times so late that each block takes two writes."""
    runs, request = BulkRuns(TABLE), Request.from_dict({"bucket": "b", "prefix": "p/"})
    runs.open("first", "arn:aws:states:eu-west-1:123456789012:execution:ProcessBucket:first", request, records.now())
    limiter = RateLimiter(TABLE, "DetectLabels", BULK_IMAGES)
    limiter.reserve(1)
    written()
    with pytest.MonkeyPatch.context() as patched:
        clock = itertools.count(time.time() + 3600, 3600)
        patched.setattr("vision.adapters.rate_limiter.time.time", lambda: next(clock))
        for _ in range(BATCH // limiter.calls_at_once):
            limiter.reserve(limiter.calls_at_once)
    for number in range(BATCH):
        envelope = _envelope(number, "archive/{}.jpg")
        outcome = {"status": "SUCCEEDED", **METADATA, "labels": [{"name": "Cat", "confidence": 98.77}]}
        table.advance(envelope, PhotoApp.run(envelope), outcome, records.now())
    runs.count("first", Tally(seen=BATCH, labelled=BATCH))
    return _rates(written(), BATCH, lambda _: BULK_IMAGES)


def _inspection_rates(table: Table, written: Callable[[], Counter[Partition]]) -> dict[str, float]:
    """Inspections with the same verdict, and refused uploads: for each, one entry of one key."""
    envelope = _envelope(1, "images/{}.jpg")
    table.register(envelope, records.now())
    now = records.now()
    listed = {"listing_pk": table_keys.verdict_listing("FAILURE", now[:10]), "listing_sk": now, "verdict": "FAILURE"}
    table.record_verdict(envelope, listed | {"status": "SUCCEEDED"}, now)
    return _rates(written(), 1, lambda _: 1)


def _refusal_rates(app: PhotoApp, written: Callable[[], Counter[Partition]]) -> dict[str, float]:
    envelope = _envelope(1)
    app.table.register(envelope, records.now())
    app.table.advance(
        envelope,
        app.run(envelope),
        {"status": "FAILED", "error": Failure("CorruptImage", "x").as_dict()},
        records.now(),
    )
    written()
    app.photos.list_refused(envelope, records.now())
    return _rates(written(), 1, lambda _: 1)


def test_no_key_is_hot_at_the_promised_rates_and_the_page_has_the_numbers(
    app: PhotoApp, written: Callable[[], Counter[Partition]]
) -> None:
    photos, bulk = _photo_rates(app, written), _bulk_rates(app.table, written)
    assert max([*photos.values(), *bulk.values()]) < WRITES_OF_A_KEY
    limits = {**_inspection_rates(app.table, written), **_refusal_rates(app, written)}
    page = (ROOT / "docs/scale.md").read_text().partition("\n## Keys\n")[2].partition("\n## ")[0]
    shown = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("| ")
    ]
    rows = {(cells[0], cells[1]): cells[2] for cells in shown if len(cells) == 3}
    computed = {("photos", kind): f"{rate:,.0f}" for kind, rate in photos.items()}
    computed |= {("bulk", kind): f"{rate:,.0f}" for kind, rate in bulk.items()}
    computed |= {("limit", kind): f"{WRITES_OF_A_KEY / rate:,.0f} images a second" for kind, rate in limits.items()}
    assert {key: value for key, value in rows.items() if key[0] in ("photos", "bulk", "limit")} == computed


def test_label_names_of_a_person_are_read_below_the_limit(app: PhotoApp, hook: Hook) -> None:
    read: list[dict[str, Any]] = []
    hook("dynamodb", "provide-client-params.SERVICE.BatchGetItem", lambda params, **_: read.append(params))
    _upload(app, 1)
    [request] = read
    assert len(request["RequestItems"][TABLE]["Keys"]) * PHOTOS_OF_ONE <= READS_OF_A_KEY
