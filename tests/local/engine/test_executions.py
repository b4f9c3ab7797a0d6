"""Executions: their names, their ends and the events of those, and the states of branches."""

import json

import pytest

from tests.local.engine.account import unique, wait_for
from tests.local.engine.language import PASS, machine

pytestmark = pytest.mark.local

WAIT = machine(A={"Type": "Wait", "Seconds": 600, "End": True})
FAIL = {"Type": "Fail", "Error": "Broken", "Cause": "by design"}


@pytest.fixture
def start(account):
    """Start an execution of a waiting machine by name; all are stopped after the test."""
    arn, started = account.state_machine(WAIT), set()

    def by_name(name: str, data: object) -> str:
        execution = account.start(arn, data, name=name)
        started.add(execution)
        return execution

    yield by_name
    for execution in started:
        account.client("stepfunctions").stop_execution(executionArn=execution)


@pytest.fixture
def errors(account):
    return account.client("stepfunctions").exceptions


def event_types(account, execution: str) -> list[str]:
    return [event["type"] for event in account.history(execution)]


def entered(account, execution: str) -> list[str]:
    """Return the names of the states that an execution entered, in order of the alphabet."""
    details = [event.get("stateEnteredEventDetails") for event in account.history(execution)]
    return sorted(detail["name"] for detail in details if detail)


def test_name_is_accepted_again_with_the_same_input_while_it_runs(account, start, errors):
    name = unique("photo")
    assert start(name, {"v": 1}) == start(name, {"v": 1})
    with pytest.raises(errors.ExecutionAlreadyExists):
        start(name, {"v": 2})
    arn = account.state_machine(machine(A=PASS))
    account.end(account.start(arn, name=name))
    with pytest.raises(errors.ExecutionAlreadyExists):
        account.start(arn, name=name)


def test_invalid_name_and_input_above_256_kib_are_refused(start, errors):
    for name in ("a b", "a/b", "a:b", "a%b", "a" * 81):
        with pytest.raises(errors.InvalidName):
            start(name, {})
    with pytest.raises(errors.InvalidExecutionInput):
        start(unique("photo"), "x" * 262_144)


@pytest.mark.parametrize(
    ("status", "definition", "error"),
    [
        ("SUCCEEDED", machine(A=PASS), None),
        ("FAILED", machine(A=FAIL), "Broken"),
        ("TIMED_OUT", {**WAIT, "TimeoutSeconds": 1}, "States.Timeout"),
        ("ABORTED", WAIT, "Broken"),
    ],
)
def test_event_reports_how_an_execution_ended(account, status, definition, error):
    url, queue_arn = account.events_queue()
    arn = account.state_machine(definition)
    detail = {"stateMachineArn": [arn], "status": [status]}
    account.rule({"detail-type": ["Step Functions Execution Status Change"], "detail": detail}, queue_arn)
    execution = account.start(arn)
    if status == "ABORTED":
        account.client("stepfunctions").stop_execution(executionArn=execution, error="Broken", cause="by design")
    [event] = account.receive(url)
    assert event["detail"]["executionArn"] == execution
    assert event["detail"]["error"] == error


def test_express_execution_sends_no_event(account):
    url, queue_arn = account.events_queue()
    arn = account.state_machine(machine(A=PASS), type="EXPRESS")
    account.rule({"source": ["aws.states"], "detail": {"stateMachineArn": [arn]}}, queue_arn)
    account.end(account.start(arn))
    assert account.receive(url, timeout_seconds=0.5) == []


def test_aborted_execution_stays_aborted_when_its_last_task_fails(account, echo):
    parameters = {"action": "sleep", "seconds": 2}
    slow = {"Type": "Task", "Resource": echo, "Parameters": parameters, "TimeoutSeconds": 1, "End": True}
    execution = account.start(account.state_machine(machine(A=slow)))
    wait_for(lambda: "TaskScheduled" in event_types(account, execution))
    account.client("stepfunctions").stop_execution(executionArn=execution)
    wait_for(lambda: "TaskFailed" in event_types(account, execution), 5)
    assert account.end(execution)["status"] == "ABORTED"
    assert "ExecutionFailed" not in event_types(account, execution)


FAIL_OR_WAIT = machine(
    Choose={"Type": "Choice", "Choices": [{"Variable": "$", "NumericEquals": 0, "Next": "X"}], "Default": "A"},
    X=FAIL,
    **WAIT["States"],
)


def test_first_failure_ends_the_state_without_waiting_for_the_others(account):
    parallel = {"Type": "Parallel", "Branches": [machine(X=FAIL), WAIT]}
    for state in (parallel, {"Type": "Map", "ItemProcessor": FAIL_OR_WAIT}):
        execution = account.run(machine(A={**state, "End": True}), [1, 0, 1])
        assert (execution["status"], execution["error"]) == ("FAILED", "Broken")


def test_stopped_branch_enters_no_further_state(account):
    early = machine(W={"Type": "Wait", "Seconds": 3, "Next": "X"}, X=FAIL)
    late = machine(Y={"Type": "Wait", "Seconds": 10, "Next": "Z"}, Z=PASS)
    catch = [{"ErrorEquals": ["Broken"], "Next": "B"}]
    state = {"Type": "Parallel", "Branches": [early, late], "Catch": catch, "Next": "B"}
    execution = account.run(machine(A=state, B={"Type": "Wait", "Seconds": 20, "End": True}))
    assert entered(account, execution["executionArn"]) == ["A", "B", "W", "X", "Y"]


def test_history_has_the_states_of_all_branches_and_unique_event_ids(account):
    names = [f"State{number}" for number in range(8)]
    state = {"Type": "Parallel", "Branches": [machine(**{name: PASS}) for name in names], "End": True}
    execution = account.run(machine(A=state))["executionArn"]
    history = account.history(execution)
    assert [event["id"] for event in history] == list(range(1, len(history) + 1))
    assert entered(account, execution) == ["A", *names]


def test_rule_retries_a_failing_function_and_then_sends_to_its_failure_queue(account):
    function = account.function("def handler(event, context): raise ValueError('no')")
    url, queue_arn = account.queue()
    lambda_client, source = account.client("lambda"), unique("test")
    lambda_client.put_function_event_invoke_config(
        FunctionName=function, MaximumRetryAttempts=1, DestinationConfig={"OnFailure": {"Destination": queue_arn}}
    )
    permission = {"Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com", "StatementId": "rule"}
    rule = account.rule({"source": [source]}, function)
    lambda_client.add_permission(FunctionName=function, SourceArn=rule, **permission)
    entry = {"Source": source, "DetailType": "t", "Detail": json.dumps({"n": 1})}
    account.client("events").put_events(Entries=[entry])
    [failure] = account.receive(url)
    assert failure["requestPayload"]["detail"] == {"n": 1}
