"""The graph of every state machine: what cfn-lint does not look at inside a SAM template."""

import json
import re

import pytest
from jsonata import Jsonata

from tests.workflows.definition import STATE_MACHINES, expressions, load, machines, states, targets, tasks
from vision.domain.failures import CAUSE_LIMIT
from vision.domain.session.decisions import WORKERS_LIMIT

# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html, JSONata only
COMMON = {"Type", "Comment", "QueryLanguage", "Output"}
ONWARD = {"Next", "End", "Assign"}
ALLOWED = {
    "Task": COMMON
    | ONWARD
    | {"Resource", "Arguments", "TimeoutSeconds", "HeartbeatSeconds", "Retry", "Catch", "Credentials"},
    "Parallel": COMMON | ONWARD | {"Branches", "Arguments", "Retry", "Catch"},
    "Map": COMMON
    | ONWARD
    | {
        "Items",
        "ItemSelector",
        "ItemProcessor",
        "ItemReader",
        "ItemBatcher",
        "ResultWriter",
        "MaxConcurrency",
        "ToleratedFailureCount",
        "ToleratedFailurePercentage",
        "Label",
        "Retry",
        "Catch",
    },
    "Pass": COMMON | ONWARD,
    "Wait": COMMON | ONWARD | {"Seconds", "Timestamp"},
    "Choice": COMMON | {"Choices", "Default", "Assign"},
    "Succeed": COMMON,
    "Fail": {"Type", "Comment", "QueryLanguage", "Error", "Cause"},
}
RETRY = {"Comment", "ErrorEquals", "IntervalSeconds", "BackoffRate", "MaxAttempts", "MaxDelaySeconds", "JitterStrategy"}
CATCH = {"Comment", "ErrorEquals", "Assign", "Output", "Next"}
CHOICE = {"Comment", "Condition", "Assign", "Output", "Next"}

DEFINITIONS = {file.name.removesuffix(".asl.json"): load(file) for file in STATE_MACHINES}
MACHINES = {one.name: one for name, definition in DEFINITIONS.items() for one in machines(definition, name)}
STATES = {
    f"{name} / {state_name}": state
    for name, definition in DEFINITIONS.items()
    for state_name, state in states(definition).items()
}
TASKS = {
    f"{name} / {state_name}": state
    for name, definition in DEFINITIONS.items()
    for state_name, state in tasks(definition).items()
}
CHOICES = {name: state for name, state in STATES.items() if state["Type"] == "Choice"}
RETRIERS = {f"{name} / Retry[{i}]": rule for name, one in STATES.items() for i, rule in enumerate(one.get("Retry", []))}
CATCHERS = {f"{name} / Catch[{i}]": rule for name, one in STATES.items() for i, rule in enumerate(one.get("Catch", []))}


def _assigned(node):
    if isinstance(node, dict):
        yield from node.get("Assign", {})
        for value in node.values():
            yield from _assigned(value)
    elif isinstance(node, list):
        for value in node:
            yield from _assigned(value)


EXPRESSIONS = sorted(set(expressions(DEFINITIONS)))


def each(collection):
    return pytest.mark.parametrize("name", collection)


@each(DEFINITIONS)
def test_a_machine_says_what_it_is_for(name):
    assert re.fullmatch(r"[A-Z].{40,}\.", DEFINITIONS[name]["Comment"])


@each(DEFINITIONS)
def test_a_machine_is_written_in_jsonata(name):
    assert DEFINITIONS[name]["QueryLanguage"] == "JSONata"
    assert not [state for state in states(DEFINITIONS[name]).values() if "QueryLanguage" in state]


@each(DEFINITIONS)
def test_a_machine_ends_some_time(name):
    assert isinstance(DEFINITIONS[name]["TimeoutSeconds"], int)


@each(DEFINITIONS)
def test_a_machine_has_no_unknown_field(name):
    assert DEFINITIONS[name].keys() == {"Comment", "QueryLanguage", "TimeoutSeconds", "StartAt", "States"}


@each(DEFINITIONS)
def test_no_two_states_have_the_same_name(name):
    names = [state for machine in machines(DEFINITIONS[name], name) for state in machine.states]
    assert len(names) == len(set(names))


@each(MACHINES)
def test_every_target_exists(name):
    machine = MACHINES[name]
    wanted = {machine.start_at, *(target for state in machine.states.values() for target in targets(state))}
    assert wanted <= machine.states.keys()


@each(MACHINES)
def test_every_state_is_reached(name):
    machine, seen, ahead = MACHINES[name], set(), [MACHINES[name].start_at]
    while ahead:
        state = ahead.pop()
        if state not in seen:
            seen.add(state)
            ahead += targets(machine.states[state])
    assert seen == machine.states.keys()


@each(MACHINES)
def test_every_state_comes_to_an_end(name):
    machine = MACHINES[name]
    ends = {state for state, one in machine.states.items() if one.get("End") or one["Type"] in ("Succeed", "Fail")}
    while more := {state for state, one in machine.states.items() if set(targets(one)) & ends} - ends:
        ends |= more
    assert ends == machine.states.keys()


@each(STATES)
def test_a_state_says_why_it_is_there(name):
    assert re.fullmatch(r"[A-Z].{40,}\.", STATES[name]["Comment"])


@each(STATES)
def test_a_state_has_the_fields_of_its_type_only(name):
    assert STATES[name].keys() <= ALLOWED[STATES[name]["Type"]]


@each([name for name, state in STATES.items() if state["Type"] not in ("Choice", "Succeed", "Fail")])
def test_a_state_goes_on_or_ends(name):
    assert ("Next" in STATES[name]) != (STATES[name].get("End") is True)


@each(CHOICES)
def test_a_choice_has_a_default(name):
    assert "Default" in CHOICES[name]


@each(CHOICES)
def test_a_choice_has_conditions_only(name):
    assert all({"Condition", "Next"} <= rule.keys() <= CHOICE for rule in CHOICES[name]["Choices"])


@each(TASKS)
def test_a_task_is_an_invocation_in_any_partition(name):
    assert TASKS[name]["Resource"] == "arn:${Partition}:states:::lambda:invoke"


@each(TASKS)
def test_a_task_takes_a_function_and_its_payload(name):
    assert TASKS[name]["Arguments"].keys() == {"FunctionName", "Payload"}


@each(TASKS)
def test_a_task_is_given_a_time(name):
    assert 0 < TASKS[name]["TimeoutSeconds"] <= 900


@each(TASKS)
def test_a_task_retries_a_timeout_and_a_dead_environment(name):
    retried = {error for rule in TASKS[name]["Retry"] for error in rule["ErrorEquals"]}
    assert {"States.Timeout", "Sandbox.Timedout", "Runtime.ExitError", "Lambda.TooManyRequestsException"} <= retried


@each(TASKS)
def test_a_task_names_an_error_once(name):
    named = [error for rule in TASKS[name]["Retry"] for error in rule["ErrorEquals"]]
    assert len(named) == len(set(named))


@each(TASKS)
def test_a_task_never_retries_what_it_does_not_know(name):
    # Without a wildcard, a retrier without attempts has no effect.
    named = {error for rule in TASKS[name]["Retry"] for error in rule["ErrorEquals"]}
    assert not named & {"States.ALL", "States.TaskFailed"}
    assert all(rule["MaxAttempts"] > 0 for rule in TASKS[name]["Retry"])


# A batch that fails is counted by its Map as a failed child, and told in the result files; a summary that cannot be
# written fails its execution, whose event has it tried again.
FAILING = {
    "process_bucket / Process Batch",
    "process_bucket / Process Batch From Inventory",
    "process_bucket / Summarize Run",
}


@each(sorted(FAILING))
def test_a_task_whose_failure_is_seen_elsewhere_catches_nothing(name):
    assert "Catch" not in TASKS[name]


@each([name for name in TASKS if name not in FAILING])
def test_a_task_catches_everything_that_can_be_caught(name):
    assert [rule["ErrorEquals"] for rule in TASKS[name]["Catch"]] == [["States.ALL"]]


@each(TASKS)
def test_the_longest_wait_of_a_task_fits_into_the_machine(name):
    machine = DEFINITIONS[name.split(" / ")[0]]
    waits = sum(
        min(rule["IntervalSeconds"] * rule["BackoffRate"] ** attempt, rule["MaxDelaySeconds"])
        for rule in TASKS[name]["Retry"]
        for attempt in range(rule["MaxAttempts"])
    )
    assert waits < machine["TimeoutSeconds"]


@each(RETRIERS)
def test_a_retry_has_known_fields_and_its_reason(name):
    assert {"Comment", "ErrorEquals", "MaxAttempts"} <= RETRIERS[name].keys() <= RETRY


@each(RETRIERS)
def test_a_retry_waits_with_full_jitter(name):
    assert RETRIERS[name]["JitterStrategy"] == "FULL"


@each(RETRIERS)
def test_a_retry_has_a_longest_wait(name):
    rule = RETRIERS[name]
    assert rule["IntervalSeconds"] < rule["MaxDelaySeconds"] <= 60
    assert rule["BackoffRate"] > 1


@each(CATCHERS)
def test_a_catch_has_known_fields(name):
    assert {"ErrorEquals", "Next"} <= CATCHERS[name].keys() <= CATCH


@each(CATCHERS)
def test_a_catch_hands_on_why(name):
    assert [one for one in expressions(CATCHERS[name]) if "$states.errorOutput" in one or "$errors" in one]


@each(STATES)
def test_a_state_has_nothing_of_jsonpath(name):
    assert not STATES[name].keys() & {"InputPath", "OutputPath", "ResultPath", "ResultSelector", "Parameters"}


@each(EXPRESSIONS)
def test_an_expression_is_jsonata(name):
    Jsonata(name.removeprefix("{%").removesuffix("%}"))


@each(DEFINITIONS)
def test_expressions_use_variables_that_the_machine_assigns(name):
    used = {
        variable
        for one in expressions(DEFINITIONS[name])
        for variable in {*re.findall(r"\$(\w+)(?!\w*\()", one)} - {*re.findall(r"\$(\w+) :=", one)}
    }
    assert used - {"states"} <= set(_assigned(DEFINITIONS[name]))


def test_a_session_gives_every_variable_a_value_first():
    # Without a value an expression fails, and the way out can be taken from anywhere.
    # https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
    session = DEFINITIONS["custom_model_session"]
    assert session["States"][session["StartAt"]]["Assign"].keys() == set(_assigned(session))


def test_a_state_inside_another_assigns_nothing():
    # A variable of a branch is gone with it.
    inside = [one for one in MACHINES if "[" in one]
    assert inside
    assert not [one for name in inside for one in _assigned(MACHINES[name].states)]


def _evaluated(expression, **variables):
    frame = Jsonata.Frame(None)
    for name, value in variables.items():
        frame.bind(name, value)
    compiled = Jsonata(expression.removeprefix("{%").removesuffix("%}"))
    # $parse is of Step Functions, not of JSONata.
    # https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html#jsonata-functions-provided-by-sfn
    compiled.register_lambda("parse", json.loads)
    return compiled.evaluate(None, frame)


@pytest.mark.parametrize("state", ["Store Metadata", "Store Metadata After Failure"])
@pytest.mark.parametrize("redrive", [{}, {"RedriveTime": "2026-01-01T00:10:00.000Z", "RedriveCount": 1}])
def test_the_record_is_given_the_time_of_a_redrive_if_there_was_one(state, redrive):
    # The local engine cannot redrive, so the expression is evaluated by itself.
    execution = {"Id": "arn", "StartTime": "2026-01-01T00:00:00.000Z"}
    payload = _evaluated(
        TASKS[f"process_image / {state}"]["Arguments"]["Payload"],
        states={"context": {"Execution": {**execution, **redrive, "Name": "n", "Input": {}}}},
        envelope={"photo_id": "p"},
        parts={"labels": []},
        errors=[],
    )
    redriven = {name: value for name, value in redrive.items() if name == "RedriveTime"}
    assert payload == {
        "envelope": {"photo_id": "p"},
        "parts": {"labels": []},
        "errors": [],
        "execution": {**execution, **redriven},
    }


@each(CATCHERS)
def test_a_catch_gives_a_value_even_when_an_error_has_no_cause(name):
    # Cause is optional, and an expression without a value would fail the state under another name.
    # https://docs.aws.amazon.com/step-functions/latest/apireference/API_TaskTimedOutEventDetails.html
    error = {"Error": "States.Timeout"}
    given = {"states": {"input": {}, "errorOutput": error}, "errors": [error], "metadata": {}, "envelope": {}}
    given |= {"error": None}
    values = {expression: _evaluated(expression, **given) for expression in expressions(CATCHERS[name])}
    assert not [expression for expression, value in values.items() if value is None]


def test_a_failed_image_fails_its_execution():
    ends = {name: state for name, state in DEFINITIONS["process_image"]["States"].items() if state["Type"] == "Fail"}
    assert list(ends) == ["Image Failed"]


def test_the_record_keeps_less_of_a_cause_than_a_fail_state_takes():
    # https://docs.aws.amazon.com/step-functions/latest/apireference/API_ExecutionFailedEventDetails.html
    assert CAUSE_LIMIT <= 32_768


def test_a_photo_takes_at_most_six_transitions():
    definition = DEFINITIONS["process_image"]
    path, state = [], definition["StartAt"]
    while state:
        path.append(state)
        one = definition["States"][state]
        path += [branch["StartAt"] for branch in one.get("Branches", [])]
        state = one["Choices"][0]["Next"] if "Choices" in one else one.get("Next")
    assert len(path) <= 6


SESSION = DEFINITIONS["custom_model_session"]


def test_every_way_out_of_a_session_that_took_the_lease_leads_through_the_stop():
    ways = {
        name: {rule["Next"] for rule in state["Catch"]} for name, state in SESSION["States"].items() if "Catch" in state
    }
    assert ways.pop("Stop Model") == {"Session Failed"}
    assert set(map(frozenset, ways.values())) == {frozenset({"Stop Model"})}


def test_a_session_ends_without_the_stop_only_where_there_was_nothing_to_do():
    # Without Stop Model nothing but "Nothing To Do" is an end that can be reached.
    seen, ahead = set(), [SESSION["StartAt"]]
    while ahead:
        name = ahead.pop()
        if name != "Stop Model" and name not in seen:
            seen.add(name)
            ahead += targets(SESSION["States"][name])
    ends = {name for name in seen if SESSION["States"][name]["Type"] in ("Succeed", "Fail")}
    assert ends == {"Nothing To Do"}


def test_an_error_is_assigned_only_where_there_was_none_before():
    assigned = [
        rule["Assign"]["error"]
        for state in SESSION["States"].values()
        for rule in (*state.get("Catch", []), *state.get("Choices", []))
        if "error" in rule.get("Assign", {}) and rule["Next"] == "Session Failed"
    ]
    assert assigned
    assert all(one.startswith("{% $error != null ? $error : ") for one in assigned)


NO_CAUSE = "Step Functions gave no cause; the history of the execution shows what happened."
[NOT_RECORDED] = STATES["process_image / Store Metadata After Failure"]["Catch"]
UNRECORDED = NOT_RECORDED["Output"]["error"]["cause"]
SAID = [
    ('{"errorMessage": "model: EXPIRED", "errorType": "ModelNotUsable"}', "model: EXPIRED"),
    ('{"errorType":"KeyError","errorMessage":"\'a \\"b\\" \\u00d7\\n\'"}', "'a \"b\" ×\n'"),
    # Step Functions cuts a cause at 32,768 characters, anywhere.
    ('{"errorMessage": "model: EXPIRED", "stackTrace": ["cut in the mid', "model: EXPIRED"),
]
UNWRAPPED = [
    *('{"errorMessage": "cut in the mid', '{"errorType": "Runtime.ExitError"}', "no answer in time", "null", "{}"),
    *("{like this}", '{"errorMessage": }', '{"errorMessage": "no \\q escape"}', '{"errorMessage": ""}'),
]


@pytest.mark.parametrize(
    ("cause", "told"), [*SAID, *((cause, cause) for cause in UNWRAPPED), ("", NO_CAUSE), (None, NO_CAUSE)]
)
@pytest.mark.parametrize(
    ("expression", "of"),
    [
        (SESSION["States"]["Session Failed"]["Cause"], lambda error: {"error": error}),
        (DEFINITIONS["process_bucket"]["States"]["Run Refused"]["Cause"], lambda error: {"states": {"input": error}}),
        (UNRECORDED, lambda error: {"errors": [error]}),
    ],
    ids=["session", "run", "image"],
)
def test_a_failure_says_why_whatever_its_cause_is(expression, of, cause, told):
    error = {"Error": "E"} if cause is None else {"Error": "E", "Cause": cause}
    assert _evaluated(expression, **of(error)) == told


def test_the_wait_between_two_looks_at_the_queue_and_the_model_are_settings():
    waits = {name: state["Seconds"] for name, state in SESSION["States"].items() if state["Type"] == "Wait"}
    assert waits == {
        "Wait For Model": "{% $number('${ModelPollSeconds}') %}",
        "Wait For Stragglers": "{% $number('${IdleSeconds}') %}",
        "Wait For Stop": "{% $number('${ModelPollSeconds}') %}",
    }


def test_a_worker_that_fails_never_fails_the_others():
    # A failed iteration ends its Map and all others at once.
    # https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html
    worker = SESSION["States"]["Drain Queue In Parallel"]["ItemProcessor"]["States"]["Drain Queue"]
    assert [(rule["ErrorEquals"], rule["Next"]) for rule in worker["Catch"]] == [(["States.ALL"], "Worker Lost")]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ({"Cause": '{"errorMessage": "model: gone", "stackTrace": ["' + "x" * 20_000 + '"]}'}, "model: gone"),
        ({"Cause": '{"errorType": "Runtime.ExitError"}'}, '{"errorType": "Runtime.ExitError"}'),
        ({"Cause": "{like this}"}, "{like this}"),
        ({"Cause": "x" * 32_768}, "x" * 1_000),
        ({"Cause": ""}, NO_CAUSE),
        ({}, NO_CAUSE),
    ],
)
def test_a_lost_worker_says_why_in_so_few_words_that_those_of_all_fit_into_a_state(error, told):
    worker = SESSION["States"]["Drain Queue In Parallel"]["ItemProcessor"]["States"]["Worker Lost"]
    cause = _evaluated(worker["Output"]["error"]["Cause"], states={"input": {"error": {"Error": "E", **error}}})
    assert _evaluated(SESSION["States"]["Session Failed"]["Cause"], error={"Error": "E", "Cause": cause}) == told
    # A character takes at most six bytes of JSON, or four of UTF-8.
    # https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    assert 6 * len(cause) * WORKERS_LIMIT < 262_144


# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
EVENTS_LIMIT = 25_000


def _events(state):
    """Return how many events a state without branches adds to the history: entered, exited, and what a task does."""
    return {"Task": 5}.get(state["Type"], 2)


@pytest.mark.parametrize(
    ("counting", "loop"),
    [
        ("Start Model", ["Start Model", "Is Model Ready?", "Wait For Model"]),
        ("Check Queue Again", ["Check Queue Again", "Is Queue Empty?", "Wait For Stragglers"]),
        ("Stop Model", ["Stop Model", "Is Model Stopped?", "Wait For Stop"]),
    ],
)
def test_a_look_is_counted_with_the_events_that_it_adds(counting, loop):
    added = sum(_events(SESSION["States"][name]) for name in loop)
    assert SESSION["States"][counting]["Assign"]["events"] == f"{{% $events + {added} %}}"


@pytest.mark.parametrize("workers", [[1], [1, 2, 3], list(range(40))])
def test_a_round_is_counted_with_the_events_of_its_workers(workers):
    drain = SESSION["States"]["Drain Queue In Parallel"]
    worker = drain["ItemProcessor"]["States"]["Drain Queue"]
    # The Map is entered, started, ended and left; each of its iterations is started and ended.
    added = 4 + len(workers) * (2 + _events(worker))
    assert _evaluated(drain["Assign"]["events"], events=100, workers=workers) == 100 + added


@pytest.mark.parametrize(
    ("choice", "deadline", "limit"),
    [
        ("Is Model Ready?", "deadline", 16_000),
        ("Is Queue Empty?", "deadline", 16_000),
        ("Is Model Stopped?", "stop_deadline", 20_000),
    ],
)
def test_a_session_ends_in_order_before_its_history_is_full(choice, deadline, limit):
    conditions = [rule["Condition"] for rule in SESSION["States"][choice]["Choices"]]
    assert f"{{% $millis() > ${deadline} or $events > {limit} %}}" in conditions
    # What is left is for retries, which are not counted, and for the largest round.
    assert limit + 4 + WORKERS_LIMIT * 7 < EVENTS_LIMIT - 4_000


def test_an_hour_of_looks_at_a_stopping_model_fits_into_what_is_kept_for_it():
    looks = 3_600 / 30
    assert looks * 9 < 20_000 - 16_000
