"""The role of a state machine: only functions that it allows are invoked."""

from __future__ import annotations

import contextvars
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import stepfunctions as sf

from local.engine.iam import is_allowed_by_role

INVOKE_FUNCTION = "lambda:InvokeFunction"

# The role of the execution that the current thread runs.
_role_arn: contextvars.ContextVar[str | None] = contextvars.ContextVar("role_arn", default=None)


def install() -> None:
    """Patch the engine's calls of functions."""
    invoke_only_what_the_role_allows()


def invoke_only_what_the_role_allows() -> None:
    """Fail a task with `Lambda.AWSLambdaException` when the machine's role may not invoke its function.

    The engine invokes every function for every machine. Other services stay unchecked: the parameters of a generic SDK
    call do not show the resource on which it is authorized.
    https://docs.aws.amazon.com/step-functions/latest/dg/lambda-iam.html
    """
    run = sf._run_execution
    call = sf._call_lambda

    def run_execution(execution_arn: str) -> None:
        execution = sf._executions.get(execution_arn) or {}
        machine = sf._state_machines.get(execution.get("stateMachineArn")) or {}
        token = _role_arn.set(machine.get("roleArn"))
        try:
            run(execution_arn)
        finally:
            _role_arn.reset(token)

    def call_lambda(function: str, event: object) -> Any:
        role_arn = _role_arn.get()
        arn = function_arn(function)
        if role_arn and not is_allowed_by_role(role_arn, INVOKE_FUNCTION, arn):
            raise sf._ExecutionError(
                "Lambda.AWSLambdaException",
                f"User: {role_arn} is not authorized to perform: {INVOKE_FUNCTION} on resource: {arn} because no "
                f"identity-based policy allows the {INVOKE_FUNCTION} action (Service: Lambda, Status Code: 403)",
            )
        return call(function, event)

    sf._run_execution = run_execution
    sf._call_lambda = call_lambda


def function_arn(reference: str) -> str:
    """Return the ARN of a function from its ARN, or from its name with or without a qualifier."""
    if reference.startswith("arn:"):
        return reference
    return f"arn:aws:lambda:{get_region()}:{get_account_id()}:function:{reference}"
