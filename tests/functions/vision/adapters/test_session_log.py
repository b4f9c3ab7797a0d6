import pytest

from vision.adapters.session_log import SessionLog

ARN = "arn:aws:states:eu-west-1:123456789012:execution:Session:one"
BEGUN, ENDED = "2026-11-21T10:00:00.000Z", "2026-11-21T10:40:00.000Z"


@pytest.fixture
def log(table_name: str) -> SessionLog:
    return SessionLog(table_name)


def test_session_is_recorded_once_when_it_starts_and_completed_when_it_ends(log: SessionLog) -> None:
    log.open(ARN, 2, BEGUN)
    log.open(ARN, 2, ENDED)
    log.close(ARN, 120, 30.5, ENDED)
    [session] = log.latest(10)
    assert (session["execution_arn"], session["units"], session["started_at"]) == (ARN, 2, BEGUN)
    assert (session["images"], session["model_minutes"]) == (120, 30.5)


def test_end_of_an_unknown_session_is_not_recorded(log: SessionLog) -> None:
    log.close(ARN, 120, 30.5, ENDED)
    assert log.latest(10) == []


def test_latest_sessions_come_newest_first(log: SessionLog) -> None:
    for minute in range(5):
        log.open(f"{ARN}-{minute}", 1, f"2026-11-21T10:0{minute}:00.000Z")
    assert [session["execution_arn"][-1] for session in log.latest(3)] == ["4", "3", "2"]
