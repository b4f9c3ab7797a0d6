"""What `samconfig.toml` says of a stage, for CodePipeline and for a deployment with a release, which do not read it."""

from __future__ import annotations

import shlex
import tomllib
from dataclasses import dataclass
from pathlib import Path

from local.deployment import REPOSITORY

CONFIGURATION = REPOSITORY / "samconfig.toml"


@dataclass(frozen=True)
class Stage:
    """A section of `samconfig.toml`.

    Attributes
    ----------
    name
        The section, what `sam deploy --config-env` takes.
    stack_name
        The stack in CloudFormation.
    parameters, tags
        What the stack is deployed with, by who gives each deployment a release of its own.
    """

    name: str
    stack_name: str
    parameters: dict[str, str]
    tags: dict[str, str]

    def template_configuration(self) -> dict[str, dict[str, str]]:
        """Return the parameters and tags in the form that CodePipeline reads beside a template.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/continuous-delivery-codepipeline-cfn-artifacts.html
        """
        return {"Parameters": self.parameters, "Tags": self.tags}


def read(name: str, configuration: Path = CONFIGURATION) -> Stage:
    """Return a stage.

    Raises
    ------
    KeyError
        When the file has no such stage that is deployed.
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
    )


def _pairs(text: str | list[str]) -> dict[str, str]:
    """Return what SAM writes as `Name=value Name="other value"`, in one text or in several."""
    texts = [text] if isinstance(text, str) else text
    words = [word for one in texts for word in shlex.split(one)]
    return dict(word.split("=", 1) for word in words)
