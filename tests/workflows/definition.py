"""The definitions of the state machines, with the states of their branches."""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
STATE_MACHINES = sorted((REPOSITORY / "statemachines").glob("*.asl.json"))
PROCESS_IMAGE = REPOSITORY / "statemachines/process_image.asl.json"
PROCESS_BUCKET = REPOSITORY / "statemachines/process_bucket.asl.json"
CUSTOM_MODEL_SESSION = REPOSITORY / "statemachines/custom_model_session.asl.json"

FUNCTION_SUFFIX = "FunctionArn}"


@dataclass(frozen=True)
class Machine:
    """A machine, or a branch of a Parallel or Map state, with its states by name."""

    name: str
    start_at: str
    states: dict[str, dict[str, Any]]


def load(file: Path) -> dict[str, Any]:
    """Return a definition as in its file, without substitutions."""
    return json.loads(file.read_text(encoding="utf-8"))


def machines(definition: dict[str, Any], name: str) -> Iterator[Machine]:
    """Yield a machine and, below its states, every branch."""
    yield Machine(name, definition["StartAt"], definition["States"])
    for state_name, state in definition["States"].items():
        for index, branch in enumerate(branches(state)):
            yield from machines(branch, f"{name} / {state_name} [{index}]")


def states(definition: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return every state of a definition by its name, those of branches included."""
    return {name: state for machine in machines(definition, "") for name, state in machine.states.items()}


def tasks(definition: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the Task states of a definition by name."""
    return {name: state for name, state in states(definition).items() if state["Type"] == "Task"}


def expressions(node: Any) -> Iterator[str]:
    """Yield the JSONata expressions below a node of a definition."""
    if isinstance(node, dict):
        for value in node.values():
            yield from expressions(value)
    elif isinstance(node, list):
        for value in node:
            yield from expressions(value)
    elif isinstance(node, str) and node.startswith("{%"):
        yield node


def assigned(node: Any) -> Iterator[str]:
    """Yield the names of the variables that are assigned below a node of a definition."""
    if isinstance(node, dict):
        yield from node.get("Assign", {})
        for value in node.values():
            yield from assigned(value)
    elif isinstance(node, list):
        for value in node:
            yield from assigned(value)


def function_folder(task: dict[str, Any]) -> str:
    """Return the folder of the function that a task calls: ``detect_labels``."""
    name = task["Arguments"]["FunctionName"].removeprefix("${").removesuffix(FUNCTION_SUFFIX)
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).removeprefix("_")


def with_substitutions(
    definition: dict[str, Any], settings: dict[str, str], function_arn: Callable[[str], str]
) -> dict[str, Any]:
    """Return a definition as deployed: with its settings, and the ARN of each function by its folder."""
    text = json.dumps(definition)
    for name, value in {"Partition": "aws", **settings}.items():
        text = text.replace(f"${{{name}}}", value)
    for folder in {function_folder(task) for task in tasks(definition).values()}:
        text = text.replace(f"${{{folder.title().replace('_', '')}{FUNCTION_SUFFIX}", function_arn(folder))
    assert "${" not in text
    return json.loads(text)


def branches(state: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the machines inside a Parallel or Map state; none for other states."""
    return [*state.get("Branches", []), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]


def targets(state: dict[str, Any]) -> list[str]:
    """Return the names of the states that can follow a state."""
    found = [state[field] for field in ("Next", "Default") if field in state]
    return found + [rule["Next"] for field in ("Choices", "Catch") for rule in state.get(field, [])]


def with_timeouts(definition: dict[str, Any], *, task: int | None = None, machine: int | None = None) -> dict[str, Any]:
    """Return a copy with another timeout of every task, or of the machine."""
    changed = copy.deepcopy(definition)
    if task is not None:
        for state in tasks(changed).values():
            state["TimeoutSeconds"] = task
    if machine is not None:
        changed["TimeoutSeconds"] = machine
    return changed


DEFINITIONS = {file.name.removesuffix(".asl.json"): load(file) for file in STATE_MACHINES}
# Every state of every state machine: "process_image / Detect Labels".
STATES = {f"{name} / {state}": one for name, machine in DEFINITIONS.items() for state, one in states(machine).items()}
