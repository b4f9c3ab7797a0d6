"""The settings of an engine, and the environment variables that pass them to ministack."""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path

from local.account import REGION
from local.engine.state import secret_access_key

# ministack treats this key as the account's root user and checks no policy for it. Its secret is in the state folder.
ROOT_ACCESS_KEY_ID = "test"

# A host of its own, not of S3: a browser takes it for loopback, and keeps what the app stores away from sign-in.
APP_HOST = "app.localhost"
# The HTTP API of this name is the product's own: it answers there.
APP_API_NAME = "image-recognition-local"

DEFAULT_PORT = 4566
DEFAULT_RUNTIME_PYTHON = Path(".local/lambda/bin/python")

# Variables of the developer's shell that would change the account or the credentials of the engine.
_FOREIGN_VARIABLES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")
_FOREIGN_PREFIXES = ("MINISTACK_", "LOCALSTACK_", "LAMBDA_")


def default_concurrency() -> int:
    """Return how many Lambda invocations run at once by default: two for each core."""
    return 2 * (os.cpu_count() or 2)


@dataclass(frozen=True)
class EngineSettings:
    """One run of the engine.

    Parameters
    ----------
    port
        TCP port on 127.0.0.1; the engine never listens elsewhere.
    state_dir
        Folder with services, objects and temporary files; a restart with it continues where the last
        run stopped.
    wait_scale
        Factor on every Wait state and retry interval of state machines: 1 is real time, 0.01 makes a
        minute 0.6 s.
    concurrency
        How many Lambda invocations run at once; more of them wait for a free place.
    runtime_python
        The interpreter of functions, with awslambdaric and boto3 and no other packages.
    """

    port: int
    state_dir: Path
    wait_scale: float = 1.0
    concurrency: int = 4
    runtime_python: Path = DEFAULT_RUNTIME_PYTHON

    @property
    def endpoint_url(self) -> str:
        """The address of every service."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def temporary_dir(self) -> Path:
        """The folder of unpacked function code and the functions' temporary files."""
        return self.state_dir / "tmp"

    @property
    def images_dir(self) -> Path:
        """The folder of the functions' container images: beside the state, so that a restart finds them."""
        return self.state_dir.parent / "images"

    def environment(self) -> dict[str, str]:
        """Return the variables that ministack reads while it is imported."""
        return {
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": "127.0.0.1",
            "AUTH": "true",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self.state_dir / "services"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self.state_dir / "objects"),
            "SFN_WAIT_SCALE": str(self.wait_scale),
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": ROOT_ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": secret_access_key(self.state_dir),
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "TMPDIR": str(self.temporary_dir),
            # Off: listeners that this project does not need, one of them on every interface.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            # The engine removes containers of earlier runs; without a daemon it cannot touch the machine's own.
            "DOCKER_HOST": f"unix://{self.state_dir / 'no-docker.sock'}",
            # How long an execution environment stays warm; see `lambda_workers.end_idle_environments`.
            "LAMBDA_WARM_TTL_SECONDS": "120",
        }

    def apply(self, environ: MutableMapping[str, str]) -> None:
        """Set `environ` to this run's settings, without the developer's own AWS configuration."""
        for name in list(environ):
            if name in _FOREIGN_VARIABLES or name.startswith(_FOREIGN_PREFIXES):
                del environ[name]
        environ.update(self.environment())
