"""Lambda functions in Python, run by AWS's own runtime interface client.

ministack runs Python handlers with a script of its own: every exception of a handler becomes
`Runtime.HandlerError`, so no Retry or Catch by name ever matches, and one slow start drops all
environments of the function. Here each execution environment is a process of awslambdaric, the client
that runs inside Lambda, and uses ministack's implementation of the Lambda Runtime API.
"""

from __future__ import annotations

import contextvars
import logging
import shlex
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from queue import Queue
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from local.engine.image_functions import is_image
from local.engine.lambda_environment import function_environment

logger = logging.getLogger("lambda")

# Lambda allows 10 s; here many processes that start at once share a few cores.
INIT_TIMEOUT_SECONDS = 30.0

# An invocation that waits for its own caller's place must not wait forever.
PLACE_TIMEOUT_SECONDS = 120.0

# Set when the invocation of this context has got its place; see `step_functions.timeouts`.
invocation_started: contextvars.ContextVar[threading.Event | None] = contextvars.ContextVar(
    "invocation_started", default=None
)


def install(runtime_python: Path, concurrency: int) -> None:
    """Run Python functions on `runtime_python`, at most `concurrency` invocations at once."""
    run_python_under_the_runtime_interface_client(runtime_python)
    give_functions_the_environment_of_lambda()
    queue_invocations_beyond(concurrency)
    lambda_svc.reap_idle_workers = end_idle_environments


def is_python(config: dict[str, Any]) -> bool:
    """Return whether a function configuration names a Python runtime."""
    return str(config.get("Runtime", "")).startswith("python")


class RuntimeWorker(lambda_runtime.ProvidedWorker):  # type: ignore[misc]  # ministack is not typed
    """One execution environment: a process of awslambdaric and the Runtime API that it polls."""

    runtime_python = Path()

    def __init__(self, func_name: str, config: dict[str, Any], code_zip: bytes) -> None:
        super().__init__(func_name, config, code_zip)
        self._exit_code: int | None = None
        self._init_log = ""

    def invoke(
        self,
        event: object,
        request_id: str,
        *,
        trace_id: str | None = None,
        invoked_function_arn: str | None = None,
    ) -> dict[str, Any]:
        """Run one invocation and report every failure by the name that Lambda gives it.

        An exception of the handler keeps its class name. An environment that fails to start fails only this
        invocation: with the error that the runtime reported (`Runtime.ImportModuleError`), with
        `Runtime.ExitError` when the process ended, with `Sandbox.Timedout` when it was too slow.
        """
        try:
            result: dict[str, Any] = super().invoke(
                event, request_id, trace_id=trace_id, invoked_function_arn=invoked_function_arn
            )
        except lambda_runtime.ProvidedInitTimeout:
            result = _failure("Sandbox.Timedout", "", self._init_log)
        except lambda_runtime.ProvidedRuntimeError as error:
            self._leave_the_pool()
            result = _failure(error.error_type, str(error))
        except RuntimeError as error:
            self._leave_the_pool()
            logger.warning("Lambda %s did not start: %s", self.func_name, error)
            reported = self._init_error
            result = _failure("Runtime.ExitError", "", self._init_log)
            if isinstance(reported, dict):
                result["error_payload"] = reported
        self._word_as_lambda_does(result, request_id)
        return result

    def _leave_the_pool(self) -> None:
        """Never serve an invocation again, as an environment of Lambda that failed to start.

        It may have the code or the layers of an update that was under way; a new one has those of now.
        """
        with lambda_runtime._lock:
            for pool in lambda_runtime._workers.values():
                if self in pool:
                    pool.remove(self)

    def _word_as_lambda_does(self, result: dict[str, Any], request_id: str) -> None:
        payload = result.get("error_payload")
        if not isinstance(payload, dict):
            return
        if payload.get("errorType") == "Sandbox.Timedout":
            timeout = float(self.config.get("Timeout", 3))
            message = f"RequestId: {request_id} Error: Task timed out after {timeout:.2f} seconds"
        elif payload.get("errorType") == "Runtime.ExitError":
            message = f"RequestId: {request_id} Error: Runtime exited {_exit_reason(self._exit_code)}"
        else:
            return
        result["error"] = payload["errorMessage"] = message

    def _spawn(self, init_timeout: float | None = None) -> None:
        code_dir = Path(lambda_svc._provided_runtime_code_dir(self.code_zip))
        bootstrap = code_dir / "bootstrap"
        with lambda_svc._provided_code_lock:
            if not bootstrap.exists():
                bootstrap.write_text(
                    f'#!/bin/sh\nexec {shlex.quote(str(self.runtime_python))} -m awslambdaric "$_HANDLER"\n'
                )
                bootstrap.chmod(0o755)
        super()._spawn(max(init_timeout or 0, INIT_TIMEOUT_SECONDS))

    def _await_init(self, init_timeout: float | None = None) -> None:
        self._init_log = ""
        try:
            super()._await_init(init_timeout)
        except RuntimeError:
            # The engine would drop the output, and with it the error.
            self._init_log_suffix()
            raise

    def _init_log_suffix(self) -> str:
        self._init_log += self._drain_stderr_bounded(first_line_wait=0.1)
        return f": {self._init_log}" if self._init_log else ""

    def _teardown(self) -> None:
        if self._proc is not None:
            self._exit_code = self._proc.poll()
        super()._teardown()

    def _build_handler_class(self, generation: int, pending: Queue[Any]) -> type[BaseHTTPRequestHandler]:
        handler: type[BaseHTTPRequestHandler] = super()._build_handler_class(generation, pending)
        # One segment for each reply: two small ones cost 40 ms to Nagle's algorithm and delayed ACKs.
        changed = {"disable_nagle_algorithm": True, "wbufsize": 65536, "parse_request": refuse_browsers}
        changed |= {"_read_body": _read_whole_body, "_read_what_comes": handler._read_body}  # type: ignore[attr-defined] # ministack's
        return type("RuntimeApiHandler", (handler,), changed)

    def _drain_stderr_bounded(
        self, first_line_wait: float = 0.005, idle_confirm: float = 0.002, hard_cap: float = 0.25
    ) -> str:
        # The engine's own method would wait 50 ms for a first line from every handler that logs nothing.
        lines: str = super()._drain_stderr_bounded(first_line_wait, idle_confirm, hard_cap)
        return lines


def refuse_browsers(handler: BaseHTTPRequestHandler) -> bool:
    """Parse a request to the Runtime API, and refuse it if a page in a browser could have sent it.

    The API requires no signature: only the process in the environment may use it, which is not a browser.
    """
    if not BaseHTTPRequestHandler.parse_request(handler):
        return False
    is_local = handler.headers.get("Host", "").partition(":")[0] == "127.0.0.1"
    if is_local and not {"origin", "sec-fetch-site"} & {name.lower() for name in handler.headers}:
        return True
    handler.send_error(403, "the Runtime API answers the runtime only")
    return False


def _read_whole_body(self: Any) -> bytes:
    """Read the body of a request; one that is incomplete, because the process ended, does not count as a response."""
    body: bytes = self._read_what_comes()
    if len(body) < int(self.headers.get("Content-Length", 0)):
        raise ConnectionError("the runtime ended in the middle of a request")
    return body


def end_idle_environments() -> int:
    """End every process that was idle too long, and return how many; the engine calls this every half minute.

    Lambda does so after some minutes. The engine would keep a process of forty megabytes for each function that ever
    ran.
    """
    began = time.time() - lambda_runtime._LOCAL_WORKER_TTL
    idle = []
    with lambda_runtime._lock:
        for environments in lambda_runtime._workers.values():
            ended = [one for one in environments if not one.in_use and one.last_used < began]
            environments[:] = [one for one in environments if one not in ended]
            idle += ended
    lambda_runtime.kill_workers(idle)
    return len(idle)


def _failure(error_type: str, message: str, log: str = "") -> dict[str, Any]:
    return {
        "status": "error",
        "error": message,
        "error_payload": {"errorType": error_type, "errorMessage": message},
        "cold_start": True,
        "log": log,
    }


def _exit_reason(code: int | None) -> str:
    if code is None:
        return "without providing a reason"
    if code < 0:
        # Lambda writes the name as Go does: "signal: killed".
        name = {signal.SIGKILL: "killed", signal.SIGTERM: "terminated"}.get(
            signal.Signals(-code), signal.Signals(-code).name.lower()
        )
        return f"with error: signal: {name}"
    return f"with error: exit status {code}"


def run_python_under_the_runtime_interface_client(runtime_python: Path) -> None:
    """Report errors to a caller as `errorType`, `errorMessage` and `stackTrace` of the exception raised.

    https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
    """
    RuntimeWorker.runtime_python = runtime_python
    original = lambda_runtime._worker_class_for

    def worker_class_for(config: dict[str, Any]) -> type[lambda_runtime.Worker]:
        return RuntimeWorker if is_python(config) or is_image(config) else original(config)

    lambda_runtime._worker_class_for = worker_class_for


def give_functions_the_environment_of_lambda() -> None:
    """Show a function Lambda's variables and its own, and no variable of the host.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    original = lambda_svc._provided_worker_env

    def worker_environment(config: dict[str, Any], code_dir: str, port: int) -> dict[str, str]:
        make = function_environment if is_python(config) or is_image(config) else original
        return make(config, code_dir, port)

    lambda_svc._provided_worker_env = worker_environment


def queue_invocations_beyond(concurrency: int) -> None:
    """Let invocations beyond a limit wait instead of failing: Lambda scales out, a laptop cannot.

    Sixty simultaneous cold starts on two cores exceed the time limit of a start, and the engine throttles
    the rest. The caller is notified when a place is free, so that the wait, which does not exist on AWS, does
    not count as running time of the task.
    """
    places = threading.BoundedSemaphore(concurrency)
    run_bundled_runtime = lambda_svc._execute_function_warm

    def execute_function(func: dict[str, Any], event: object, request_id: str) -> dict[str, Any]:
        config = func.get("config") or func
        run = lambda_svc._execute_function_provided_warm if is_python(config) else run_bundled_runtime
        has_place = places.acquire(timeout=PLACE_TIMEOUT_SECONDS)
        if started := invocation_started.get():
            started.set()
        try:
            result: dict[str, Any] = run(func, event, request_id)
            return result
        finally:
            if has_place:
                places.release()

    lambda_svc._execute_function_warm = execute_function
