"""Look at images with a team's own model."""

from pathlib import Path
from typing import Any

from vision import classification, entry
from vision.classifier import Classifier

classifier = Classifier.load(Path(__file__).with_name("model"))


@entry.task
def handler(event: entry.Event) -> dict[str, Any]:
    """Return the classes of each image of a batch, or why it has none."""
    answer = classification.classify(classifier, event)
    refused = sum("error" in outcome for outcome in answer["outcomes"])
    entry.count("ImagesClassified", len(answer["outcomes"]) - refused)
    if refused:
        entry.count("ImagesNotClassified", refused)
    return answer
