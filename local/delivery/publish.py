"""Hand what was built to CloudFormation: ``python -m local.delivery.publish BUCKET``.

The code goes into the bucket, an image into its repository. The template that names them, the settings of each stage
and the bill of materials are left in one folder, which the pipeline carries from stage to stage.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from local.delivery import stages
from local.deployment import REPOSITORY, SAM

# Below it the pipeline keeps packages for as long as somebody may want to go back to them.
PREFIX = "deployed"
STAGES = ("test", "prod")


@dataclass(frozen=True)
class Build:
    """What `sam build` has made of a template, and where what becomes of it is left."""

    folder: Path
    bill: Path
    release: Path
    # The template of the own model has none of the parameters of `samconfig.toml`.
    has_settings: bool


_OUTPUT = REPOSITORY / ".aws-sam"
STACK = Build(_OUTPUT / "build", _OUTPUT / "sbom.cdx.json", _OUTPUT / "release", has_settings=True)
OWN_MODEL = Build(
    _OUTPUT / "own-model", _OUTPUT / "own-model.cdx.json", _OUTPUT / "own-model-release", has_settings=False
)


def publish(build: Build, bucket: str, repository: str | None = None) -> None:
    """Upload what was built and write the folder of the release.

    Parameters
    ----------
    build
        What `sam build` has made.
    bucket
        Receives functions and layers below `deployed/`.
    repository
        URI of the ECR repository that receives an image; None where there is none.

    Raises
    ------
    FileNotFoundError
        When nothing was built, or nobody has listed what is in it.
    subprocess.CalledProcessError
        When `sam package` fails; it has said why.
    """
    for made, by in ((build.folder / "template.yaml", "build"), (build.bill, "bill of materials")):
        if not made.exists():
            raise FileNotFoundError(
                f"{made} is missing; make the {by} first (make package sbom, or make image image-sbom)"
            )
    shutil.rmtree(build.release, ignore_errors=True)
    build.release.mkdir(parents=True)
    call = [str(SAM), "package", "--template-file", str(build.folder / "template.yaml")]
    call += ["--s3-bucket", bucket, "--s3-prefix", PREFIX, "--no-progressbar"]
    call += ["--output-template-file", str(build.release / "template.yaml")]
    if repository:
        call += ["--image-repository", repository]
    subprocess.run(call, cwd=REPOSITORY, check=True)
    for name in STAGES:
        settings = stages.read(name).template_configuration()
        if not build.has_settings:
            settings["Parameters"] = {}
        (build.release / f"{name}.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    shutil.copy(build.bill, build.release / "sbom.cdx.json")


def main(argv: list[str] | None = None) -> int:
    """Publish the stack, or with a repository the own model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bucket", help="receives functions and layers")
    parser.add_argument("--image-repository", metavar="URI", help="publish the own model's image, into this repository")
    options = parser.parse_args(argv)
    build = OWN_MODEL if options.image_repository else STACK
    try:
        publish(build, options.bucket, options.image_repository)
    except FileNotFoundError as missing:
        print(missing)
        return 1
    except subprocess.CalledProcessError as failed:
        return failed.returncode
    print(f"The release is in {build.release.relative_to(REPOSITORY)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
