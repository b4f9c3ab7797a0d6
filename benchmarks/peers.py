"""The contenders: find, install and start them.

Peers are installed with npm and pip into ``.local/benchmarks`` at pinned versions. A peer that cannot be installed is
skipped with a sentence, and every row that needs it says so.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".local" / "benchmarks"

_INSTALL_SECONDS = 180
# One thread each: ratios of CPU time mean little when one contender spreads over the cores and another does not.
_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "VIPS_CONCURRENCY": "1",
    "MAGICK_THREAD_LIMIT": "1",
    "UV_THREADPOOL_SIZE": "1",
}
_ANSWER = f"{sys.executable} -m benchmarks.contenders"


class WorkerFailed(Exception):
    """A worker ended, or returned an error."""


@dataclass
class Peers:
    """The commands that start each contender's worker, and a sentence for each missing contender."""

    commands: dict[str, list[str]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


class Worker:
    """A long-lived process of one contender."""

    def __init__(self, name: str, command: list[str]) -> None:
        self.name = name
        path = os.pathsep.join((str(ROOT), str(ROOT / "functions" / "shared")))
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **_ONE_THREAD, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, job: str, **request: Any) -> dict[str, Any]:
        """Send one request of :mod:`benchmarks.contenders.worker` and wait for its response.

        Raises
        ------
        WorkerFailed
            The job raised an exception, or the process ended.
        """
        if self._process.stdin is None or self._process.stdout is None:
            raise WorkerFailed(f"{self.name} has no pipes")
        try:
            self._process.stdin.write(json.dumps({"job": job, **request}, default=str) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise WorkerFailed(f"{self.name} ended with code {self._process.wait()} during {job} {request}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise WorkerFailed(f"{self.name}, {job}: {answer['error']}")
        return answer

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(timeout=30)
        if self._process.stdout is not None:
            self._process.stdout.close()


@contextmanager
def running(commands: dict[str, list[str]]) -> Iterator[dict[str, Worker]]:
    """Start a worker per command, and end them all at the end of the ``with`` block."""
    with ExitStack() as stack:
        workers = {}
        for name, command in commands.items():
            workers[name] = Worker(name, command)
            stack.callback(workers[name].close)
        yield workers


def find_peers() -> Peers:
    """Install missing peers where possible, and return all with a sentence for each missing one."""
    HOME.mkdir(parents=True, exist_ok=True)
    peers = Peers({"ours": shlex.split(f"{_ANSWER}.ours"), "plain Pillow": shlex.split(f"{_ANSWER}.plain_pillow")})
    for name, find in (("sharp", _sharp), ("pyvips", _pyvips), ("ImageMagick", _imagemagick)):
        try:
            peers.commands[name] = find()
        except (OSError, subprocess.SubprocessError, LookupError) as error:
            reason = error.args[0] if isinstance(error, LookupError) else f"{type(error).__name__}: {error}"
            peers.missing[name] = f"{name} is not installed here ({reason})"
    return peers


def _sharp() -> list[str]:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise LookupError("node and npm are needed")
    wanted = (ROOT / "benchmarks" / "package.json").read_text(encoding="utf-8")
    manifest = HOME / "package.json"
    if not (HOME / "node_modules" / "sharp").is_dir() or manifest.read_text(encoding="utf-8") != wanted:
        manifest.write_text(wanted, encoding="utf-8")
        # Its prebuilt binaries are packages; no script has to run.
        _install(npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(HOME))
    return [node, str(ROOT / "benchmarks" / "contenders" / "sharp_worker.mjs"), str(HOME)]


def _pyvips() -> list[str]:
    environment = HOME / "pyvips"
    python = environment / "bin" / "python"
    wanted = ROOT / "benchmarks" / "requirements.txt"
    installed = environment / "requirements.txt"
    if not installed.is_file() or installed.read_bytes() != wanted.read_bytes():
        _install(sys.executable, "-m", "venv", "--clear", str(environment))
        _install(str(python), "-m", "pip", "install", "--quiet", "-r", str(wanted))
        shutil.copyfile(wanted, installed)
    return [str(python), "-m", "benchmarks.contenders.vips"]


def _install(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=_INSTALL_SECONDS)


def _imagemagick() -> list[str]:
    return [*shlex.split(f"{_ANSWER}.imagemagick"), *find_imagemagick()]


def find_imagemagick() -> tuple[str, str]:
    """Find the commands for ``identify`` and ``convert`` of ImageMagick 7 or 6.

    Raises
    ------
    LookupError
        ImageMagick is not installed; other programs called convert do not count.
    """
    for identify, convert in (("magick identify", "magick"), ("identify", "convert")):
        for folder in os.get_exec_path():
            if all(_is_imagemagick(Path(folder) / command.split()[0]) for command in (identify, convert)):
                return f"{folder}/{identify}", f"{folder}/{convert}"
    raise LookupError("Debian and Ubuntu: apt-get install imagemagick")


def _is_imagemagick(program: Path) -> bool:
    """Check the version output of a program: other programs are called convert too."""
    if not os.access(program, os.X_OK):
        return False
    answer = subprocess.run([program, "-version"], capture_output=True, check=False, timeout=10)
    return answer.stdout.startswith(b"Version: ImageMagick")
