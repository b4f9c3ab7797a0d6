"""``docs/parameters.md``, made from ``template.yaml``.

A section begins with what the template says of its parameter. What follows, from *Change it* on, is written by hand: it
is kept, and moves with its parameter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from local.stack.deployment import REPOSITORY

PAGE = REPOSITORY / "docs" / "parameters.md"
TEMPLATE = REPOSITORY / "template.yaml"


# Reads a template without looking into its intrinsic functions.
_Loader: Any = type("_Loader", (yaml.CSafeLoader,), {})
_Loader.add_multi_constructor("!", lambda loader, suffix, node: None)


def text(template: str | None = None, page: str | None = None) -> str:
    """Return the page: its introduction, and each parameter in the groups and the order of the console.

    Raises
    ------
    SystemExit
        The page advises on a parameter that the template does not have: the text would be lost.
    """
    described = yaml.load(template or TEMPLATE.read_text(encoding="utf-8"), _Loader)
    before = page or PAGE.read_text(encoding="utf-8")
    kept = advice(before)
    if lost := sorted(kept.keys() - described["Parameters"].keys()):
        raise SystemExit(f"template.yaml has no {', '.join(lost)}: move or delete that section of docs/parameters.md")
    introduction = before.partition("\n## ")[0].rstrip("\n")
    return "\n".join([introduction, *_groups(described, kept)])


def names(template: str) -> list[str]:
    """Return the names of a template's parameters."""
    return list(yaml.load(template, _Loader)["Parameters"])


def advice(page: str) -> dict[str, str]:
    """Return what is written by hand, by the name of its parameter."""
    sections = re.split(r"^#{2,3} ", page, flags=re.MULTILINE)
    found = (re.match(r"`(\w+)`\n.*?^(\*Change it\*.*)", one, re.DOTALL | re.MULTILINE) for one in sections)
    return {one[1]: one[2].rstrip("\n") for one in found if one}


def _groups(described: Mapping[str, Any], kept: Mapping[str, str]) -> Iterator[str]:
    for group in described["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]:
        yield f"\n## {group['Label']['default']}"
        for name in group["Parameters"]:
            parameter = described["Parameters"][name]
            yield f"\n### `{name}`\n\n{facts(parameter)}\n\n{parameter['Description']}"
            if name in kept:
                yield f"\n{kept[name]}"
    yield ""


def facts(parameter: Mapping[str, Any]) -> str:
    """Return the default of a parameter and what it must be: the template's words, and values that they leave out."""
    default = "empty" if parameter["Default"] == "" else f"`{parameter['Default']}`"
    constraint = parameter["ConstraintDescription"].removesuffix(".")
    named = set(re.findall(r"[\w.-]+", constraint))
    values = [str(value) for value in parameter.get("AllowedValues", [])]
    if not named.issuperset(values):
        constraint += f": {', '.join(values)}"
    if str(parameter.get("MaxValue", "")) not in {"", *named}:
        constraint += f", and of at most {parameter['MaxValue']}"
    return f"Default {default}; {constraint}."
