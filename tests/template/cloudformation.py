"""The template as data: with its short forms spelled out, and as SAM expands it."""

import copy
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

REPOSITORY = Path(__file__).resolve().parents[2]
TEMPLATE = REPOSITORY / "template.yaml"

_VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")


class _Loader(yaml.CSafeLoader):
    """That of libyaml, which reads a template ten times as fast as the one in Python."""


def _short_form(loader: yaml.CLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
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
    shared = prepared.get("Globals", {}).get("Function", {})
    if "CodeUri" in shared:
        shared["CodeUri"] = "s3://build/artifact"
    for resource in prepared["Resources"].values():
        for name in ("CodeUri", "ContentUri", "DefinitionUri"):
            if name in resource.get("Properties", {}):
                resource["Properties"][name] = "s3://build/artifact"
        if resource.get("Properties", {}).get("PackageType") == "Image":
            resource["Properties"]["ImageUri"] = "123456789012.dkr.ecr.us-east-1.amazonaws.com/build:artifact"
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


_NOTHING = object()


def plain(node: Any, look_up: Callable[[str], Any], conditions: Mapping[str, bool]) -> Any:
    """Return a node as CloudFormation hands it on, with its references looked up and its conditions decided.

    Parameters
    ----------
    look_up
        Returns the value of ``Name`` or ``Name.Attribute``, or of what another stack exports.
    """
    match node:
        case {"Ref": "AWS::NoValue"}:
            return _NOTHING
        case {"Ref": str(name)} | {"Fn::ImportValue": str(name)}:
            return look_up(name)
        case {"Fn::GetAtt": [name, attribute]}:
            return look_up(f"{name}.{attribute}")
        case {"Fn::Sub": str(text)}:
            return _VARIABLE.sub(lambda match: look_up(match[1]), text)
        case {"Fn::If": [name, yes, no]}:
            return plain(yes if conditions[name] else no, look_up, conditions)
        case dict():
            values = {name: plain(value, look_up, conditions) for name, value in node.items()}
            return {name: value for name, value in values.items() if value is not _NOTHING}
        case list():
            values = [plain(value, look_up, conditions) for value in node]
            return [value for value in values if value is not _NOTHING]
    return str(node).lower() if isinstance(node, bool) else node


def refusals(template: Mapping[str, Any], **parameters: str) -> list[str]:
    """Return what the rules of a template say to these parameters; the others have their defaults."""
    values = {name: one.get("Default", "") for name, one in template["Parameters"].items()} | parameters

    def true(node: Any) -> Any:
        match node:
            case {"Ref": str(name)}:
                return values[name]
            case {"Fn::Equals": [left, right]}:
                return true(left) == true(right)
            case {"Fn::Not": [one]}:
                return not true(one)
            case {"Fn::And": list(parts)}:
                return all(true(part) for part in parts)
            case {"Fn::Or": list(parts)}:
                return any(true(part) for part in parts)
        assert isinstance(node, str), f"rules have no {node}"
        return node

    asked = [rule for rule in template["Rules"].values() if "RuleCondition" not in rule or true(rule["RuleCondition"])]
    return [one["AssertDescription"] for rule in asked for one in rule["Assertions"] if not true(one["Assert"])]


# Lambda takes 64 characters, and so does IAM for a role; CloudFormation puts 12 or 13 of its own at the end.
_LONGEST_NAME, _ENDING = 64, "1A2B3C4D5E6F7"


def generated_name(stack: str, logical_id: str) -> str:
    """Return the name that CloudFormation gives a function or role, as people saw it.

    Where it would be too long, the stack's name and the logical id are both cut, the id to no less than 24:
    https://github.com/convox/rack/issues/2297, https://github.com/aws-solutions/aws-waf-security-automations/issues/143
    """
    room = _LONGEST_NAME - len(_ENDING) - 2
    logical_id = logical_id[: max(24, room - len(stack))]
    return f"{stack[: room - len(logical_id)]}-{logical_id}-{_ENDING}"


def listed(value: Any) -> list[Any]:
    """Return a policy's value, which may be one or many, as many."""
    return value if isinstance(value, list) else [value]
