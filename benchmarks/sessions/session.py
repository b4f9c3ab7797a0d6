"""The product's sessions: a schedule checks the queue, and a session follows ``custom_model_session.asl.json``."""

import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from benchmarks.sessions.loads import DAY, WEEK, Arrivals
from benchmarks.sessions.model import Model
from benchmarks.sessions.outcome import Outcome
from benchmarks.sessions.queue import Queue
from benchmarks.sessions.settings import Settings
from vision.domain import records
from vision.domain.session import custom_model, decisions

# Of one state that invokes a function, a cold start included; assumed.
STEP_SECONDS: Final = 1.0
# A rule runs within its minute, "but not on the precise 0th second".
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html
LATE_SECONDS: Final = 60.0
# "Is Queue Empty?": more than one empty count in a row.
EMPTY_LOOKS: Final = 2

_MONDAY = datetime(2026, 11, 16, tzinfo=UTC)


def schedule(seconds: int, seed: int) -> Iterator[float]:
    """Yield the times at which a rule of this rate fires during the week, and during the day after it to finish."""
    chance = random.Random(f"schedule {seed}")
    due = chance.uniform(0, seconds)
    while due < WEEK + DAY:
        yield due + chance.uniform(0, LATE_SECONDS)
        due += seconds


class Sessions:
    """The session's state machine and item, with a simulated clock."""

    def __init__(self, arrivals: Arrivals, settings: Settings) -> None:
        self.queue = Queue(arrivals)
        self.model = Model()
        self.settings = settings
        self._looks = 0
        self._waiting_since = ""
        self._lease_free_at = 0.0

    def run(self, looks: Iterable[float]) -> Outcome:
        """Check the queue at these times until every image is done."""
        for moment in looks:
            self._looks += 1
            # A session that finds the lease taken is BUSY: it does not even count the queue.
            if moment >= self._lease_free_at:
                self._check_queue(moment)
            if self.queue.is_done:
                break
        return Outcome(self.queue, self.model.runs, self._looks)

    def _count(self, moment: float) -> decisions.Backlog:
        backlog = self.queue.backlog(moment)
        self._waiting_since = decisions.waiting_since(self._waiting_since, backlog, _timestamp(moment))
        return backlog

    def _check_queue(self, moment: float) -> None:
        moment += STEP_SECONDS
        backlog = self._count(moment)
        waited_seconds = decisions.seconds_between(self._waiting_since, _timestamp(moment))
        if decisions.is_worth_starting(backlog, waited_seconds, self.settings.policy):
            units = decisions.inference_units(backlog, self.settings.policy)
            deadline = moment + self.settings.policy.maximum_seconds
            moment = self._start_model(moment, units, deadline)
            if custom_model.is_paid_for(self.model.status(moment)):
                moment = self._drain(moment, units, deadline)
            moment = self._stop_model(moment)
        self._lease_free_at = moment

    def _start_model(self, moment: float, units: int, deadline: float) -> float:
        while True:
            moment += STEP_SECONDS
            step = custom_model.step_to_run(self.model.status(moment))
            if step is custom_model.StartStep.START:
                self.model.start(moment, units)
            if step is custom_model.StartStep.USE or moment > deadline:
                return moment
            moment += self.settings.poll_seconds

    def _drain(self, moment: float, units: int, deadline: float) -> float:
        empty_looks = 0
        while True:
            last = None
            if empty_looks == 0:
                done, begin = len(self.queue.done), moment + STEP_SECONDS
                end = begin + self.settings.round_seconds
                ended = self.queue.serve(begin, end, units, self.settings.patience_seconds)
                last = decisions.Round(len(self.queue.done) - done, ended - moment, units)
                moment = ended
            moment += STEP_SECONDS
            # As check_queue does: the age of the waiting images counts from now.
            self._waiting_since = ""
            step = decisions.next_step(self._count(moment), last)
            empty_looks = empty_looks + 1 if step == "EMPTY" else 0
            if moment > deadline or step == "SLACK" or empty_looks == EMPTY_LOOKS:
                return moment
            if empty_looks:
                moment += self.settings.idle_seconds

    def _stop_model(self, moment: float) -> float:
        while True:
            moment += STEP_SECONDS
            step = custom_model.step_to_stop(self.model.status(moment))
            if step is custom_model.StopStep.STOPPED:
                return moment
            if step is custom_model.StopStep.STOP:
                self.model.stop(moment)
            moment += self.settings.poll_seconds


def _timestamp(moment: float) -> str:
    return records.timestamp(_MONDAY + timedelta(seconds=moment))
