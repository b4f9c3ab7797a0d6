"""Commands as a reader of the documentation runs them."""

import os
import subprocess
from pathlib import Path


def clean_environment(path: Path | str, **variables: str) -> dict[str, str]:
    """Environment variables of these tests without those for AWS, and with folders at the front of PATH."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return own | {"PATH": f"{path}:{os.environ['PATH']}"} | variables


def bash(script: str, environment: dict[str, str], folder: Path | None = None, answers: str = "") -> str:
    """Run a script that must succeed; return its output."""
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=folder, env=environment, input=answers, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
