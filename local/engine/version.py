"""The version of the engine for which the patches in this package are written."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

SUPPORTED_MINISTACK = "1.5.33"


class UnsupportedEngineError(RuntimeError):
    """ministack is not installed, or not in the supported version."""


def installed_version() -> str | None:
    """Return the version of the installed ministack, or None when there is none."""
    try:
        return version("ministack")
    except PackageNotFoundError:
        return None


def require_supported_version() -> None:
    """Refuse every version of ministack except the supported one.

    The patches replace private functions, so another version may ignore them or fail.

    Raises
    ------
    UnsupportedEngineError
        With the version found, the version needed and the command that installs it.
    """
    found = installed_version()
    if found == SUPPORTED_MINISTACK:
        return
    state = "ministack is not installed" if found is None else f"ministack {found} is installed"
    raise UnsupportedEngineError(
        f"{state}, the local AWS is written for exactly {SUPPORTED_MINISTACK}; "
        "install it with `.venv/bin/pip install -r local/requirements.txt`, and before an upgrade run "
        "tests/local/engine against the new version"
    )
