"""Executions of process_image: the real state machine in the local AWS, with scripted functions."""

import pytest

from tests.workflows.execution import message
from tests.workflows.process_image import (
    DEFINITION,
    ERRORS,
    INPUTS,
    LABELS,
    LAST_RELEASE,
    METADATA,
    SCENARIOS,
    TASKS,
    THUMBNAIL,
    function_of,
    stored,
)
from tests.workflows.process_image import stored_parts as parts
from tests.workflows.process_image import stored_record as record
from tests.workflows.second_opinion.opinions import ending
from tests.workflows.task_errors import failure
from vision.domain import executions
from vision.domain.records import timestamp

pytestmark = pytest.mark.local

NORMAL = [
    "Extract Metadata",
    "Label and Thumbnail",
    "Detect Labels",
    "Generate Thumbnail",
    "Store Metadata",
]
# Each branch, and what the record has from the other one.
BRANCHES = {"Detect Labels": "thumbnail", "Generate Thumbnail": "detector"}
STORE_FAILURE = "Store Metadata After Failure"


# Not an error of the task: it says that the record is FAILED.
OUTCOME = "ImageFailed"


def of(errors, *tasks):
    return [one for one in errors if one[0] in tasks and one[1] != OUTCOME]


@pytest.fixture
def photo(photo_runs):
    """The execution of a normal photo."""
    run = photo_runs["normal"]
    assert run.output == {"status": "SUCCEEDED"}
    return run


def test_normal_photo_takes_five_transitions_and_one_call_of_each_function(photo):
    assert sorted(photo.entered) == sorted(NORMAL)
    assert [len(photo.given(function_of(task))) for task in NORMAL if task in TASKS] == [1, 1, 1, 1]


def test_tasks_receive_the_envelope_what_they_need_and_the_attempt(photo):
    payload = stored(photo)
    execution = payload.pop("execution")
    found = {"metadata": METADATA, **LABELS, "thumbnail": THUMBNAIL}
    assert payload == {"envelope": photo.input, "parts": found, "errors": [], "retries": 0}
    assert photo.given("extract_metadata") == [photo.input | {"execution": execution}]
    assert photo.given("detect_labels") == [photo.input | {"execution": execution, "metadata": METADATA}]
    assert photo.given("generate_thumbnail") == [photo.input]
    # Without a redrive there is no RedriveTime.
    assert execution.keys() == {"Id", "StartTime"}
    attempt = executions.Attempt(photo.arn, timestamp(photo.execution["startDate"]))
    assert executions.Attempt.from_context(execution) == attempt


def test_photo_without_labels_succeeds(photo_runs):
    assert record(photo_runs["no label"])["status"] == "SUCCEEDED"


def test_results_of_the_functions_of_the_last_release_are_stored_whole(photo_runs):
    run = photo_runs["last release"]
    assert run.status == "SUCCEEDED"
    found = {"metadata": LAST_RELEASE["extract_metadata"], **LAST_RELEASE["detect_labels"], "thumbnail": THUMBNAIL}
    assert parts(run) == found


@pytest.mark.parametrize(("task", "error"), ERRORS.not_retried)
def test_permanent_or_unknown_error_is_not_retried(photo_runs, task, error):
    assert photo_runs[failure(task, error)].failed_attempts.count(error) == 1


@pytest.mark.parametrize(("task", "error"), ERRORS.retried)
def test_transient_error_is_retried_once_and_heals(photo_runs, task, error):
    run = photo_runs[failure(task, error)]
    assert run.failed_attempts.count(error) == 1
    assert len(run.given(function_of(task))) == 2
    assert run.status == record(run)["status"] == ("FAILED" if task == STORE_FAILURE else "SUCCEEDED")


@pytest.mark.parametrize(("task", "error", "attempts"), ERRORS.exhausted)
def test_lasting_error_exhausts_its_retries(photo_runs, task, error, attempts):
    assert photo_runs[failure(task, error, attempts)].failed_attempts.count(error) == attempts


@pytest.mark.parametrize(("task", "error", "attempts"), of(ERRORS.exhausted, *BRANCHES))
def test_exhausted_branch_keeps_the_result_of_the_other(photo_runs, task, error, attempts):
    run = photo_runs[failure(task, error, attempts)]
    assert run.status == "SUCCEEDED"
    assert record(run)["status"] == "PARTIAL"
    assert BRANCHES[task] in record(run)


@pytest.mark.parametrize(("task", "error"), of(ERRORS.not_retried, "Extract Metadata", "Store Metadata"))
def test_execution_and_record_fail_with_the_error_of_the_task(photo_runs, task, error):
    run = photo_runs[failure(task, error)]
    assert (run.status, run.error, run.cause) == ("FAILED", error, message(error))
    assert run.entered[-2:] == [STORE_FAILURE, "Image Failed"]
    assert record(run)["status"] == "FAILED"
    assert record(run)["error"] == {"name": error, "cause": message(error)}


@pytest.mark.parametrize(("task", "error"), of(ERRORS.not_retried, "Extract Metadata"))
def test_refused_photo_makes_no_paid_call_and_has_no_results(photo_runs, task, error):
    run = photo_runs[failure(task, error)]
    assert run.given("detect_labels") == run.given("generate_thumbnail") == []
    assert stored(run).keys() == {"envelope", "parts", "errors", "retries", "execution"}


@pytest.mark.parametrize(("task", "error"), of(ERRORS.not_retried, "Store Metadata"))
def test_metadata_is_kept_when_the_whole_record_cannot_be_written(photo_runs, task, error):
    assert parts(photo_runs[failure(task, error)]) == {"metadata": METADATA}


@pytest.mark.parametrize(("task", "error"), of(ERRORS.not_retried, *BRANCHES))
def test_failed_branch_makes_the_record_partial(photo_runs, task, error):
    run = photo_runs[failure(task, error)]
    assert run.status == "SUCCEEDED"
    assert run.output == {"status": "PARTIAL", "error": {"name": error, "cause": message(error)}}


@pytest.mark.parametrize(
    ("task", "error", "kept"),
    [
        ("Detect Labels", "InvalidImage", {"thumbnail": THUMBNAIL}),
        ("Generate Thumbnail", "CorruptImage", LABELS),
    ],
)
def test_record_keeps_the_results_of_the_other_branch(photo_runs, task, error, kept):
    run = photo_runs[failure(task, error)]
    assert run.status == "SUCCEEDED"
    assert [one["Error"] for one in stored(run)["errors"]] == [error]
    assert parts(run) == {"metadata": METADATA, "errors": stored(run)["errors"], **kept}


def test_photo_without_labels_and_thumbnail_fails_with_both_errors(photo_runs):
    run = photo_runs["both branches fail"]
    errors = ["CorruptImage", "InvalidImage"]
    assert run.status == "FAILED"
    assert sorted(one["Error"] for one in stored(run)["errors"]) == errors
    assert run.error in errors
    assert all(f"{error}: " in run.cause for error in errors)
    assert run.entered[-2:] == ["Store Metadata", "Image Failed"]
    assert record(run)["status"] == "FAILED"
    assert record(run)["error"] == {"name": run.error, "cause": run.cause}


def test_labels_that_are_no_object_fail_the_photo_with_its_record(photo_runs):
    run = photo_runs["labels that are no object"]
    assert (run.status, run.error) == ("FAILED", "States.QueryEvaluationError")
    assert record(run)["status"] == "FAILED"
    assert record(run)["width"] == METADATA["width"]


@pytest.mark.parametrize(
    "name",
    [
        *(failure(*one) for one in of([*ERRORS.not_retried, *ERRORS.exhausted], STORE_FAILURE)),
    ],
)
def test_photo_keeps_its_own_error_when_no_record_can_be_written(photo_runs, name):
    run = photo_runs[name]
    error = "NotSupportedImageType"
    assert (run.status, run.error, run.cause) == ("FAILED", error, message(error))


@pytest.mark.parametrize("name", INPUTS)
def test_input_that_is_no_envelope_fails_with_invalid_event(photo_runs, name):
    run = photo_runs[name]
    assert (run.status, run.error) == ("FAILED", "InvalidEvent")


def test_result_above_256_kib_fails_the_execution_without_a_catch(photo_runs):
    # States.ALL does not catch States.DataLimitExceeded, so the status-change event closes the record.
    run = photo_runs["too large"]
    assert (run.status, run.error) == ("FAILED", "States.DataLimitExceeded")


def test_timeout_of_the_execution_ends_it_without_a_catch(photo_runs):
    run = photo_runs["execution timeout"]
    assert run.status == "TIMED_OUT"
    assert run.entered == ["Extract Metadata"]


# LocalStack lets States.ALL catch States.DataLimitExceeded, which AWS excludes, and names an expression that fails
# States.Runtime. https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
DIFFERENT = ("too large", "labels that are no object")


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name not in DIFFERENT])
def test_localstack_agrees_on_the_photo(photo_runs, photo_opinions, name):
    assert photo_opinions[name] == ending(photo_runs[name], DEFINITION)
