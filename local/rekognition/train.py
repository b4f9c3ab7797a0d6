"""Train Custom Labels on a folder of pictures: ``python -m local.rekognition.train FOLDER --name NAME``.

The folder has one sub-folder per label. The result is a version of the project NAME, which the local Rekognition
describes, starts and runs as AWS would; the same pictures give the same version again.
"""

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from local.downloads import DownloadFailed
from local.rekognition.custom_labels.embedding import Embedder
from local.rekognition.custom_labels.projects import NAME_PATTERN, PROJECTS_DIR, Projects
from local.rekognition.custom_labels.training import (
    LabelledPictures,
    Trained,
    TrainingRefused,
    accuracy_on_unseen,
    read_folder,
    train_version,
)
from local.rekognition.fetch import CLASSIFIER, MODELS_DIR, fetch_models


def main(arguments: list[str]) -> int:
    """Train, and print the accuracy on unseen pictures and the ARNs with which to run the model."""
    parser = argparse.ArgumentParser(
        prog="python -m local.rekognition.train", description="Train Custom Labels on a folder."
    )
    parser.add_argument("folder", type=Path, help="folder with one sub-folder of pictures for each label")
    parser.add_argument("--name", required=True, help="name of the project")
    parser.add_argument("--unseen", type=Path, help="folder of the same form to test on pictures that are not learned")
    parser.add_argument("--projects-dir", type=Path, default=PROJECTS_DIR, help="where projects are kept")
    options = parser.parse_args(arguments)
    if not re.fullmatch(NAME_PATTERN, options.name):
        parser.error(f"--name is {options.name!r}; it takes 1 to 255 letters, digits, '.', '_' and '-'")
    try:
        _report(train(options.folder, options.name, options.unseen, Projects(options.projects_dir)))
    except (DownloadFailed, TrainingRefused) as refusal:
        print(refusal, file=sys.stderr)
        return 1
    return 0


@dataclass(frozen=True)
class TrainedModel:
    """The result of a training.

    Attributes
    ----------
    project_arn
        ARN of the version's project.
    trained
        The version, and its balanced accuracy with each picture left out once.
    picture_counts
        The number of training pictures of each label.
    unseen_count
        The number of test pictures; 0 without a folder of them.
    unseen_accuracy
        Balanced accuracy on those, 0 to 1.
    """

    project_arn: str
    trained: Trained
    picture_counts: dict[str, int]
    unseen_count: int = 0
    unseen_accuracy: float = 0.0


def train(folder: Path, project: str, unseen_folder: Path | None, projects: Projects) -> TrainedModel:
    """Train the project's next version, or return the existing one for the same pictures.

    Raises
    ------
    DownloadFailed
        The backbone is missing and cannot be downloaded.
    TrainingRefused
        The folders cannot be used for training or testing.
    """
    if not (MODELS_DIR / CLASSIFIER.name).is_file():
        fetch_models()
    embedder = Embedder(MODELS_DIR / CLASSIFIER.name)
    learned = _read(folder, embedder)
    trained = train_version(project, folder, learned, projects)
    project_arn = next(each.arn for each in projects.all() if each.name == project)
    picture_counts = {label: len(rows) for label, rows in learned.embeddings.items()}
    if unseen_folder is None:
        return TrainedModel(project_arn, trained, picture_counts)
    unseen = _read(unseen_folder, embedder)
    accuracy = accuracy_on_unseen(trained, unseen_folder, unseen)
    return TrainedModel(project_arn, trained, picture_counts, unseen.count, accuracy)


def _report(model: TrainedModel) -> None:
    trained, version = model.trained, model.trained.version
    result = "Trained" if trained.is_new else "Already trained"
    print(f"{result}: {version.project} {version.name}, {version.description}")
    for label, count in model.picture_counts.items():
        print(f"  {label:24} {count} pictures")
    print(f"Balanced accuracy {trained.balanced_accuracy:.2f}, each picture left out once")
    if model.unseen_count:
        accuracy = model.unseen_accuracy
        print(f"Balanced accuracy {accuracy:.2f} on {model.unseen_count} pictures that it has not seen")
    print(f"ProjectArn        {model.project_arn}\nProjectVersionArn {version.arn}")


def _read(folder: Path, embedder: Embedder) -> LabelledPictures:
    read = read_folder(folder, embedder)
    for sentence in read.skipped:
        print(sentence, file=sys.stderr)
    return read


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
