"""The environment variables of the functions: a value for each, and the functions that have it."""

import json
from functools import cache

from tests.conftest import BUCKET, ROOT, TABLE
from tests.template.cloudformation import load

STATE_MACHINE_ARN = "arn:aws:states:eu-west-1:123456789012:stateMachine:image-recognition-ProcessImage"
RESULTS = "amzn-s3-demo-results"
TOPIC_ARN = "arn:aws:sns:eu-west-1:123456789012:QualityTopic"
MODEL_ARN = "arn:aws:rekognition:eu-west-1:123456789012:project/things"
ENVIRONMENT = {
    "POWERTOOLS_SERVICE_NAME": "image-recognition",
    "POWERTOOLS_LOG_LEVEL": "DEBUG",
    "IMAGE_TABLE_NAME": TABLE,
    "PROCESS_IMAGE_STATE_MACHINE_ARN": STATE_MACHINE_ARN,
    "MAX_LABELS": "10",
    "MIN_CONFIDENCE": "60",
    "THUMBNAIL_SIZE": "250",
    "SILENT_AFTER_SECONDS": "3600",
    "RESULTS_BUCKET_NAME": RESULTS,
    "QUALITY_TOPIC_ARN": TOPIC_ARN,
    "INSPECTION_RULES": json.dumps(
        [{"name": "garden", "prefix": "images/garden/", "min_confidence": 90, "any_of": ["Rose"], "none_of": ["Weed"]}]
    ),
    "INSPECTED_IMAGES": "move",
    "NOTIFICATIONS": "all",
    "INSPECTION_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/123456789012/InspectionQueue",
    "PROJECT_ARN": f"{MODEL_ARN}/1794475800123",
    "MODEL_VERSION_ARN": f"{MODEL_ARN}/version/things.2026-11-12T10.00.00/1794479400123",
    "CUSTOM_MIN_CONFIDENCE": "50",
    "POLL_SECONDS": "0",
    "HIDDEN_SECONDS": "120",
    "MINIMUM_BATCH": "20",
    "MAXIMUM_AGE_SECONDS": "3600",
    "MINIMUM_INFERENCE_UNITS": "1",
    "MAXIMUM_INFERENCE_UNITS": "4",
    "DRAIN_SECONDS": "600",
    "MAXIMUM_SESSION_SECONDS": "7200",
    "WORKERS_PER_UNIT": "2",
    "WATCHDOG_PERIOD_SECONDS": "600",
    "BULK_BUCKETS": f"arn:aws:s3:::{BUCKET},",
    "BULK_READS_PHOTOS": "true",
    "BULK_CALLS_PER_SECOND": "50",
    "BULK_BATCH_SIZE": "100",
    "VISION_EVENT_BUS_NAME": "image-recognition-vision",
    "PATIENCE_SECONDS": "0",
    "IMAGE_BUCKET_NAME": BUCKET,
    "PROCESS_BUCKET_STATE_MACHINE_ARN": STATE_MACHINE_ARN.replace("ProcessImage", "ProcessBucket"),
    "CUSTOM_MODEL_SESSION_STATE_MACHINE_ARN": STATE_MACHINE_ARN.replace("ProcessImage", "CustomModelSession"),
    "APP_URL": "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com",
    "SIGN_IN_URL": "https://photos-1.auth.eu-west-1.amazoncognito.com",
    "USER_POOL_URL": "https://cognito-idp.eu-west-1.amazonaws.com",
    "USER_POOL_CLIENT_ID": "1example23456789",
    "EXECUTION_LINKS": "operators",
    "DAILY_UPLOADS": "500",
    "DAILY_MEGABYTES": "5000",
    "ALLOWANCE_COVERS": "all",
    "OWN_MODEL_FUNCTION_ARN": "none",
}


def variables_of(function: str) -> dict[str, str]:
    """Return the variables that the templates give a function, so that a missing one is seen."""
    logical_id = f"{function.title().replace('_', '')}Function"
    return {name: ENVIRONMENT[name] for name in ENVIRONMENT.keys() & _variables_of_the_templates()[logical_id]}


@cache
def _variables_of_the_templates() -> dict[str, set[str]]:
    """The names of the environment variables of each function, by its logical id."""
    found: dict[str, set[str]] = {}
    for name in ("template.yaml", "own-model.yaml"):
        template = load((ROOT / name).read_text(encoding="utf-8"))
        shared = template.get("Globals", {}).get("Function", {}).get("Environment", {}).get("Variables", {})
        for logical_id, resource in template["Resources"].items():
            if resource["Type"] == "AWS::Serverless::Function":
                found[logical_id] = {*shared, *resource["Properties"].get("Environment", {}).get("Variables", {})}
    return found
