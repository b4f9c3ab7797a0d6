"""The error names of the state machines and of the code are the same ones, and both sides agree what heals."""

import re

import pytest

from tests.template.call_graph import PERMANENT, TRANSIENT, Code
from tests.workflows.definition import REPOSITORY, STATE_MACHINES, function_folder, load, permanent, states, tasks
from tests.workflows.definition import transient as retried
from vision.domain import errors

# What Lambda and Step Functions report themselves.
# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
# https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
# https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
# A function that exceeds its memory: REPORT lines say Runtime.OutOfMemory since 2025, payloads were seen with
# Runtime.ExitError (https://github.com/awslabs/amazon-s3-find-and-forget/pull/283). Both are retried.
# https://github.com/nasa-gcn/gcn.nasa.gov/pull/3628
DOCUMENTED = {
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Runtime.OutOfMemory",
    "Sandbox.Timedout",
    "States.Timeout",
}
# What waiting heals, but not there: a worker has waited itself before it lets these out.
WAITED_FOR = {"drain_queue": {"ModelNotReady", "ObjectNotAccessible", "ServiceUnavailable", "Throttled"}}
CODE = Code()
TASKS = {
    f"{file.name.removesuffix('.asl.json')} / {name}": state
    for file in STATE_MACHINES
    for name, state in tasks(load(file)).items()
}
# What no machine sees: a function writes it into the record, and these are the functions.
IN_THE_RECORD = {"NoRule": ("inspect_images", "drain_queue"), "AllowanceExceeded": ("start_processing",)}


@pytest.fixture(params=TASKS)
def task(request):
    return TASKS[request.param]


def test_an_error_is_either_permanent_or_transient():
    assert not PERMANENT & TRANSIENT
    kinds = {one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.VisionError)}
    assert {one.__name__ for one in kinds} == PERMANENT | TRANSIENT | {"VisionError", "Permanent", "Transient"}


@pytest.mark.parametrize("file", STATE_MACHINES, ids=lambda file: file.name)
def test_every_error_name_of_a_machine_is_known(file):
    named = {
        error
        for state in states(load(file)).values()
        for rule in (*state.get("Retry", []), *state.get("Catch", []))
        for error in rule["ErrorEquals"]
    }
    assert named <= PERMANENT | TRANSIENT | DOCUMENTED | {"States.ALL"}


def test_every_error_of_the_code_is_named_by_a_machine_or_kept_in_a_record():
    named = {error for task in TASKS.values() for error in (*permanent(task), *retried(task))}
    assert named & (PERMANENT | TRANSIENT) == (PERMANENT | TRANSIENT) - set(IN_THE_RECORD)


@pytest.mark.parametrize(
    ("error", "folder"), [(error, folder) for error, folders in IN_THE_RECORD.items() for folder in folders]
)
def test_what_is_kept_in_a_record_is_met_by_its_function_and_never_let_out(folder, error):
    assert error in CODE.met(folder)
    assert error not in CODE.errors(folder)


def test_a_task_refuses_to_retry_exactly_the_permanent_errors_of_its_function(task):
    errors = CODE.errors(function_folder(task))
    assert set(permanent(task)) == errors & PERMANENT | WAITED_FOR.get(function_folder(task), set())


def test_a_task_retries_exactly_the_transient_errors_of_its_function_and_of_lambda(task):
    healed = CODE.errors(function_folder(task)) & TRANSIENT
    assert set(retried(task)) == healed - WAITED_FOR.get(function_folder(task), set()) | DOCUMENTED


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
    assert {function_folder(task).replace("_", " ").title() for task in TASKS.values()} <= names


def test_an_error_says_what_it_means():
    assert all(re.fullmatch(r"[A-Z].+\.", getattr(errors, name).__doc__) for name in PERMANENT | TRANSIENT)
