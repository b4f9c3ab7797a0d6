"""A model of your own: ``python -m local.own_model manifest``, ``check``, ``build``, ``compare``. `make` runs them."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from rich.console import Console
from rich.text import Text

from local.demo.photo_demo import DemoFailed
from local.downloads import DownloadFailed
from local.engine.process import EngineNotHealthyError
from local.own_model import check, comparison, draft, folder, image, page, stack
from local.rekognition.fetch import fetch_models
from local.stack.deployment import REPOSITORY, DeploymentFailed
from local.stack.local_stack import LOCAL_DIR, StackFiles
from vision.domain.errors import VisionError
from vision.services.own_model.runtime import within_limit

console = Console(highlight=False, markup=False, soft_wrap=True)
PAGE = LOCAL_DIR / "comparison.html"


@dataclass(frozen=True)
class _Account:
    """The account and Region of the shell's credentials."""

    def client(self, service: str) -> Any:
        return boto3.client(service)


def main(arguments: list[str]) -> int:
    """Run one command; if it fails, print one sentence that says why."""
    options = _parser().parse_args(arguments)
    try:
        match options.command:
            case "manifest":
                _say(within_limit(draft.write, options.folder, options.version))
            case "check":
                _say(within_limit(check.check, folder.complete(options.folder), options.images))
            case "build":
                image_uri = image.build(StackFiles().images, console.print, options.model)
                console.print(f"The image is {image_uri.rpartition('/')[2]}.")
            case "compare":
                _compare(options)
    except (VisionError, DemoFailed, DeploymentFailed, DownloadFailed, EngineNotHealthyError) as error:
        console.print(Text.assemble((type(error).__name__, "red"), f": {error}"))
        return 1
    except KeyboardInterrupt:
        console.print("Stopped.")
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.own_model", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    drafted = commands.add_parser("manifest", help="write a first manifest for the ONNX file of a folder")
    drafted.add_argument("folder", type=Path)
    drafted.add_argument("--version", help="what the manifest calls this file; needed when it has an older one")
    checked = commands.add_parser("check", help="check manifest, class list and model, and try images")
    checked.add_argument("folder", type=Path)
    checked.add_argument("images", type=Path, nargs="*", metavar="image")
    built = commands.add_parser("build", help="walk the steps of the Dockerfile without Docker")
    built.add_argument("model", nargs="?", default=image.DEFAULT_MODEL, help="a folder below functions/classify_image/")
    compared = commands.add_parser("compare", help="let Rekognition and the own model look at the same pictures")
    compared.add_argument("folder", type=Path, help="the pictures")
    compared.add_argument("--model", default=image.DEFAULT_MODEL, help="a folder below functions/classify_image/")
    compared.add_argument("--function-arn", help="on AWS: the own model's function, instead of the local stack's")
    compared.add_argument("--bucket", help="on AWS: a bucket that the function may read")
    return parser


def _compare(options: argparse.Namespace) -> None:
    files = comparison.pictures(options.folder.expanduser())
    if options.function_arn:
        if not options.bucket:
            raise DemoFailed("--bucket is missing; name a bucket that the function may read, such as the stack's")
        compared = comparison.compare(_Account(), options.bucket, options.function_arn, files)
    elif options.bucket:
        remedy = "name the own model's function on AWS, or leave --bucket out for the local stack"
        raise DemoFailed(f"--function-arn is missing; {remedy}")
    else:
        _say(fetch_models().skipped)
        deployed, function_arn = stack.up_beside(console.print, model=options.model)
        compared = comparison.compare(deployed, deployed.outputs["ImageBucketName"], function_arn, files)
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page.render(compared), encoding="utf-8")
    console.print(f"{compared.left}\n{compared.right}\n")
    for words, number in page.counts(compared):
        console.print(f"{number:6}  {words}")
    console.print(f"\n{page.summary(compared)}")
    console.print(f"The pictures: {PAGE.relative_to(REPOSITORY)} (open it in a browser)")


def _say(sentences: list[str] | tuple[str, ...]) -> None:
    for sentence in sentences:
        console.print(sentence)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
