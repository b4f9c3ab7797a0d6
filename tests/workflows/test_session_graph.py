"""The graph of custom_model_session: every path stops the model, within the events that an execution may have."""

import pytest

from tests.workflows.custom_model_session import DEFINITION
from tests.workflows.definition import assigned, targets
from tests.workflows.expressions import evaluate
from vision.domain.session.decisions import WORKERS_LIMIT

STATES = DEFINITION["States"]
DRAIN = STATES["Drain Queue In Parallel"]
WORKER = DRAIN["ItemProcessor"]["States"]["Drain Queue"]
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
EVENTS_LIMIT = 25_000


def test_open_session_initializes_every_variable():
    # Without a value an expression fails, and any state can go to Stop Model.
    # https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
    assert STATES[DEFINITION["StartAt"]]["Assign"].keys() == set(assigned(DEFINITION))


def test_every_caught_error_leads_to_stop_model():
    ways = {name: [rule["Next"] for rule in state["Catch"]] for name, state in STATES.items() if "Catch" in state}
    assert ways.pop("Stop Model") == ["Session Failed"]
    assert list(ways.values()) == [["Stop Model"]] * len(ways)


def test_only_a_session_without_work_ends_without_stop_model():
    seen, ahead = set(), [DEFINITION["StartAt"]]
    while ahead:
        name = ahead.pop()
        if name not in seen | {"Stop Model"}:
            seen.add(name)
            ahead += targets(STATES[name])
    assert {name for name in seen if STATES[name]["Type"] in ("Succeed", "Fail")} == {"Nothing To Do"}


def test_first_error_is_never_overwritten_on_the_way_out():
    errors = [
        rule["Assign"]["error"]
        for state in STATES.values()
        for rule in (*state.get("Catch", []), *state.get("Choices", []))
        if "error" in rule.get("Assign", {}) and rule["Next"] == "Session Failed"
    ]
    assert errors
    assert all(error.startswith("{% $error != null ? $error : ") for error in errors)


def test_lost_worker_is_caught_inside_its_map():
    # A failed iteration fails its Map and ends all others.
    # https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html
    assert [(rule["ErrorEquals"], rule["Next"]) for rule in WORKER["Catch"]] == [(["States.ALL"], "Worker Lost")]


def _events(state):
    """Return how many events a state without branches adds to the history: entered, exited, and those of a task."""
    return {"Task": 5}.get(state["Type"], 2)


@pytest.mark.parametrize(
    "loop",
    [
        ["Start Model", "Is Model Ready?", "Wait For Model"],
        ["Check Queue Again", "Is Queue Empty?", "Wait For Stragglers"],
        ["Stop Model", "Is Model Stopped?", "Wait For Stop"],
    ],
)
def test_each_poll_counts_its_events(loop):
    added = sum(_events(STATES[name]) for name in loop)
    assert STATES[loop[0]]["Assign"]["events"] == f"{{% $events + {added} %}}"


@pytest.mark.parametrize("workers", [[1], [1, 2, 3], list(range(40))])
def test_each_round_counts_the_events_of_its_workers(workers):
    # The Map is entered, started, ended and left; each of its iterations is started and ended.
    added = 4 + len(workers) * (2 + _events(WORKER))
    assert evaluate(DRAIN["Assign"]["events"], events=100, workers=workers) == 100 + added


@pytest.mark.parametrize(
    ("choice", "deadline", "limit"),
    [
        ("Is Model Ready?", "deadline", 16_000),
        ("Is Queue Empty?", "deadline", 16_000),
        ("Is Model Stopped?", "stop_deadline", 20_000),
    ],
)
def test_session_ends_before_its_history_is_full(choice, deadline, limit):
    conditions = [rule["Condition"] for rule in STATES[choice]["Choices"]]
    assert f"{{% $millis() > ${deadline} or $events > {limit} %}}" in conditions
    # What is left is for retries, which are not counted, and for the largest round.
    assert limit + 4 + WORKERS_LIMIT * 7 < EVENTS_LIMIT - 4_000


def test_hour_of_polls_of_a_stopping_model_fits_between_the_limits():
    polls = 3_600 / 30
    assert polls * 9 < 20_000 - 16_000
