"""The executions of these tests take every state, Retry, Catch and Choice of both state machines of single images.

Those of process_bucket are in its own test.
"""

import pytest

from tests.workflows import custom_model_session, process_image
from tests.workflows.definition import branches, function_folder, states, tasks

pytestmark = pytest.mark.local


class Machine:
    """A state machine with the scenarios of its tests."""

    def __init__(self, definition, scenarios):
        self.top, self.scenarios = definition["States"], scenarios
        self.states, self.tasks = states(definition), tasks(definition)

    def windows(self, run):
        """Yield each top-level state of an execution with its events and the state entered after it."""
        window, name = [], None
        for event in run.history:
            entered = event.get("stateEnteredEventDetails", {}).get("name")
            if entered in self.top:
                if name:
                    yield name, window, entered
                window, name = [], entered
            window.append(event)
        yield name, window, None

    def tasks_of(self, state):
        """Return the tasks that run while a top-level state does: itself, or those of its branches."""
        inside = [branch["StartAt"] for branch in branches(self.states[state])]
        return inside or [one for one in (state,) if one in self.tasks]

    def retrier(self, task, error):
        return next((i for i, one in enumerate(self.tasks[task]["Retry"]) if error in one["ErrorEquals"]), None)

    def taken(self, name, run):
        """Yield ``(state, "retried" or "given up", retrier)`` and ``(state, "caught")`` of an execution."""
        for state, window, following in self.windows(run):
            at_work = self.tasks_of(state)
            errors = [event["taskFailedEventDetails"]["error"] for event in window if event["type"] == "TaskFailed"]
            # The events of branches are interleaved; the script names the function that fails.
            steps = self.scenarios[name].steps
            failing = [one for one in at_work if state == one or function_folder(self.tasks[one]) in steps]
            if errors and len(failing) == 1:
                [task] = failing
                entered = sum(event.get("stateEnteredEventDetails", {}).get("name") == task for event in window)
                succeeded = sum(event["type"] == "TaskSucceeded" for event in window)
                if succeeded == max(len(at_work), entered):
                    yield from ((task, "retried", self.retrier(task, error)) for error in errors)
                # Each iteration of a Map fails by itself; the scenarios with one iteration suffice.
                elif entered == 1:
                    yield from ((task, "retried", self.retrier(task, error)) for error in errors[:-1])
                    yield task, "given up", self.retrier(task, errors[-1])
                    if following or run.status == "SUCCEEDED":
                        yield task, "caught"
            if branches(self.states[state]) and following == self.states[state]["Catch"][0]["Next"]:
                yield state, "caught"


MACHINES = {
    "process_image": Machine(process_image.DEFINITION, process_image.SCENARIOS),
    "custom_model_session": Machine(custom_model_session.DEFINITION, custom_model_session.SCENARIOS),
}
TASKS = [(name, task) for name, machine in MACHINES.items() for task in machine.tasks]
CHOICES = [
    (name, one) for name, machine in MACHINES.items() for one, state in machine.top.items() if "Choices" in state
]


@pytest.fixture(scope="session")
def runs(photo_runs, session_runs):
    return {"process_image": photo_runs, "custom_model_session": session_runs}


@pytest.fixture(scope="session")
def taken(runs):
    return {
        name: {one for scenario, run in runs[name].items() if run.status for one in machine.taken(scenario, run)}
        for name, machine in MACHINES.items()
    }


@pytest.mark.parametrize("name", MACHINES)
def test_every_state_is_entered(runs, name):
    entered = {state for run in runs[name].values() if run.status for state in run.entered}
    assert entered == MACHINES[name].states.keys()


@pytest.mark.parametrize(("name", "task"), TASKS)
def test_every_retrier_is_taken_and_exhausted_and_any_other_error_given_up(taken, name, task):
    retriers = {*range(len(MACHINES[name].tasks[task]["Retry"]))}
    found = {kind: {one[2] for one in taken[name] if one[:2] == (task, kind)} for kind in ("retried", "given up")}
    assert found == {"retried": retriers, "given up": retriers | {None}}


@pytest.mark.parametrize("name", MACHINES)
def test_every_catch_is_taken(taken, name):
    catching = {state for state, one in MACHINES[name].states.items() if "Catch" in one}
    assert {one[0] for one in taken[name] if one[1] == "caught"} == catching


@pytest.mark.parametrize(("name", "choice"), CHOICES)
def test_every_way_of_a_choice_is_taken(runs, name, choice):
    machine = MACHINES[name]
    ways = {
        following
        for run in runs[name].values()
        if run.status
        for before, _, following in machine.windows(run)
        # Without a following state, the Choice itself failed.
        if before == choice and following
    }
    assert ways == {*(rule["Next"] for rule in machine.top[choice]["Choices"]), machine.top[choice]["Default"]}
