"""Buckets that bulk runs may label, and inventories that list the objects."""

import json
import re
from urllib.parse import quote_plus

import pytest

from tests.local.bulk.bulk_runs import DENIED, MISSING, OWN, SEALED, Bulk, photo
from tests.local.inventories import write_inventory

pytestmark = pytest.mark.local

KEYS = ["a+b.jpg", "50%.jpg", "a%20b.jpg", "photo (1).jpg", "café.jpg", 'quote",comma.jpg']
COLUMNS = ("Bucket", "Key", "VersionId", "IsLatest", "IsDeleteMarker", "Size", "ETag")


@pytest.fixture
def denied(pipeline):
    """Bucket policies that deny listing one bucket and reading another."""
    s3, refused = pipeline.client("s3"), {DENIED: ("s3:ListBucket", ""), SEALED: ("s3:GetObject*", "/*")}
    for bucket, (action, of) in refused.items():
        resource = f"arn:aws:s3:::{bucket}{of}"
        statement = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": resource}
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    yield
    for bucket in refused:
        s3.delete_bucket_policy(Bucket=bucket)


def test_bucket_of_the_parameter_is_labelled(pipeline):
    bulk = Bulk.of(pipeline, OWN)
    bulk.put_photos(3)
    summary = bulk.run(steps=["metadata", "labels", "thumbnail"])
    assert summary["labelled"] == summary["thumbnails"] == 3
    records = bulk.image_records()
    assert {record["object"]["bucket"] for record in records} == {OWN}
    place = records[0]["thumbnail"]
    assert pipeline.client("s3").head_object(Bucket=place["bucket"], Key=place["key"])["ContentType"] == "image/jpeg"
    assert bulk.run()["skipped"] == 3


@pytest.mark.usefixtures("denied")
@pytest.mark.parametrize(
    ("bucket", "words"), [(MISSING, "there is no bucket .*; check its name"), (DENIED, "s3:ListBucket")]
)
def test_bucket_that_cannot_be_listed_fails_the_run_with_a_remedy(pipeline, bucket, words):
    error, cause = Bulk.of(pipeline, bucket).refused()
    assert error == "InvalidRun"
    assert bucket in cause
    assert re.search(words, cause)


@pytest.mark.usefixtures("denied")
def test_unreadable_objects_fail_the_run_until_access_is_granted(pipeline):
    bulk = Bulk.of(pipeline, SEALED)
    bulk.put_photos(4)
    bulk.calls()
    error, cause = bulk.refused()
    assert error == "TooManyImagesFailed"
    assert "4 of 4 images failed" in cause
    assert "AccessDenied 4" in cause
    assert bulk.calls() == 0
    pipeline.client("s3").delete_bucket_policy(Bucket=SEALED)
    assert bulk.run()["labelled"] == 4


def test_inventory_with_unusual_keys_is_labelled(bulk):
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
    assert summary["seen"] == len(KEYS) + 3
    assert summary["labelled"] == len(KEYS)
    assert summary["skipped"] == 3
    assert sorted(record["object"]["key"] for record in bulk.image_records()) == sorted(
        f"{bulk.prefix}{name}" for name in KEYS
    )
    # A listing finds the same records.
    assert bulk.run()["skipped"] == len(KEYS)


def test_missing_inventory_fails_the_run(bulk):
    error, cause = bulk.refused(inventory={"bucket": OWN, "key": "nowhere/manifest.json"})
    assert error == "States.ItemReaderFailed"
    assert "manifest" in cause
