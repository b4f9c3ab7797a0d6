"""The state folder, which one engine at a time can use."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
from pathlib import Path
from typing import IO


class StateInUseError(RuntimeError):
    """Another engine uses the folder."""


def claim(state_dir: Path) -> IO[bytes]:
    """Claim a folder for this process until it ends.

    Returns
    -------
    file
        The claim, which lasts as long as this file is open.

    Raises
    ------
    StateInUseError
        Another engine uses the folder: it would lose the code of its functions, and both engines their state.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    lock = (state_dir / "lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise StateInUseError(
            f"another engine keeps its state in {state_dir}; stop it (`make down`) or choose another --state-dir"
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()).encode())
    lock.flush()
    return lock


def holder(state_dir: Path) -> int | None:
    """Return the process id of the engine that uses a folder, or None.

    Only the claim is reliable: a port, or a process id in a file, may belong to another program by now.
    """
    try:
        lock = (state_dir / "lock").open("rb")
    except FileNotFoundError:
        return None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(lock.read() or 0) or None
    return None


def secret_access_key(state_dir: Path) -> str:
    """Return the secret access key of the account's root user, which the first call creates.

    Only the user who started the engine can read it: access to the port does not grant the permissions of root.
    """
    secret = state_dir / "secret_access_key"
    if not secret.exists():
        state_dir.mkdir(parents=True, exist_ok=True)
        made = state_dir / f"secret_access_key.{os.getpid()}"
        made.touch(mode=0o600)
        made.write_text(secrets.token_urlsafe(30))
        # Another process may have created one since; both use the first.
        with contextlib.suppress(FileExistsError):
            secret.hardlink_to(made)
        made.unlink()
    return secret.read_text()


def empty(folder: Path) -> None:
    """Create an empty folder in place of an earlier run's."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def move_to(state_dir: Path, port: int) -> None:
    """Change the port in the saved state of an earlier run on another port.

    The engine identifies a queue by a URL with the port: without this, a message that an event sends to the queue
    would never reach the function that reads it.
    """
    marker = state_dir / "port"
    earlier = marker.read_text() if marker.exists() else str(port)
    if earlier != str(port):
        for saved in (state_dir / "services").glob("*.json"):
            saved.write_text(saved.read_text().replace(f"http://localhost:{earlier}/", f"http://localhost:{port}/"))
    marker.write_text(str(port))
