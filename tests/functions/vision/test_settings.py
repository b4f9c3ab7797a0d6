import dataclasses
import inspect

import pytest

from vision import settings
from vision.settings import DetectorSettings, MissingSetting

ALL = [
    kind
    for name, kind in inspect.getmembers(settings, inspect.isclass)
    if name.endswith("Settings") and kind.__module__ == settings.__name__
]


def _environment(kind: type) -> dict[str, str]:
    return {field.name.upper(): "7" for field in dataclasses.fields(kind)}


def test_settings_have_the_types_of_their_fields() -> None:
    read = DetectorSettings.read({"MAX_LABELS": "10", "MIN_CONFIDENCE": "62.5", "OWN_MODEL_FUNCTION_ARN": "none"})
    assert (read.max_labels, read.min_confidence, read.own_model_function_arn) == (10, 62.5, "none")


@pytest.mark.parametrize(("kind", "variable"), [(kind, name) for kind in ALL for name in _environment(kind)])
def test_missing_or_empty_variable_is_named(kind: type, variable: str) -> None:
    environment = _environment(kind)
    del environment[variable]
    for incomplete in (environment, environment | {variable: ""}):
        with pytest.raises(MissingSetting, match=variable):
            kind.read(incomplete)


def test_malformed_variable_is_named_with_the_expected_type() -> None:
    with pytest.raises(MissingSetting, match="MAX_LABELS is 'many'; expected int"):
        DetectorSettings.read({"MAX_LABELS": "many", "MIN_CONFIDENCE": "60"})


@pytest.mark.parametrize("kind", ALL)
def test_settings_are_immutable(kind: type) -> None:
    read = kind.read(_environment(kind))
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(read, dataclasses.fields(kind)[0].name, "other")
