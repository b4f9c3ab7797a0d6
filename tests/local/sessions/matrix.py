"""The fault matrix: what must hold at the end of a session after any fault, and one row for each fault."""

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from local.stack.local_stack import LOCAL_DIR
from tests.local.sessions.driver import Sessions, letter_id
from tests.local.stack.pipeline import PATIENCE_SECONDS, wait_for
from vision.domain.objects import ObjectVersion

PROPERTY = "fault-matrix"
COLUMNS = ("task", "fault", "session", "model", "stopped by", "lease", "done", "left", "next session")

# The rows that the summary of this test process prints.
reported: list[Sequence[str]] = []

# The event of an ended session usually reaches StopModel within this time; the matrix notes whether it did.
EVENT_SECONDS = 3


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return lines of equal columns."""
    lines = [COLUMNS, *sorted(rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) for line in lines)


class Cell:
    """One fault of one task: runs a session and checks and notes its end."""

    def __init__(self, sessions: Sessions, folder: Path, test: pytest.Item) -> None:
        self._sessions = sessions
        self._folder = folder
        self._test = test
        self._since = int(time.time() * 1000)

    def run(
        self,
        task: str,
        fault: str,
        *,
        ends: Sequence[str],
        during: Callable[[str], Any] | None = None,
        broken: AbstractContextManager[Any] | None = None,
        images: int = 2,
        ends_before_watchdog: bool = True,
        may_stay_running: bool = False,
        before_watchdog: Callable[[], Any] | None = None,
    ) -> dict[str, Any]:
        """Run a session with a fault, then the watchdog once, then a session without the fault.

        Parameters
        ----------
        ends
            Statuses or error names with which the session may end.
        during
            Called with the running session.
        broken
            Context of the fault.
        ends_before_watchdog
            Whether the fault ends before the watchdog runs.
        may_stay_running
            Whether Rekognition refuses to stop the model; then the model's minutes must be counted.
        """
        sessions = self._sessions
        versions = sessions.put(images)
        with broken or nullcontext():
            execution = sessions.start_session()
            if during:
                during(execution)
            end = sessions.closed(execution)
            stopped_by = self._at_rest(EVENT_SECONDS if end["status"] != "SUCCEEDED" else 0, execution)
            if not ends_before_watchdog:
                self._watch(before_watchdog)
        if ends_before_watchdog:
            sessions.clear_faults()
            self._watch(before_watchdog)
        status, is_free = self._settled(may_stay_running), self._is_lease_free()
        # In this order: a worker that outlives its session may complete an image in between.
        left = self._left(versions)
        done = sessions.done(versions)
        sessions.clear_faults()
        if fault == "throttled for good" or end.get("error") == "Throttled":
            # The SDK of a throttled environment slows down for a while.
            sessions.kill_all()
        recovered = self._next_session(versions) if done < images or left else "-"
        ending = end.get("error") or end["status"]
        if not stopped_by:
            stopped_by = "watchdog" if status not in ("RUNNING", "STARTING") else "nobody; ModelMinutes"
        lease = "free" if is_free else "held"
        row = [task, fault, f"{end['status']} {end.get('error') or ''}".strip(), status, stopped_by, lease]
        row += [str(done), str(left), recovered]
        self._note(row)

        assert ending in ends or end["status"] in ends, end
        assert is_free, sessions.lease()
        if may_stay_running and status == "RUNNING":
            assert sessions.logged('"ModelMinutes"', self._since)
        else:
            assert status not in ("RUNNING", "STARTING", "STOPPING"), status
        assert done + left >= images
        assert recovered in ("-", "all")
        self._assert_no_effect_twice(versions)
        return end

    def _at_rest(self, seconds: float, execution: str) -> str:
        """Return what stopped the model before the watchdog's schedule, or ""."""
        sessions = self._sessions
        deadline = time.monotonic() + seconds
        is_closed_in_order = "Did Session Fail?" in sessions.states(execution)
        while True:
            status = sessions.model_status()
            if status == "STOPPED":
                return "session" if is_closed_in_order else "watchdog (event)"
            if status not in ("RUNNING", "STARTING", "STOPPING"):
                return "never ran"
            if time.monotonic() > deadline:
                return ""
            time.sleep(0.1)

    def _watch(self, before: Callable[[], Any] | None) -> None:
        if before:
            before()
        # The watchdog stops a starting model once it runs.
        wait_for(lambda: self._sessions.model_status() != "STARTING")
        self._sessions.watch()

    def _settled(self, may_stay_running: bool) -> str:
        sessions = self._sessions
        if not may_stay_running:
            wait_for(lambda: sessions.model_status() not in ("STOPPING", "RUNNING"))
        return sessions.model_status()

    def _is_lease_free(self) -> bool:
        """Return whether the lease gets free; a watchdog that was killed while it held it keeps it for a minute."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (is_free := self._sessions.is_lease_free()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return is_free

    def _left(self, versions: list[ObjectVersion]) -> int:
        """Count messages in both queues, and redrive those of the dead-letter queue as an operator does."""
        sessions = self._sessions
        dead = sessions.take_inspection_dead_letters()
        sessions.send_inspection(*dead)
        return sessions.waiting()

    def _next_session(self, versions: list[ObjectVersion]) -> str:
        sessions = self._sessions
        sessions.set_model(status="STOPPED")
        end = sessions.run_session()
        done = sessions.done(versions)
        return "all" if end["status"] == "SUCCEEDED" and done == len(versions) else f"{done}, {end.get('error')}"

    def _assert_no_effect_twice(self, versions: list[ObjectVersion]) -> None:
        sessions = self._sessions
        wait_for(lambda: sessions.depth(sessions.mailbox_url) >= len(versions))
        notifications = Counter(letter["id"] for letter in sessions.letters())
        assert notifications == {letter_id(version): 1 for version in versions}
        assert [sessions.results(version) for version in versions] == [1] * len(versions)
        assert [sessions.copies(version) for version in versions] == [1] * len(versions)

    def _note(self, row: list[str]) -> None:
        self._test.user_properties.append((PROPERTY, row))
        self._folder.mkdir(exist_ok=True)
        (self._folder / f"{row[0]} {row[1]}.json".replace("/", "-")).write_text(json.dumps(row))
        rows = [json.loads(path.read_text()) for path in self._folder.glob("*.json")]
        LOCAL_DIR.mkdir(exist_ok=True)
        (LOCAL_DIR / "fault-matrix.txt").write_text(table(rows) + "\n")
