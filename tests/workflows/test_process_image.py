"""The photo workflow as it runs: the real state machine in the local AWS, scripts in the place of its functions."""

import json

import pytest

from tests.workflows import process_image_scenarios as scenarios
from tests.workflows.execution import message
from tests.workflows.process_image import DEFINITION, LABELS, METADATA, THUMBNAIL, function_of, parts, record, stored
from tests.workflows.process_image_scenarios import fails, fails_for_good
from tests.workflows.second_opinion.opinions import ending
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


def test_a_normal_photo_takes_six_transitions(photo_runs):
    run = photo_runs[scenarios.SUCCESS]
    assert run.status == "SUCCEEDED"
    assert sorted(run.entered) == sorted(NORMAL)


def test_each_function_is_called_once_for_a_normal_photo(photo_runs):
    run = photo_runs[scenarios.SUCCESS]
    assert run.status == "SUCCEEDED"
    assert {task: len(run.given(function_of(task))) for task in NORMAL if task in scenarios.TASKS} == {
        "Extract Metadata": 1,
        "Detect Labels": 1,
        "Generate Thumbnail": 1,
        "Store Metadata": 1,
    }


@pytest.mark.parametrize("task", ["Extract Metadata", "Detect Labels", "Generate Thumbnail"])
def test_a_task_is_given_the_envelope_and_nothing_else(photo_runs, task):
    run = photo_runs[scenarios.SUCCESS]
    assert run.status == "SUCCEEDED"
    assert run.given(function_of(task)) == [json.loads(run.execution["input"])]


def test_the_record_is_given_everything_that_was_found(photo_runs):
    run = photo_runs[scenarios.SUCCESS]
    assert run.status == "SUCCEEDED"
    given = {name: value for name, value in stored(run).items() if name != "execution"}
    envelope = json.loads(run.execution["input"])
    found = {"metadata": METADATA, **LABELS, "thumbnail": THUMBNAIL}
    assert given == {"envelope": envelope, "parts": found, "errors": []}


def test_a_run_that_was_not_redriven_has_no_time_of_a_redrive(photo_runs):
    run = photo_runs[scenarios.SUCCESS]
    assert run.status == "SUCCEEDED"
    assert stored(run)["execution"].keys() == {"Id", "StartTime"}


def test_the_record_is_given_the_run_that_writes_it(photo_runs):
    run = photo_runs[scenarios.SUCCESS]
    assert run.status == "SUCCEEDED"
    started = executions.Attempt(run.execution["executionArn"], timestamp(run.execution["startDate"]))
    assert executions.Attempt.from_context(stored(run)["execution"]) == started


def test_the_execution_answers_what_the_record_says(photo_runs):
    assert photo_runs[scenarios.SUCCESS].output == {"status": "SUCCEEDED"}


@pytest.mark.parametrize("name", scenarios.LABEL_LISTS)
def test_labels_stay_a_list(photo_runs, name):
    run = photo_runs[name]
    assert run.status == "SUCCEEDED"
    assert parts(run)["labels"] == scenarios.LABEL_LISTS[name]


def test_metadata_that_is_not_there_is_not_made_up(photo_runs):
    run = photo_runs[scenarios.BARE_METADATA]
    assert run.status == "SUCCEEDED"
    assert parts(run)["metadata"] == {"format": "PNG", "width": 100, "height": 80}


@pytest.mark.parametrize(("task", "error"), scenarios.ERRORS.not_retried)
def test_a_permanent_or_unknown_error_is_not_retried(photo_runs, task, error):
    run = photo_runs[fails(task, error)]
    assert run.status
    assert run.failed_attempts.count(error) == 1


@pytest.mark.parametrize(("task", "error"), scenarios.ERRORS.retried)
def test_a_transient_error_heals(photo_runs, task, error):
    run = photo_runs[fails(task, error)]
    healed = "FAILED" if task == "Store Metadata After Failure" else "SUCCEEDED"
    assert run.status == healed
    assert record(run)["status"] == healed


@pytest.mark.parametrize(("task", "error"), scenarios.ERRORS.retried)
def test_a_transient_error_is_retried_once(photo_runs, task, error):
    run = photo_runs[fails(task, error)]
    assert run.status
    assert run.failed_attempts.count(error) == 1
    assert len(run.given(function_of(task))) == 2


@pytest.mark.parametrize(("task", "error", "retries"), scenarios.ERRORS.exhausted)
def test_an_error_that_does_not_heal_is_given_up(photo_runs, task, error, retries):
    run = photo_runs[fails_for_good(task, error)]
    assert run.status
    assert run.failed_attempts.count(error) == 1 + retries


@pytest.mark.parametrize(("task", "error", "retries"), of(scenarios.ERRORS.exhausted, *BRANCHES))
def test_a_branch_that_is_given_up_costs_the_other_nothing(photo_runs, task, error, retries):
    run = photo_runs[fails_for_good(task, error)]
    assert (run.status, record(run)["status"]) == ("SUCCEEDED", "PARTIAL")
    assert BRANCHES[task] in record(run)


@pytest.mark.parametrize(("task", "error"), of(scenarios.ERRORS.not_retried, "Extract Metadata", "Store Metadata"))
def test_a_photo_that_cannot_go_on_fails_under_the_name_of_its_error(photo_runs, task, error):
    run = photo_runs[fails(task, error)]
    assert (run.status, run.error) == ("FAILED", error)
    assert run.entered[-2:] == ["Store Metadata After Failure", "Image Failed"]


@pytest.mark.parametrize(("task", "error"), of(scenarios.ERRORS.not_retried, "Extract Metadata", "Store Metadata"))
def test_the_record_of_a_failed_photo_says_why(photo_runs, task, error):
    run = photo_runs[fails(task, error)]
    assert run.status == "FAILED"
    assert record(run)["status"] == "FAILED"
    assert record(run)["error"] == {"name": error, "cause": message(error)}


@pytest.mark.parametrize(("task", "error"), of(scenarios.ERRORS.not_retried, "Extract Metadata"))
def test_what_is_refused_costs_no_paid_call(photo_runs, task, error):
    run = photo_runs[fails(task, error)]
    assert run.status == "FAILED"
    assert run.given("detect_labels") == run.given("generate_thumbnail") == []


def test_a_refused_photo_has_only_its_envelope_and_its_error_in_the_record(photo_runs):
    run = photo_runs[fails("Extract Metadata", "NotSupportedImageType")]
    assert run.status == "FAILED"
    assert stored(run).keys() == {"envelope", "parts", "errors", "execution"}


def test_the_execution_says_why_in_the_words_of_the_record(photo_runs):
    run = photo_runs[fails("Extract Metadata", "ImageTooLarge")]
    assert run.cause == "ImageTooLarge: what is wrong, the limit and the remedy"


@pytest.mark.parametrize(("task", "error"), of(scenarios.ERRORS.not_retried, *BRANCHES))
def test_a_branch_that_fails_makes_the_record_partial(photo_runs, task, error):
    run = photo_runs[fails(task, error)]
    assert run.status == "SUCCEEDED"
    assert run.output == {
        "status": "PARTIAL",
        "error": {"name": error, "cause": message(error)},
    }


def test_labels_are_kept_without_a_thumbnail(photo_runs):
    run = photo_runs[fails("Generate Thumbnail", "CorruptImage")]
    assert run.status == "SUCCEEDED"
    assert parts(run)["labels"] == LABELS["labels"]
    assert parts(run)["metadata"] == METADATA
    assert "thumbnail" not in parts(run)


def test_a_thumbnail_is_kept_without_labels(photo_runs):
    run = photo_runs[fails("Detect Labels", "InvalidImage")]
    assert run.status == "SUCCEEDED"
    assert parts(run)["thumbnail"] == THUMBNAIL
    assert parts(run)["metadata"] == METADATA
    assert not parts(run).keys() & {"labels", "detector"}


@pytest.mark.parametrize(("task", "error"), [("Detect Labels", "InvalidImage"), ("Generate Thumbnail", "CorruptImage")])
def test_one_error_stays_a_list(photo_runs, task, error):
    run = photo_runs[fails(task, error)]
    assert run.status == "SUCCEEDED"
    assert [one["Error"] for one in stored(run)["errors"]] == [error]


def test_a_photo_with_neither_labels_nor_thumbnail_fails_with_both_reasons(photo_runs):
    run = photo_runs[scenarios.BOTH_BRANCHES]
    assert run.status == "FAILED"
    assert sorted(one["Error"] for one in stored(run)["errors"]) == ["CorruptImage", "InvalidImage"]
    assert run.error in ("CorruptImage", "InvalidImage")
    assert "CorruptImage: " in run.cause
    assert "InvalidImage: " in run.cause


def test_a_photo_with_neither_labels_nor_thumbnail_keeps_its_metadata(photo_runs):
    run = photo_runs[scenarios.BOTH_BRANCHES]
    assert run.status == "FAILED"
    assert record(run)["status"] == "FAILED"
    assert record(run)["camera_make"] == METADATA["camera_make"]


def test_a_branch_that_answers_nonsense_fails_the_photo_and_not_the_workflow(photo_runs):
    run = photo_runs[scenarios.BRANCH_ANSWERS_TEXT]
    assert (run.status, run.error) == ("FAILED", "States.QueryEvaluationError")
    assert record(run)["status"] == "FAILED"
    assert record(run)["width"] == METADATA["width"]


@pytest.mark.parametrize(("task", "error"), of(scenarios.ERRORS.not_retried, "Store Metadata"))
def test_metadata_is_kept_when_the_whole_record_cannot_be_written(photo_runs, task, error):
    run = photo_runs[fails(task, error)]
    assert run.status == "FAILED"
    assert parts(run)["metadata"] == METADATA
    assert not parts(run).keys() & {"labels", "thumbnail"}


@pytest.mark.parametrize(("task", "error"), of(scenarios.ERRORS.not_retried, "Store Metadata After Failure"))
def test_a_failure_that_cannot_be_recorded_keeps_the_name_of_the_photo_s_own_error(photo_runs, task, error):
    run = photo_runs[fails(task, error)]
    assert (run.status, run.error) == ("FAILED", "NotSupportedImageType")
    assert "what is wrong, the limit and the remedy" in run.cause


@pytest.mark.parametrize(("task", "error", "retries"), of(scenarios.ERRORS.exhausted, "Store Metadata After Failure"))
def test_a_failure_that_is_given_up_keeps_the_name_of_the_photo_s_own_error(photo_runs, task, error, retries):
    run = photo_runs[fails_for_good(task, error)]
    assert (run.status, run.error) == ("FAILED", "NotSupportedImageType")


@pytest.mark.parametrize("name", scenarios.INPUTS)
def test_an_input_that_is_no_envelope_fails_as_such(photo_runs, name):
    run = photo_runs[name]
    assert (run.status, run.error) == ("FAILED", "InvalidEvent")


def test_a_large_record_passes(photo_runs):
    run = photo_runs[scenarios.NEARLY_TOO_LARGE]
    assert run.status == "SUCCEEDED"
    assert 200_000 < len(json.dumps(stored(run))) < 262_144


def test_a_record_above_256_kib_fails_where_its_end_is_announced(photo_runs):
    # No wildcard catches States.DataLimitExceeded, so the status-change event is what closes the record.
    run = photo_runs[scenarios.TOO_LARGE]
    assert (run.status, run.error) == ("FAILED", "States.DataLimitExceeded")


def test_an_execution_beyond_its_time_ends_as_timed_out_without_a_catch(photo_runs):
    run = photo_runs[scenarios.EXECUTION_TIMEOUT]
    assert run.status == "TIMED_OUT"
    assert run.entered == ["Extract Metadata"]


# LocalStack lets States.ALL catch States.DataLimitExceeded, which AWS excludes, and names an expression that fails
# States.Runtime. https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
OTHERWISE = (scenarios.TOO_LARGE, scenarios.BRANCH_ANSWERS_TEXT)


@pytest.mark.parametrize("name", [name for name in scenarios.SCENARIOS if name not in OTHERWISE])
def test_localstack_processes_the_photo_alike(photo_runs, photo_opinions, name):
    assert photo_opinions[name] == ending(photo_runs[name], DEFINITION)
