"""Existing records for listed objects, matched by ETag."""

import pytest

from vision.adapters.table import Table
from vision.domain.envelopes import Envelope
from vision.domain.executions import Attempt
from vision.domain.objects import ObjectVersion

BUCKET = "amzn-s3-demo-bucket"
ARN = "arn:aws:states:eu-west-1:123456789012:execution:image-recognition-ProcessBucket:one"
RUN = Attempt(ARN, "2026-11-12T09:30:02.345Z")
NOW = "2026-11-12T09:31:00.000Z"


@pytest.fixture
def table(table_name: str) -> Table:
    return Table(table_name)


def _listed(key: str = "archive/a.jpg", etag: str = "e1") -> ObjectVersion:
    return ObjectVersion(BUCKET, key, "", etag, "", 5)


def _uploaded(etag: str = "e1") -> Envelope:
    return Envelope.of(ObjectVersion(BUCKET, "archive/a.jpg", "v1", etag, "1".ljust(64, "0"), 5))


def test_record_of_the_same_etag_is_found(table: Table) -> None:
    assert table.recorded_versions([_listed()]) == {}
    table.advance(Envelope.of(_listed()), RUN, {"status": "SUCCEEDED", "width": 5, "labels": []}, NOW)
    [(version, record)] = table.recorded_versions([_listed()]).values()
    assert version == _listed()
    assert (record["status"], record["width"], record["execution_arn"]) == ("SUCCEEDED", 5, ARN)
    assert "labels" not in record


def test_record_of_the_photo_workflow_is_found_from_its_upload_on(table: Table) -> None:
    table.register(_uploaded(), NOW)
    [(_, record)] = table.recorded_versions([_listed()]).values()
    assert record["status"] == "PENDING"
    table.advance(_uploaded(), RUN, {"status": "SUCCEEDED", "detector": {"name": "rekognition"}}, NOW)
    [(listed, (version, record))] = table.recorded_versions([_listed()]).items()
    assert (listed, version, record["status"]) == (_listed(), _uploaded().object, "SUCCEEDED")


def test_other_content_of_the_same_key_is_not_found(table: Table) -> None:
    table.register(_uploaded("e0"), NOW)
    table.advance(Envelope.of(_listed(etag="e0")), RUN, {"status": "SUCCEEDED"}, NOW)
    assert table.recorded_versions([_listed()]) == {}


def test_key_that_is_listed_twice_is_read_once(table: Table) -> None:
    table.advance(Envelope.of(_listed()), RUN, {"status": "SUCCEEDED"}, NOW)
    assert list(table.recorded_versions([_listed(), _listed(), _listed(etag="e2")])) == [_listed()]


def test_each_of_many_objects_is_found_by_its_own_record(table: Table) -> None:
    versions = [_listed(f"archive/{number}.jpg") for number in range(130)]
    for version in versions[::3]:
        table.advance(Envelope.of(version), RUN, {"status": "SUCCEEDED", "owner": version.key}, NOW)
    found = table.recorded_versions(versions)
    assert found.keys() == set(versions[::3])
    assert all(record["owner"] == version.key for version, (_, record) in found.items())
