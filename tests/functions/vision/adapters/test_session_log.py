"""The log of sessions against moto's DynamoDB."""

import pytest

from vision.adapters.session_log import SessionLog

ARN = "arn:aws:states:eu-west-1:123456789012:execution:Session:one"
BEGUN, ENDED = "2026-11-21T10:00:00.000Z", "2026-11-21T10:40:00.000Z"


@pytest.fixture
def log(table_name: str) -> SessionLog:
    return SessionLog(table_name)


def test_a_session_is_noted_when_it_begins(log: SessionLog) -> None:
    log.open(ARN, 2, BEGUN)
    [noted] = log.latest(10)
    assert (noted["execution_arn"], noted["units"], noted["started_at"]) == (ARN, 2, BEGUN)


def test_a_session_begins_once(log: SessionLog) -> None:
    log.open(ARN, 2, BEGUN)
    log.open(ARN, 2, ENDED)
    assert [noted["started_at"] for noted in log.latest(10)] == [BEGUN]


def test_what_a_session_did_is_noted_at_its_end(log: SessionLog) -> None:
    log.open(ARN, 2, BEGUN)
    log.close(ARN, 120, 30.5, ENDED)
    [noted] = log.latest(10)
    assert (noted["images"], noted["model_minutes"]) == (120, 30.5)


def test_the_end_of_what_never_began_is_not_noted(log: SessionLog) -> None:
    log.close(ARN, 120, 30.5, ENDED)
    assert log.latest(10) == []


def test_only_the_latest_are_told_newest_first(log: SessionLog) -> None:
    for minute in range(5):
        log.open(f"{ARN}-{minute}", 1, f"2026-11-21T10:0{minute}:00.000Z")
    assert [noted["execution_arn"][-1] for noted in log.latest(3)] == ["4", "3", "2"]
