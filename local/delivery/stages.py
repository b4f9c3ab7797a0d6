"""The settings of a stage in `samconfig.toml`, for CodePipeline and for deployments with a release."""

from __future__ import annotations

import shlex
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.stack.deployment import REPOSITORY

CONFIGURATION = REPOSITORY / "samconfig.toml"
# Below functions/classify_image/, the model that comes with the product.
DEFAULT_MODEL = "model"
# Memory of the own model's function in MB: the default and the bounds of its template.
DEFAULT_MEMORY_SIZE = 2048
MEMORY_SIZES = range(1024, 10_240 + 1)
# Parameters of a stage that the own model's template takes too, by their names in template.yaml.
OF_THE_OWN_MODEL = ("LogLevel", "LogRetentionDays", "AlarmTopicArn", "PermissionsBoundaryArn", "GradualDeployments")


@dataclass(frozen=True)
class Stage:
    """A section of `samconfig.toml`.

    Attributes
    ----------
    name
        The name of the section, as for `sam deploy --config-env`.
    stack_name
        The stack in CloudFormation.
    parameters, tags
        The parameters and tags of the stack; each deployment adds its own release.
    model
        The folder of the own model.
    memory_size
        Memory of the own model's function, in MB.
    """

    name: str
    stack_name: str
    parameters: dict[str, str]
    tags: dict[str, str]
    model: str = DEFAULT_MODEL
    memory_size: int = DEFAULT_MEMORY_SIZE

    def own_model_parameters(self) -> dict[str, str]:
        """Return the parameters of the own model's stack, except for the buckets that it reads."""
        shared = {name: value for name, value in self.parameters.items() if name in OF_THE_OWN_MODEL}
        return {"ModelFolder": self.model, "MemorySize": str(self.memory_size), **shared}


def model_folder(configuration: Path = CONFIGURATION) -> str:
    """Return the folder of the own model: one for all stages, since each runs the image that was tested before."""
    return str(_of_the_own_model(configuration).get("model", DEFAULT_MODEL))


def memory_size(configuration: Path = CONFIGURATION) -> int:
    """Return the memory of the own model's function in MB: one for all stages, since it depends on the model.

    Raises
    ------
    ValueError
        The template would refuse the value in the file.
    """
    size = _of_the_own_model(configuration).get("memory_size", DEFAULT_MEMORY_SIZE)
    # In Python a boolean is an int, too.
    if type(size) is not int or size not in MEMORY_SIZES:
        limits = f"from {MEMORY_SIZES[0]} to {MEMORY_SIZES[-1]}"
        remedy = "`make model-check` says how much a model needs"
        raise ValueError(f"memory_size = {size!r} in {configuration.name} is no whole number {limits} MB; {remedy}")
    return size


def read(name: str, configuration: Path = CONFIGURATION) -> Stage:
    """Return a stage.

    Raises
    ------
    KeyError
        The file has no deployed stage of this name.
    ValueError
        The template would refuse the memory of the own model.
    """
    settings = tomllib.loads(configuration.read_text(encoding="utf-8"))
    try:
        deployed = settings[name]["deploy"]["parameters"]
    except KeyError:
        known = ", ".join(stage for stage, one in settings.items() if isinstance(one, dict) and "deploy" in one)
        raise KeyError(f"{configuration.name} has no stage {name} that is deployed; it has {known}") from None
    parameters = _pairs(deployed.get("parameter_overrides", ""))
    if settings[name].get("delivery", {}).get("parameters", {}).get("gradual"):
        parameters["GradualDeployments"] = "true"
    return Stage(
        name=name,
        stack_name=deployed["stack_name"],
        parameters=parameters,
        tags=_pairs(deployed.get("tags", "")),
        model=model_folder(configuration),
        memory_size=memory_size(configuration),
    )


def _of_the_own_model(configuration: Path) -> dict[str, Any]:
    settings = tomllib.loads(configuration.read_text(encoding="utf-8"))
    found: dict[str, Any] = settings.get("default", {}).get("delivery", {}).get("parameters", {})
    return found


def _pairs(text: str | list[str]) -> dict[str, str]:
    """Parse what SAM writes as `Name=value Name="other value"`, in one text or in several."""
    texts = [text] if isinstance(text, str) else text
    words = [word for one in texts for word in shlex.split(one)]
    return dict(word.split("=", 1) for word in words)
