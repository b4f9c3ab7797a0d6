"""Conformance of the engine to the Amazon States Language in JSONPath, one documented sentence a case."""

import json
from datetime import timedelta

import pytest

from tests.local.engine.language import PASS, Case, caught, check, fails_with, invoke, machine, names, succeeds_with

pytestmark = pytest.mark.local

YES, NO = {**PASS, "Result": "yes"}, {**PASS, "Result": "no"}


def choice(rule: dict) -> dict:
    rule = {**rule, "Next": "Yes"}
    return machine(Choose={"Type": "Choice", "Choices": [rule], "Default": "No"}, Yes=YES, No=NO)


def select(**parameters: str) -> dict:
    """Return a machine of one state that selects each parameter from a path or an intrinsic function."""
    return machine(A={**PASS, "Parameters": {f"{name}.$": path for name, path in parameters.items()}})


def retrier(*errors: str, **fields: float) -> dict:
    return {"ErrorEquals": list(errors), "IntervalSeconds": 1, "BackoffRate": 1, **fields}


def failing(times: int, *retriers: dict) -> dict:
    payload = {"action": "fail", "retries.$": "$$.State.RetryCount", "times": times}
    return machine(A=invoke(payload, Retry=list(retriers), OutputPath="$.Payload"))


CASES = [
    Case(
        "every intrinsic function computes its documented value",
        select(
            array="States.Array($.x, 2)",
            text="States.Format('{}-{}', $.x, 'q')",
            json="States.JsonToString($.o)",
            parts="States.ArrayPartition($.l, 2)",
            sum="States.MathAdd($.x, 5)",
            hash="States.Hash($.s, 'MD5')",
            has="States.ArrayContains($.l, 2)",
            length="States.ArrayLength($.l)",
            merged="States.JsonMerge($.o, $.o2, false)",
            range="States.ArrayRange(1, 5, 2)",
            item="States.ArrayGetItem($.l, 1)",
            split="States.StringSplit('a,b', ',')",
            unique="States.ArrayUnique($.d)",
        ),
        succeeds_with(
            {
                "array": [1, 2],
                "text": "1-q",
                "json": '{"k":1}',
                "parts": [[1, 2], [3]],
                "sum": 6,
                "hash": "900150983cd24fb0d6963f7d28e17f72",
                "has": True,
                "length": 3,
                "merged": {"k": 1, "z": 2},
                "range": [1, 3, 5],
                "item": 2,
                "split": ["a", "b"],
                "unique": [1, 2],
            }
        ),
        {"x": 1, "o": {"k": 1}, "o2": {"z": 2}, "l": [1, 2, 3], "s": "abc", "d": [1, 1, 2]},
    ),
    Case(
        "filters wildcards and negative indices resolve",
        select(filter="$.l[?(@.a > 1)].b", all="$.l[*].b", first="$.l[0].b", last="$.l[-1].b", unicode="$.größe"),
        succeeds_with({"filter": ["y"], "all": ["x", "y"], "first": "x", "last": "y", "unicode": 3}),
        {"l": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}], "größe": 3},
    ),
    Case("a path without a match is a runtime error", select(v="$.nope"), fails_with("States.Runtime")),
    Case(
        "a task parameter without a match is an error",
        machine(A=invoke({"v.$": "$.nope"})),
        fails_with("States.ParameterPathFailure", "States.Runtime"),
    ),
    Case(
        "a runtime error is not caught by States.ALL",
        caught("States.ALL", invoke({"v.$": "$.nope"})),
        fails_with("States.Runtime", "States.ParameterPathFailure"),
    ),
    Case(
        "a null ResultPath passes the input on",
        machine(A=invoke({"k": 1}, ResultPath=None)),
        succeeds_with({"in": 1}),
        {"in": 1},
    ),
    Case(
        "ResultSelector and ResultPath shape a result",
        machine(A=invoke({"k": 1}, ResultSelector={"r.$": "$.Payload.k"}, ResultPath="$.z")),
        succeeds_with({"in": 1, "z": {"r": 1}}),
        {"in": 1},
    ),
    Case(
        "a function ARN as resource returns the bare result",
        machine(A={"Type": "Task", "Resource": "$ECHO", "End": True}),
        succeeds_with({"q": 1}),
        {"q": 1},
    ),
    Case(
        "a function that returns None has the result null",
        machine(A={"Type": "Task", "Resource": "$ECHO", "Parameters": {"action": "nothing"}, "End": True}),
        succeeds_with(None),
    ),
    Case(
        "lambda invoke returns version status and metadata",
        machine(A=invoke({"k": 1})),
        lambda execution: (
            {"ExecutedVersion", "StatusCode", "SdkHttpMetadata", "Payload"} <= json.loads(execution["output"]).keys()
        ),
    ),
    Case(
        "an exception is caught by its class name",
        caught("CustomError", invoke({"action": "raise"})),
        names("CustomError"),
    ),
    Case("an uncaught exception names the error", machine(A=invoke({"action": "raise"})), fails_with("CustomError")),
    Case(
        "each retrier counts its own attempts",
        failing(3, retrier("CustomError", MaxAttempts=2), retrier("OtherError", MaxAttempts=2)),
        succeeds_with({"attempts": 4}),
    ),
    Case(
        "MaxDelaySeconds caps the backoff",
        failing(3, retrier("States.ALL", MaxAttempts=5, BackoffRate=100, MaxDelaySeconds=2)),
        lambda execution: execution["stopDate"] - execution["startDate"] < timedelta(seconds=5),
    ),
    Case(
        "MaxAttempts of zero means no retry",
        failing(1, retrier("CustomError", MaxAttempts=0), retrier("States.ALL", MaxAttempts=3)),
        fails_with("CustomError"),
    ),
    Case(
        "States.TaskFailed matches an exception",
        caught("States.TaskFailed", invoke({"action": "raise"})),
        names("CustomError"),
    ),
    Case(
        "a task times out after TimeoutSeconds",
        caught("States.Timeout", invoke({"action": "sleep", "seconds": 2}, TimeoutSeconds=1)),
        names("States.Timeout"),
    ),
    Case(
        "a task timeout may be a path",
        caught("States.Timeout", invoke({"action": "sleep", "seconds": 2}, TimeoutSecondsPath="$.limit")),
        names("States.Timeout"),
        {"limit": 1},
    ),
    Case(
        "a missing heartbeat ends a task that waits for a token",
        caught(
            "States.HeartbeatTimeout",
            invoke(
                {"token.$": "$$.Task.Token"},
                Resource="arn:aws:states:::lambda:invoke.waitForTaskToken",
                HeartbeatSeconds=1,
            ),
        ),
        names("States.HeartbeatTimeout"),
    ),
    Case(
        "a machine timeout ends the execution",
        {**machine(A={"Type": "Wait", "Seconds": 100, "End": True}), "TimeoutSeconds": 1},
        lambda execution: execution["status"] == "TIMED_OUT",
    ),
    Case(
        "StringMatches accepts wildcards",
        choice({"Variable": "$.s", "StringMatches": "img/*.png"}),
        succeeds_with("yes"),
        {"s": "img/a.png"},
    ),
    Case(
        "an absent field is not present", choice({"Not": {"Variable": "$.z", "IsPresent": True}}), succeeds_with("yes")
    ),
    Case("a null field is present", choice({"Variable": "$.z", "IsPresent": True}), succeeds_with("yes"), {"z": None}),
    Case(
        "a choice on an absent field is an error",
        choice({"Variable": "$.z", "NumericEquals": 1}),
        fails_with("States.Runtime"),
    ),
    Case(
        "numbers compare by path and timestamps by time",
        choice(
            {
                "And": [
                    {"Variable": "$.a", "NumericLessThanEqualsPath": "$.b"},
                    {"Variable": "$.t", "TimestampGreaterThan": "2020-01-01T00:00:00Z"},
                ]
            }
        ),
        succeeds_with("yes"),
        {"a": 1, "b": 2, "t": "2024-01-01T00:00:00Z"},
    ),
    Case(
        "a choice without a match or a default is an error",
        machine(A={"Type": "Choice", "Choices": [{"Variable": "$.a", "NumericEquals": 9, "Next": "B"}]}, B=PASS),
        fails_with("States.NoChoiceMatched"),
        {"a": 1},
    ),
    Case(
        "a Wait state reads seconds and timestamps from paths",
        machine(
            A={"Type": "Wait", "SecondsPath": "$.w", "Next": "B"},
            B={"Type": "Wait", "TimestampPath": "$.t", "End": True},
        ),
        succeeds_with({"w": 1, "t": "2020-01-01T00:00:00Z"}),
        {"w": 1, "t": "2020-01-01T00:00:00Z"},
    ),
    Case(
        "a Fail state reads error and cause from paths",
        machine(A={"Type": "Fail", "ErrorPath": "$.e", "CausePath": "States.Format('c-{}', $.e)"}),
        lambda execution: execution.get("error") == "MyError" and execution.get("cause") == "c-MyError",
        {"e": "MyError"},
    ),
    Case(
        "a Map item can read its value its index and the input",
        machine(
            A={
                "Type": "Map",
                "ItemsPath": "$.l",
                "ItemSelector": {"v.$": "$$.Map.Item.Value", "i.$": "$$.Map.Item.Index", "g.$": "$.g"},
                "ItemProcessor": machine(X=PASS),
                "ResultSelector": {"all.$": "$"},
                "ResultPath": "$.m",
                "OutputPath": "$.m",
                "End": True,
            }
        ),
        succeeds_with({"all": [{"v": "a", "i": 0, "g": 7}]}),
        {"l": ["a"], "g": 7},
    ),
    Case(
        "a failed item fails the Map with its error",
        caught(
            "CustomError",
            {
                "Type": "Map",
                "ItemsPath": "$.l",
                "MaxConcurrency": 1,
                "ItemProcessor": machine(X=invoke({"action": "raise"})),
                "End": True,
            },
        ),
        names("CustomError"),
        {"l": [1, 2]},
    ),
    Case(
        "a Map of no items returns an empty list",
        machine(A={"Type": "Map", "ItemsPath": "$.l", "ItemProcessor": machine(X=PASS), "End": True}),
        succeeds_with([]),
        {"l": []},
    ),
    Case(
        "a failed branch fails the Parallel with its error",
        caught(
            "CustomError",
            {"Type": "Parallel", "Branches": [machine(X=invoke({"action": "raise"})), machine(Y=PASS)], "End": True},
        ),
        names("CustomError"),
    ),
    Case(
        "variables are assigned and read",
        machine(
            A={"Type": "Pass", "Assign": {"v.$": "$.x", "k": 3}, "Next": "B"},
            B={**PASS, "Parameters": {"a.$": "$v", "b.$": "$k", "c.$": "States.MathAdd($k, 1)"}},
        ),
        succeeds_with({"a": 5, "b": 3, "c": 4}),
        {"x": 5},
    ),
    Case("a variable that was never assigned is an error", select(a="$v"), fails_with("States.Runtime")),
    Case(
        "the context object names state and input",
        select(s="$$.State.Name", e="$$.Execution.Input.q"),
        succeeds_with({"s": "A", "e": 1}),
        {"q": 1},
    ),
    Case(
        "a result above 256 KiB is refused",
        caught("States.ALL", invoke({"action": "repeat", "characters": 300_000})),
        fails_with("States.DataLimitExceeded"),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_jsonpath(case, account, executions):
    check(case, account.end(executions[case.sentence]))
