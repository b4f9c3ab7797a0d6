import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import BUCKET
from tests.functions.conftest import Answer, Event, Hook, Listing, Metrics, Start
from vision.adapters.bulk_runs import BulkRuns
from vision.domain.bulk.bulk_run import Request
from vision.domain.errors import InvalidRun

Drive = Callable[[str], Any]
ARN = "arn:aws:states:eu-west-1:123456789012:execution:image-recognition-ProcessBucket:"
NOW = "2026-11-12T09:30:03.000Z"


def test_batch_counts_its_images_in_its_run_and_as_metrics(drive: Drive, runs: BulkRuns, metrics: Metrics) -> None:
    answered = drive("process_batch")
    assert {"seen": 2, "skipped": 1, "labelled": 1}.items() <= (runs.read("first") or {}).items()
    assert {"calls": 1, "in_vain": False}.items() <= answered.items()
    assert len(json.dumps(answered)) < 1000
    assert metrics() == {"BulkImagesLabelled": 1, "BulkImagesSkipped": 1}


def test_repeated_batch_is_processed_once_and_answers_the_same(drive: Drive) -> None:
    # The first attempt may have died before its answer, so the second one counts what it finds recorded.
    for _ in range(2):
        assert {"labelled": 1, "calls": 1}.items() <= drive("process_batch").items()


def test_key_of_a_failure_is_returned_and_not_logged(
    drive: Drive, capsys: pytest.CaptureFixture[str], hook: Hook
) -> None:
    # Output and result files belong to the owner, as the records do; the state machine logs no data.
    def broken(**_: Any) -> None:
        raise RuntimeError("unexpected")

    hook("rekognition", "before-call.SERVICE.DetectLabels", broken, first=True)
    answered = drive("process_batch")
    assert [one["key"].rpartition("/")[2] for one in answered["failures"]] == ["rose (1) 50%+.jpg"]
    assert "rose" not in "".join(capsys.readouterr())


def test_batch_skips_photos_that_its_run_leaves_out(
    drive: Drive, runs: BulkRuns, event: Event, answer: Answer, function: Start
) -> None:
    drive("process_batch")
    asked = answer("rekognition", "DetectLabels", {"Labels": []})
    everything = Request.from_dict({"bucket": BUCKET, "prefix": ""})
    runs.open("second", f"{ARN}second", everything, NOW, "private/")
    sample = event("process_batch")
    sample["BatchInput"] |= {"run_id": "second", "request": everything.as_dict()}
    assert {"seen": 2, "skipped": 2}.items() <= function("process_batch")(sample).items()
    assert asked == []


@pytest.mark.parametrize("field", ["bucket", "prefix", "run_id"])
def test_batch_without_an_opened_run_is_refused_and_records_nothing(
    drive: Drive, runs: BulkRuns, items: Listing, event: Event, function: Start, field: str
) -> None:
    sample = event("process_batch")
    request = Request.from_dict(sample["BatchInput"]["request"])
    runs.open("first", f"{ARN}first", request, NOW)
    before = items()
    where = sample["BatchInput"] if field == "run_id" else sample["BatchInput"]["request"]
    where[field] = "somebody-elses"
    with pytest.raises(InvalidRun, match="was not opened for this bucket and prefix"):
        function("process_batch")(sample)
    assert items() == before
