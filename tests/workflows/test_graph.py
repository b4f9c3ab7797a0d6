"""What AWS does not ask of a state machine, and this project does.

Its own validation, in test_second_opinion.py, finds unknown fields, missing ones, and states that are not reached."""

import re

import pytest

from tests.workflows.definition import DEFINITIONS, STATES, assigned, expressions, machines, targets

MACHINES = {one.name: one for name, definition in DEFINITIONS.items() for one in machines(definition, name)}
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
CHOICES = {name: state for name, state in STATES.items() if state["Type"] == "Choice"}
RETRIERS = {f"{name} / Retry[{i}]": rule for name, one in STATES.items() for i, rule in enumerate(one.get("Retry", []))}
CATCHERS = {f"{name} / Catch[{i}]": rule for name, one in STATES.items() for i, rule in enumerate(one.get("Catch", []))}


def each(collection):
    return pytest.mark.parametrize("name", collection)


@each(DEFINITIONS)
def test_machine_has_a_purpose_a_timeout_and_jsonata_as_its_language(name):
    definition = DEFINITIONS[name]
    assert definition.keys() == {"Comment", "QueryLanguage", "TimeoutSeconds", "StartAt", "States"}
    assert re.fullmatch(r"[A-Z].{40,}\.", definition["Comment"])
    assert definition["QueryLanguage"] == "JSONata"
    assert isinstance(definition["TimeoutSeconds"], int)


@each(DEFINITIONS)
def test_names_of_states_are_unique(name):
    names = [state for machine in machines(DEFINITIONS[name], name) for state in machine.states]
    assert len(names) == len(set(names))


@each(MACHINES)
def test_every_state_leads_to_an_end(name):
    machine = MACHINES[name]
    ends = {state for state, one in machine.states.items() if one.get("End") or one["Type"] in ("Succeed", "Fail")}
    while more := {state for state, one in machine.states.items() if set(targets(one)) & ends} - ends:
        ends |= more
    assert ends == machine.states.keys()


@each(STATES)
def test_state_has_a_reason(name):
    assert re.fullmatch(r"[A-Z].{40,}\.", STATES[name]["Comment"])


@each(CHOICES)
def test_choice_has_a_default(name):
    assert "Default" in CHOICES[name]


@each(TASKS)
def test_task_invokes_a_function_in_any_partition_with_a_timeout(name):
    task = TASKS[name]
    assert task["Resource"] == "arn:${Partition}:states:::lambda:invoke"
    assert task["Arguments"].keys() == {"FunctionName", "Payload"}
    assert 0 < task["TimeoutSeconds"] <= 900


@each(TASKS)
def test_all_retries_of_a_task_fit_into_the_machine(name):
    waits = sum(
        min(rule["IntervalSeconds"] * rule["BackoffRate"] ** attempt, rule["MaxDelaySeconds"])
        for rule in TASKS[name]["Retry"]
        for attempt in range(rule["MaxAttempts"])
    )
    assert waits < DEFINITIONS[name.split(" / ")[0]]["TimeoutSeconds"]


@each(RETRIERS)
def test_retrier_has_full_jitter_up_to_a_longest_wait_and_names_its_errors_those_of_the_project_first(name):
    rule = RETRIERS[name]
    assert rule["Comment"]
    assert rule["JitterStrategy"] == "FULL"
    assert rule["IntervalSeconds"] < rule["MaxDelaySeconds"] <= 60
    assert rule["BackoffRate"] > 1
    # Without a wildcard, a retrier without attempts has no effect.
    assert not {"States.ALL", "States.TaskFailed"} & {*rule["ErrorEquals"]}
    assert rule["MaxAttempts"] > 0
    of_aws = ["." in error for error in rule["ErrorEquals"]]
    assert of_aws == sorted(of_aws)


@each(CATCHERS)
def test_catch_has_a_reason_catches_all_errors_and_hands_on_the_error(name):
    rule = CATCHERS[name]
    assert rule["Comment"]
    assert rule["ErrorEquals"] in (["States.ALL"], ["ImageFailed"])
    assert [one for one in expressions(rule) if "$states.errorOutput" in one or "$errors" in one]


# The Map counts a failed batch as a failed child and writes it to the result files. A summary that cannot be written
# fails its execution, whose event starts it again.
WITHOUT_CATCH = {
    f"process_bucket / {one}" for one in ("Process Batch", "Process Batch From Inventory", "Summarize Run")
}


def test_every_task_catches_all_errors_last_unless_its_failure_is_reported_elsewhere():
    assert {name for name, task in TASKS.items() if "Catch" not in task} == WITHOUT_CATCH
    named = {name: [one["ErrorEquals"] for one in task.get("Catch", [])] for name, task in TASKS.items()}
    assert [name for name, errors in named.items() if len(errors) > 1] == ["process_image / Store Metadata"]
    assert all(errors[-1] == ["States.ALL"] for errors in named.values() if errors)


@each(DEFINITIONS)
def test_expressions_use_only_assigned_variables(name):
    used = {
        variable
        for one in expressions(DEFINITIONS[name])
        for variable in {*re.findall(r"\$(\w+)(?!\w*\()", one)} - {*re.findall(r"\$(\w+) :=", one)}
    }
    assert used - {"states"} <= set(assigned(DEFINITIONS[name]))


def test_states_of_branches_assign_nothing():
    # A variable of a branch ends with it.
    branches = [name for name in MACHINES if "[" in name]
    assert branches
    assert not [one for name in branches for one in assigned(MACHINES[name].states)]


def test_only_a_failed_image_fails_its_execution():
    ends = [name for name, state in DEFINITIONS["process_image"]["States"].items() if state["Type"] == "Fail"]
    assert ends == ["Image Failed"]


def test_photo_takes_five_transitions_and_no_choice():
    definition = DEFINITIONS["process_image"]
    path, state = [], definition["StartAt"]
    while state:
        path.append(state)
        one = definition["States"][state]
        path += [branch["StartAt"] for branch in one.get("Branches", [])]
        state = one.get("Next")
    assert path == ["Extract Metadata", "Label and Thumbnail", "Detect Labels", "Generate Thumbnail", "Store Metadata"]
