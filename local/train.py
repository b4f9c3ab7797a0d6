"""Train Custom Labels on a folder of pictures: ``python -m local.train FOLDER --name NAME``.

The folder has one sub-folder per label. What comes out is a version of the project NAME that the local Rekognition
describes, starts and asks as AWS would; the same pictures give the same version again.
"""

import argparse
import re
import sys
from pathlib import Path

from local.downloads import DownloadFailed
from local.rekognition.custom_labels.embedding import Embedder
from local.rekognition.custom_labels.projects import NAME_PATTERN, PROJECTS_DIR, Projects
from local.rekognition.custom_labels.training import (
    LabelledPictures,
    TrainingRefused,
    accuracy_on_unseen,
    read_folder,
    train_version,
)
from local.rekognition.fetch import CLASSIFIER, MODELS_DIR, fetch_models


def main(arguments: list[str]) -> int:
    """Train, say how well it recognizes pictures that it has not seen, and give the ARNs to run it with."""
    parser = argparse.ArgumentParser(prog="python -m local.train", description="Train Custom Labels on a folder.")
    parser.add_argument("folder", type=Path, help="folder with one sub-folder of pictures for each label")
    parser.add_argument("--name", required=True, help="name of the project")
    parser.add_argument("--unseen", type=Path, help="folder of the same form to test on pictures that are not learned")
    parser.add_argument("--projects-dir", type=Path, default=PROJECTS_DIR, help="where projects are kept")
    options = parser.parse_args(arguments)
    if not re.fullmatch(NAME_PATTERN, options.name):
        parser.error(f"--name is {options.name!r}; it takes 1 to 255 letters, digits, '.', '_' and '-'")
    try:
        return _train(options.folder, options.name, options.unseen, Projects(options.projects_dir))
    except (DownloadFailed, TrainingRefused) as refusal:
        print(refusal, file=sys.stderr)
        return 1


def _train(folder: Path, project: str, unseen_folder: Path | None, projects: Projects) -> int:
    if not (MODELS_DIR / CLASSIFIER.name).is_file():
        fetch_models()
    embedder = Embedder(MODELS_DIR / CLASSIFIER.name)
    learned = _read(folder, embedder)
    trained = train_version(project, folder, learned, projects)
    version = trained.version
    print(f"{'Trained' if trained.is_new else 'Already trained'}: {project} {version.name}, {version.description}")
    for label, rows in learned.embeddings.items():
        print(f"  {label:24} {len(rows)} pictures")
    print(f"Balanced accuracy {trained.balanced_accuracy:.2f}, each picture left out once")
    if unseen_folder is not None:
        unseen = _read(unseen_folder, embedder)
        accuracy = accuracy_on_unseen(trained, unseen_folder, unseen)
        print(f"Balanced accuracy {accuracy:.2f} on {unseen.count} pictures that it has not seen")
    project_arn = next(each.arn for each in projects.all() if each.name == project)
    print(f"ProjectArn        {project_arn}\nProjectVersionArn {version.arn}")
    return 0


def _read(folder: Path, embedder: Embedder) -> LabelledPictures:
    read = read_folder(folder, embedder)
    for sentence in read.skipped:
        print(sentence, file=sys.stderr)
    return read


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
