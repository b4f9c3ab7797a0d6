"""List what is deployed, as a CycloneDX bill of materials: ``python -m local.delivery.sbom``.

Read from the layers that ``sam build`` has made, and not from the requirement files: those name what the code asks for,
the layers hold what came.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = REPOSITORY / ".aws-sam" / "build"
BILL = REPOSITORY / ".aws-sam" / "sbom.cdx.json"

CYCLONEDX = "cyclonedx-bom==7.5.0"


def write_bill(build: Path, bill: Path) -> None:
    """Write the bill of materials of a build.

    Parameters
    ----------
    build
        What ``sam build`` has made; the packages of each layer are in its folder ``python``.
    bill
        The file that is written, CycloneDX 1.6 as JSON. The same build gives the same file.

    Raises
    ------
    FileNotFoundError
        When nothing was built.
    """
    layers = sorted(str(path.resolve()) for path in build.glob("*/python"))
    if not layers:
        raise FileNotFoundError(f"there is no layer in {build}; run `make package` first")
    uv = Path(sys.executable).with_name("uv")
    with tempfile.TemporaryDirectory() as folder:
        # An environment that has the layers' packages and none of its own.
        environment = Path(folder) / "shipped"
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, environment], check=True)
        (packages,) = environment.glob("lib/python*/site-packages")
        (packages / "layers.pth").write_text("\n".join(layers) + "\n")
        # uv's own hook for editable installs: nothing that is deployed.
        for own in packages.glob("_virtualenv.*"):
            own.unlink()
        command = [str(uv), "tool", "run", "--from", CYCLONEDX, "cyclonedx-py", "environment", "--output-reproducible"]
        command += ["--mc-type", "application", "--pyproject", str(REPOSITORY / "pyproject.toml")]
        subprocess.run([*command, "--output-file", str(bill), str(environment)], check=True)


def main() -> int:
    """Write it beside the build, and say where."""
    try:
        write_bill(BUILD, BILL)
    except FileNotFoundError as missing:
        print(missing)
        return 1
    print(f"The bill of materials is in {BILL.relative_to(REPOSITORY)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
