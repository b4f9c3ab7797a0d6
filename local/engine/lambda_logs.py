"""The log lines of a function: its log level decides which of them Lambda sends to CloudWatch Logs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ministack.services import lambda_svc

# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
# With Python's names beside Lambda's: the runtime reports the level of each `logging` record to Lambda by its name.
_LEVELS = {"TRACE": 0, "DEBUG": 1, "INFO": 2, "WARN": 3, "WARNING": 3, "ERROR": 4, "FATAL": 5, "CRITICAL": 5}
_DEFAULT_LEVEL = "INFO"
# https://www.rfc-editor.org/rfc/rfc3339#section-5.6
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def install() -> None:
    """Send to CloudWatch Logs only the lines that Lambda would send."""
    emit = lambda_svc._emit_lambda_logs

    def emit_lines_of_the_level(func: dict[str, Any], request_id: str, log_text: str, *rest: Any, **named: Any) -> None:
        logging_config = (func.get("config") or func).get("LoggingConfig") or {}
        emit(func, request_id, "\n".join(kept(logging_config, log_text.splitlines())), *rest, **named)

    lambda_svc._emit_lambda_logs = emit_lines_of_the_level


def variables(logging_config: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that configure the logging of the runtime and Powertools.

    With the format Text there is no level: Lambda refuses one.
    """
    if logging_config.get("LogFormat") != "JSON":
        return {"AWS_LAMBDA_LOG_FORMAT": "Text"}
    level = logging_config.get("ApplicationLogLevel", _DEFAULT_LEVEL)
    return {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": level}


def kept(logging_config: Mapping[str, Any], lines: list[str]) -> list[str]:
    """Return the lines that Lambda sends to CloudWatch Logs.

    With the format JSON it drops lines below the level of the function. A line without a valid ``level``, or without
    a ``timestamp`` of RFC 3339, counts as INFO, such as one of the embedded metric format.
    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
    """
    if logging_config.get("LogFormat") != "JSON":
        return lines
    lowest = _LEVELS[logging_config.get("ApplicationLogLevel", _DEFAULT_LEVEL)]
    return [line for line in lines if _level(line) >= lowest]


def _level(line: str) -> int:
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    if not isinstance(record, dict) or not _RFC_3339.fullmatch(str(record.get("timestamp"))):
        return _LEVELS[_DEFAULT_LEVEL]
    return _LEVELS.get(str(record.get("level")).upper(), _LEVELS[_DEFAULT_LEVEL])
