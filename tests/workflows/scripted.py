"""A Lambda function that does in each invocation what a script says: answer, raise, sleep, or die.

It runs in the place of a function of the project, so that a test decides how a task goes. Scripts are read from
and invocations written to a folder, since a process that dies has no other way to tell that it was there.
"""

import json
import os
import time
from pathlib import Path

from vision.domain.envelopes import Envelope
from vision.domain.failures import Failure
from vision.domain.records import outcome

FOLDER = Path(os.environ["SCRIPTS"])
FUNCTION = os.environ["FUNCTION"]


def handler(event, context):
    envelope = event["envelope"] if FUNCTION == "store_metadata" else event
    if not isinstance(envelope, dict) or "photo_id" not in envelope:
        return Envelope.from_dict(envelope).as_dict()
    invocations = FOLDER / f"{envelope['photo_id']}.{FUNCTION}.jsonl"
    script = json.loads((FOLDER / f"{envelope['photo_id']}.json").read_text())
    done = len(invocations.read_text().splitlines()) if invocations.exists() else 0
    with invocations.open("a") as log:
        log.write(json.dumps(event) + "\n")
    steps = script.get(FUNCTION, [])
    match steps[done] if done < len(steps) else {}:
        case {"raise": name, "message": message}:
            raise type(name, (Exception,), {})(message)
        case {"exit": code}:
            os._exit(code)
        case {"sleep": seconds}:
            time.sleep(seconds)
        case {"return": value}:
            return value
    return stored(event) if FUNCTION == "store_metadata" else script["answers"][FUNCTION]


def stored(event):
    """Answer as store_metadata does."""
    found = outcome(event["parts"], [Failure.from_error_output(error) for error in event["errors"]])
    return {name: found[name] for name in ("status", "error") if name in found}
