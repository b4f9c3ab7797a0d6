"""The state machines and the code use the same error names, and agree on which of them a retry can heal."""

from functools import cache

import pytest

from tests.template.call_graph import CODE, PERMANENT, TRANSIENT
from tests.workflows.definition import REPOSITORY, STATES, function_folder
from tests.workflows.task_errors import NOT_RETRIED, retried

# Errors of Lambda and Step Functions.
# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
# https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
# https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
# An update changes the code and the layers of a function one after the other: Runtime.ImportModuleError in between.
# A function that exceeds its memory: REPORT lines say Runtime.OutOfMemory since 2025, payloads were seen with
# Runtime.ExitError (https://github.com/awslabs/amazon-s3-find-and-forget/pull/283). Both are retried.
# https://github.com/nasa-gcn/gcn.nasa.gov/pull/3628
OF_AWS = {
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Runtime.ImportModuleError",
    "Runtime.OutOfMemory",
    "Sandbox.Timedout",
    "States.Timeout",
}
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
FOLDERS = [function_folder(task) for task in TASKS.values()]
# Transient, but not retried: a worker has itself waited before it raises them, and the model costs money meanwhile.
WAITED_FOR = {"drain_queue": {"ModelNotReady", "ObjectNotAccessible", "ServiceUnavailable", "Throttled"}}
# Errors that a function writes into the record instead of raising them, with these functions.
IN_THE_RECORD = {"NoRule": ("inspect_images", "drain_queue"), "AllowanceExceeded": ("start_processing",)}


@cache
def raised(folder):
    """Return the errors of the project that the code of a function can raise."""
    return CODE.errors(folder) & (PERMANENT | TRANSIENT)


def not_retried(folder):
    return raised(folder) & (PERMANENT | WAITED_FOR.get(folder, set()))


@pytest.mark.parametrize("name", TASKS)
def test_task_retries_exactly_the_transient_errors_of_its_function_and_of_aws(name):
    # Retriers are scanned in order, and an error that none of them names is not retried.
    # https://states-language.net/#retrying-after-error
    errors, folder = retried(TASKS[name]), function_folder(TASKS[name])
    assert set(errors) == raised(folder) - not_retried(folder) | OF_AWS
    assert len(errors) == len(set(errors))


@pytest.mark.parametrize("folder", NOT_RETRIED)
def test_errors_that_executions_show_not_to_be_retried_are_those_of_the_code(folder):
    assert folder in FOLDERS
    assert sorted(NOT_RETRIED[folder].split()) == sorted(not_retried(folder))


def test_every_error_can_leave_a_task_or_is_kept_in_a_record():
    assert set().union(*map(raised, FOLDERS)) == (PERMANENT | TRANSIENT) - set(IN_THE_RECORD)


def test_workers_raise_every_error_that_they_wait_for():
    assert WAITED_FOR["drain_queue"] <= raised("drain_queue") & TRANSIENT


@pytest.mark.parametrize(
    ("error", "folder"), [(error, folder) for error, folders in IN_THE_RECORD.items() for folder in folders]
)
def test_error_that_is_kept_in_a_record_never_leaves_its_function(folder, error):
    assert error in CODE.met(folder)
    assert error not in raised(folder)


@pytest.mark.parametrize("name", TASKS)
def test_state_has_the_name_of_its_function_folder_and_resource(name):
    # The name of a second state with the same function continues: "Check Queue Again", "Process Batch From Inventory".
    state, folder = name.split(" / ")[1], function_folder(TASKS[name])
    function = folder.replace("_", " ").title()
    assert state == function or state.startswith(f"{function} ")
    assert TASKS[name]["Arguments"]["FunctionName"] == f"${{{function.replace(' ', '')}FunctionArn}}"
    assert (REPOSITORY / "functions" / folder / "app.py").is_file()


def test_each_function_has_a_state_with_exactly_its_name():
    names = {name.split(" / ")[1] for name in TASKS}
    assert {folder.replace("_", " ").title() for folder in FOLDERS} <= names
