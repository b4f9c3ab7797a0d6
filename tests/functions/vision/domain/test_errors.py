import inspect
import json

import pytest

from tests.conftest import ROOT
from vision.domain import errors
from vision.domain.errors import Permanent, Transient, VisionError

BASES = (VisionError, Permanent, Transient)
NAMED = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind not in BASES]


def _retriers(states: dict) -> list[dict]:
    found = []
    for state in states.values():
        found += state.get("Retry", [])
        for branch in (*state.get("Branches", []), state.get("ItemProcessor", {"States": {}})):
            found += _retriers(branch["States"])
    return found


RETRIERS = [
    retrier
    for path in sorted(ROOT.glob("statemachines/*.asl.json"))
    for retrier in _retriers(json.loads(path.read_text(encoding="utf-8"))["States"])
]
# It ends in the record of an image, and never leaves a function.
INSIDE = {errors.NoRule, errors.AllowanceExceeded}
MATCHED = [kind for kind in NAMED if kind not in INSIDE]


@pytest.mark.parametrize("kind", NAMED)
def test_each_error_is_either_permanent_or_transient(kind: type[Exception]) -> None:
    assert issubclass(kind, Permanent) != issubclass(kind, Transient)


@pytest.mark.parametrize("kind", NAMED)
def test_each_error_has_no_error_below_it(kind: type[Exception]) -> None:
    # Lambda reports the name of the class that was raised and nothing of its bases.
    assert kind.__subclasses__() == []


@pytest.mark.parametrize("kind", NAMED)
def test_each_error_says_what_it_means(kind: type[Exception]) -> None:
    assert kind.__doc__


@pytest.mark.parametrize("kind", MATCHED)
def test_a_state_machine_knows_each_error_by_its_class_name(kind: type[Exception]) -> None:
    assert any(kind.__name__ in retrier["ErrorEquals"] for retrier in RETRIERS)


@pytest.mark.parametrize("kind", [kind for kind in MATCHED if issubclass(kind, Permanent)])
def test_no_retry_is_wasted_on_a_permanent_error(kind: type[Exception]) -> None:
    assert {r["MaxAttempts"] for r in RETRIERS if kind.__name__ in r["ErrorEquals"]} == {0}


# A worker of a session has waited for the model as long as it could, and the model is paid by the minute.
WAITED_FOR = [r for r in RETRIERS if "ModelNotReady" in r["ErrorEquals"]]


@pytest.mark.parametrize("kind", [kind for kind in MATCHED if issubclass(kind, Transient)])
def test_a_transient_error_is_retried_unless_it_has_been_waited_for(kind: type[Exception]) -> None:
    assert all(r["MaxAttempts"] > 0 for r in RETRIERS if kind.__name__ in r["ErrorEquals"] and r not in WAITED_FOR)


@pytest.mark.parametrize("name", ["ModelNotReady", "Throttled"])
def test_a_worker_that_has_waited_for_the_model_is_not_tried_again(name: str) -> None:
    assert {r["MaxAttempts"] for r in WAITED_FOR if name in r["ErrorEquals"]} == {0}


def test_every_own_name_in_the_state_machines_is_an_error_class() -> None:
    matched = {name for retrier in RETRIERS for name in retrier["ErrorEquals"] if "." not in name}
    assert matched == {kind.__name__ for kind in MATCHED}
