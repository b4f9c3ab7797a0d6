"""The error names of the state machines and of the code are the same ones, and both sides agree what heals."""

import re

import pytest

from tests.template.call_graph import PERMANENT, TRANSIENT, Code
from tests.workflows.definition import PROCESS_IMAGE, STATE_MACHINES, function_folder, load, permanent, states, tasks
from tests.workflows.definition import transient as retried
from vision.domain import errors

# What Lambda and Step Functions report themselves.
# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
# https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
# https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
DOCUMENTED = {
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
    "States.Timeout",
}
CODE = Code()
TASKS = tasks(load(PROCESS_IMAGE))


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


def test_every_error_of_the_code_is_named_by_a_machine():
    named = {error for task in TASKS.values() for error in (*permanent(task), *retried(task))}
    assert named >= PERMANENT | TRANSIENT


def test_a_task_refuses_to_retry_exactly_the_permanent_errors_of_its_function(task):
    assert set(permanent(task)) == CODE.errors(function_folder(task)) & PERMANENT


def test_a_task_retries_exactly_the_transient_errors_of_its_function_and_of_lambda(task):
    assert set(retried(task)) == CODE.errors(function_folder(task)) & TRANSIENT | DOCUMENTED


@pytest.mark.parametrize("name", [name for name in TASKS if name != "Store Failure"])
def test_a_state_its_folder_and_its_resource_have_the_same_name(name):
    assert function_folder(TASKS[name]) == name.lower().replace(" ", "_")
    assert TASKS[name]["Arguments"]["FunctionName"] == f"${{{name.replace(' ', '')}FunctionArn}}"


def test_the_second_ending_uses_the_function_of_the_first():
    assert function_folder(TASKS["Store Failure"]) == function_folder(TASKS["Store Metadata"])


def test_an_error_says_what_it_means():
    assert all(re.fullmatch(r"[A-Z].+\.", getattr(errors, name).__doc__) for name in PERMANENT | TRANSIENT)
