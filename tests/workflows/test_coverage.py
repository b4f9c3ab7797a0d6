"""Every state, Retry, Catch and Choice of the photo workflow is taken by some execution of these tests."""

import pytest

from tests.workflows.definition import function_folder, states
from tests.workflows.execution import DEFINITION, TASKS
from tests.workflows.scenarios import SCENARIOS

pytestmark = pytest.mark.local

STATES = states(DEFINITION)
BRANCHES = {
    name: [branch["StartAt"] for branch in state["Branches"]]
    for name, state in STATES.items()
    if state["Type"] == "Parallel"
}
CHOICES = [(name, state) for name, state in STATES.items() if state["Type"] == "Choice"]


def _windows(run):
    """Yield each top-level Task or Parallel of an execution with its events and the state entered after it."""
    window, name = [], None
    for event in run.history:
        entered = event.get("stateEnteredEventDetails", {}).get("name")
        if entered in DEFINITION["States"]:
            if name:
                yield name, window, entered
            window, name = [], entered
        window.append(event)
    yield name, window, None


def _errors(window):
    return [event["taskFailedEventDetails"]["error"] for event in window if event["type"] == "TaskFailed"]


def _rule(task, error):
    return next((i for i, rule in enumerate(TASKS[task]["Retry"]) if error in rule["ErrorEquals"]), None)


def _taken(name, run):
    """Yield what an execution took, as the state with ``retried``, ``given up`` or ``caught`` and the rule's index."""
    for state, window, following in _windows(run):
        at_work = BRANCHES.get(state, [state])
        errors = _errors(window)
        # Attempts of branches come mixed; the script tells which of them fails.
        failing = [task for task in at_work if state == task or function_folder(TASKS[task]) in SCENARIOS[name].steps]
        if errors and len(failing) == 1:
            (task,) = failing
            healed = sum(event["type"] == "TaskSucceeded" for event in window) == len(at_work)
            yield from ((task, "retried", _rule(task, error)) for error in (errors if healed else errors[:-1]))
            if not healed:
                yield task, "given up", _rule(task, errors[-1])
                if following or run.status == "SUCCEEDED":
                    yield task, "caught", 0
        if state in BRANCHES and following == STATES[state]["Catch"][0]["Next"]:
            yield state, "caught", 0


@pytest.fixture(scope="session")
def taken(runs):
    return {one for name, run in runs.items() if run.status for one in _taken(name, run)}


def test_every_state_is_entered(runs):
    entered = {name for run in runs.values() if run.status for name in run.entered}
    assert entered == STATES.keys()


@pytest.mark.parametrize("task", TASKS)
def test_every_retry_of_a_task_is_taken(taken, task):
    waiting = {i for i, rule in enumerate(TASKS[task]["Retry"]) if rule["MaxAttempts"] > 0}
    assert {rule for name, what, rule in taken if (name, what) == (task, "retried")} == waiting


@pytest.mark.parametrize("task", TASKS)
def test_every_retry_of_a_task_is_exhausted_and_what_is_not_retried_is_given_up(taken, task):
    given_up = {rule for name, what, rule in taken if (name, what) == (task, "given up")}
    assert given_up >= {*range(len(TASKS[task]["Retry"])), None}


@pytest.mark.parametrize("name", [name for name, state in STATES.items() if "Catch" in state])
def test_every_catch_is_taken(taken, name):
    assert {rule for state, what, rule in taken if (state, what) == (name, "caught")} == {0}


@pytest.mark.parametrize(("name", "state"), CHOICES)
def test_every_way_of_a_choice_is_taken(runs, name, state):
    ways = {
        following for run in runs.values() if run.status for before, _, following in _windows(run) if before == name
    }
    assert ways == {*(rule["Next"] for rule in state["Choices"]), state["Default"]}
