"""The photo workflow as it runs: the real state machine in the local AWS, scripts in the place of its functions."""

import json

import pytest

from tests.workflows import scenarios
from tests.workflows.execution import LABELS, METADATA, THUMBNAIL, function_of
from tests.workflows.scenarios import fails, fails_for_good
from vision.domain import executions
from vision.domain.records import timestamp

pytestmark = pytest.mark.local

NORMAL = [
    "Extract Metadata",
    "Label and Thumbnail",
    "Detect Labels",
    "Generate Thumbnail",
    "Is Anything Found?",
    "Store Metadata",
]
BRANCHES = {"Detect Labels": "thumbnail", "Generate Thumbnail": "labels"}


def of(errors, *tasks):
    return [one for one in errors if one[0] in tasks]


def test_a_normal_photo_takes_six_transitions(runs):
    run = runs[scenarios.SUCCESS]
    assert run.status == "SUCCEEDED"
    assert sorted(run.entered) == sorted(NORMAL)


def test_each_function_is_called_once_for_a_normal_photo(runs):
    run = runs[scenarios.SUCCESS]
    assert run.status == "SUCCEEDED"
    assert {task: len(run.given(function_of(task))) for task in NORMAL if task in scenarios.TASKS} == {
        "Extract Metadata": 1,
        "Detect Labels": 1,
        "Generate Thumbnail": 1,
        "Store Metadata": 1,
    }


@pytest.mark.parametrize("task", ["Extract Metadata", "Detect Labels", "Generate Thumbnail"])
def test_a_task_is_given_the_envelope_and_nothing_else(runs, task):
    run = runs[scenarios.SUCCESS]
    assert run.status == "SUCCEEDED"
    assert run.given(function_of(task)) == [json.loads(run.execution["input"])]


def test_the_record_is_given_everything_that_was_found(runs):
    run = runs[scenarios.SUCCESS]
    assert run.status == "SUCCEEDED"
    given = {name: value for name, value in run.stored.items() if name != "execution"}
    envelope = json.loads(run.execution["input"])
    parts = {"metadata": METADATA, **LABELS, "thumbnail": THUMBNAIL}
    assert given == {"envelope": envelope, "parts": parts, "errors": []}


def test_a_run_that_was_not_redriven_has_no_time_of_a_redrive(runs):
    run = runs[scenarios.SUCCESS]
    assert run.status == "SUCCEEDED"
    assert run.stored["execution"].keys() == {"Id", "StartTime"}


def test_the_record_is_given_the_run_that_writes_it(runs):
    run = runs[scenarios.SUCCESS]
    assert run.status == "SUCCEEDED"
    started = executions.Run(run.execution["executionArn"], timestamp(run.execution["startDate"]))
    assert executions.Run.from_context(run.stored["execution"]) == started


def test_the_execution_answers_what_the_record_says(runs):
    assert runs[scenarios.SUCCESS].output == {"status": "SUCCEEDED"}


@pytest.mark.parametrize("name", scenarios.LABEL_LISTS)
def test_labels_stay_a_list(runs, name):
    run = runs[name]
    assert run.status == "SUCCEEDED"
    assert run.parts["labels"] == scenarios.LABEL_LISTS[name]


def test_metadata_that_is_not_there_is_not_made_up(runs):
    run = runs[scenarios.BARE_METADATA]
    assert run.status == "SUCCEEDED"
    assert run.parts["metadata"] == {"format": "PNG", "width": 100, "height": 80}


@pytest.mark.parametrize(("task", "error"), scenarios.REFUSALS)
def test_a_permanent_error_is_not_retried(runs, task, error):
    run = runs[fails(task, error)]
    assert run.status
    assert run.failed_attempts.count(error) == 1


@pytest.mark.parametrize(("task", "error"), scenarios.UNKNOWN)
def test_an_unknown_error_is_not_retried(runs, task, error):
    run = runs[fails(task, error)]
    assert run.status
    assert run.failed_attempts.count(error) == 1


@pytest.mark.parametrize(("task", "error"), scenarios.TRANSIENTS)
def test_a_transient_error_heals(runs, task, error):
    run = runs[fails(task, error)]
    healed = "FAILED" if task == "Store Failure" else "SUCCEEDED"
    assert run.status == healed
    assert run.record["status"] == healed


@pytest.mark.parametrize(("task", "error"), scenarios.TRANSIENTS)
def test_a_transient_error_is_retried_once(runs, task, error):
    run = runs[fails(task, error)]
    assert run.status
    assert run.failed_attempts.count(error) == 1
    assert len(run.given(function_of(task))) == 2


@pytest.mark.parametrize(("task", "error", "retries"), scenarios.EXHAUSTED)
def test_an_error_that_does_not_heal_is_given_up(runs, task, error, retries):
    run = runs[fails_for_good(task, error)]
    assert run.status
    assert run.failed_attempts.count(error) == 1 + retries


@pytest.mark.parametrize(("task", "error", "retries"), of(scenarios.EXHAUSTED, *BRANCHES))
def test_a_branch_that_is_given_up_costs_the_other_nothing(runs, task, error, retries):
    run = runs[fails_for_good(task, error)]
    assert (run.status, run.record["status"]) == ("SUCCEEDED", "PARTIAL")
    assert BRANCHES[task] in run.record


@pytest.mark.parametrize(
    ("task", "error"), of([*scenarios.REFUSALS, *scenarios.UNKNOWN], "Extract Metadata", "Store Metadata")
)
def test_a_photo_that_cannot_go_on_fails_under_the_name_of_its_error(runs, task, error):
    run = runs[fails(task, error)]
    assert (run.status, run.error) == ("FAILED", error)
    assert run.entered[-2:] == ["Store Failure", "Image Failed"]


@pytest.mark.parametrize(
    ("task", "error"), of([*scenarios.REFUSALS, *scenarios.UNKNOWN], "Extract Metadata", "Store Metadata")
)
def test_the_record_of_a_failed_photo_says_why(runs, task, error):
    run = runs[fails(task, error)]
    assert run.status == "FAILED"
    assert run.record["status"] == "FAILED"
    assert run.record["error"] == {"name": error, "cause": f"{error}: what is wrong, the limit and the remedy"}


@pytest.mark.parametrize(("task", "error"), of(scenarios.REFUSALS, "Extract Metadata"))
def test_what_is_refused_costs_no_paid_call(runs, task, error):
    run = runs[fails(task, error)]
    assert run.status == "FAILED"
    assert run.given("detect_labels") == run.given("generate_thumbnail") == []


def test_a_refused_photo_has_only_its_envelope_and_its_error_in_the_record(runs):
    run = runs[fails("Extract Metadata", "NotSupportedImageType")]
    assert run.status == "FAILED"
    assert run.stored.keys() == {"envelope", "parts", "errors", "execution"}


def test_the_execution_says_why_in_the_words_of_the_record(runs):
    run = runs[fails("Extract Metadata", "ImageTooLarge")]
    assert run.cause == "ImageTooLarge: what is wrong, the limit and the remedy"


@pytest.mark.parametrize(("task", "error"), of([*scenarios.REFUSALS, *scenarios.UNKNOWN], *BRANCHES))
def test_a_branch_that_fails_makes_the_record_partial(runs, task, error):
    run = runs[fails(task, error)]
    assert run.status == "SUCCEEDED"
    assert run.output == {
        "status": "PARTIAL",
        "error": {"name": error, "cause": f"{error}: what is wrong, the limit and the remedy"},
    }


def test_labels_are_kept_without_a_thumbnail(runs):
    run = runs[fails("Generate Thumbnail", "CorruptImage")]
    assert run.status == "SUCCEEDED"
    assert run.parts["labels"] == LABELS["labels"]
    assert run.parts["metadata"] == METADATA
    assert "thumbnail" not in run.parts


def test_a_thumbnail_is_kept_without_labels(runs):
    run = runs[fails("Detect Labels", "InvalidImage")]
    assert run.status == "SUCCEEDED"
    assert run.parts["thumbnail"] == THUMBNAIL
    assert run.parts["metadata"] == METADATA
    assert not run.parts.keys() & {"labels", "detector"}


@pytest.mark.parametrize(("task", "error"), [("Detect Labels", "InvalidImage"), ("Generate Thumbnail", "CorruptImage")])
def test_one_error_stays_a_list(runs, task, error):
    run = runs[fails(task, error)]
    assert run.status == "SUCCEEDED"
    assert [one["Error"] for one in run.stored["errors"]] == [error]


def test_a_photo_with_neither_labels_nor_thumbnail_fails_with_both_reasons(runs):
    run = runs[scenarios.BOTH_BRANCHES]
    assert run.status == "FAILED"
    assert sorted(one["Error"] for one in run.stored["errors"]) == ["CorruptImage", "InvalidImage"]
    assert run.error in ("CorruptImage", "InvalidImage")
    assert "CorruptImage: " in run.cause
    assert "InvalidImage: " in run.cause


def test_a_photo_with_neither_labels_nor_thumbnail_keeps_its_metadata(runs):
    run = runs[scenarios.BOTH_BRANCHES]
    assert run.status == "FAILED"
    assert run.record["status"] == "FAILED"
    assert run.record["camera_make"] == METADATA["camera_make"]


def test_a_branch_that_answers_nonsense_fails_the_photo_and_not_the_workflow(runs):
    run = runs[scenarios.BRANCH_ANSWERS_TEXT]
    assert (run.status, run.error) == ("FAILED", "States.QueryEvaluationError")
    assert run.record["status"] == "FAILED"
    assert run.record["width"] == METADATA["width"]


@pytest.mark.parametrize(("task", "error"), of([*scenarios.REFUSALS, *scenarios.UNKNOWN], "Store Metadata"))
def test_metadata_is_kept_when_the_whole_record_cannot_be_written(runs, task, error):
    run = runs[fails(task, error)]
    assert run.status == "FAILED"
    assert run.parts["metadata"] == METADATA
    assert not run.parts.keys() & {"labels", "thumbnail"}


@pytest.mark.parametrize(("task", "error"), of([*scenarios.REFUSALS, *scenarios.UNKNOWN], "Store Failure"))
def test_a_failure_that_cannot_be_recorded_keeps_the_name_of_the_photo_s_own_error(runs, task, error):
    run = runs[fails(task, error)]
    assert (run.status, run.error) == ("FAILED", "NotSupportedImageType")
    assert "what is wrong, the limit and the remedy" in run.cause


@pytest.mark.parametrize(("task", "error", "retries"), of(scenarios.EXHAUSTED, "Store Failure"))
def test_a_failure_that_is_given_up_keeps_the_name_of_the_photo_s_own_error(runs, task, error, retries):
    run = runs[fails_for_good(task, error)]
    assert (run.status, run.error) == ("FAILED", "NotSupportedImageType")


@pytest.mark.parametrize("name", scenarios.INPUTS)
def test_an_input_that_is_no_envelope_fails_as_such(runs, name):
    run = runs[name]
    assert (run.status, run.error) == ("FAILED", "InvalidEvent")


def test_a_large_record_passes(runs):
    run = runs[scenarios.NEARLY_TOO_LARGE]
    assert run.status == "SUCCEEDED"
    assert 200_000 < len(json.dumps(run.stored)) < 262_144


def test_a_record_above_256_kib_fails_where_its_end_is_announced(runs):
    # No wildcard catches States.DataLimitExceeded, so the status-change event is what closes the record.
    run = runs[scenarios.TOO_LARGE]
    assert (run.status, run.error) == ("FAILED", "States.DataLimitExceeded")


def test_an_execution_beyond_its_time_ends_as_timed_out_without_a_catch(runs):
    run = runs[scenarios.EXECUTION_TIMEOUT]
    assert run.status == "TIMED_OUT"
    assert run.entered == ["Extract Metadata"]
