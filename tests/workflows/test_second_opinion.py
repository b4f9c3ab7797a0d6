"""AWS's own validation of the state machines, and the reference implementation of JSONata on their expressions.

The test of each state machine compares its executions with those of LocalStack's interpreter.
"""

import copy
import json
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from ministack.services import stepfunctions

from tests.workflows.definition import DEFINITIONS as TEMPLATES
from tests.workflows.definition import expressions, with_substitutions
from tests.workflows.second_opinion.opinions import packages
from tests.workflows.second_opinion.reference import Reference

CHECK = Path(__file__).with_name("second_opinion") / "check.cjs"
SETTINGS = {"ModelPollSeconds": "30", "IdleSeconds": "60", "StopSeconds": "3600", "ResultsBucketName": "results"}
DEFINITIONS = {
    name: with_substitutions(definition, SETTINGS, lambda function: f"arn:{function}")
    for name, definition in TEMPLATES.items()
}


def _findings(definition):
    command = ["node", str(CHECK), str(packages())]
    text = json.dumps(definition)
    return json.loads(subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_validation_of_aws_finds_nothing_in_a_state_machine(name):
    assert _findings(DEFINITIONS[name]) == []


def test_validation_of_aws_refuses_a_broken_state_machine():
    broken = copy.deepcopy(DEFINITIONS["custom_model_session"])
    states = broken["States"]
    states["Open Session"] |= {"Next": "Nowhere", "Nxt": "Session Done"}
    states["Drain Queue In Parallel"]["ItemProcessor"]["States"]["Lost"] = {"Type": "Succeed"}
    states["Check Queue"]["Retry"][0]["Choices"] = []
    del states["Is There Work?"]["Choices"], states["Start Model"]["Next"]
    findings = _findings(broken)
    assert {
        *('The value of "Next" property must be the name of an existing state.', 'Missing property "Choices".'),
        *(
            "The state cannot be reached. It must be referenced by at least one other state.",
            'Missing property "Next".',
        ),
    } <= {*findings}
    assert findings.count("Field is not supported.") == 2


@pytest.fixture(scope="module")
def reference():
    with Reference(packages()) as running:
        yield running


# A fixed time, since two evaluations never have the same.
NOW = "1767225600123"
EXPRESSIONS = sorted(
    {one.removeprefix("{%").removesuffix("%}").strip().replace("$millis()", NOW) for one in expressions(DEFINITIONS)}
)
LITERALS = sorted({literal for one in EXPRESSIONS for literal in re.findall(r"'([^']*)'", one)})
# The cause that Lambda writes for an error, complete and truncated.
CAUSES = st.text(max_size=30).map(lambda message: json.dumps({"errorMessage": message, "errorType": "E"}))
TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from([*LITERALS, "", "{}", "{not JSON}", "[1]"]),
    CAUSES,
    CAUSES.map(lambda cause: cause[:20]),
)
NUMBERS = st.integers(-(10**12), 10**12) | st.floats(-1e9, 1e9).map(lambda number: float(f"{number:.12g}"))
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(TEXTS, SCALARS, max_size=2)


def _read(expression):
    """Return the names that an expression reads, as a tree: ``{"states": {"input": {"decision": {}}}}``."""
    tree = {}
    for path in re.findall(r"\$([a-z_]\w*(?:\.\w+|\[\d+\])*)(?![\w(])", expression):
        node = tree
        for name in re.sub(r"\[\d+\]", "", path).split("."):
            node = node.setdefault(name, {})
    return tree


def _values(tree, name="", *, is_object=False):
    """Generate values for an expression: all that it reads, some of it, a list of these, or something else."""
    is_object |= name == "context"
    if not tree:
        return VALUES
    fields = {field: _values(below, is_object=is_object) for field, below in tree.items()}
    everything, some = st.fixed_dictionaries(fields), st.fixed_dictionaries({}, optional=fields)
    return everything | some if is_object else everything | some | st.lists(some, max_size=3) | SCALARS


# The types that the state machines have under a name; with values of any type, most expressions have no value.
TYPED = {
    **dict.fromkeys(
        ("inspected", "seconds", "units", "events", "round_began", "empty_looks", "deadline", "stop_deadline", "done"),
        NUMBERS,
    ),
    "Cause": CAUSES,
    "Execution": st.fixed_dictionaries(dict.fromkeys(("Id", "StartTime", "RedriveTime"), TEXTS)),
    "input": st.dictionaries(TEXTS, SCALARS, max_size=2),
    # If two branches have the same field, the later one counts.
    "result": st.dictionaries(st.sampled_from(["metadata", "parts"]) | TEXTS, SCALARS, max_size=2),
}
LISTS = {"errors", "lost", "result", "workers"}


def _typed(tree, name=""):
    """Generate values for an expression in a normal execution: everything that it reads, of the right type."""
    of_type = TYPED.get(name, VALUES.filter(lambda value: value is not None))
    one = of_type
    if tree:
        one = st.fixed_dictionaries({below: _typed(fields, below) for below, fields in tree.items()})
    # A Lambda function returns no list; the branches of a Map or Parallel do.
    return st.lists(one, min_size=2, max_size=3) if name in LISTS and "Payload" not in tree else one


def _bindings(expression, values):
    """Generate the variables of an expression, and the fields of `$states`."""
    variables = _read(expression)
    states = variables.pop("states", {})
    return st.tuples(
        *(
            st.fixed_dictionaries({name: values(tree, name) for name, tree in one.items()})
            for one in (variables, states)
        )
    )


def _by_reference(reference, expression, variables, states):
    answer = reference.evaluate(expression, {**variables, "states": states})
    return _canonical(answer["value"]) if "value" in answer else None


def _by_engine(expression, variables, states):
    context = {**states.get("context", {}), "variables": variables}
    try:
        value = stepfunctions._evaluate_jsonata(
            expression, states.get("input"), context, states.get("result"), states.get("errorOutput")
        )
    except stepfunctions._ExecutionError as error:
        if error.error != "States.QueryEvaluationError":
            raise
        return None
    return _canonical(value)


def _canonical(value):
    """Return a value as JSON; 1 and 1.0 are the same number."""

    def number(digits):
        return int(float(digits)) if float(digits).is_integer() else float(digits)

    return json.dumps(json.loads(json.dumps(value), parse_float=number), sort_keys=True)


def _differs_harmlessly(expression, variables):
    # The state machines count only lists.
    return any(variables[name] is None for name in re.findall(r"\$count\(\$(\w+)\)", expression))


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_engine_evaluates_an_expression_as_the_reference_does(reference, expression):
    def compare(bindings):
        variables, states = bindings
        assume(not _differs_harmlessly(expression, variables))
        found = _by_reference(reference, expression, variables, states), _by_engine(expression, variables, states)
        # The engine escapes characters that are not ASCII: more bytes, the same value.
        if expression.startswith("$string("):
            found = [text and _canonical(json.loads(json.loads(text))) for text in found]
        assert found[0] == found[1]
        return found[0]

    of_any_kind = settings(max_examples=15, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
    of_any_kind(given(_bindings(expression, _values))(lambda bindings: compare(bindings) and None))()
    values = []
    as_expected = settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
    as_expected(given(_bindings(expression, _typed))(lambda bindings: values.append(compare(bindings))))()
    # Two errors, or two missing values, are equal too.
    assert sum(value is not None for value in values) > len(values) / 2


@pytest.mark.parametrize(
    ("expression", "value", "by_reference", "by_engine"),
    [
        ("$string($value)", {"name": "ü"}, '{"name":"ü"}', '{"name":"\\u00fc"}'),
        # Sizes, times and counts have fewer digits.
        ("$string($value)", [1 / 3], "[0.333333333333333]", "[0.3333333333333333]"),
        ("$value", 2**53 + 1, 2**53, 2**53 + 1),
        ("$count($value)", None, 1, 0),
    ],
)
def test_engine_differs_harmlessly_from_the_reference(reference, expression, value, by_reference, by_engine):
    assert _by_reference(reference, expression, {"value": value}, {}) == _canonical(by_reference)
    assert _by_engine(expression, {"value": value}, {}) == _canonical(by_engine)
