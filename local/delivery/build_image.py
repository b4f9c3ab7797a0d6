"""Build the own model's image, of the folder that `samconfig.toml` names: ``python -m local.delivery.build_image``."""

from __future__ import annotations

import argparse
import subprocess
import sys

from local.delivery import command, stages
from local.delivery.publish import OWN_MODEL
from local.stack.deployment import REPOSITORY, SAM

ARCHITECTURES = ("arm64", "x86_64")


def arguments(model: str, architecture: str) -> list[str]:
    """Return what `sam build` is called with.

    Parameters
    ----------
    model
        The folder below functions/classify_image/ that the image is made of.
    architecture
        The processor that it is made for.
    """
    call = ["build", "--template", "own-model.yaml", "--build-dir", str(OWN_MODEL.folder)]
    return [*call, "--parameter-overrides", f"ModelFolder={model}", f"LambdaArchitecture={architecture}"]


def main(argv: list[str] | None = None) -> int:
    """Build it, and say of which model."""
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
