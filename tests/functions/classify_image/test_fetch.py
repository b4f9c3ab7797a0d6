"""The reader of PyTorch weights: it reads a file and runs no code in it."""

import collections
import importlib.util
import io
import pickle
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def fetch() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fetch", ROOT / "functions/classify_image/model/fetch.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Code:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, left_behind: Path) -> None:
        self.left_behind = left_behind

    def __reduce__(self) -> Any:
        return Path.touch, (self.left_behind,)


def pickles(fetch: ModuleType) -> list[Any]:
    """The parts of a file without tensors, in order."""
    return [fetch._MAGIC, fetch._PROTOCOL, {"little_endian": True}, collections.OrderedDict(), []]


def test_file_without_tensors_is_read(fetch: ModuleType) -> None:
    assert fetch._read_weights(io.BytesIO(b"".join(map(pickle.dumps, pickles(fetch))))) == {}


@pytest.mark.parametrize("position", range(5))
def test_code_in_any_part_of_a_file_is_refused_and_not_run(fetch: ModuleType, tmp_path: Path, position: int) -> None:
    parts = pickles(fetch)
    parts[position] = Code(tmp_path / "ran")
    with pytest.raises(pickle.UnpicklingError, match="is no part of a tensor"):
        fetch._read_weights(io.BytesIO(b"".join(map(pickle.dumps, parts))))
    assert not (tmp_path / "ran").exists()
