"""Conformance of the engine to the Amazon States Language in JSONPath, one documented sentence a case."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.local.engine.language import (
    PASS,
    Case,
    catches,
    caught,
    check,
    fails_with,
    invoke,
    machine,
    single,
    succeeds_with,
)

pytestmark = pytest.mark.local

BARE = {"Type": "Task", "Resource": "$ECHO"}
YES, NO = {**PASS, "Result": "yes"}, {**PASS, "Result": "no"}
RAISE, SLEEP = invoke({"action": "raise"}), {"action": "sleep", "seconds": 2}
FOR_A_TOKEN = {"Resource": f"{RAISE['Resource']}.waitForTaskToken", "HeartbeatSeconds": 1}


def choice(rule: dict) -> dict:
    rule = {**rule, "Next": "Yes"}
    return machine(Choose={"Type": "Choice", "Choices": [rule], "Default": "No"}, Yes=YES, No=NO)


def selects(values: dict[str, Any]) -> tuple[dict, Callable[[dict], bool]]:
    """Return a machine that selects each of these paths and intrinsic functions, and a check of their values."""
    names = {path: f"value{number}" for number, path in enumerate(values)}
    expected = {names[path]: value for path, value in values.items()}
    return single("Pass", Parameters={f"{name}.$": path for path, name in names.items()}), succeeds_with(expected)


def retrier(*errors: str, **fields: float) -> dict:
    return {"ErrorEquals": list(errors), "IntervalSeconds": 1, "BackoffRate": 1, **fields}


def failing(times: int, *retriers: dict) -> dict:
    payload = {"action": "fail", "retries.$": "$$.State.RetryCount", "times": times}
    return machine(A=invoke(payload, Retry=list(retriers), OutputPath="$.Payload"))


CASES = [
    Case(
        "every intrinsic function computes its documented value",
        *selects(
            {
                "States.Array($.x, 2)": [1, 2],
                "States.Format('{}-{}', $.x, 'q')": "1-q",
                "States.JsonToString($.o)": '{"k":1}',
                "States.ArrayPartition($.l, 2)": [[1, 2], [3]],
                "States.MathAdd($.x, 5)": 6,
                "States.Hash($.s, 'MD5')": "900150983cd24fb0d6963f7d28e17f72",
                "States.ArrayContains($.l, 2)": True,
                "States.ArrayLength($.l)": 3,
                "States.JsonMerge($.o, $.o2, false)": {"k": 1, "z": 2},
                "States.ArrayRange(1, 5, 2)": [1, 3, 5],
                "States.ArrayGetItem($.l, 1)": 2,
                "States.StringSplit('a,b', ',')": ["a", "b"],
                "States.ArrayUnique($.d)": [1, 2],
            }
        ),
        {"x": 1, "o": {"k": 1}, "o2": {"z": 2}, "l": [1, 2, 3], "s": "abc", "d": [1, 1, 2]},
    ),
    Case(
        "filters wildcards and negative indices resolve",
        *selects({"$.l[?(@.a > 1)].b": ["y"], "$.l[*].b": ["x", "y"], "$.l[0].b": "x", "$.l[-1].b": "y", "$.größe": 3}),
        {"l": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}], "größe": 3},
    ),
    Case(
        "the context object names state and input",
        *selects({"$$.State.Name": "A", "$$.Execution.Input.q": 1}),
        {"q": 1},
    ),
    Case("a path without a match is a runtime error", selects({"$.nope": 0})[0], fails_with("States.Runtime")),
    Case("a variable that was never assigned is an error", selects({"$v": 0})[0], fails_with("States.Runtime")),
    Case(
        "variables are assigned and read",
        machine(
            A={"Type": "Pass", "Assign": {"v.$": "$.x", "k": 3}, "Next": "B"},
            B={**PASS, "Parameters": {"a.$": "$v", "b.$": "$k", "c.$": "States.MathAdd($k, 1)"}},
        ),
        succeeds_with({"a": 5, "b": 3, "c": 4}),
        {"x": 5},
    ),
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
        "ResultSelector and ResultPath shape the results of tasks",
        machine(
            # A null path passes the input on, a function ARN returns the bare result, and a function's None is null.
            A=invoke({"k": 1}, ResultPath=None, Next="B"),
            B=invoke({"k": 1}, ResultSelector={"r.$": "$.Payload.k"}, ResultPath="$.z", Next="C"),
            C={**BARE, "InputPath": "$.z", "ResultPath": "$.bare", "Next": "D"},
            D={**BARE, "Parameters": {"action": "nothing"}, "ResultPath": "$.none", "End": True},
        ),
        succeeds_with({"in": 1, "z": {"r": 1}, "bare": {"r": 1}, "none": None}),
        {"in": 1},
    ),
    Case(
        "lambda invoke returns version status and metadata",
        machine(A=invoke({"k": 1})),
        lambda execution: (
            {"ExecutedVersion", "StatusCode", "SdkHttpMetadata", "Payload"} <= json.loads(execution["output"]).keys()
        ),
    ),
    Case(
        "a result above 256 KiB is refused",
        caught("States.ALL", invoke({"action": "repeat", "characters": 300_000})),
        fails_with("States.DataLimitExceeded"),
    ),
    Case("an uncaught exception names the error", machine(A=RAISE), fails_with("CustomError")),
    Case("an exception is caught by its class name", *catches("CustomError", RAISE)),
    Case("States.TaskFailed matches an exception", *catches("States.TaskFailed", RAISE, "CustomError")),
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
    Case("a task times out after TimeoutSeconds", *catches("States.Timeout", invoke(SLEEP, TimeoutSeconds=1))),
    Case(
        "a task timeout may be a path",
        *catches("States.Timeout", invoke(SLEEP, TimeoutSecondsPath="$.limit")),
        {"limit": 1},
    ),
    Case(
        "a missing heartbeat ends a task that waits for a token",
        *catches("States.HeartbeatTimeout", invoke({"token.$": "$$.Task.Token"}, **FOR_A_TOKEN)),
    ),
    Case(
        "a machine timeout ends the execution",
        {**single("Wait", Seconds=100), "TimeoutSeconds": 1},
        lambda execution: execution["status"] == "TIMED_OUT",
    ),
    Case(
        "a choice compares texts numbers times and presence",
        choice(
            {
                "And": [
                    {"Variable": "$.s", "StringMatches": "img/*.png"},
                    {"Variable": "$.a", "NumericLessThanEqualsPath": "$.b"},
                    {"Variable": "$.t", "TimestampGreaterThan": "2020-01-01T00:00:00Z"},
                    {"Variable": "$.null", "IsPresent": True},
                    {"Not": {"Variable": "$.absent", "IsPresent": True}},
                ]
            }
        ),
        succeeds_with("yes"),
        {"s": "img/a.png", "a": 1, "b": 2, "t": "2024-01-01T00:00:00Z", "null": None},
    ),
    Case(
        "a choice on an absent field is an error",
        choice({"Variable": "$.z", "NumericEquals": 1}),
        fails_with("States.Runtime"),
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
        single(
            "Map",
            ItemsPath="$.l",
            ItemSelector={"v.$": "$$.Map.Item.Value", "i.$": "$$.Map.Item.Index", "g.$": "$.g"},
            ItemProcessor=machine(X=PASS),
            ResultSelector={"all.$": "$"},
            ResultPath="$.m",
            OutputPath="$.m",
        ),
        succeeds_with({"all": [{"v": "a", "i": 0, "g": 7}]}),
        {"l": ["a"], "g": 7},
    ),
    Case(
        "a failed item fails the Map with its error",
        *catches("CustomError", {"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": machine(X=RAISE), "End": True}),
        [1, 2],
    ),
    Case(
        "a Map of no items returns an empty list",
        single("Map", ItemsPath="$.l", ItemProcessor=machine(X=PASS)),
        succeeds_with([]),
        {"l": []},
    ),
    Case(
        "a failed branch fails the Parallel with its error",
        *catches("CustomError", {"Type": "Parallel", "Branches": [machine(X=RAISE), machine(Y=PASS)], "End": True}),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_jsonpath(case, account, executions):
    check(case, account.end(executions[case.sentence]))
