"""Conformance of the engine to the Amazon States Language in JSONata, one documented sentence a case."""

import pytest

from tests.local.engine.language import INVOKE, Case, check, fails_with, jsonata, machine, succeeds_with

pytestmark = pytest.mark.local

SUCCEED = {"Type": "Succeed"}
ASSIGN_ERROR = {"e": "{% $states.errorOutput.Error %}"}


def output(value: object, **fields: object) -> dict:
    return {"Type": "Pass", "Output": value, "End": True, **fields}


def call(payload: object, **fields: object) -> dict:
    arguments = {"FunctionName": "$ECHO", "Payload": payload}
    return {"Type": "Task", "Resource": INVOKE, "Arguments": arguments, "End": True, **fields}


def catch(error: str) -> list[dict]:
    return [{"ErrorEquals": [error], "Output": "{% $states.errorOutput.Error %}", "Next": "B"}]


CASES = [
    Case(
        "a Pass state assigns from its input and passes its output on",
        jsonata(
            A={
                "Type": "Pass",
                "Assign": {"v": "{% $states.input.x + 1 %}"},
                "Output": {"a": "{% $states.input.x %}"},
                "Next": "B",
            },
            B=output("{% {'v': $v, 'a': $states.input.a} %}"),
        ),
        succeeds_with({"v": 2, "a": 1}),
        {"x": 1},
    ),
    Case(
        "a Succeed state returns its output",
        jsonata(A={"Type": "Succeed", "Output": {"a": "{% $states.input.x %}"}}),
        succeeds_with({"a": 1}),
        {"x": 1},
    ),
    Case(
        "a Parallel state has arguments output and assign",
        jsonata(
            A={
                "Type": "Parallel",
                "Arguments": {"y": "{% $states.input.x %}"},
                "Branches": [machine(X=output("{% $states.input.y %}"))],
                "Assign": {"z": "{% $states.result %}"},
                "Output": {"r": "{% $states.result[0] %}"},
                "Next": "B",
            },
            B=output("{% {'r': $states.input.r, 'z': $z} %}"),
        ),
        succeeds_with({"r": 1, "z": [1]}),
        {"x": 1},
    ),
    Case(
        "a Map iterates over computed items",
        jsonata(
            A={
                "Type": "Map",
                "Items": "{% $states.input.l[$ > 1] %}",
                "MaxConcurrency": 2,
                "ItemProcessor": machine(X=output("{% $states.input * 2 %}")),
                "End": True,
            }
        ),
        succeeds_with([4, 6]),
        {"l": [1, 2, 3]},
    ),
    Case(
        "a branch reads the variables around it",
        jsonata(
            A={"Type": "Pass", "Assign": {"outer": 1}, "Next": "B"},
            B={"Type": "Parallel", "Branches": [machine(X=output("{% $outer %}"))], "End": True},
        ),
        succeeds_with([1]),
    ),
    Case(
        "an assignment in a branch stays inside it",
        jsonata(
            A={
                "Type": "Parallel",
                "Branches": [machine(X={"Type": "Pass", "Assign": {"inner": 1}, "End": True})],
                "Next": "B",
            },
            B=output("{% $exists($inner) %}"),
        ),
        succeeds_with(False),
    ),
    Case(
        "a branch catches its own error while the others continue",
        jsonata(
            A={
                "Type": "Parallel",
                "Branches": [
                    jsonata(X=call({"action": "raise"}, Catch=catch("CustomError")), B=SUCCEED),
                    jsonata(Y=call({"k": 2}, Output="{% $states.result.Payload.k %}")),
                ],
                "End": True,
            }
        ),
        succeeds_with(["CustomError", 2]),
    ),
    Case(
        "a Choice evaluates its condition",
        jsonata(
            A={
                "Type": "Choice",
                "Choices": [{"Condition": "{% $contains($states.input.s, /im.+/) %}", "Next": "B"}],
                "Default": "C",
            },
            B=SUCCEED,
            C={"Type": "Fail"},
        ),
        succeeds_with({"s": "img"}),
        {"s": "img"},
    ),
    Case(
        "a Choice fails when its condition is not a boolean",
        jsonata(
            A={"Type": "Choice", "Choices": [{"Condition": "{% $states.input.s %}", "Next": "B"}], "Default": "B"},
            B=SUCCEED,
        ),
        fails_with("States.QueryEvaluationError"),
        {"s": "yes"},
    ),
    Case(
        "the functions that Step Functions adds are defined",
        jsonata(
            A=output(
                {
                    "parts": "{% $partition([1,2,3],2) %}",
                    "range": "{% $range(0,4,2) %}",
                    "hash": "{% $hash('abc','MD5') %}",
                    "uuid": "{% $length($uuid()) %}",
                    "parsed": "{% $parse('{\"a\":1}').a %}",
                    "number": "{% $number('3') %}",
                    "now": "{% $exists($now()) %}",
                }
            )
        ),
        succeeds_with(
            {
                "parts": [[1, 2], [3]],
                "range": [0, 2, 4],
                "hash": "900150983cd24fb0d6963f7d28e17f72",
                "uuid": 36,
                "parsed": 1,
                "number": 3,
                "now": True,
            }
        ),
    ),
    Case(
        "an expression without a value fails the state",
        jsonata(A=output("{% $states.input.nope %}")),
        fails_with("States.QueryEvaluationError"),
    ),
    Case(
        "a failed expression of a task is caught",
        jsonata(A=call("{% $states.input.nope %}", Catch=catch("States.QueryEvaluationError")), B=SUCCEED),
        succeeds_with("States.QueryEvaluationError"),
    ),
    Case(
        "a task timeout may be an expression",
        jsonata(
            A=call(
                {"action": "sleep", "seconds": 2},
                TimeoutSeconds="{% $states.input.limit %}",
                Catch=catch("States.Timeout"),
            ),
            B=SUCCEED,
        ),
        succeeds_with("States.Timeout"),
        {"limit": 1},
    ),
    Case(
        "quotes newlines and backslashes are preserved",
        jsonata(A={"Type": "Pass", "Assign": {"q": "{% $states.input.q %}"}, "Next": "B"}, B=output({"q": "{% $q %}"})),
        succeeds_with({"q": 'a "quoted" \n \\ é x'}),
        {"q": 'a "quoted" \n \\ é x'},
    ),
    Case(
        "a Fail state computes error and cause",
        jsonata(A={"Type": "Fail", "Error": "{% $states.input.e %}", "Cause": "{% 'because ' & $states.input.e %}"}),
        lambda execution: execution["error"] == "MyError" and execution["cause"] == "because MyError",
        {"e": "MyError"},
    ),
    Case(
        "a Catch assigns from the error",
        jsonata(
            A=call({"action": "raise"}, Catch=[{"ErrorEquals": ["States.ALL"], "Assign": ASSIGN_ERROR, "Next": "B"}]),
            B=output("{% $e %}"),
        ),
        succeeds_with("CustomError"),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_jsonata(case, account, executions):
    check(case, account.end(executions[case.sentence]))
