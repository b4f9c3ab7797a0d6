"""Conformance of the engine to the Amazon States Language in JSONata, one documented sentence a case."""

import pytest

from tests.local.engine.language import INVOKE, Case, check, fails_with, jsonata, machine, succeeds_with

pytestmark = pytest.mark.local

SUCCEED = {"Type": "Succeed"}
EVALUATION = "States.QueryEvaluationError"
ODD_TEXT = 'a "quoted" \n \\ é x'
FUNCTIONS = {
    "$partition([1,2,3],2)": [[1, 2], [3]],
    "$range(0,4,2)": [0, 2, 4],
    "$hash('abc','MD5')": "900150983cd24fb0d6963f7d28e17f72",
    "$length($uuid())": 36,
    "$parse('{\"a\":1}').a": 1,
    "$number('3')": 3,
    "$exists($now())": True,
}


def output(value: object, **fields: object) -> dict:
    return {"Type": "Pass", "Output": value, "End": True, **fields}


def assign(**fields: object) -> dict:
    """Return a state that assigns variables before the state B."""
    return {"Type": "Pass", "Assign": fields, "Next": "B"}


def parallel(*branches: dict, **fields: object) -> dict:
    following = {} if "Next" in fields else {"End": True}
    return {"Type": "Parallel", "Branches": list(branches), **following, **fields}


def choice(condition: str) -> dict:
    """Return a machine that fails unless the condition is true."""
    rule = {"Condition": condition, "Next": "B"}
    return jsonata(A={"Type": "Choice", "Choices": [rule], "Default": "C"}, B=SUCCEED, C={"Type": "Fail"})


def call(payload: object, **fields: object) -> dict:
    arguments = {"FunctionName": "$ECHO", "Payload": payload}
    return {"Type": "Task", "Resource": INVOKE, "Arguments": arguments, "End": True, **fields}


def caught(error: str, payload: object, **fields: object) -> dict:
    """Return a machine whose output is the name of the error that a call of the echo function ends with."""
    catch = [{"ErrorEquals": [error], "Output": "{% $states.errorOutput.Error %}", "Next": "B"}]
    return jsonata(A=call(payload, Catch=catch, **fields), B=SUCCEED)


CASES = [
    Case(
        "a Pass state assigns from its input and passes its output on",
        jsonata(
            A=assign(v="{% $states.input.x + 1 %}") | {"Output": {"a": "{% $states.input.x %}"}},
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
            A=parallel(
                machine(X=output("{% $states.input.y %}")),
                Arguments={"y": "{% $states.input.x %}"},
                Assign={"z": "{% $states.result %}"},
                Output={"r": "{% $states.result[0] %}"},
                Next="B",
            ),
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
        jsonata(A=assign(outer=1), B=parallel(machine(X=output("{% $outer %}")))),
        succeeds_with([1]),
    ),
    Case(
        "an assignment in a branch stays inside it",
        jsonata(A=parallel(machine(X=output(1, Assign={"inner": 1})), Next="B"), B=output("{% $exists($inner) %}")),
        succeeds_with(False),
    ),
    Case(
        "a branch catches its own error while the others continue",
        jsonata(
            A=parallel(
                caught("CustomError", {"action": "raise"}),
                jsonata(Y=call({"k": 2}, Output="{% $states.result.Payload.k %}")),
            )
        ),
        succeeds_with(["CustomError", 2]),
    ),
    Case(
        "a Choice evaluates its condition",
        choice("{% $contains($states.input.s, /im.+/) %}"),
        succeeds_with({"s": "img"}),
        {"s": "img"},
    ),
    Case(
        "a Choice fails when its condition is not a boolean",
        choice("{% $states.input.s %}"),
        fails_with(EVALUATION),
        {"s": "yes"},
    ),
    Case(
        "the functions that Step Functions adds are defined",
        jsonata(A=output([f"{{% {expression} %}}" for expression in FUNCTIONS])),
        succeeds_with(list(FUNCTIONS.values())),
    ),
    Case(
        "an expression without a value fails the state",
        jsonata(A=output("{% $states.input.nope %}")),
        fails_with(EVALUATION),
    ),
    Case(
        "a failed expression of a task is caught",
        caught(EVALUATION, "{% $states.input.nope %}"),
        succeeds_with(EVALUATION),
    ),
    Case(
        "a task timeout may be an expression",
        caught("States.Timeout", {"action": "sleep", "seconds": 2}, TimeoutSeconds="{% $states.input.limit %}"),
        succeeds_with("States.Timeout"),
        {"limit": 1},
    ),
    Case(
        "quotes newlines and backslashes are preserved",
        jsonata(A=assign(q="{% $states.input.q %}"), B=output({"q": "{% $q %}"})),
        succeeds_with({"q": ODD_TEXT}),
        {"q": ODD_TEXT},
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
            A=call(
                {"action": "raise"},
                Catch=[
                    {"ErrorEquals": ["States.ALL"], "Assign": {"e": "{% $states.errorOutput.Error %}"}, "Next": "B"}
                ],
            ),
            B=output("{% $e %}"),
        ),
        succeeds_with("CustomError"),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_jsonata(case, account, executions):
    check(case, account.end(executions[case.sentence]))
