import inspect
import re

import pytest

from vision.domain import errors
from vision.domain.errors import Permanent, Transient, VisionError

# Which of these errors the state machines retry is in tests/workflows/test_error_names.py.
BASES = (VisionError, Permanent, Transient)
NAMED = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind not in BASES]


@pytest.mark.parametrize("kind", NAMED)
def test_each_error_is_either_permanent_or_transient_and_says_what_it_means(kind: type[Exception]) -> None:
    assert issubclass(kind, Permanent) != issubclass(kind, Transient)
    assert re.fullmatch(r"[A-Z].+\.", kind.__doc__ or "")
    # Lambda reports the name of the class that was raised and nothing of its bases.
    assert kind.__subclasses__() == []
