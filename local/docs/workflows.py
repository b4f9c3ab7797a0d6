"""The diagrams and tables of ``docs/architecture.md``, made from the state machines.

Each block between a pair of markers is replaced; everything else on the page is written by hand::

    <!-- generated from statemachines/process_image.asl.json by make docs -->
    <!-- end -->
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from local.stack.deployment import REPOSITORY

PAGE = REPOSITORY / "docs" / "architecture.md"
FOLDER = REPOSITORY / "statemachines"

_BLOCK = re.compile(
    r"(?P<begin><!-- generated from statemachines/(?P<name>\w+)\.asl\.json by make docs -->\n).*?(?P<end><!-- end -->)",
    re.DOTALL,
)
# https://mermaid.js.org/syntax/flowchart.html#node-shapes
_SHAPES = {
    "Choice": ("{{", "}}"),
    "Wait": ("([", "])"),
    "Succeed": ("([", "])"),
    "Fail": ("([", "])"),
}
_RECTANGLE = ("[", "]")
# Outlines only, so that a diagram can be read on a light and on a dark page.
_STYLES = (
    "classDef failed stroke:#d1242f,stroke-width:2px",
    "classDef succeeded stroke:#1a7f37,stroke-width:2px",
)

Definition = Mapping[str, Any]


def text() -> str:
    """Return the page with each of its blocks made from its state machine."""
    return _BLOCK.sub(_generated, PAGE.read_text(encoding="utf-8"))


def _generated(block: re.Match[str]) -> str:
    definition = json.loads((FOLDER / f"{block['name']}.asl.json").read_text(encoding="utf-8"))
    return f"{block['begin']}\n{section(definition)}\n{block['end']}"


def section(definition: Definition) -> str:
    """Return what a state machine is for, its diagram, and a table of its states."""
    picture = ["```mermaid", *diagram(definition), "```"]
    return "\n".join([definition["Comment"], "", *picture, "", *_table(definition), ""])


def diagram(definition: Definition) -> list[str]:
    """Return the lines of a flowchart: a solid arrow is a transition, a dotted one an error that is caught."""
    lines = ["flowchart TD", f"  start(( )) --> {_identifier(definition['StartAt'])}"]
    lines += _nodes(definition["States"], "  ")
    lines += [f"  {edge}" for edge in _edges(definition["States"])]
    lines += [f"  {style}" for style in _STYLES]
    failed = [_identifier(name) for name, state in states(definition) if state["Type"] == "Fail"]
    succeeded = [_identifier(name) for name, state in states(definition) if state["Type"] == "Succeed"]
    succeeded += [_identifier(name) for name, state in definition["States"].items() if state.get("End")]
    ends = {"failed": failed, "succeeded": succeeded}
    return [*lines, *(f"  class {','.join(names)} {style}" for style, names in ends.items() if names)]


def states(definition: Definition) -> Iterator[tuple[str, Definition]]:
    """Yield each state with its name, those inside a Map or a Parallel behind it."""
    for name, state in definition["States"].items():
        yield name, state
        for inner in _inner(state):
            yield from states(inner)


def _inner(state: Definition) -> list[Definition]:
    return [*state.get("Branches", []), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]


def _identifier(name: str) -> str:
    return "".join(word[0].upper() + word[1:] for word in re.findall(r"\w+", name))


def _nodes(described: Mapping[str, Definition], indent: str) -> Iterator[str]:
    for name, state in described.items():
        if inner := _inner(state):
            yield f'{indent}subgraph {_identifier(name)}["{name} ({state["Type"]})"]'
            yield f"{indent}  direction TB"
            for one in inner:
                yield from _nodes(one["States"], f"{indent}  ")
                yield from (f"{indent}  {edge}" for edge in _edges(one["States"]))
            yield f"{indent}end"
        else:
            opening, closing = _SHAPES.get(state["Type"], _RECTANGLE)
            yield f'{indent}{_identifier(name)}{opening}"{name}"{closing}'


def _edges(described: Mapping[str, Definition]) -> Iterator[str]:
    for name, state in described.items():
        transitions = [choice["Next"] for choice in state.get("Choices", [])]
        transitions += [state[field] for field in ("Default", "Next") if field in state]
        yield from (f"{_identifier(name)} --> {_identifier(target)}" for target in dict.fromkeys(transitions))
        caught = dict.fromkeys(one["Next"] for one in state.get("Catch", []))
        yield from (f"{_identifier(name)} -.-> {_identifier(target)}" for target in caught)


def _table(definition: Definition) -> Iterator[str]:
    yield "| state | function | what it does |"
    yield "| --- | --- | --- |"
    for name, state in states(definition):
        function = re.search(r"\$\{(\w+Function)Arn\}", str(state.get("Arguments", {}).get("FunctionName", "")))
        yield f"| {name} | {f'`{function[1]}`' if function else '–'} | {state.get('Comment', '')} |"
