"""Deploy what was built, as `samconfig.toml` says: ``python -m local.delivery.deploy test``.

`sam deploy` alone does that too, without a release: what is named on the command line replaces all the parameters
of the file, so they are named here with it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from datetime import UTC, datetime

from local.delivery import stages
from local.deployment import REPOSITORY, SAM


def release() -> str:
    """Return a name that no deployment had before: the time and, in a checkout, the commit.

    Examples
    --------
    20261121T083501Z-1a2b3c4
    """
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    ).stdout.strip()
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}{'-' + commit if commit else ''}"


def arguments(stage: stages.Stage, name: str, role_arn: str | None) -> list[str]:
    """Return what `sam deploy` is called with.

    Parameters
    ----------
    stage
        Where to.
    name
        The release.
    role_arn
        The role that CloudFormation makes the stack with; None takes the caller's own permissions.
    """
    # Quoted as the SAM CLI reads it, since a value may hold spaces and quotes.
    parameters = [f"{key}={json.dumps(value)}" for key, value in (stage.parameters | {"Release": name}).items()]
    call = ["deploy", "--config-env", stage.name, "--no-confirm-changeset", "--no-progressbar"]
    return [*call, *(["--role-arn", role_arn] if role_arn else []), "--parameter-overrides", *parameters]


def main(argv: list[str] | None = None) -> int:
    """Run `sam deploy`, and return its status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", help="a section of samconfig.toml")
    try:
        stage = stages.read(parser.parse_args(argv).stage)
    except KeyError as missing:
        print(missing.args[0])
        return 1
    call = [str(SAM), *arguments(stage, release(), os.environ.get("AWS_STACK_ROLE_ARN"))]
    return subprocess.run(call, cwd=REPOSITORY, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
