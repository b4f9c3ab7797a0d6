"""The diagrams of docs/architecture.md: those of the state machines as they are now."""

import json

import pytest

from local.docs import workflows

DEFINITIONS = {
    path.name.partition(".")[0]: json.loads(path.read_text(encoding="utf-8"))
    for path in workflows.FOLDER.glob("*.asl.json")
}

SMALL = {
    "Comment": "Reads and stores.",
    "StartAt": "Read",
    "States": {
        "Read": {
            "Comment": "Reads it.",
            "Type": "Task",
            "Arguments": {"FunctionName": "${ReadFunctionArn}"},
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Not Read"}],
            "Next": "Is It New?",
        },
        "Is It New?": {
            "Type": "Choice",
            "Choices": [
                {"Condition": "{% true %}", "Next": "Store All"},
                {"Condition": "{% 1 %}", "Next": "Store All"},
            ],
            "Default": "Done",
        },
        "Store All": {
            "Type": "Map",
            "ItemProcessor": {"StartAt": "Store", "States": {"Store": {"Type": "Task", "End": True}}},
            "End": True,
        },
        "Done": {"Type": "Succeed"},
        "Not Read": {"Type": "Fail"},
    },
}


def test_page_is_that_of_the_state_machines():
    written = workflows.PAGE.read_text(encoding="utf-8")
    assert written == workflows.text(), "write it again with `make docs`"


def test_each_state_machine_has_a_diagram_and_a_table_on_the_page():
    page = workflows.PAGE.read_text(encoding="utf-8")
    assert DEFINITIONS
    assert all(workflows.section(definition) in page for definition in DEFINITIONS.values())


def test_diagram_has_each_transition_once_and_errors_as_dotted_arrows():
    lines = [line.strip() for line in workflows.diagram(SMALL)]
    assert [line for line in lines if "->" in line] == [
        "start(( )) --> Read",
        "Read --> IsItNew",
        "Read -.-> NotRead",
        "IsItNew --> StoreAll",
        "IsItNew --> Done",
    ]


def test_diagram_puts_states_of_a_map_inside_it_and_outlines_the_ends():
    lines = [line.strip() for line in workflows.diagram(SMALL)]
    inside = lines[lines.index('subgraph StoreAll["Store All (Map)"]') : lines.index("end")]
    assert 'Store["Store"]' in inside
    assert {"class NotRead failed", "class Done,StoreAll succeeded"} <= set(lines)


def test_table_names_the_function_of_a_state():
    section = workflows.section(SMALL)
    assert "| Read | `ReadFunction` | Reads it. |" in section
    assert "| Is It New? | – |  |" in section


@pytest.mark.parametrize("name", DEFINITIONS)
def test_states_have_names_that_stay_apart_in_a_diagram(name):
    names = [one for one, _ in workflows.states(DEFINITIONS[name])]
    assert len({workflows._identifier(one) for one in names}) == len(names)
