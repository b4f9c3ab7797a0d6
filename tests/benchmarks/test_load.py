"""The report of a load test names every error and has the percentiles of each request."""

from benchmarks.load.__main__ import report
from benchmarks.load.visitors import Log


def test_report_names_the_errors():
    log = Log()
    log.note("search", 0.1, "503 b''")
    assert "1 errors" in report(log, 1, 1, 10)
    assert "- search: 503 b''" in report(log, 1, 1, 10)


def test_report_has_the_percentiles_of_each_request():
    log = Log()
    for milliseconds in range(1, 101):
        log.note("search", milliseconds / 1000)
    assert "| search | 100 | 51 | 96 | 100 | 100 |" in report(log, 1, 1, 10)
