"""The server in the shape of AWS: the goals rely on its strictness and on its rate limiter."""

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
    # In another thread: after browser tests, this one already has a running loop.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, aws.answer(Request(method, path, named, body))).result()


def _detect(aws: Aws, times: int) -> list[int]:
    """Return the statuses of calls of DetectLabels."""
    return [_ask(aws, "POST", "/", x_amz_target="RekognitionService.DetectLabels").status for _ in range(times)]


def _pace(aws: Aws, kind: tuple[str, str], next_at: int, now: int) -> Answer:
    update, condition = kind
    request = {
        "Key": {"pk": {"S": "PACE#DetectLabels"}, "sk": {"S": "NEXT"}},
        "UpdateExpression": update,
        "ConditionExpression": condition,
        "ExpressionAttributeValues": {":next_at": {"N": str(next_at)}, ":now": {"N": str(now)}},
    }
    return _ask(aws, "POST", "/", json.dumps(request).encode(), x_amz_target="DynamoDB_20120810.UpdateItem")


def test_token_bucket_holds_at_most_one_second():
    bucket = Bucket(5, now=0)
    assert [bucket.take(0) for _ in range(6)] == [True] * 5 + [False]
    assert sum(bucket.take(100) for _ in range(10)) == 5


def test_refused_call_takes_no_token():
    bucket = Bucket(1, now=0)
    bucket.take(0)
    for _ in range(9):
        bucket.take(0.5)
    assert bucket.take(1.0)


def test_range_returns_a_part_of_an_object(aws):
    answer = _ask(aws, "GET", "/photos/0-a.jpg", range="bytes=2-4")
    assert (answer.status, answer.body) == (206, b"234")


def test_if_match_takes_only_the_etag_with_and_without_quotes(aws):
    assert _ask(aws, "GET", "/photos/0-a.jpg", if_match='"other"').status == 412
    for quotes in ("", '"'):
        assert _ask(aws, "GET", "/photos/0-a.jpg", if_match=f"{quotes}{etag(PHOTO)}{quotes}").body == PHOTO


def test_calls_above_the_quota_are_throttled_and_not_paid(aws):
    aws.become(Behaviour(detect_seconds=0, calls_per_second=2))
    assert _detect(aws, 3) == [200, 200, 400]
    assert json.loads(_ask(aws, "GET", "/_counts").body)["paid"] == 2


def test_deliberate_failures_occur_at_their_interval(aws):
    aws.become(Behaviour(detect_seconds=0, fail_every=2))
    assert _detect(aws, 4) == [200, 500, 200, 500]


def test_rate_limiter_starts_once_and_continues_from_its_next_call(aws):
    assert [_pace(aws, SET, 150, 100).status for _ in range(2)] == [200, 400]
    assert json.loads(_pace(aws, ADD, 50, 120).body)["Attributes"]["next_at"]["N"] == "200"


def test_rate_limiter_in_the_past_is_not_continued(aws):
    _pace(aws, SET, 150, 100)
    assert _pace(aws, ADD, 50, 151).status == 400


def test_unknown_update_of_the_rate_limiter_is_refused(aws):
    assert "ValidationException" in _pace(aws, ("ADD #next_at :next_at", "size(#x) > :now"), 1, 1).body.decode()
