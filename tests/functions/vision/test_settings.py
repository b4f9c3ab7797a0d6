import dataclasses
import inspect

import pytest

from vision import settings
from vision.settings import DetectLabelsSettings, MissingSetting, StartProcessingSettings

ALL = [
    kind
    for name, kind in inspect.getmembers(settings, inspect.isclass)
    if name.endswith("Settings") and kind.__module__ == settings.__name__
]


def _environment(kind: type) -> dict[str, str]:
    return {field.name.upper(): "7" for field in dataclasses.fields(kind)}


def test_settings_have_the_types_of_their_fields() -> None:
    read = DetectLabelsSettings.read({"MAX_LABELS": "10", "MIN_CONFIDENCE": "62.5", "OWN_MODEL_FUNCTION_ARN": "none"})
    assert (read.max_labels, read.min_confidence, read.own_model_function_arn) == (10, 62.5, "none")


@pytest.mark.parametrize(("kind", "variable"), [(kind, name) for kind in ALL for name in _environment(kind)])
def test_a_missing_variable_is_named(kind: type, variable: str) -> None:
    environment = _environment(kind)
    del environment[variable]
    with pytest.raises(MissingSetting, match=variable):
        kind.read(environment)


def test_an_empty_variable_counts_as_missing() -> None:
    environment = {"IMAGE_BUCKET_NAME": "b", "IMAGE_TABLE_NAME": "", "PROCESS_IMAGE_STATE_MACHINE_ARN": "arn"}
    with pytest.raises(MissingSetting, match="IMAGE_TABLE_NAME"):
        StartProcessingSettings.read(environment)


def test_a_variable_of_the_wrong_form_is_named_with_what_is_expected() -> None:
    with pytest.raises(MissingSetting, match="MAX_LABELS is 'many'; expected int"):
        DetectLabelsSettings.read({"MAX_LABELS": "many", "MIN_CONFIDENCE": "60"})


@pytest.mark.parametrize("kind", ALL)
def test_settings_cannot_change_while_an_environment_lives(kind: type) -> None:
    read = kind.read(_environment(kind))
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(read, dataclasses.fields(kind)[0].name, "other")
