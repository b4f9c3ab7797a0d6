"""Run the steps of a Dockerfile without Docker.

Supports only the instructions of `functions/classify_image/Dockerfile`: FROM, ARG, ENV, WORKDIR, COPY, RUN and CMD. A
stage is a folder that stands for the root of an image with Python and nothing else. Commands run on this machine, so
they must not contain absolute paths. The result has the same files as the image, with packages for this interpreter and
processor.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from local.engine.settings import DEFAULT_RUNTIME_PYTHON
from local.stack.deployment import REPOSITORY

# Set by the base images of Lambda: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
LAMBDA_IMAGE = {"LAMBDA_TASK_ROOT": "/var/task"}

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_KNOWN = ("FROM", "ARG", "ENV", "WORKDIR", "COPY", "RUN", "CMD")
# Bytecode that the host's interpreter leaves behind does not belong in an image.
_NEVER_COPIED = shutil.ignore_patterns("__pycache__")


class BuildFailed(RuntimeError):
    """A step of the Dockerfile failed, or is not supported here."""


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction: its name in capitals, and its arguments on one line."""

    name: str
    argument: str


@dataclass(slots=True)
class Stage:
    """An image that is being built.

    Attributes
    ----------
    root
        The folder that stands for ``/``.
    variables
        The values of ARG and ENV so far.
    """

    root: Path
    variables: dict[str, str]
    folder: str = "/"
    command: list[str] = field(default_factory=list)

    def path(self, inside: str) -> Path:
        """Return the path on this machine of a path in the image."""
        return self.root / str(PurePosixPath(self.folder, inside)).lstrip("/")


def steps(text: str) -> list[Step]:
    """Return the steps of a Dockerfile, without comments and line continuations.

    Raises
    ------
    BuildFailed
        An instruction is not supported here.
    """
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    found = []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        name, _, argument = line.strip().partition(" ")
        if name not in _KNOWN:
            raise BuildFailed(f"{name}: no instruction that is walked without Docker; known are {', '.join(_KNOWN)}")
        found.append(Step(name, re.sub(r"\s+", " ", argument.strip())))
    return found


def walk(
    text: str,
    context: Path,
    into: Path,
    arguments: Mapping[str, str] | None = None,
    runtime_python: Path = REPOSITORY / DEFAULT_RUNTIME_PYTHON,
) -> Stage:
    """Run all steps, and return the last stage.

    Parameters
    ----------
    context
        The folder that COPY takes files from.
    into
        An empty folder for the stages.
    arguments
        Values for ARG, as of ``docker build --build-arg``.
    runtime_python
        The interpreter that stands for that of the image: it has the packages of Lambda, and no others.

    Raises
    ------
    BuildFailed
        The message has the last lines of the failed command.
    """
    given = dict(arguments or {})
    stages: dict[str, Stage] = {}
    before: dict[str, str] = {}
    current: Stage | None = None
    for step in steps(text):
        if step.name == "FROM":
            name = step.argument.partition(" AS ")[2] or str(len(stages))
            current = stages[name] = Stage(into / name, dict(LAMBDA_IMAGE))
            current.root.mkdir(parents=True)
        elif current is None:
            before |= _argument(step, given, before)
        else:
            _take(step, current, context, stages, given, runtime_python)
    if current is None:
        raise BuildFailed("FROM: missing; a Dockerfile names the image that it begins with")
    return current


def _take(
    step: Step,
    stage: Stage,
    context: Path,
    stages: Mapping[str, Stage],
    given: Mapping[str, str],
    runtime_python: Path,
) -> None:
    match step.name:
        case "ARG":
            stage.variables |= _argument(step, given, stage.variables)
        case "ENV":
            name, _, value = step.argument.partition("=")
            stage.variables[name] = _filled(value.strip('"'), stage.variables)
        case "WORKDIR":
            stage.folder = str(PurePosixPath(stage.folder, _filled(step.argument, stage.variables)))
            stage.path(".").mkdir(parents=True, exist_ok=True)
        case "COPY":
            _copy(_filled(step.argument, stage.variables), stage, context, stages)
        case "RUN":
            _run(step.argument, stage, runtime_python)
        case "CMD":
            stage.command = json.loads(step.argument)


def _argument(step: Step, given: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    name, _, default = step.argument.partition("=")
    return {name: given.get(name, _filled(default, known))}


def _filled(text: str, variables: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda match: variables.get(match[1], ""), text)


def _copy(argument: str, stage: Stage, context: Path, stages: Mapping[str, Stage]) -> None:
    *sources, target = argument.split(" ")
    ignored = _ignored(context)
    begin = context
    if sources[0].startswith("--from="):
        begin, ignored = stages[sources.pop(0).removeprefix("--from=")].root, ()
    for source in sources:
        origin, there = begin / source.strip("/"), stage.path(target)
        if not origin.exists() or _is_ignored(source.strip("/"), ignored):
            raise BuildFailed(f"COPY: there is no {source} in {begin.name}/; check the name and .dockerignore")
        if origin.is_dir():
            shutil.copytree(origin, there, ignore=_NEVER_COPIED, dirs_exist_ok=True)
        elif target.endswith("/") or target == ".":
            there.mkdir(parents=True, exist_ok=True)
            shutil.copy2(origin, there / origin.name)
        else:
            shutil.copy2(origin, there)


def _ignored(context: Path) -> tuple[str, ...]:
    """Return the patterns of .dockerignore."""
    file = context / ".dockerignore"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def _is_ignored(path: str, patterns: tuple[str, ...]) -> bool:
    """Return whether the patterns exclude a file or folder from the context; the last matching pattern decides."""
    first, is_ignored = path.split("/")[0], False
    for pattern in patterns:
        if fnmatch(first, pattern.removeprefix("!")):
            is_ignored = not pattern.startswith("!")
    return is_ignored


def _run(command: str, stage: Stage, runtime_python: Path) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))},
        **stage.variables,
        "PATH": f"{_interpreter(stage.root, runtime_python)}{os.pathsep}{os.environ['PATH']}",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONNOUSERSITE": "1",
    }
    # Keep the cache of pip between builds: it is useless in the image, but not on this machine.
    command = command.replace(" --no-cache-dir", "")
    done = subprocess.run(
        ["/bin/sh", "-euc", command], cwd=stage.path("."), env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
        raise BuildFailed(f"RUN {command[:80]} ...\n{tail}")


def _interpreter(root: Path, runtime_python: Path) -> Path:
    """Return a folder with the `python` of the image: the functions' interpreter, with pip from the current one."""
    folder = root.with_name(f"{root.name}.bin")
    if not folder.exists():
        folder.mkdir()
        python = folder / "python"
        pip = f'[ "$1 $2" = "-m pip" ] && exec "{sys.executable}" "$@"'
        python.write_text(f'#!/bin/sh\n{pip}\nexec "{runtime_python}" "$@"\n')
        python.chmod(0o755)
    return folder
