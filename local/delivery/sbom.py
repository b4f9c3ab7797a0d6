"""List what is deployed, as a CycloneDX bill of materials: ``python -m local.delivery.sbom``.

It is read from the build, not from the requirement files: those list what the code needs, this what was installed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from local.delivery import command
from local.delivery.publish import OWN_MODEL, STACK
from local.stack.deployment import REPOSITORY

CYCLONEDX = "cyclonedx-bom==7.5.0"
# The folder of the function and its packages in a Lambda image.
TASK_ROOT = "/var/task"


def write_bill(folders: Sequence[Path], bill: Path) -> None:
    """Write the bill of materials of folders with Python packages.

    Parameters
    ----------
    folders
        Folders with packages and their ``.dist-info``, as pip installs them.
    bill
        The file to write, CycloneDX 1.6 as JSON. The same packages give the same file.

    Raises
    ------
    FileNotFoundError
        There are no folders.
    """
    if not folders:
        raise FileNotFoundError("nothing was built; run `make package` first")
    uv = Path(sys.executable).with_name("uv")
    with tempfile.TemporaryDirectory() as temporary:
        # An environment that has these packages and none of its own.
        environment = Path(temporary) / "shipped"
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, environment], check=True)
        (packages,) = environment.glob("lib/python*/site-packages")
        (packages / "shipped.pth").write_text("\n".join(str(folder.resolve()) for folder in folders) + "\n")
        # uv's own hook for editable installs: nothing that is deployed.
        for own in packages.glob("_virtualenv.*"):
            own.unlink()
        call = [str(uv), "tool", "run", "--from", CYCLONEDX, "cyclonedx-py", "environment", "--output-reproducible"]
        call += ["--mc-type", "application", "--pyproject", str(REPOSITORY / "pyproject.toml")]
        bill.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([*call, "--output-file", str(bill), str(environment)], check=True)


def write_bill_of_image(image: str, bill: Path) -> None:
    """Write the bill of materials of the packages that a container image adds to its base image.

    Parameters
    ----------
    image
        The name of the image in Docker.
    bill
        The file to write.

    Raises
    ------
    subprocess.CalledProcessError
        Docker does not have the image, and has printed so.
    """
    made = subprocess.run(["docker", "create", image], check=True, stdout=subprocess.PIPE, text=True)
    container = made.stdout.strip()
    try:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["docker", "cp", "--quiet", f"{container}:{TASK_ROOT}", folder], check=True)
            write_bill([Path(folder) / Path(TASK_ROOT).name], bill)
    finally:
        subprocess.run(["docker", "rm", container], check=True, stdout=subprocess.DEVNULL)


def main(argv: list[str] | None = None) -> int:
    """Write the bill of materials of the layers, or of an image, and print its path."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", help="list what is in this image instead")
    image = parser.parse_args(argv).image
    bill = OWN_MODEL.bill if image else STACK.bill

    def work() -> str:
        if image:
            write_bill_of_image(image, bill)
        else:
            write_bill(sorted(STACK.folder.glob("*/python")), bill)
        return f"The bill of materials is in {bill.relative_to(REPOSITORY)}."

    return command.status(work)


if __name__ == "__main__":
    sys.exit(main())
