"""Train a version of a project on a folder with one sub-folder per label."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from local.rekognition.custom_labels import head, limits, pictures
from local.rekognition.custom_labels.embedding import Embedder
from local.rekognition.custom_labels.projects import Projects, ProjectVersion
from local.rekognition.errors import RekognitionError


class TrainingRefused(Exception):
    """The folder cannot be used for training. The message names the folder, the limit and the remedy."""


@dataclass
class LabelledPictures:
    """The content of a folder.

    Attributes
    ----------
    embeddings
        By label, one row per picture, in the order of the file names.
    sha256
        Hash of labels and pictures, without the file names.
    skipped
        A sentence for each file that could not be used.
    """

    embeddings: dict[str, head.Embeddings]
    sha256: str
    skipped: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """The number of pictures."""
        return sum(len(rows) for rows in self.embeddings.values())


@dataclass(frozen=True)
class Trained:
    """A version, and its balanced accuracy on pictures that were left out, 0 to 1."""

    version: ProjectVersion
    balanced_accuracy: float
    is_new: bool


def read_folder(folder: Path, embedder: Embedder) -> LabelledPictures:
    """Read every picture below a folder: ``folder/LABEL/picture.jpg``. Hidden files are ignored.

    Raises
    ------
    TrainingRefused
        The folder does not exist.
    """
    if not folder.is_dir():
        raise TrainingRefused(f"{folder} is not a folder; name one that has a sub-folder of pictures for each label.")
    embeddings, skipped, fingerprints = {}, [], []
    for label in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        rows = []
        for path in sorted(path for path in label.iterdir() if path.is_file() and not path.name.startswith(".")):
            data = path.read_bytes()
            try:
                rows.append(embedder.embed(pictures.decode(data, embedder.input_side_pixels)))
            except RekognitionError as refused:
                skipped.append(f"{path} was skipped: {refused.message}.")
                continue
            fingerprints.append(f"{hashlib.sha256(data).hexdigest()} {label.name}")
        if rows:
            embeddings[label.name] = np.stack(rows)
    digest = hashlib.sha256("\n".join(sorted(fingerprints)).encode()).hexdigest()
    return LabelledPictures(embeddings, digest, skipped)


def train_version(project: str, folder: Path, learned: LabelledPictures, projects: Projects) -> Trained:
    """Create the project's next version, and the project for its first; the same pictures give the same version.

    Raises
    ------
    TrainingRefused
        There are fewer than two labels, or too few pictures of one.
    """
    labels = learned.embeddings
    if len(labels) < limits.MIN_LABELS:
        raise TrainingRefused(
            f"{folder} has pictures of {len(labels)} label{'' if len(labels) == 1 else 's'}, training takes "
            f"{limits.MIN_LABELS} and more; make one sub-folder of pictures (JPEG or PNG) for each label."
        )
    for label, rows in labels.items():
        if len(rows) < limits.MIN_PICTURES_PER_LABEL:
            raise TrainingRefused(
                f"{folder / label} has {len(rows)} usable pictures, training takes {limits.MIN_PICTURES_PER_LABEL} and "
                "more of each label; add some, or remove the label's folder."
            )
    balanced_accuracy = head.leave_one_out(labels)
    if all(each.name != project for each in projects.all()):
        try:
            projects.create(project)
        except ValueError as invalid:
            raise TrainingRefused(f"{invalid}.") from None
    for version in projects.versions(project):
        if version.pictures_sha256 == learned.sha256:
            return Trained(version, balanced_accuracy, is_new=False)
    description = f"{learned.count} pictures of {len(labels)} labels, balanced accuracy {balanced_accuracy:.2f}"
    version = projects.add_version(project, description, learned.sha256, head.train(labels))
    return Trained(version, balanced_accuracy, is_new=True)


def accuracy_on_unseen(trained: Trained, folder: Path, unseen: LabelledPictures) -> float:
    """Return the balanced accuracy of a version on other pictures, 0 to 1.

    Raises
    ------
    TrainingRefused
        The folder has no picture of one of the version's labels: the accuracy would be that of the others.
    """
    for label in trained.version.head.labels:
        if label not in unseen.embeddings:
            raise TrainingRefused(f"{folder} has no picture of {label}; add some to see how well it is recognized.")
    return head.accuracy_on(trained.version.head, unseen.embeddings)
