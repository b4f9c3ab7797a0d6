"""Service integrations: the fields of `lambda:invoke`, and every `aws-sdk` call."""

from __future__ import annotations

import datetime
import functools
import json
import os
from typing import Any

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError
from ministack.services import stepfunctions as sf

# Names in a state machine that differ from boto3's.
_BOTO3_NAMES = {"sfn": "stepfunctions", "cloudwatchlogs": "logs", "eventbridge": "events"}

# Calls that the engine dispatches itself without converting their streamed body.
_STREAMED = {("s3", "getObject"), ("s3", "putObject")}


def install() -> None:
    """Patch the engine's service integrations."""
    return_what_lambda_invoke_returns()
    call_any_service()


def return_what_lambda_invoke_returns() -> None:
    """Put `ExecutedVersion` and the metadata of the SDK into the result of `lambda:invoke`.

    https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html
    """
    invoke = sf._invoke_resource

    def invoke_resource(resource: str, input_data: object) -> object:
        result = invoke(resource, input_data)
        if "states:::lambda:invoke" not in resource or not isinstance(result, dict):
            return result
        return {
            "ExecutedVersion": "$LATEST",
            **result,
            "SdkHttpMetadata": {"HttpStatusCode": 200},
            "SdkResponseMetadata": {},
        }

    sf._invoke_resource = invoke_resource


def call_any_service() -> None:
    """Let `aws-sdk:<service>:<action>` call every service, and name errors `Service.CodeException`.

    The engine dispatches some services itself; calls to the others go through boto3 to the engine's own endpoint.
    https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
    """
    dispatch = sf._invoke_aws_sdk_integration

    def invoke_aws_sdk_integration(resource: str, input_data: dict[str, Any]) -> object:
        service, action = resource.replace(".waitForTaskToken", "").rsplit(":", 2)[1:]
        if service in sf._AWS_SDK_SERVICE_MAP and (service, action) not in _STREAMED:
            return dispatch(resource, input_data)
        return _call(service, action, dict(input_data or {}))

    sf._invoke_aws_sdk_integration = invoke_aws_sdk_integration


@functools.cache
def client(service: str, region: str) -> Any:
    """Return the engine's own client of one of its services, as root and without retries."""
    return boto3.client(
        service,
        endpoint_url=os.environ["AWS_ENDPOINT_URL"],
        region_name=region,
        config=Config(retries={"max_attempts": 0}),
    )


def _call(service: str, action: str, parameters: dict[str, Any]) -> object:
    body = parameters.get("Body")
    if (service, action) == ("s3", "putObject") and not isinstance(body, str | bytes):
        parameters["Body"] = json.dumps(body)
    call = getattr(client(_BOTO3_NAMES.get(service, service), sf.get_region()), xform_name(action))
    try:
        return _as_json(call(**parameters))
    except ClientError as error:
        code = error.response["Error"]["Code"].removesuffix("Exception")
        prefix = sf._AWS_SDK_ERROR_PREFIX.get(service, service.capitalize())
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        message = error.response["Error"].get("Message", "")
        raise sf._ExecutionError(
            f"{prefix}.{code}Exception", f"{message} (Service: {prefix}, Status Code: {status})"
        ) from error
    except ParamValidationError as error:
        raise sf._ExecutionError("States.Runtime", str(error)) from error


def _as_json(value: object) -> object:
    """Return a boto3 response in the form of Step Functions: text for bodies, ISO 8601 for times."""
    if isinstance(value, dict):
        return {key: _as_json(item) for key, item in value.items() if key != "ResponseMetadata"}
    if isinstance(value, list):
        return [_as_json(item) for item in value]
    if isinstance(value, datetime.datetime):
        moment = value.astimezone(datetime.UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
    if hasattr(value, "read"):
        value = value.read()
    if isinstance(value, bytes | bytearray):
        return value.decode("utf-8", "replace")
    return value
