"""Which buckets bulk runs may label, and how an inventory names the objects."""

import json
from collections.abc import Iterator
from urllib.parse import quote_plus

import pytest

from tests.local.bulk.bulk_runs import DENIED, MISSING, OWN, SEALED, Bulk, photo
from tests.local.inventories import write_inventory
from tests.local.stack.pipeline import Pipeline

pytestmark = pytest.mark.local

KEYS = ["a+b.jpg", "50%.jpg", "a%20b.jpg", "photo (1).jpg", "café.jpg", 'quote",comma.jpg']
COLUMNS = ("Bucket", "Key", "VersionId", "IsLatest", "IsDeleteMarker", "Size", "ETag")


@pytest.fixture
def denied(pipeline: Pipeline) -> Iterator[None]:
    """Bucket policies that refuse to list one bucket and to read another."""
    s3, refused = pipeline.client("s3"), {DENIED: ("s3:ListBucket", ""), SEALED: ("s3:GetObject*", "/*")}
    for bucket, (action, of) in refused.items():
        resource = f"arn:aws:s3:::{bucket}{of}"
        statement = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": resource}
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    yield
    for bucket in refused:
        s3.delete_bucket_policy(Bucket=bucket)


def test_a_bucket_that_the_parameter_names_is_labelled(pipeline: Pipeline) -> None:
    bulk = Bulk.of(pipeline, OWN)
    bulk.put_photos(3)
    summary = bulk.run(steps=["metadata", "labels", "thumbnail"])
    assert (summary["labelled"], summary["thumbnails"]) == (3, 3)
    records = bulk.image_records()
    assert {record["object"]["bucket"] for record in records} == {OWN}
    place = records[0]["thumbnail"]
    assert pipeline.client("s3").head_object(Bucket=place["bucket"], Key=place["key"])["ContentType"] == "image/jpeg"
    assert bulk.run()["skipped"] == 3


def test_a_bucket_that_there_is_not_is_told(pipeline: Pipeline) -> None:
    assert Bulk.of(pipeline, MISSING).refused() == (
        "InvalidRun",
        f"bucket: there is no bucket {MISSING}; check its name",
    )


@pytest.mark.usefixtures("denied")
def test_a_bucket_that_may_not_be_listed_is_told(pipeline: Pipeline) -> None:
    bulk = Bulk.of(pipeline, DENIED)
    bulk.put_photos(1)
    assert bulk.refused() == (
        "InvalidRun",
        f"bucket: {DENIED} may not be listed; let its policy allow s3:ListBucket",
    )


@pytest.mark.usefixtures("denied")
def test_a_bucket_whose_objects_may_not_be_read_fails_the_run_until_they_may(pipeline: Pipeline) -> None:
    bulk = Bulk.of(pipeline, SEALED)
    bulk.put_photos(4)
    bulk.calls()
    error, cause = bulk.refused()
    assert error == "TooManyImagesFailed"
    assert "4 of 4 images failed, 100.0 % where 5 % are tolerated: AccessDenied 4" in cause
    assert bulk.calls() == 0
    pipeline.client("s3").delete_bucket_policy(Bucket=SEALED)
    assert bulk.run()["labelled"] == 4


def test_an_inventory_names_the_objects_whatever_their_keys_are(bulk: Bulk) -> None:
    s3, rows = bulk.pipeline.client("s3"), []

    def add(key: str, version: str, size: int | str, etag: str, latest: str = "true", deleted: str = "false") -> None:
        values = (bulk.bucket, key, version, latest, deleted, str(size), etag)
        rows.append(dict(zip(COLUMNS, values, strict=True)))

    for number, name in enumerate(KEYS):
        key, content = f"{bulk.prefix}{name}", photo(number)
        put = s3.put_object(Bucket=bulk.bucket, Key=key, Body=content)
        add(quote_plus(key, safe="/"), put["VersionId"], len(content), put["ETag"].strip('"'))
    add(rows[0]["Key"], "replaced", 7, "0" * 32, latest="false")
    add(f"{bulk.prefix}gone.jpg", "gone", "", "", deleted="true")
    add("elsewhere/a.jpg", "elsewhere", 7, "0" * 32)
    manifest = write_inventory(s3, OWN, f"inventories/{bulk.prefix}", rows)
    summary = bulk.run(inventory={"bucket": OWN, "key": manifest})
    assert (summary["seen"], summary["labelled"], summary["skipped"]) == (len(KEYS) + 3, len(KEYS), 3)
    assert sorted(record["object"]["key"] for record in bulk.image_records()) == sorted(
        f"{bulk.prefix}{name}" for name in KEYS
    )
    # A listing finds the same records.
    assert bulk.run()["skipped"] == len(KEYS)


def test_an_inventory_that_there_is_not_fails_in_words(bulk: Bulk) -> None:
    error, cause = bulk.refused(inventory={"bucket": OWN, "key": "nowhere/manifest.json"})
    assert error == "States.ItemReaderFailed"
    assert "manifest" in cause
