"""The alternatives to sessions: a model that always runs, and the older scheduled batch."""

import random
from typing import Final

from benchmarks.sessions.loads import DAY, HOUR, WEEK, Arrivals
from benchmarks.sessions.model import START_SECONDS, STOP_SECONDS, Model, Run
from benchmarks.sessions.outcome import Outcome
from benchmarks.sessions.queue import Queue
from vision.domain.session import custom_model

# Seconds of the older batch, rate(1 hours) and its two waits.
# https://github.com/aws-samples/amazon-rekognition-custom-labels-batch-processing/blob/main/template.yaml
_SCHEDULE: Final = 1 * HOUR
_WAIT: Final = 900
_HOLD: Final = 3_540


def always_running(arrivals: Arrivals, units: int = 1) -> Outcome:
    """Run the model from the first second of the week to the last, and on while images wait."""
    queue = Queue(arrivals)
    queue.serve(0, WEEK + DAY, units)
    end = max(WEEK, queue.done[-1])
    return Outcome(queue, [Run(units, -START_SECONDS, 0, end, end + STOP_SECONDS)])


def older_batch(arrivals: Arrivals, seed: int) -> Outcome:
    """Check each hour, start for a single image, run the model for 59 minutes at a time until the queue is empty.

    It works from the first check that finds the model running; a check at the exact second counts. An hourly execution
    that finds another one running ends without effect, and is left out.
    """
    queue, model, looks = Queue(arrivals), Model(), 0
    due = random.Random(f"schedule {seed}").uniform(0, _SCHEDULE)
    busy_until = 0.0
    while due < WEEK + DAY and not queue.is_done:
        looks += 1
        if due >= busy_until and queue.backlog(due).messages:
            model.start(due, 1)
            busy_until = _hold(queue, model, due)
        due += _SCHEDULE
    return Outcome(queue, model.runs, looks)


def _hold(queue: Queue, model: Model, moment: float) -> float:
    while not custom_model.is_paid_for(model.status(moment)):
        moment += _WAIT
    while True:
        moment = queue.serve(moment, moment + _HOLD, 1)
        if not queue.backlog(moment).messages:
            model.stop(moment)
            return moment
