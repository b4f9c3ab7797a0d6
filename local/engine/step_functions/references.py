"""JSONPath references: paths without a match are errors, variables, filters, and `Assign`; conditions."""

from __future__ import annotations

import contextvars
import copy
import functools
import json
import re
import threading
from typing import Any

from jsonpath_ng import JSONPath
from jsonpath_ng.ext.parser import parse
from ministack.services import stepfunctions as sf

_VARIABLE = re.compile(r"\$([A-Za-z_]\w*)(.*)$", re.DOTALL)

# The context object of the state that the current thread runs, with its variables.
_context: contextvars.ContextVar[dict[str, Any]] = contextvars.ContextVar("asl_context")

# The generated parser of jsonpath-ng keeps state of its own.
_parser_lock = threading.Lock()


def install() -> None:
    """Patch how the engine resolves paths in JSONPath states, and how it evaluates conditions."""
    fail_on_a_path_that_leads_nowhere()
    tell_presence_from_value()
    refuse_a_condition_that_is_not_boolean()
    assign_variables_from_a_result()
    give_a_succeed_state_its_output()


def uses_jsonata(state: dict[str, Any], ctx: dict[str, Any] | None) -> bool:
    """Return whether a state uses JSONata, by its own `QueryLanguage` or that of its state machine."""
    return bool(sf._state_query_language(state, ctx) == "JSONata")


def enter(ctx: dict[str, Any]) -> None:
    """Set the context object against which the current thread resolves paths."""
    _context.set(ctx)


def resolve(path: str, data: object) -> object:
    """Resolve a reference path, a filter expression or `$variable.path`.

    Returns
    -------
    object
        The value, or the list of matches when the path has a wildcard, a filter, a slice or a descent.

    Raises
    ------
    ministack.services.stepfunctions._ExecutionError
        `States.Runtime` when the path has no match or the variable has no value.
    """
    if not isinstance(path, str) or path in ("", "$") or not path.startswith("$"):
        return data
    if variable := _VARIABLE.match(path):
        variables = _context.get({}).get("variables", {})
        name, rest = variable.groups()
        if name not in variables:
            raise sf._ExecutionError("States.Runtime", f"The variable '${name}' has not been assigned")
        return resolve(f"${rest}", copy.deepcopy(variables[name]))
    tokens = sf._parse_jsonpath_tokens(path)
    if tokens is not None and all(kind != "wildcard" for kind, _ in tokens):
        return _follow(path, tokens, data)
    with _parser_lock:
        expression = _parsed(path)
    matches = [match.value for match in expression.find(data)]
    # An index from the end is the only definite path that the engine does not support.
    if not re.fullmatch(r"\$(\.\w+|\[-?\d+\])*", path):
        return matches
    if not matches:
        raise _not_found(path, data)
    return matches[0]


@functools.cache
def _parsed(path: str) -> JSONPath:
    return parse(path)


def _follow(path: str, tokens: list[tuple[str, Any]], data: object) -> object:
    value: Any = data
    for kind, step in tokens:
        is_field = kind == "field" and isinstance(value, dict) and step in value
        is_index = kind == "index" and isinstance(value, list) and step < len(value)
        if not is_field and not is_index:
            raise _not_found(path, data)
        value = value[step]
    return value


def _not_found(path: str, data: object) -> Any:
    found_in = json.dumps(data, ensure_ascii=False)[:2000]
    return sf._ExecutionError("States.Runtime", f"The JSONPath '{path}' could not be found in the input '{found_in}'")


def fail_on_a_path_that_leads_nowhere() -> None:
    """Fail a state whose path has no match with `States.Runtime`; resolve filters and variables.

    The engine uses null instead, and the execution succeeds.
    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """

    def resolve_path_or_context(path: str, data: object, ctx: dict[str, Any] | None) -> object:
        if ctx is not None:
            enter(ctx)
        if path.startswith("States."):
            return sf._evaluate_intrinsic(path, data, ctx)
        return resolve(path[1:], ctx) if path.startswith("$$") else resolve(path, data)

    sf._resolve_path = resolve
    sf._resolve_path_or_ctx = resolve_path_or_context


def tell_presence_from_value() -> None:
    """Treat a field with the value null as present, and refuse every other test of an absent field.

    https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html
    """
    evaluate = sf._evaluate_rule

    def evaluate_rule(rule: dict[str, Any], data: object, ctx: dict[str, Any] | None = None) -> bool:
        if "IsPresent" not in rule or "Variable" not in rule:
            return bool(evaluate(rule, data, ctx))
        try:
            sf._resolve_path_or_ctx(rule["Variable"], data, ctx)
        except sf._ExecutionError:
            return rule["IsPresent"] is False
        return rule["IsPresent"] is True

    sf._evaluate_rule = evaluate_rule


def refuse_a_condition_that_is_not_boolean() -> None:
    """Fail a Choice state whose JSONata `Condition` is not boolean with `States.QueryEvaluationError`.

    The engine accepts every truthy value.
    https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html#state-choice-rules
    https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
    """

    def evaluate_choice_rule(rule: dict[str, Any], raw_input: object, ctx: dict[str, Any]) -> bool:
        return bool(sf._jsonata_state_field(rule, "Condition", "boolean", raw_input, ctx))

    sf._evaluate_jsonata_choice_rule = evaluate_choice_rule


def assign_variables_from_a_result() -> None:
    """Assign from the raw result of a JSONPath state; show `ResultSelector` context and variables.

    The engine supports `Assign` in JSONata only.
    https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
    """

    def apply_result_selector(state: dict[str, Any], result: object) -> object:
        ctx = _context.get({})
        assign = state.get("Assign")
        if assign and not uses_jsonata(state, ctx):
            ctx.setdefault("variables", {}).update(sf._resolve_params_obj(assign, result, ctx))
        selector = state.get("ResultSelector")
        return sf._resolve_params_obj(selector, result, ctx) if selector else result

    sf._apply_result_selector = apply_result_selector


def give_a_succeed_state_its_output() -> None:
    """End an execution with the `Output` of a Succeed state in JSONata.

    https://docs.aws.amazon.com/step-functions/latest/dg/state-succeed.html
    """
    apply = sf._apply_output_path

    def apply_output_path(state: dict[str, Any], data: object, ctx: dict[str, Any] | None = None) -> object:
        if state.get("Type") == "Succeed" and uses_jsonata(state, ctx):
            return sf._apply_jsonata_output(state, data, ctx, default=data)
        return apply(state, data, ctx)

    sf._apply_output_path = apply_output_path
