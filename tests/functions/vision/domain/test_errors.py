import inspect
import re

import pytest

from vision.domain import errors
from vision.domain.errors import Permanent, Transient, VisionError

# Which of these errors the state machines retry is in tests/workflows/test_error_names.py.
BASES = (VisionError, Permanent, Transient)
NAMED = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind not in BASES]


@pytest.mark.parametrize("kind", NAMED)
def test_each_error_is_either_permanent_or_transient(kind: type[Exception]) -> None:
    assert issubclass(kind, Permanent) != issubclass(kind, Transient)


@pytest.mark.parametrize("kind", NAMED)
def test_each_error_has_no_error_below_it(kind: type[Exception]) -> None:
    # Lambda reports the name of the class that was raised and nothing of its bases.
    assert kind.__subclasses__() == []


@pytest.mark.parametrize("kind", NAMED)
def test_each_error_says_what_it_means(kind: type[Exception]) -> None:
    assert re.fullmatch(r"[A-Z].+\.", kind.__doc__ or "")
