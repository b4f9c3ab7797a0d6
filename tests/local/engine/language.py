"""Cases of the Amazon States Language: a definition, its input and the expected result."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.local.engine.account import Account

Check = Callable[[dict], bool]

PASS = {"Type": "Pass", "End": True}
INVOKE = "arn:aws:states:::lambda:invoke"


@dataclass
class Case:
    """One sentence about the language. `$ECHO` and `$BUCKET` in its definition stand for the fixtures."""

    sentence: str
    definition: dict
    expected: Check
    data: Any = field(default_factory=dict)

    def __str__(self) -> str:
        return self.sentence.replace(" ", "_")


def machine(**states: dict) -> dict:
    """Return a definition that starts at the first of these states."""
    return {"StartAt": next(iter(states)), "States": states}


def single(kind: str, **fields: Any) -> dict:
    """Return a definition of one state, which ends it."""
    return machine(A={"Type": kind, "End": True, **fields})


def jsonata(**states: dict) -> dict:
    return {"QueryLanguage": "JSONata", **machine(**states)}


def invoke(payload: Any, **fields: Any) -> dict:
    """Return a JSONPath task that calls the echo function."""
    parameters = {"FunctionName": "$ECHO", "Payload": payload}
    following = {} if "Next" in fields else {"End": True}
    return {"Type": "Task", "Resource": INVOKE, "Parameters": parameters, **following, **fields}


def caught(error: str, task: dict) -> dict:
    """Return a definition whose output is the name of the error that `task` ends with."""
    catch = [{"ErrorEquals": [error], "ResultPath": "$.error", "Next": "Name"}]
    name = {**PASS, "Parameters": {"name.$": "$.error.Error"}}
    return machine(Task={**task, "Catch": catch}, Name=name)


def succeeds_with(value: Any) -> Check:
    return lambda execution: execution["status"] == "SUCCEEDED" and json.loads(execution["output"]) == value


def fails_with(*errors: str) -> Check:
    return lambda execution: execution["status"] == "FAILED" and execution.get("error") in errors


def catches(error: str, task: dict, name: str = "") -> tuple[dict, Check]:
    """Return a definition that catches the error of `task`, and a check of the error's name."""
    return caught(error, task), succeeds_with({"name": name or error})


def start(case: Case, account: Account, echo: str, bucket: str) -> str:
    """Start the case's execution and return its ARN."""
    text = json.dumps(case.definition).replace("$ECHO", echo).replace("$BUCKET", bucket)
    return account.start(account.state_machine(json.loads(text)), case.data)


def check(case: Case, execution: dict) -> None:
    """Assert that a closed execution is as the case expects."""
    assert case.expected(execution), {
        key: execution.get(key) for key in ("status", "output", "error", "cause") if execution.get(key)
    }
