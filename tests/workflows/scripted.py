"""A Lambda function that follows a script, invocation by invocation: return, raise, sleep, or exit.

It replaces a function of the project. It reads scripts from a folder and logs its invocations there, since a process
that exits cannot report them otherwise.
"""

import fcntl
import json
import os
import time
from pathlib import Path

from vision.domain.envelopes import Envelope
from vision.domain.errors import ImageFailed
from vision.domain.failures import Failure
from vision.domain.records import outcome

FOLDER = Path(os.environ["SCRIPTS"])


def handler(event, context):
    function = os.environ["FUNCTION"]
    step, answers = next_step(event, function)
    match step:
        case {"exit": code}:
            os._exit(code)
        case {"sleep": seconds}:
            time.sleep(seconds)
    return act(event, function, step, answers)


def next_step(event, function):
    """Return the step of a function for this invocation, and the results of the functions without a step."""
    name = script_name(event, function)
    script = json.loads((FOLDER / f"{name}.json").read_text())
    steps = script.get(function, [])
    done = count(FOLDER / f"{name}.{function}.jsonl", event)
    return steps[done] if done < len(steps) else {}, script["answers"]


def act(event, function, step, answers):
    """Raise the error of a step, or return a result."""
    match step:
        case {"raise": error, "message": message}:
            raise type(error, (Exception,), {})(message)
        case {"return": value}:
            return value
    return answer(event, function, answers)


def script_name(event, function):
    """Return the name of the execution from the event."""
    if isinstance(event, dict) and "execution_arn" in event:
        return event["execution_arn"].rpartition(":")[2]
    if isinstance(event, dict) and "BatchInput" in event:
        return event["BatchInput"]["run_id"]
    if isinstance(event, dict) and "execution" in event and function in ("open_run", "summarize_run"):
        return event["execution"]["Id"].rpartition(":")[2]
    envelope = event["envelope"] if function == "store_metadata" else event
    if not isinstance(envelope, dict) or "photo_id" not in envelope:
        return Envelope.from_dict(envelope)
    return envelope["photo_id"]


def count(invocations, event):
    """Log an invocation and return how many came before it; the workers of a session run concurrently."""
    with invocations.open("a+") as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        log.seek(0)
        done = len(log.readlines())
        log.write(json.dumps(event) + "\n")
    return done


def answer(event, function, answers):
    """Return the result of a function that succeeds."""
    if function == "store_metadata":
        found = outcome(event["parts"], [Failure.from_error_output(error) for error in event["errors"]])
        if found["status"] == "FAILED":
            raise ImageFailed(found["error"]["cause"])
        return {name: found[name] for name in ("status", "error") if name in found}
    return answers[function][event["phase"]] if function == "check_queue" else answers[function]
