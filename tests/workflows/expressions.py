"""Expressions of the state machines, evaluated without an execution."""

import json
from typing import Any

from jsonata import Jsonata


def evaluate(expression: str, **variables: Any) -> Any:
    """Return the value of an expression ``{% … %}``."""
    frame = Jsonata.Frame(None)
    for name, value in variables.items():
        frame.bind(name, value)
    compiled = Jsonata(expression.removeprefix("{%").removesuffix("%}"))
    # $parse is a function of Step Functions, not of JSONata.
    # https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html#jsonata-functions-provided-by-sfn
    compiled.register_lambda("parse", json.loads)
    return compiled.evaluate(None, frame)
