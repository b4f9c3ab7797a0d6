"""The environment variables that a function sees, as the Lambda service sets them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.core.responses import get_region, new_uuid
from ministack.services import lambda_svc

from local.engine import lambda_logs


def function_environment(config: dict[str, Any], code_dir: str, runtime_api_port: int) -> dict[str, str]:
    """Return the environment variables of a Python function process.

    These are the documented variables of the Lambda service, the function's own, and the endpoint of the engine;
    none of the shell that started the engine, so that a function cannot depend on the laptop.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html

    Parameters
    ----------
    config
        The function's configuration, as GetFunctionConfiguration returns it.
    code_dir
        Folder with the unpacked deployment package.
    runtime_api_port
        Port of the Lambda Runtime API of this process.
    """
    name = config.get("FunctionName", "")
    region = get_region()
    variables = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "TMPDIR": os.environ["TMPDIR"],
        "PYTHONPATH": os.pathsep.join(layer_paths(config)),
        "LAMBDA_TASK_ROOT": code_dir,
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{runtime_api_port}",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{config.get('Runtime', '')}",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
        "AWS_LAMBDA_FUNCTION_VERSION": config.get("Version", "$LATEST"),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": new_uuid(),
        **lambda_logs.variables(config.get("LoggingConfig") or {}),
        # A function outside a trace must log, not raise; Lambda sets the same.
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "_HANDLER": config.get("Handler", ""),
        **lambda_runtime.execution_credentials(config),
    }
    variables.update(lambda_svc._runtime_env_vars(config))
    variables["AWS_ENDPOINT_URL"] = os.environ["AWS_ENDPOINT_URL"]
    return {key: str(value) for key, value in variables.items()}


def layer_paths(config: dict[str, Any]) -> list[str]:
    """Return the folders of a function's layers that Python searches, the last layer first.

    Lambda unpacks layers in their order over one `/opt`, so a later layer wins, and its Python runtime
    searches `/opt/python/lib/python3.x/site-packages` and `/opt/python`.
    https://docs.aws.amazon.com/lambda/latest/dg/python-layers.html
    """
    runtime = config.get("Runtime", "")
    paths = []
    for layer in reversed(config.get("Layers") or []):
        archive = lambda_svc._resolve_layer_zip(layer)
        if not archive:
            continue
        root = Path(lambda_svc._provided_runtime_code_dir(archive)) / "python"
        paths += [str(root / "lib" / runtime / "site-packages"), str(root)]
    return paths
