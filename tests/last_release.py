"""The last release, from which the tests upgrade a stack: its templates, functions and state machines.

They are recorded in an archive beside this file, since the checkout of a build may be shallow or without git. With a
new release change `COMMIT`, and record it: ``python -m tests.last_release``.
"""

import lzma
import subprocess
import tarfile
from pathlib import Path

COMMIT = "6c9c4cd"

ARCHIVE = Path(__file__).with_name("last_release.tar.xz")
TEMPLATES = ("template.yaml", "own-model.yaml", "pipeline.yaml", "docs/operations/deployer.yaml")
# What `sam build` reads, without the function that only own-model.yaml has.
BUILT = ("functions", "statemachines", "samconfig.toml", ":(exclude)functions/classify_image")


def template(name: str) -> str:
    """Return the text of a template of the release."""
    with tarfile.open(ARCHIVE) as archive:
        found = archive.extractfile(name)
        assert found is not None, f"{ARCHIVE.name} has no {name}"
        return found.read().decode()


def extract(folder: Path) -> Path:
    """Write the release into a new folder, and return it."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder


def recorded_commit() -> str:
    """Return the commit of the archive: git writes it into the header."""
    with tarfile.open(ARCHIVE) as archive:
        return archive.pax_headers["comment"]


if __name__ == "__main__":
    recorded = subprocess.check_output(["git", "archive", COMMIT, *TEMPLATES, *BUILT])
    ARCHIVE.write_bytes(lzma.compress(recorded, preset=9 | lzma.PRESET_EXTREME))
