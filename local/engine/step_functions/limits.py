"""The limit of 256 KiB for the input and result of a task."""

from __future__ import annotations

import json

from ministack.services import stepfunctions as sf

# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html#service-limits-task-executions
MAX_PAYLOAD_BYTES = 256 * 1024


def install() -> None:
    """Patch the engine's task invocation."""
    refuse_a_large_payload()


def refuse_a_large_payload() -> None:
    """Fail a task whose input or result is larger than 256 KiB with `States.DataLimitExceeded`."""
    invoke = sf._invoke_resource

    def invoke_resource(resource: str, input_data: object) -> object:
        _check("input", input_data)
        result = invoke(resource, input_data)
        _check("result", result)
        return result

    sf._invoke_resource = invoke_resource


def _check(what: str, value: object) -> None:
    size_bytes = len(json.dumps(value, ensure_ascii=False, default=str).encode())
    if size_bytes > MAX_PAYLOAD_BYTES:
        raise sf._ExecutionError(
            "States.DataLimitExceeded",
            f"The state/task has a {what} of {size_bytes} bytes, exceeding the maximum number of bytes "
            f"service limit of {MAX_PAYLOAD_BYTES}.",
        )
