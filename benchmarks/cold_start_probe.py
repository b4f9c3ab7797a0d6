"""Load one handler, call it once and print the CPU time; :mod:`benchmarks.cold_start` starts it as a new interpreter.

Arguments: the handler as ``module.function``, and the event as JSON. Standard library only.
"""

import contextlib
import importlib
import io
import json
import sys
import time
from types import SimpleNamespace


def main() -> None:
    """Print the seconds of CPU time for importing and for the first call."""
    started = time.process_time()
    module, _, function = sys.argv[1].rpartition(".")
    context = SimpleNamespace(
        function_name="cold-start",
        function_version="$LATEST",
        memory_limit_in_mb=1769,
        invoked_function_arn="arn:aws:lambda:eu-central-1:123456789012:function:cold-start",
        aws_request_id="0",
        get_remaining_time_in_millis=lambda: 30_000,
    )
    log = io.StringIO()
    with contextlib.redirect_stdout(log):
        handler = getattr(importlib.import_module(module), function)
        imported = time.process_time()
        handler(json.loads(sys.argv[2]), context)
    called = time.process_time()
    print(json.dumps({"import_seconds": imported - started, "call_seconds": called - imported}))


if __name__ == "__main__":
    main()
