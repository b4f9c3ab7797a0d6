"""IAM roles of bulk runs are enforced, and the run names a missing permission."""

import pytest

pytestmark = pytest.mark.local


@pytest.mark.parametrize(
    ("function", "sid", "error"),
    [
        ("OpenRunFunction", "OpenRuns", "AccessDenied"),
        ("ProcessBatchFunction", "KnowAndRecord", "TooManyImagesFailed"),
        ("ProcessBatchFunction", "DetectLabels", "TooManyImagesFailed"),
        ("SummarizeRunFunction", "CloseRuns", "AccessDenied"),
        ("SummarizeRunFunction", "FindResults", "AccessDenied"),
        ("SummarizeRunFunction", "ReadAndWriteResults", "AccessDenied"),
        ("SummarizeRunFunction", "TellPrograms", "AccessDenied"),
    ],
)
def test_missing_permission_fails_the_run_and_is_named(bulk, without, function, sid, error):
    bulk.put_photos(2)
    without(function, sid)
    found, cause = bulk.refused()
    assert found == error
    assert "AccessDenied" in f"{found}: {cause}"
    assert "let the policies of role, bucket and key allow it" in cause or "AccessDenied 2" in cause


def test_denied_thumbnails_leave_the_labels(bulk, without):
    bulk.put_photos(2)
    without("ProcessBatchFunction", "WriteThumbnails")
    summary = bulk.run(steps=["metadata", "labels", "thumbnail"])
    assert summary["partial"] == 2
    assert summary["reasons"] == {"AccessDenied": 2}
    assert all("labels" in record for record in bulk.image_records())


def test_denied_labels_leave_the_metadata(bulk, without):
    bulk.put_photos(2)
    without("ProcessBatchFunction", "DetectLabels")
    bulk.refused()
    assert [(record["status"], record["width"]) for record in bulk.image_records()] == [("FAILED", 160)] * 2
