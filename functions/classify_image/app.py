"""Look at images with a team's own model."""

from pathlib import Path
from typing import Any

from vision import classification, entry
from vision.classifier import Classifier
from vision.settings import ClassifyImageSettings

classifier = Classifier.load(Path(ClassifyImageSettings.read().lambda_task_root, "model"))


@entry.task
def handler(event: entry.Event) -> dict[str, Any]:
    """Return the classes of each image of a batch, or why it has none."""
    answer = classification.classify(classifier, event)
    refused = sum("error" in outcome for outcome in answer["outcomes"])
    entry.count("ImagesClassified", len(answer["outcomes"]) - refused)
    if refused:
        entry.count("ImagesNotClassified", refused)
    return answer
