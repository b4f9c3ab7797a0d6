"""Patch ministack and serve it on loopback."""

from __future__ import annotations

import asyncio
import logging
import resource

from hypercorn.asyncio import serve as serve_asgi
from hypercorn.config import Config
from ministack import app
from ministack.core import lambda_runtime

from local.engine import (
    cloudformation,
    event_sources,
    events,
    http_api,
    iam,
    image_functions,
    lambda_logs,
    lambda_workers,
    objects,
    origins,
    persistence,
    queues,
    rekognition,
    second_factor,
    sign_in,
    signatures,
    step_functions,
    tables,
    token_trigger,
)
from local.engine.settings import APP_API_NAME, EngineSettings


def install_patches(settings: EngineSettings) -> None:
    """Restore every behaviour of AWS that this package implements."""
    cloudformation.install()
    tables.install()
    lambda_workers.install(settings.runtime_python, settings.concurrency)
    image_functions.install(settings.runtime_python, settings.images_dir)
    lambda_logs.install()
    queues.install()
    event_sources.install()
    events.install()
    objects.install()
    iam.install()
    signatures.install()
    rekognition.install()
    step_functions.install()
    sign_in.install()
    second_factor.install()
    token_trigger.install()
    http_api.install(APP_API_NAME)
    persistence.install()
    # Last, so that it sees every request first.
    origins.install()


def serve(settings: EngineSettings) -> None:
    """Serve every service until SIGTERM or SIGINT, then save the state and end all Lambda processes."""
    install_patches(settings)
    _raise_open_file_limit()
    # One line per request would hide the messages of the engine.
    logging.getLogger("hypercorn.access").setLevel(logging.WARNING)
    config = Config()
    config.bind = [f"127.0.0.1:{settings.port}"]
    config.keep_alive_timeout = 75
    try:
        asyncio.run(serve_asgi(app.app, config))
    finally:
        lambda_runtime.reset()


def _raise_open_file_limit() -> None:
    """Raise the limit of open files to the machine's maximum, for bursts of uploads; the default is 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
