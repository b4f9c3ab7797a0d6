"""Classify images with a team's own model."""

import time
from pathlib import Path
from typing import Any

from vision import entry
from vision.adapters import aws_sdk
from vision.services.own_model import classification
from vision.services.own_model.runtime import Classifier
from vision.settings import ClassifyImageSettings

settings = ClassifyImageSettings.read()
aws_sdk.make_clients("s3")
classifier = Classifier.load(Path(settings.lambda_task_root, "model"))


@entry.task
def handler(event: entry.Event) -> dict[str, Any]:
    """Return the classes or the error of each image in a batch, and the gigabyte-seconds of the call."""
    began = time.monotonic()
    answer = classification.classify(classifier, event)
    refused = sum("error" in outcome for outcome in answer["outcomes"])
    entry.count("ImagesClassified", len(answer["outcomes"]) - refused)
    if refused:
        entry.count("ImagesNotClassified", refused)
    gigabytes = settings.aws_lambda_function_memory_size / 1024
    return answer | {"gb_seconds": round((time.monotonic() - began) * gigabytes, 4)}
