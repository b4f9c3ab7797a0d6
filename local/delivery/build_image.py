"""Build the own model's image from the folder in `samconfig.toml`: ``python -m local.delivery.build_image``."""

from __future__ import annotations

import argparse
import subprocess
import sys

from local.delivery import command, stages
from local.delivery.publish import OWN_MODEL
from local.stack.deployment import REPOSITORY, SAM

ARCHITECTURES = ("arm64", "x86_64")


def arguments(model: str, architecture: str) -> list[str]:
    """Return the arguments of `sam build`.

    Parameters
    ----------
    model
        The folder of the model below functions/classify_image/.
    architecture
        The architecture of the image.
    """
    call = ["build", "--template", "own-model.yaml", "--build-dir", str(OWN_MODEL.folder)]
    return [*call, "--parameter-overrides", f"ModelFolder={model}", f"LambdaArchitecture={architecture}"]


def main(argv: list[str] | None = None) -> int:
    """Build the image, and print the name of its model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architecture", choices=ARCHITECTURES, default=ARCHITECTURES[0])
    options = parser.parse_args(argv)

    def work() -> str:
        model = stages.model_folder()
        manifest = REPOSITORY / "functions/classify_image" / model / "manifest.json"
        if not manifest.exists():
            remedy = f"`make model-manifest MODEL={model}` writes one, or name another folder in samconfig.toml"
            raise FileNotFoundError(f"{manifest} is missing; {remedy}")
        subprocess.run([str(SAM), *arguments(model, options.architecture)], cwd=REPOSITORY, check=True)
        return f"The image of the model {model} is built for {options.architecture}."

    return command.status(work)


if __name__ == "__main__":
    sys.exit(main())
