"""Runs executions under LocalStack's interpreter of the Amazon States Language, in an environment of its own.

It reads a job from standard input and writes the endings of its executions to standard output, as JSON. `scripted`
stands in for the functions, the reference implementation evaluates expressions, and waiting takes no time.
"""

import copy
import io
import json
import logging
import os
import sys
import time

import scripted
from botocore.exceptions import ClientError
from localstack.services.stepfunctions.asl.component.common.retry import retrier_decl
from localstack.services.stepfunctions.asl.component.common.timeouts.timeout import EvalTimeoutError
from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.item_reader.resource_eval import (
    resource_eval_s3,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task import lambda_eval_utils
from localstack.services.stepfunctions.asl.component.state.state_wait.wait_function.wait_function import WaitFunction
from localstack.services.stepfunctions.asl.eval.environment import Environment
from localstack.services.stepfunctions.asl.eval.evaluation_details import AWSExecutionDetails
from localstack.services.stepfunctions.asl.eval.event.event_manager import EventHistoryContext
from localstack.services.stepfunctions.asl.eval.program_state import ProgramEnded, ProgramTimedOut
from localstack.services.stepfunctions.asl.eval.states import ContextObjectData, ExecutionData, StateMachineData
from localstack.services.stepfunctions.asl.jsonata import jsonata
from localstack.services.stepfunctions.asl.parse.asl_parser import AmazonStateLanguageParser
from reference import Reference

# Longer than the timeout of the machine that an execution runs into.
SLEEP_SECONDS = 3
ROLE_ARN = "arn:aws:iam::000000000000:role/second-opinion"


class Lambda:
    """The functions of an execution; `machine` says which timeout ends one that sleeps."""

    def __init__(self, machine):
        self._machine = machine

    def invoke(self, *, FunctionName, Payload, **_):  # noqa: N803 - as boto3 spells them
        event, function = json.loads(Payload), FunctionName.rpartition(":")[2]
        try:
            step, answers = scripted.next_step(event, function)
            if "exit" in step:
                return _failed("Runtime.ExitError", "Runtime exited with error: exit status 1")
            if "sleep" in step:
                return self._run_into_timeout()
            answer = scripted.act(event, function, step, answers)
        except EvalTimeoutError:
            raise
        except Exception as error:
            return _failed(type(error).__name__, str(error))
        return {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": _body(answer)}

    def _run_into_timeout(self):
        if self._machine == "patient":
            return _failed("Sandbox.Timedout", "Task timed out")
        if self._machine == "short":
            time.sleep(SLEEP_SECONDS)
        raise EvalTimeoutError


def _failed(error, message):
    payload = _body({"errorType": error, "errorMessage": message})
    return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": payload}


def _body(value):
    return io.BytesIO(json.dumps(value).encode())


class S3:
    """The objects of the buckets, as an item reader sees them."""

    def __init__(self, buckets):
        self._buckets = buckets

    def list_objects_v2(self, *, Bucket, Prefix, **_):  # noqa: N803 - as boto3 spells them
        if Bucket not in self._buckets:
            raise ClientError({"Error": {"Code": "NoSuchBucket", "Message": Bucket}}, "ListObjectsV2")
        return {"Contents": [one for one in self._buckets[Bucket] if one["Key"].startswith(Prefix)]}


class Clock:
    """The current time plus the seconds that were only pretended to be slept."""

    def __init__(self):
        self._slept_seconds = 0.0

    def sleep(self, seconds):
        self._slept_seconds += seconds

    def milliseconds(self):
        return round(1000 * (time.time() + self._slept_seconds))


def evaluate_with(reference, clock):
    """Replace LocalStack's JVM by the reference implementation."""

    def evaluate(expression):
        answer = reference.evaluate(expression.replace("$millis()", str(clock.milliseconds())))
        if "error" in answer:
            raise jsonata.JSONataException("", answer["error"])
        return answer.get("value")

    jsonata._eval_jsonata = evaluate


def wait_by(clock):
    """Let Retry and Wait states take no time."""
    retrier_decl.time = clock
    WaitFunction._wait_interval = lambda self, env, wait_seconds: clock.sleep(wait_seconds)


def run(program, execution, buckets):
    """Run an execution to its end."""
    clients = {"lambda": Lambda(execution["machine"]), "s3": S3(buckets)}
    for module in (lambda_eval_utils, resource_eval_s3):
        module.boto_client_for = lambda service, **_: clients[service]
    env = Environment(
        aws_execution_details=AWSExecutionDetails("000000000000", "us-east-1", ROLE_ARN),
        execution_type="STANDARD",
        context=ContextObjectData(
            Execution=ExecutionData(
                Id=execution["arn"],
                Input=execution["input"],
                Name=execution["name"],
                RoleArn=ROLE_ARN,
                StartTime="2026-01-01T00:00:00.000Z",
            ),
            StateMachine=StateMachineData(Id="", Name=""),
        ),
        event_history_context=EventHistoryContext.of_program_start(),
        cloud_watch_logging_session=None,
        activity_store={},
    )
    # A program keeps the way that a Choice took.
    copy.deepcopy(program).eval(env)
    history = env.event_manager.get_event_history()
    entered = [one["stateEnteredEventDetails"]["name"] for one in history if "stateEnteredEventDetails" in one]
    return {**end(env), "entered": entered}


def end(env):
    """Return the end of an execution as DescribeExecution does."""
    state = env.program_state()
    if isinstance(state, ProgramEnded):
        return {"status": "SUCCEEDED", "output": env.states.get_input()}
    if isinstance(state, ProgramTimedOut):
        return {"status": "TIMED_OUT", "error": "States.Timeout"}
    return {"status": "FAILED", "error": state.error.get("error"), "cause": state.error.get("cause")}


def main():
    job = json.load(sys.stdin)
    logging.disable()
    clock = Clock()
    wait_by(clock)
    programs = {name: AmazonStateLanguageParser.parse(text)[0] for name, text in job["machines"].items()}
    with Reference(job["packages"]) as reference:
        evaluate_with(reference, clock)
        ends = {
            name: run(programs[execution["machine"]], execution, job["buckets"])
            for name, execution in job["executions"].items()
        }
    json.dump(ends, sys.stdout)
    sys.stdout.flush()
    # Do not wait for functions that still sleep.
    os._exit(0)


if __name__ == "__main__":
    main()
