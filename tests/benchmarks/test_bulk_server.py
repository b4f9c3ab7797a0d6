"""The server in the shape of AWS: what the goals rest on is that it is strict, and right about the pace."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks.bulk.aws import NO_WAITING, Answer, Aws, Behaviour, Bucket, Request, etag

PHOTO = b"0123456789"
ADD = ("ADD #next_at :next_at", "#next_at >= :now")
SET = ("SET #next_at = :next_at, #record_type = :record_type", "attribute_not_exists(#next_at) OR #next_at < :now")


@pytest.fixture
def aws() -> Aws:
    server = Aws({"a.jpg": PHOTO})
    server.become(NO_WAITING)
    return server


def _ask(aws: Aws, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    # In a thread of its own: where browser tests have run before, this one has a running loop already.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, aws.answer(Request(method, path, named, body))).result()


def _pace(aws: Aws, kind: tuple[str, str], next_at: int, now: int) -> Answer:
    update, condition = kind
    request = {
        "Key": {"pk": {"S": "PACE#DetectLabels"}, "sk": {"S": "NEXT"}},
        "UpdateExpression": update,
        "ConditionExpression": condition,
        "ExpressionAttributeValues": {":next_at": {"N": str(next_at)}, ":now": {"N": str(now)}},
    }
    return _ask(aws, "POST", "/", json.dumps(request).encode(), x_amz_target="DynamoDB_20120810.UpdateItem")


def test_a_bucket_lets_no_more_through_than_it_holds():
    bucket = Bucket(5, now=0)

    assert [bucket.take(0) for _ in range(6)] == [True] * 5 + [False]


def test_a_bucket_fills_up_with_time_and_never_above_one_second():
    bucket = Bucket(5, now=0)

    assert sum(bucket.take(100) for _ in range(10)) == 5


def test_a_refused_call_takes_no_token():
    bucket = Bucket(1, now=0)
    bucket.take(0)
    for _ in range(9):
        bucket.take(0.5)

    assert bucket.take(1.0)


def test_a_part_of_an_object_is_that_part(aws):
    answer = _ask(aws, "GET", "/photos/0-a.jpg", range="bytes=2-4")

    assert (answer.status, answer.body) == (206, b"234")


def test_an_object_of_another_etag_is_refused(aws):
    assert _ask(aws, "GET", "/photos/0-a.jpg", if_match='"other"').status == 412


@pytest.mark.parametrize("quotes", ["", '"'])
def test_an_object_of_this_etag_is_served(aws, quotes):
    assert _ask(aws, "GET", "/photos/0-a.jpg", if_match=f"{quotes}{etag(PHOTO)}{quotes}").body == PHOTO


def test_calls_above_the_quota_are_throttled_and_not_paid(aws):
    aws.become(Behaviour(detect_seconds=0, calls_per_second=2))

    statuses = [_ask(aws, "POST", "/", x_amz_target="RekognitionService.DetectLabels").status for _ in range(3)]

    assert statuses == [200, 200, 400]
    assert json.loads(_ask(aws, "GET", "/_counts").body)["paid"] == 2


def test_a_failure_on_purpose_is_not_paid(aws):
    aws.become(Behaviour(detect_seconds=0, fail_every=2))

    statuses = [_ask(aws, "POST", "/", x_amz_target="RekognitionService.DetectLabels").status for _ in range(4)]

    assert statuses == [200, 500, 200, 500]


def test_the_pace_begins_only_once(aws):
    assert [_pace(aws, SET, 150, 100).status for _ in range(2)] == [200, 400]


def test_the_pace_moves_on_from_where_it_is(aws):
    _pace(aws, SET, 150, 100)

    assert json.loads(_pace(aws, ADD, 50, 120).body)["Attributes"]["next_at"]["N"] == "200"


def test_a_pace_that_lies_behind_is_not_added_to(aws):
    _pace(aws, SET, 150, 100)

    assert _pace(aws, ADD, 50, 151).status == 400


def test_an_update_of_the_pace_of_another_form_is_refused(aws):
    assert "ValidationException" in _pace(aws, ("ADD #next_at :next_at", "size(#x) > :now"), 1, 1).body.decode()
