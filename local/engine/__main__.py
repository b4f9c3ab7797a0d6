"""Start the local AWS in the foreground: `python -m local.engine --port 4566 --state-dir .local/state`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from local.engine.port import PortTakenError, require_free
from local.engine.settings import (
    DEFAULT_PORT,
    DEFAULT_RUNTIME_PYTHON,
    EngineSettings,
    default_concurrency,
)
from local.engine.state import StateInUseError, claim, empty, move_to
from local.engine.version import UnsupportedEngineError, require_supported_version


def parse_settings(arguments: list[str]) -> EngineSettings:
    """Read the command line.

    Raises
    ------
    SystemExit
        When an argument is missing or wrong, or when the Lambda interpreter does not exist.
    """
    parser = argparse.ArgumentParser(prog="python -m local.engine", description=__doc__)
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="port on 127.0.0.1")
    parser.add_argument("--state-dir", type=Path, required=True, help="folder whose content survives a restart")
    parser.add_argument("--wait-scale", type=float, default=1.0, help="factor on Wait states and retries")
    parser.add_argument("--concurrency", type=int, default=default_concurrency(), help="Lambda at once")
    parser.add_argument("--runtime-python", type=Path, default=DEFAULT_RUNTIME_PYTHON, help="interpreter of functions")
    options = parser.parse_args(arguments)
    # Not resolved: the interpreter of a virtual environment is a link, and its target has no packages.
    runtime_python = options.runtime_python.absolute()
    if not runtime_python.exists():
        parser.error(f"no Lambda interpreter at {runtime_python}; run `make setup`, or name one with --runtime-python")
    return EngineSettings(
        port=options.port,
        state_dir=options.state_dir.resolve(),
        wait_scale=options.wait_scale,
        concurrency=max(1, options.concurrency),
        runtime_python=runtime_python,
    )


def main(arguments: list[str]) -> int:
    """Run the engine until it receives a signal to stop, and return its exit code."""
    settings = parse_settings(arguments)
    try:
        require_supported_version()
        require_free(settings.port)
        claimed = claim(settings.state_dir)
    except (UnsupportedEngineError, PortTakenError, StateInUseError) as error:
        print(error, file=sys.stderr)
        return 2
    with claimed:
        empty(settings.temporary_dir)
        move_to(settings.state_dir, settings.port)
        settings.apply(os.environ)
        # Only now: ministack reads its environment while it is imported.
        from local.engine.server import serve

        serve(settings)
    return 0


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # A state machine may be in an hour's Wait, in a thread that the interpreter would join.
    os._exit(code)
