"""How the commands of a delivery end: with a sentence, and a status that stops what runs them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

# What somebody can mend: its text says how.
MENDABLE = (FileNotFoundError, KeyError, ValueError, RuntimeError)


def status(work: Callable[[], str]) -> int:
    """Do the work, print what it says or why it ended, and return the status of the process.

    Parameters
    ----------
    work
        Returns a sentence for who runs it. A command of its own that fails has said why, and its status is handed on.
    """
    try:
        print(work())
    except MENDABLE as failure:
        print(failure.args[0])
        return 1
    except subprocess.CalledProcessError as failed:
        return failed.returncode
    return 0
