"""The local stack: an engine in the background with the real template deployed to it.

Other programs find it by ``.local/stack.json``, which exists while the stack is up.
"""

from __future__ import annotations

import json
import os
import shlex
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import boto3

from local.engine import control, state
from local.engine.process import EngineNotHealthyError, EngineProcess, is_healthy, stop_process
from local.engine.settings import APP_HOST, DEFAULT_PORT
from local.stack import deployment
from local.stack.deployment import REPOSITORY, Target

LOCAL_DIR = REPOSITORY / ".local"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Stack:
    """A deployed stack: how to reach it, and the outputs of its template."""

    endpoint_url: str
    region: str
    access_key_id: str
    secret_access_key: str
    outputs: dict[str, str]

    def client(self, service: str) -> Any:
        """Return a client of one of the engine's services."""
        return boto3.client(service, **self.client_arguments())

    def client_arguments(self) -> dict[str, str]:
        """Return the arguments with which ``boto3.client`` reaches the engine."""
        return {
            "endpoint_url": self.endpoint_url,
            "region_name": self.region,
            "aws_access_key_id": self.access_key_id,
            "aws_secret_access_key": self.secret_access_key,
        }


@dataclass(frozen=True)
class StackFiles:
    """The files of a local stack.

    Attributes
    ----------
    folder
        Contains everything: description, state, build and logs.
    """

    folder: Path = LOCAL_DIR

    @property
    def description(self) -> Path:
        """The description for other programs: see :class:`Stack`."""
        return self.folder / "stack.json"

    @property
    def shell(self) -> Path:
        """The same for a shell: after ``source .local/aws.env`` the AWS CLI reaches the stack."""
        return self.folder / "aws.env"

    @property
    def notes(self) -> Path:
        """Fingerprints of the deployments, and the wait scale of the engine."""
        return self.folder / "notes.json"

    @property
    def log(self) -> Path:
        """The output of the engine and the SAM CLI."""
        return self.folder / "logs"

    @property
    def images(self) -> Path:
        """Where the engine looks for container images, see `EngineSettings.images_dir`."""
        return self.folder / "images"

    @property
    def state(self) -> Path:
        """The data that the engine keeps across restarts."""
        return self.folder / "state"

    def target(
        self, parameters: dict[str, str], client_arguments: dict[str, str], name: str = deployment.STACK_NAME
    ) -> Target:
        """Return the target of a deployment of the template."""
        return Target(client_arguments, self.log / "sam.log", self.folder / "build", parameters, name)


def running(files: StackFiles) -> Stack | None:
    """Return the stack if it is up, but not another stack that has taken its port."""
    if state.holder(files.state) is None:
        return None
    try:
        stack = Stack(**json.loads(files.description.read_text()))
    except FileNotFoundError:
        return None
    return stack if is_healthy(stack.endpoint_url) else None


def start(say: Say, files: StackFiles, port: int | None = None, wait_scale: float = 1.0) -> Stack:
    """Start the engine unless it runs; deploy nothing: the outputs are those of an earlier deployment, or none.

    Raises
    ------
    EngineNotHealthyError
    """
    return running(files) or _start_engine(say, files, port, wait_scale)


def up(
    say: Say,
    files: StackFiles | None = None,
    parameters: dict[str, str] | None = None,
    *,
    port: int | None = None,
    wait_scale: float = 1.0,
) -> Stack:
    """Start the engine unless it runs, deploy the template unless it is already deployed unchanged, and describe both.

    Parameters
    ----------
    say
        Prints a sentence for the user.
    files
        The files of the stack; those below ``.local`` when None.
    parameters
        Template parameters that differ from the defaults.
    port
        Port of a newly started engine; when None, that of the first start, or the default one. A port that another
        program has is replaced by any free one.
    wait_scale
        Factor on the Wait states and retry intervals of a newly started engine.

    Raises
    ------
    EngineNotHealthyError, DeploymentFailed
        The message says what to do, and has the last lines of the log.
    """
    files = files or StackFiles()
    stack = start(say, files, port, wait_scale)
    target = files.target(_own_parameters(stack) | (parameters or {}), stack.client_arguments())
    wanted = deployment.fingerprint(target)
    known = _read(files.notes)
    if stack.outputs and known.get("deployed") == wanted:
        say(f"The stack is up at {stack.endpoint_url}, nothing has changed since.")
        return stack
    began = time.monotonic()
    say("Building functions and layers (sam build) ...")
    deployment.build(target)
    say(f"Deploying template.yaml to the local AWS (sam deploy) ... {time.monotonic() - began:.0f} s so far")
    outputs = deployment.deploy(target)
    stack = Stack(**(asdict(stack) | {"outputs": outputs}))
    _describe(files, stack)
    _write_json(files.notes, known | {"deployed": wanted})
    say(f"Deployed in {time.monotonic() - began:.0f} s.")
    return stack


def up_beside(say: Say, name: str, parameters: dict[str, str], files: StackFiles | None = None) -> Stack:
    """Deploy the build of :func:`up` to the same engine as a second stack, unless it is already deployed.

    The description in ``stack.json`` remains that of the first stack.

    Raises
    ------
    EngineNotHealthyError
        No engine is running.
    DeploymentFailed
    """
    files = files or StackFiles()
    first = running(files)
    if first is None:
        raise EngineNotHealthyError(f"there is no stack up for {name} to stand beside; run `make up`")
    target = files.target(_own_parameters(first) | parameters, first.client_arguments(), name)
    wanted, known = deployment.fingerprint(target), _read(files.notes)
    beside = known.get("beside", {})
    outputs = _outputs(first.client("cloudformation"), name)
    if outputs and beside.get(name) == wanted:
        return Stack(**(asdict(first) | {"outputs": outputs}))
    began = time.monotonic()
    say(f"Deploying template.yaml once more, as the stack {name} ...")
    outputs = deployment.deploy(target)
    _write_json(files.notes, known | {"beside": beside | {name: wanted}})
    say(f"Deployed in {time.monotonic() - began:.0f} s.")
    return Stack(**(asdict(first) | {"outputs": outputs}))


def _own_parameters(stack: Stack) -> dict[str, str]:
    """Return the parameters that differ from the defaults: URLs with loopback hosts, and enabled self-registration."""
    port = stack.endpoint_url.rsplit(":", 1)[1]
    addresses = {"AppUrl": f"http://{APP_HOST}:{port}", "SignInUrl": f"http://localhost:{port}"}
    return addresses | {"SelfSignUp": "ENABLED"}


@contextmanager
def shorter_waits(stack: Stack, scale: float, files: StackFiles | None = None) -> Iterator[None]:
    """Shorten the Wait states and retry intervals of the running engine within a ``with`` block.

    Parameters
    ----------
    scale
        Factor on their seconds, in place of the one with which the engine was started.
    """
    usual = _read((files or StackFiles()).notes).get("wait_scale", 1.0)
    _set_wait_scale(stack, scale)
    try:
        yield
    finally:
        _set_wait_scale(stack, usual)


def _set_wait_scale(stack: Stack, scale: float) -> None:
    control.ask(stack.client_arguments(), {"stepfunctions._SFN_WAIT_SCALE": scale}, path=control.CONFIGURATION_PATH)


def down(say: Say, files: StackFiles | None = None) -> None:
    """Stop the engine. Its data stay in the state folder, and the next start continues with them."""
    files = files or StackFiles()
    engine = state.holder(files.state)
    if engine is None:
        say("The stack is not up.")
    else:
        stop_process(engine)
        say("The local AWS has stopped; `make up` continues where it was, `make clean` deletes its data.")
    files.description.unlink(missing_ok=True)
    files.shell.unlink(missing_ok=True)


def _start_engine(say: Say, files: StackFiles, wanted_port: int | None, wait_scale: float) -> Stack:
    # Bookmarks, aws.env and launch configurations name the port, so a restart uses the same one.
    notes = _read(files.notes)
    port = _free_port(wanted_port or notes.get("port", DEFAULT_PORT))
    say(f"Starting the local AWS on 127.0.0.1:{port} ...")
    engine = EngineProcess(port, files.state, files.log / "engine.log", wait_scale)
    engine.start()
    try:
        engine.wait_until_healthy()
    except BaseException:
        engine.kill()
        raise
    arguments = engine.client_arguments
    stack = Stack(
        endpoint_url=arguments["endpoint_url"],
        region=arguments["region_name"],
        access_key_id=arguments["aws_access_key_id"],
        secret_access_key=arguments["aws_secret_access_key"],
        outputs=_outputs(boto3.client("cloudformation", **arguments), deployment.STACK_NAME),
    )
    _describe(files, stack)
    _write_json(files.notes, {"port": port} | notes | {"wait_scale": wait_scale})
    return stack


def _outputs(cloudformation: Any, name: str) -> dict[str, str]:
    """Return the outputs of a stack that was deployed in an earlier run and is in the state folder."""
    try:
        stacks = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except cloudformation.exceptions.ClientError:
        return {}
    return {output["OutputKey"]: output["OutputValue"] for output in stacks[0].get("Outputs", [])}


def _free_port(preferred: int) -> int:
    """Return the preferred port, or any free one if a program has it."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no port is free on 127.0.0.1; end a program that listens there")


def note(files: StackFiles, name: str, content: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the note of the stack under a name; if there is content, save it under that name first."""
    notes = _read(files.notes)
    if content is not None:
        notes |= {name: content}
        _write_json(files.notes, notes)
    found: dict[str, Any] = notes.get(name, {})
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return content


def _describe(files: StackFiles, stack: Stack) -> None:
    _write_json(files.description, asdict(stack))
    variables = {
        "AWS_ENDPOINT_URL": stack.endpoint_url,
        "AWS_DEFAULT_REGION": stack.region,
        "AWS_ACCESS_KEY_ID": stack.access_key_id,
        "AWS_SECRET_ACCESS_KEY": stack.secret_access_key,
        **stack.outputs,
        # The parameters with which `sam local invoke` runs the functions built for this machine.
        "LAMBDA_PARAMETERS": " ".join(deployment.machine_overrides()),
    }
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()]
    # A session token from the shell's own account would be sent too, and refused.
    _write(files.shell, "".join([*lines, "unset AWS_PROFILE AWS_SESSION_TOKEN\n"]))


def _write_json(path: Path, content: dict[str, Any]) -> None:
    _write(path, json.dumps(content, indent=2) + "\n")


def _write(path: Path, content: str) -> None:
    """Replace a file atomically: a reader in another terminal never sees a partial file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    # The file has the engine's credentials, which other users of this machine do not need.
    partial.touch(mode=0o600)
    partial.write_text(content)
    partial.replace(path)
