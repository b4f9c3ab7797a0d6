"""The end of each delivery command: a sentence, and an exit code that stops the calling workflow on failure."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

# Errors that a person can fix: their messages say how, or what AWS or the machine refuses.
MENDABLE = (OSError, KeyError, ValueError, RuntimeError, BotoCoreError, ClientError)


def status(work: Callable[[], str]) -> int:
    """Run the work, print its sentence or its error, and return the exit code of the process.

    Parameters
    ----------
    work
        Returns a sentence for the user. A subprocess that fails has printed the reason; its exit code is returned.
    """
    try:
        print(work())
    except MENDABLE as failure:
        # str() of a KeyError would put the sentence in quotes.
        print(failure.args[0] if isinstance(failure, KeyError) else str(failure))
        return 1
    except subprocess.CalledProcessError as failed:
        return failed.returncode
    return 0
