"""The diagrams of docs/architecture.md: those of the state machines as they are now."""

import json

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
            "Choices": [{"Condition": condition, "Next": "Store All"} for condition in ("{% true %}", "{% 1 %}")],
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
    page = workflows.PAGE.read_text(encoding="utf-8")
    assert page == workflows.text(), "write it again with `make docs`"
    assert DEFINITIONS
    for definition in DEFINITIONS.values():
        assert workflows.section(definition) in page
        names = [one for one, _ in workflows.states(definition)]
        assert len({workflows._identifier(one) for one in names}) == len(names)


def test_diagram_has_each_transition_once_and_errors_as_dotted_arrows():
    lines = [line.strip() for line in workflows.diagram(SMALL)]
    assert [line for line in lines if "->" in line] == [
        "start(( )) --> Read",
        "Read --> IsItNew",
        "Read -.-> NotRead",
        "IsItNew --> StoreAll",
        "IsItNew --> Done",
    ]
    # States of a Map are inside it.
    inside = lines[lines.index('subgraph StoreAll["Store All (Map)"]') : lines.index("end")]
    assert 'Store["Store"]' in inside
    assert {"class NotRead failed", "class Done,StoreAll succeeded"} <= set(lines)


def test_table_names_the_function_of_a_state():
    section = workflows.section(SMALL)
    assert "| Read | `ReadFunction` | Reads it. |" in section
    assert "| Is It New? | – |  |" in section
