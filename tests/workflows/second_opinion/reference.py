"""The reference implementation of JSONata, in a process of Node.js."""

import json
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

PROGRAM = Path(__file__).with_name("reference.cjs")


class Reference:
    """JSONata 2.0.6, the version that Step Functions implements.

    https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
    """

    def __init__(self, folder: str | Path) -> None:
        command = ["node", str(PROGRAM), str(folder)]
        self._node = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._lock = threading.Lock()

    def __enter__(self) -> "Reference":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._node.kill()
        self._node.communicate()

    def evaluate(self, expression: str, bindings: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return ``{"value": …}``, nothing when the expression gives none, or ``{"error": …}``."""
        question = json.dumps({"expression": expression, "bindings": bindings or {}})
        with self._lock:
            self._node.stdin.write(f"{question}\n")
            self._node.stdin.flush()
            return json.loads(self._node.stdout.readline())
