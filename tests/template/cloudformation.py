"""The template as data: with its short forms spelled out, and as SAM expands it."""

import copy
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

REPOSITORY = Path(__file__).resolve().parents[2]
TEMPLATE = REPOSITORY / "template.yaml"

_VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")


class _Loader(yaml.SafeLoader):
    pass


def _short_form(loader: yaml.Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if tag == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {tag if tag in ("Ref", "Condition") else f"Fn::{tag}": value}


_Loader.add_multi_constructor("!", _short_form)


def load(text: str) -> dict[str, Any]:
    """Return a template with !Ref and its kind in their long forms."""
    return yaml.load(text, _Loader)


def expand(template: dict[str, Any]) -> dict[str, Any]:
    """Return the template as the SAM transform hands it to CloudFormation, with local paths left as they are."""
    prepared = copy.deepcopy(template)
    for resource in prepared["Resources"].values():
        for name in ("CodeUri", "ContentUri", "DefinitionUri"):
            if name in resource.get("Properties", {}):
                resource["Properties"][name] = "s3://build/artifact"
        if resource.get("Properties", {}).get("PackageType") == "Image":
            resource["Properties"]["ImageUri"] = "123456789012.dkr.ecr.us-east-1.amazonaws.com/build:artifact"
    if "Globals" in prepared:
        prepared["Globals"]["Function"]["CodeUri"] = "s3://build/artifact"
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    return Translator({}, Parser()).translate(prepared, {})


def walk(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield every node below and including this one, with its path."""
    yield path, node
    if isinstance(node, dict):
        for name, value in node.items():
            yield from walk(value, (*path, name))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from walk(value, (*path, index))


def references(node: Any) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Yield each name (``Name`` or ``Name.Attribute``) that a node refers to, with the path where it does."""
    for path, value in walk(node):
        if not isinstance(value, dict) or len(value) != 1:
            continue
        ((function, argument),) = value.items()
        if function == "Ref":
            yield path, argument
        elif function == "Fn::GetAtt":
            yield path, ".".join(argument)
        elif function == "Fn::Sub":
            text, own = (argument, {}) if isinstance(argument, str) else argument
            yield from ((path, name) for name in _VARIABLE.findall(text) if name not in own)


def resolve(node: Any) -> str:
    """Return an ARN or name as readable text: ``${Name}`` and ``${Name.Attribute}`` for what is not known yet."""
    match node:
        case {"Ref": name}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"${{{name}.{attribute}}}"
        case {"Fn::Sub": str(text)}:
            return text
        case {"Fn::Sub": [str(text), dict(own)]}:
            return _VARIABLE.sub(lambda match: resolve(own[match[1]]) if match[1] in own else match[0], text)
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(resolve(part) for part in parts)
    return str(node)


def listed(value: Any) -> list[Any]:
    """Return a policy's value, which may be one or many, as many."""
    return value if isinstance(value, list) else [value]
