"""What a function imports when it starts: nothing that it does not need.

`python -m benchmarks` measures the CPU time of the imports (P18); the names of modules do not depend on the machine.
"""

import os
import subprocess
import sys

import pytest

from tests.conftest import REGION, ROOT
from tests.functions.environment import variables_of

FUNCTIONS = sorted(path.parent.name for path in ROOT.glob("functions/*/app.py"))
# boto3 has resources and transfers that nothing here uses; a queue needs no event loop.
# The models of the OpenAPI document take as long as all other imports of the API.
UNNEEDED = {
    "asyncio",
    "aws_lambda_powertools.event_handler.openapi.models",
    "aws_lambda_powertools.utilities.batch",
    "aws_lambda_powertools.utilities.parser",
    "aws_xray_sdk",
    "boto3",
    "s3transfer",
}
NEEDED_BY = {
    "PIL": {"classify_image", "generate_thumbnail", "process_batch"},
    "numpy": {"classify_image"},
    "onnxruntime": {"classify_image"},
    "pydantic": {"api"},
    "aws_lambda_powertools.event_handler": {"api"},
    # By a dependency: Powertools resolves coroutines of AppSync, numpy tests with them.
    "asyncio": {"api", "classify_image"},
}


def imported(function: str) -> set[str]:
    """Import a handler in a new interpreter without credentials or network, and return all modules."""
    path = [str(ROOT / "functions" / function), str(ROOT / "functions" / "shared")]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(path), "AWS_REGION": REGION}
    code = "import sys, app; print(*sys.modules)"
    command = [sys.executable, "-P", "-c", code]
    answer = subprocess.run(
        command, env=environment | variables_of(function), capture_output=True, text=True, check=True
    )
    return set(answer.stdout.split())


# Its model is beside its code in a container image.
@pytest.mark.parametrize("function", [name for name in FUNCTIONS if name != "classify_image"])
def test_function_imports_nothing_that_it_does_not_need(function: str) -> None:
    unneeded = UNNEEDED | {name for name, functions in NEEDED_BY.items() if function not in functions}
    unneeded -= {name for name, functions in NEEDED_BY.items() if function in functions}
    assert imported(function) & unneeded == set()
