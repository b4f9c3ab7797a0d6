"""Save the state of a busy engine."""

from __future__ import annotations

import time
from collections.abc import Callable

from ministack import app

_ATTEMPTS = 50


def install() -> None:
    """Patch the engine's saving at shutdown."""
    save_services_while_they_change()


def save_services_while_they_change() -> None:
    """Keep the state of every service.

    The engine copies each service's dictionaries while its threads still change them; when one grows
    during the copy, Python raises and the engine drops that service's whole state. A copy takes
    milliseconds, so another attempt succeeds.
    """
    build = app._build_persistence_save_dict

    def patiently(read: Callable[[], object]) -> Callable[[], object]:
        def read_state() -> object:
            for _ in range(_ATTEMPTS):
                try:
                    return read()
                except RuntimeError:
                    time.sleep(0.01)
            return read()

        return read_state

    def build_persistence_save_dict() -> dict[str, Callable[[], object]]:
        return {name: patiently(read) for name, read in build().items()}

    app._build_persistence_save_dict = build_persistence_save_dict
