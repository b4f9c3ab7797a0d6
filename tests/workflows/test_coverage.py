"""Every state, Retry, Catch and Choice of each state machine is taken by some execution of these tests."""

from dataclasses import dataclass, field

import pytest

from tests.workflows import (
    custom_model_session,
    custom_model_session_scenarios,
    process_image,
    process_image_scenarios,
)
from tests.workflows.definition import branches, function_folder, states, tasks

pytestmark = pytest.mark.local


@dataclass
class Machine:
    """A state machine with the scenarios of its tests, and the fixture that runs them."""

    definition: dict
    scenarios: dict
    fixture: str
    states: dict = field(init=False)
    tasks: dict = field(init=False)

    def __post_init__(self):
        self.states, self.tasks = states(self.definition), tasks(self.definition)

    def windows(self, run):
        """Yield each top-level state of an execution with its events and the state entered after it."""
        window, name = [], None
        for event in run.history:
            entered = event.get("stateEnteredEventDetails", {}).get("name")
            if entered in self.definition["States"]:
                if name:
                    yield name, window, entered
                window, name = [], entered
            window.append(event)
        yield name, window, None

    def at_work(self, state):
        """Return the tasks that run while a top-level state does: itself, or those of its branches."""
        inside = [branch["StartAt"] for branch in branches(self.states[state])]
        return inside or [one for one in (state,) if one in self.tasks]

    def rule(self, task, error):
        return next((i for i, rule in enumerate(self.tasks[task]["Retry"]) if error in rule["ErrorEquals"]), None)

    def taken(self, name, run):
        """Yield what an execution took, as the state with ``retried``, ``given up`` or ``caught`` and the rule."""
        for state, window, following in self.windows(run):
            at_work, errors = self.at_work(state), _errors(window)
            # Attempts of branches come mixed; the script tells which of them fails.
            steps = self.scenarios[name].steps
            failing = [one for one in at_work if state == one or function_folder(self.tasks[one]) in steps]
            if errors and len(failing) == 1:
                (task,) = failing
                if _count(window, "TaskSucceeded") == max(len(at_work), _entered(window, task)):
                    yield from ((task, "retried", self.rule(task, one)) for one in errors)
                # Iterations of a Map fail each for itself; scenarios with one tell enough.
                elif _entered(window, task) == 1:
                    yield from ((task, "retried", self.rule(task, one)) for one in errors[:-1])
                    yield task, "given up", self.rule(task, errors[-1])
                    if following or run.status == "SUCCEEDED":
                        yield task, "caught", 0
            if branches(self.states[state]) and following == self.states[state]["Catch"][0]["Next"]:
                yield state, "caught", 0


def _errors(window):
    return [event["taskFailedEventDetails"]["error"] for event in window if event["type"] == "TaskFailed"]


def _count(window, kind):
    return sum(event["type"] == kind for event in window)


def _entered(window, task):
    return sum(event.get("stateEnteredEventDetails", {}).get("name") == task for event in window)


MACHINES = {
    "process_image": Machine(process_image.DEFINITION, process_image_scenarios.SCENARIOS, "photo_runs"),
    "custom_model_session": Machine(
        custom_model_session.DEFINITION, custom_model_session_scenarios.SCENARIOS, "session_runs"
    ),
}
STATES = [(name, state) for name, machine in MACHINES.items() for state in machine.states]
TASKS = [(name, task) for name, task in STATES if task in MACHINES[name].tasks]
CATCHING = [(name, state) for name, state in STATES if "Catch" in MACHINES[name].states[state]]
CHOICES = [(name, state) for name, state in STATES if MACHINES[name].states[state]["Type"] == "Choice"]


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
def test_every_retry_of_a_task_is_taken(taken, name, task):
    every = {*range(len(MACHINES[name].tasks[task]["Retry"]))}
    assert {rule for state, what, rule in taken[name] if (state, what) == (task, "retried")} == every


@pytest.mark.parametrize(("name", "task"), TASKS)
def test_every_retry_of_a_task_is_exhausted_and_what_is_not_retried_is_given_up(taken, name, task):
    given_up = {rule for state, what, rule in taken[name] if (state, what) == (task, "given up")}
    assert given_up >= {*range(len(MACHINES[name].tasks[task]["Retry"])), None}


@pytest.mark.parametrize(("name", "state"), CATCHING)
def test_every_catch_is_taken(taken, name, state):
    assert {rule for one, what, rule in taken[name] if (one, what) == (state, "caught")} == {0}


@pytest.mark.parametrize(("name", "choice"), CHOICES)
def test_every_way_of_a_choice_is_taken(runs, name, choice):
    machine = MACHINES[name]
    state = machine.states[choice]
    ways = {
        following
        for run in runs[name].values()
        if run.status
        for before, _, following in machine.windows(run)
        # Without a following state, the Choice itself failed.
        if before == choice and following
    }
    assert ways == {*(rule["Next"] for rule in state["Choices"]), state["Default"]}
