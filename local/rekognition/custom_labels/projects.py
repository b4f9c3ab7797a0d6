"""Projects and their versions on disk, to survive a restart, and because training and engine are two processes.

One folder per project below ``.local/models/custom``, one JSON file per version, written atomically.
"""

import base64
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from local.account import ACCOUNT_ID, REGION
from local.downloads import write_atomically
from local.rekognition.custom_labels.head import Head
from local.rekognition.fetch import MODELS_DIR

PROJECTS_DIR = MODELS_DIR / "custom"

# Pattern and length of ProjectName and VersionName in the service model.
NAME_PATTERN = r"[a-zA-Z0-9_.\-]{1,255}"
_OWN_RECORD = "project.json"


@dataclass(frozen=True)
class Project:
    """A project: its name and creation time, in milliseconds since 1970 as in its ARN."""

    name: str
    created_milliseconds: int

    @property
    def arn(self) -> str:
        """The ARN, as on AWS: ``arn:aws:rekognition:REGION:ACCOUNT:project/NAME/TIMESTAMP``."""
        return f"arn:aws:rekognition:{REGION}:{ACCOUNT_ID}:project/{self.name}/{self.created_milliseconds}"


@dataclass(frozen=True)
class ProjectVersion:
    """A trained version of a project.

    Attributes
    ----------
    project, name, created_milliseconds
        The parts of its ARN.
    description
        Its pictures, and its accuracy.
    pictures_sha256
        Hash of labels and pictures: the same pictures are not trained twice.
    head
        The trained part.
    """

    project: str
    name: str
    created_milliseconds: int
    description: str
    pictures_sha256: str
    head: Head

    @property
    def arn(self) -> str:
        """The ARN, as on AWS: ``…:project/NAME/version/VERSION/TIMESTAMP``."""
        return (
            f"arn:aws:rekognition:{REGION}:{ACCOUNT_ID}:project/{self.project}/version/{self.name}/"
            f"{self.created_milliseconds}"
        )


class Projects:
    """All projects below a folder. Reads the disk at each call, because training is another process."""

    def __init__(self, folder: Path = PROJECTS_DIR, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock

    def all(self) -> list[Project]:
        """List the projects, newest first, as the service does."""
        found = [
            Project(record.parent.name, json.loads(record.read_text(encoding="utf-8"))["created_milliseconds"])
            for record in self._folder.glob(f"*/{_OWN_RECORD}")
        ]
        return sorted(found, key=lambda project: (-project.created_milliseconds, project.name))

    def create(self, name: str) -> Project:
        """Create a project.

        Raises
        ------
        FileExistsError
            A project with this name exists.
        ValueError
            The name consists of dots only, which cannot name a folder.
        """
        if not name.strip("."):
            raise ValueError(f"{name!r} can not be the name of a project; use letters or digits")
        record = self._folder / name / _OWN_RECORD
        if record.exists():
            raise FileExistsError(f"a project {name} exists")
        project = Project(name, self._now())
        write_atomically(record, json.dumps({"created_milliseconds": project.created_milliseconds}).encode())
        return project

    def delete(self, project: Project) -> None:
        """Delete a project without versions."""
        (self._folder / project.name / _OWN_RECORD).unlink(missing_ok=True)
        (self._folder / project.name).rmdir()

    def versions(self, project: str) -> list[ProjectVersion]:
        """List a project's versions, newest first; none for a project that does not exist."""
        if not (self._folder / project / _OWN_RECORD).exists():
            return []
        records = [path for path in (self._folder / project).glob("*.json") if path.name != _OWN_RECORD]
        found = [_read_version(project, path) for path in records]
        return sorted(found, key=lambda version: (-version.created_milliseconds, version.name))

    def add_version(self, project: str, description: str, pictures_sha256: str, head: Head) -> ProjectVersion:
        """Store a trained head as the project's next version: v1, v2 and so on."""
        numbers = [int(found[1]) for each in self.versions(project) if (found := re.fullmatch(r"v(\d+)", each.name))]
        version = ProjectVersion(
            project, f"v{max(numbers, default=0) + 1}", self._now(), description, pictures_sha256, head
        )
        record = {
            "created_milliseconds": version.created_milliseconds,
            "description": description,
            "pictures_sha256": pictures_sha256,
            "labels": head.labels,
            "sharpness": head.sharpness,
            "centres": base64.b64encode(head.centres.astype("<f8").tobytes()).decode(),
        }
        write_atomically(self._path(version), json.dumps(record, indent=1).encode())
        return version

    def delete_version(self, version: ProjectVersion) -> None:
        """Delete a version with its head."""
        self._path(version).unlink(missing_ok=True)

    def _path(self, version: ProjectVersion) -> Path:
        return self._folder / version.project / f"{version.name}.json"

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _read_version(project: str, path: Path) -> ProjectVersion:
    record = json.loads(path.read_text(encoding="utf-8"))
    labels = tuple(record["labels"])
    centres = np.frombuffer(base64.b64decode(record["centres"]), dtype="<f8").reshape(len(labels), -1)
    return ProjectVersion(
        project=project,
        name=path.stem,
        created_milliseconds=record["created_milliseconds"],
        description=record["description"],
        pictures_sha256=record["pictures_sha256"],
        head=Head(labels, centres, record["sharpness"]),
    )
