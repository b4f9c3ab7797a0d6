"""The report of a load test: it tells of every error, and its percentiles are those of what was measured."""

from benchmarks.load.__main__ import report
from benchmarks.load.visitors import Log


def test_the_report_names_what_failed():
    log = Log()
    log.note("search", 0.1, "503 b''")
    assert "1 errors" in report(log, 1, 1, 10)
    assert "- search: 503 b''" in report(log, 1, 1, 10)


def test_the_report_has_the_percentiles_of_each_request():
    log = Log()
    for milliseconds in range(1, 101):
        log.note("search", milliseconds / 1000)
    assert "| search | 100 | 51 | 96 | 100 | 100 |" in report(log, 1, 1, 10)
