"""The engine as a child process: start it, wait for it, stop it, kill it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType

from local.account import REGION
from local.engine.port import PortTakenError, require_free
from local.engine.settings import DEFAULT_RUNTIME_PYTHON, ROOT_ACCESS_KEY_ID
from local.engine.state import secret_access_key

REPOSITORY = Path(__file__).resolve().parents[2]


class EngineNotHealthyError(RuntimeError):
    """The engine ended, or did not answer in time."""


class EngineProcess:
    """One engine process; a context manager that never leaves it running.

    Parameters
    ----------
    port
        Port on 127.0.0.1.
    state_dir
        Folder whose content survives the process.
    log_path
        File to which the output of the engine is appended.
    wait_scale
        Factor on Wait states and retry intervals.
    concurrency
        Lambda invocations at once; two for each core when None.
    runtime_python
        Interpreter of functions; `.local/lambda/bin/python` of the repository when None.

    Examples
    --------
    >>> with EngineProcess(4566, Path(".local/state"), Path(".local/engine.log")) as engine:
    ...     engine.endpoint_url
    'http://127.0.0.1:4566'
    """

    def __init__(
        self,
        port: int,
        state_dir: Path,
        log_path: Path,
        wait_scale: float = 1.0,
        concurrency: int | None = None,
        runtime_python: Path | None = None,
    ) -> None:
        self.port = port
        self.state_dir = state_dir
        self.log_path = log_path
        self.wait_scale = wait_scale
        self.concurrency = concurrency
        self.runtime_python = runtime_python or REPOSITORY / DEFAULT_RUNTIME_PYTHON
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint_url(self) -> str:
        """The address of every service."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The id of the running process, or None."""
        return self._process.pid if self._process else None

    @property
    def client_arguments(self) -> dict[str, str]:
        """The arguments of `boto3.client` to reach the engine as its root user."""
        return {
            "endpoint_url": self.endpoint_url,
            "region_name": REGION,
            "aws_access_key_id": ROOT_ACCESS_KEY_ID,
            "aws_secret_access_key": secret_access_key(self.state_dir),
        }

    def command(self) -> list[str]:
        """Return the command line of the engine."""
        command = [
            *(sys.executable, "-m", "local.engine"),
            *("--port", str(self.port)),
            *("--state-dir", str(self.state_dir)),
            *("--wait-scale", str(self.wait_scale)),
            *("--runtime-python", str(self.runtime_python)),
        ]
        if self.concurrency is not None:
            command += ["--concurrency", str(self.concurrency)]
        return command

    def start(self) -> None:
        """Start the process without waiting for it.

        Raises
        ------
        EngineNotHealthyError
            When something listens on the port already: it would answer in place of this engine.
        """
        try:
            require_free(self.port)
        except PortTakenError as error:
            raise EngineNotHealthyError(str(error)) from error
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the terminal is for the program that started us; it then stops us in order.
                start_new_session=True,
            )

    def wait_until_healthy(self, timeout_seconds: float = 30) -> None:
        """Wait until the engine answers.

        Raises
        ------
        EngineNotHealthyError
            When the process ended or the time is over, with the last lines of its log.
        """
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise EngineNotHealthyError(f"the engine ended before it answered:\n{self._log_tail()}")
            if is_healthy(self.endpoint_url):
                return
            time.sleep(0.05)
        raise EngineNotHealthyError(
            f"the engine did not answer on {self.endpoint_url} within {timeout_seconds:g} s; "
            f"see {self.log_path}:\n{self._log_tail()}"
        )

    def stop(self, timeout_seconds: float = 20) -> None:
        """Ask the process to save its state and end; kill it when it does not."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill(self) -> None:
        """End the process at once, as a power cut does: nothing is saved."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def __enter__(self) -> EngineProcess:
        self.start()
        try:
            self.wait_until_healthy()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _log_tail(self, lines: int = 15) -> str:
        try:
            return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return "(no log)"


def is_healthy(endpoint_url: str) -> bool:
    """Return whether an engine answers at `endpoint_url`."""
    try:
        with urllib.request.urlopen(f"{endpoint_url}/_ministack/health", timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def stop_process(pid: int, timeout_seconds: float = 20) -> None:
    """Stop an engine that another program started, by its process id; kill it when it does not end."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline and not _is_zombie(pid):
            os.kill(pid, 0)
            time.sleep(0.05)
        os.kill(pid, signal.SIGKILL)


def _is_zombie(pid: int) -> bool:
    """Return whether a process has ended and its parent has not read its exit code.

    This can be a child of this program, and, in a container without an init process, any other.
    """
    with contextlib.suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG) != (0, 0)
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False
