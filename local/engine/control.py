"""Call the APIs of a running engine that AWS does not have: its settings, and the controls of the local Rekognition."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

CONFIGURATION_PATH = "/_ministack/config"


def ask(
    client_arguments: dict[str, str], content: dict[str, Any], *, target: str = "", path: str = "/"
) -> dict[str, Any]:
    """Send a signed request and return the response.

    Parameters
    ----------
    client_arguments
        The arguments of ``boto3.client`` to reach the engine as its root user.
    content
        The request, sent as JSON.
    target
        ``X-Amz-Target``, for example ``LocalRekognition.Counters``.
    path
        Path of a setting of the engine.

    Raises
    ------
    urllib.error.URLError
        When the engine refuses the request, or does not answer.
    """
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
    request = AWSRequest("POST", client_arguments["endpoint_url"] + path, headers, json.dumps(content).encode())
    keys = Credentials(client_arguments["aws_access_key_id"], client_arguments["aws_secret_access_key"])
    SigV4Auth(keys, "rekognition", client_arguments["region_name"]).add_auth(request)
    sent = urllib.request.Request(request.url, request.body, dict(request.headers.items()))
    with urllib.request.urlopen(sent, timeout=60) as response:
        answer: dict[str, Any] = json.load(response)
        return answer
