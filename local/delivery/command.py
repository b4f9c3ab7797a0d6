"""How the commands of a delivery end: with a sentence, and a status that stops what runs them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

# What somebody can mend: its text says how, or what AWS or the machine refuses.
MENDABLE = (OSError, KeyError, ValueError, RuntimeError, BotoCoreError, ClientError)


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
        # Of a KeyError, str() would put the sentence into quotes.
        print(failure.args[0] if isinstance(failure, KeyError) else str(failure))
        return 1
    except subprocess.CalledProcessError as failed:
        return failed.returncode
    return 0
