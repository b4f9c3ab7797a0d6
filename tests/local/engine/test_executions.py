"""Executions: started once, ended once, and every end told."""

import json

import pytest

from tests.local.engine.account import unique, wait_for
from tests.local.engine.language import PASS, machine

pytestmark = pytest.mark.local

WAIT = machine(A={"Type": "Wait", "Seconds": 600, "End": True})


@pytest.fixture
def starting(account):
    """Give a function that starts an execution of a waiting machine by name, and ends all of them."""
    arn, started = account.state_machine(WAIT), []

    def start(name: str, data: object) -> str:
        execution = account.start(arn, data, name=name)
        started.append(execution)
        return execution

    yield start
    for execution in set(started):
        account.client("stepfunctions").stop_execution(executionArn=execution)


def test_the_same_name_and_input_answer_with_the_running_execution(starting):
    name = unique("photo")
    assert starting(name, {"v": 1}) == starting(name, {"v": 1})


def test_the_same_name_with_another_input_is_refused(account, starting):
    name = unique("photo")
    starting(name, {"v": 1})
    with pytest.raises(account.client("stepfunctions").exceptions.ExecutionAlreadyExists):
        starting(name, {"v": 2})


def test_the_name_of_a_closed_execution_is_refused(account):
    arn, name = account.state_machine(machine(A=PASS)), unique("photo")
    account.end(account.start(arn, name=name))
    with pytest.raises(account.client("stepfunctions").exceptions.ExecutionAlreadyExists):
        account.start(arn, name=name)


@pytest.mark.parametrize("name", ["a b", "a/b", "a:b", "a%b", "a" * 81])
def test_a_name_that_aws_forbids_is_refused(account, starting, name):
    with pytest.raises(account.client("stepfunctions").exceptions.InvalidName):
        starting(name, {})


def test_an_input_above_256_kib_is_refused(account, starting):
    with pytest.raises(account.client("stepfunctions").exceptions.InvalidExecutionInput):
        starting(unique("photo"), "x" * 262_144)


ENDS = {
    "SUCCEEDED": machine(A=PASS),
    "FAILED": machine(A={"Type": "Fail", "Error": "Broken", "Cause": "by design"}),
    "TIMED_OUT": {**WAIT, "TimeoutSeconds": 1},
    "ABORTED": WAIT,
}


@pytest.mark.parametrize("status", ENDS)
def test_an_event_tells_how_an_execution_ended(account, status):
    url, queue_arn = account.events_queue()
    arn = account.state_machine(ENDS[status])
    detail = {"stateMachineArn": [arn], "status": [status]}
    account.rule({"detail-type": ["Step Functions Execution Status Change"], "detail": detail}, queue_arn)
    execution = account.start(arn)
    if status == "ABORTED":
        account.client("stepfunctions").stop_execution(executionArn=execution, error="Broken", cause="by design")
    [event] = account.receive(url)
    reasons = {"FAILED": "Broken", "ABORTED": "Broken", "TIMED_OUT": "States.Timeout"}
    assert (event["detail"]["executionArn"], event["detail"]["error"]) == (execution, reasons.get(status))


def test_an_aborted_execution_stays_aborted_when_its_last_task_fails(account, echo):
    parameters = {"action": "sleep", "seconds": 2}
    slow = {"Type": "Task", "Resource": echo, "Parameters": parameters, "TimeoutSeconds": 1, "End": True}
    execution = account.start(account.state_machine(machine(A=slow)))
    wait_for(lambda: "TaskScheduled" in event_types(account, execution))
    account.client("stepfunctions").stop_execution(executionArn=execution)
    wait_for(lambda: "TaskFailed" in event_types(account, execution), 5)
    assert account.end(execution)["status"] == "ABORTED"
    assert "ExecutionFailed" not in event_types(account, execution)


def event_types(account, execution: str) -> list[str]:
    return [event["type"] for event in account.history(execution)]


FAIL_OR_WAIT = machine(
    Choose={
        "Type": "Choice",
        "Choices": [{"Variable": "$", "NumericEquals": 0, "Next": "Fail"}],
        "Default": "Wait",
    },
    Fail={"Type": "Fail", "Error": "E"},
    Wait={"Type": "Wait", "Seconds": 600, "End": True},
)


@pytest.mark.parametrize(
    "state",
    [
        {"Type": "Parallel", "Branches": [machine(X={"Type": "Fail", "Error": "E"}), WAIT]},
        {"Type": "Map", "ItemProcessor": FAIL_OR_WAIT},
    ],
    ids=["Parallel", "Map"],
)
def test_the_first_failure_ends_the_state_without_waiting_for_the_others(account, state):
    execution = account.run(machine(A={**state, "End": True}), [1, 0, 1])
    assert (execution["status"], execution["error"]) == ("FAILED", "E")


def test_a_branch_that_was_stopped_enters_no_further_state(account):
    early = machine(W={"Type": "Wait", "Seconds": 3, "Next": "X"}, X={"Type": "Fail", "Error": "E"})
    late = machine(Y={"Type": "Wait", "Seconds": 10, "Next": "Z"}, Z=PASS)
    catch = [{"ErrorEquals": ["E"], "Next": "B"}]
    definition = machine(
        A={"Type": "Parallel", "Branches": [early, late], "Catch": catch, "Next": "B"},
        B={"Type": "Wait", "Seconds": 20, "End": True},
    )
    arn = account.run(definition)["executionArn"]
    entered = [e["stateEnteredEventDetails"]["name"] for e in account.history(arn) if "stateEnteredEventDetails" in e]
    assert sorted(entered) == ["A", "B", "W", "X", "Y"]


def test_the_history_has_the_states_of_branches_and_numbers_every_event_once(account):
    branches = [machine(**{f"State{number}": PASS}) for number in range(8)]
    arn = account.run(machine(A={"Type": "Parallel", "Branches": branches, "End": True}))["executionArn"]
    history = account.history(arn)
    assert [event["id"] for event in history] == list(range(1, len(history) + 1))
    entered = [event for event in history if event["type"] == "PassStateEntered"]
    assert {e["stateEnteredEventDetails"]["name"] for e in entered} == {f"State{n}" for n in range(8)}


def test_express_executions_send_no_events(account):
    url, queue_arn = account.events_queue()
    arn = account.state_machine(machine(A=PASS), type="EXPRESS")
    account.rule({"source": ["aws.states"], "detail": {"stateMachineArn": [arn]}}, queue_arn)
    account.end(account.start(arn))
    assert account.receive(url, timeout_seconds=0.5) == []


def test_a_rule_retries_a_function_that_fails_and_then_tells_its_failure_queue(account):
    function = account.function("def handler(event, context): raise ValueError('no')")
    url, queue_arn = account.queue()
    lambda_client, source = account.client("lambda"), unique("test")
    lambda_client.put_function_event_invoke_config(
        FunctionName=function,
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": queue_arn}},
    )
    rule = account.rule({"source": [source]}, function)
    lambda_client.add_permission(
        FunctionName=function,
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule,
    )
    entry = {"Source": source, "DetailType": "t", "Detail": json.dumps({"n": 1})}
    account.client("events").put_events(Entries=[entry])
    [failure] = account.receive(url)
    assert failure["requestPayload"]["detail"] == {"n": 1}
