"""Commands of the local stack: ``up``, ``down``, ``demo``, ``event``, ``code`` and ``env`` of ``python -m local``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import boto3
from rich.console import Console
from rich.text import Text

from local.demo import bulk_demo, contact_sheet, inspection_demo, own_event, photo_demo, session_demo
from local.demo.people import NoPersonYet, Person, code, demo_person, known_person
from local.demo.photo_demo import DemoFailed, Upload
from local.demo.sample_photos import fetch_photos, photos
from local.downloads import DownloadFailed
from local.engine.process import EngineNotHealthyError
from local.own_model import stack as own_model
from local.own_model.image import DEFAULT_MODEL
from local.rekognition.custom_labels.training import TrainingRefused
from local.rekognition.fetch import fetch_models
from local.stack import environment, local_stack
from local.stack.deployment import REPOSITORY, STACK_NAME, DeploymentFailed
from local.stack.local_stack import LOCAL_DIR, Stack

# When the output is not a terminal, its width is unknown: use one that fits the whole table.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
ENVIRONMENT = LOCAL_DIR / "env.json"
CONTACT_SHEET = LOCAL_DIR / "contact-sheet.html"
EVENT = LOCAL_DIR / "event.json"
REKOGNITION = "rekognition"
# A deployment keeps the value of a parameter that it does not name, so each command names all that another changes.
PARAMETERS = {
    "PhotoDetector": REKOGNITION,
    "InspectionDetector": REKOGNITION,
    "OwnModelFunctionArn": "",
    "InspectionRules": json.dumps(inspection_demo.RULES),
    "BulkCallsPerSecond": str(bulk_demo.CALLS_PER_SECOND),
}


def main(arguments: list[str]) -> int:
    """Run one command; if it fails, print one sentence that says why."""
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up_parser = commands.add_parser("up", help="start the local stack, or reuse the running one")
    commands.add_parser("down", help="stop it")
    commands.add_parser(
        "code", help="print the code that the demo's person signs in with, as an authenticator app does"
    )
    event_parser = commands.add_parser("event", help="upload an image and write its event to .local/event.json")
    event_parser.add_argument("image", type=Path, help="a picture of yours")
    environment_parser = commands.add_parser("env", help="write .local/env.json for `sam local invoke --env-vars`")
    environment_parser.add_argument("--stack-name", required=True, help="a stack in the account of your credentials")
    demo_parser = commands.add_parser("demo", help="process photos, inspect some, and show the results")
    demo_parser.add_argument("--photos", type=Path, help="folder with your own pictures")
    demo_parser.add_argument("--bulk", metavar="IMAGES", help="label this number of images in one bulk run instead")
    for one in (up_parser, demo_parser):
        one.add_argument(
            "--detector", choices=[REKOGNITION, own_model.DETECTOR], default=REKOGNITION, help="who finds the labels"
        )
        one.add_argument(
            "--model", default=DEFAULT_MODEL, help="the own model: a folder below functions/classify_image/"
        )
    options = parser.parse_args(arguments)
    try:
        match options.command:
            case "up":
                deployed = _up(options.detector, options.model)
                _say_what_next(deployed, demo_person(deployed))
            case "down":
                local_stack.down(console.print)
            case "code":
                _say_code(known_person())
            case "event":
                _write_event(options.image.expanduser())
            case "env":
                _write_environment(environment.variables(boto3.client, options.stack_name))
            case "demo" if options.bulk is not None:
                images = bulk_demo.count(options.bulk)
                _bulk(images, _up(options.detector, options.model))
            case "demo":
                folder = options.photos.expanduser() if options.photos else None
                _demo(folder, options.detector, options.model)
    except (
        *(DemoFailed, DeploymentFailed, DownloadFailed, EngineNotHealthyError, NoPersonYet, TrainingRefused),
    ) as error:
        # Text, since a path in the message may look like markup.
        console.print(Text.assemble((type(error).__name__, "red"), f": {error}"), soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("Stopped.")
        # The exit code that shells use for a command that was ended by Ctrl-C.
        return 130
    return 0


def _up(detector: str, model: str) -> Stack:
    if detector == REKOGNITION:
        for sentence in fetch_models().skipped:
            console.print(sentence)
        deployed = local_stack.up(console.print, parameters=PARAMETERS)
    else:
        rules = {"InspectionRules": json.dumps(inspection_demo.OWN_MODEL_RULES)}
        deployed = own_model.up(console.print, parameters=PARAMETERS | rules, model=model)
    _write_environment(environment.variables(deployed.client, STACK_NAME, deployed.endpoint_url))
    return deployed


def _write_environment(variables: dict[str, dict[str, str]]) -> None:
    ENVIRONMENT.parent.mkdir(exist_ok=True)
    ENVIRONMENT.write_text(json.dumps(variables, indent=2) + "\n")


def _write_event(image: Path) -> None:
    own_event.check(image)
    deployed = local_stack.running(local_stack.StackFiles()) or _up(REKOGNITION, DEFAULT_MODEL)
    envelope = own_event.write(deployed, image, demo_person(deployed).owner, EVENT)
    file = EVENT.relative_to(REPOSITORY)
    resources = deployed.client("cloudformation").describe_stack_resource(
        StackName=STACK_NAME, LogicalResourceId="ExtractMetadataFunction"
    )
    function = resources["StackResourceDetail"]["PhysicalResourceId"]
    console.print(
        f"""{file} is the event of {envelope.object.key}. Invoke a function with it, or start its workflow:

  source .local/aws.env
  aws lambda invoke --function-name {function} --payload fileb://{file} .local/answer.json
  cat .local/answer.json
  aws stepfunctions start-execution --state-machine-arn "$ProcessImageStateMachineArn" --input file://{file}""",
        markup=False,
        soft_wrap=True,
    )


def _demo(folder: Path | None, detector: str, model: str) -> None:
    if folder is None:
        for sentence in fetch_photos().skipped:
            console.print(sentence)
        files = [LOCAL_DIR / "photos" / photo.name for photo in photos()]
    elif folder.is_dir():
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
        if any(path.is_dir() for path in folder.iterdir()):
            console.print("Folders in it are left out; name one of them to see its pictures.")
    else:
        raise DemoFailed(f"{folder} is no folder; name one with pictures: make demo PHOTOS=folder")
    deployed = _up(detector, model)
    person = demo_person(deployed)
    uploads = photo_demo.process(console, deployed, files, person.owner)
    console.print(photo_demo.result_table(uploads, console.width))
    CONTACT_SHEET.write_text(contact_sheet.render(deployed, uploads), encoding="utf-8")
    inspected = _inspect(deployed, uploads, detector)
    CONTACT_SHEET.write_text(contact_sheet.render(deployed, uploads, inspected), encoding="utf-8")
    console.print()
    _say_what_next(deployed, person)


def _bulk(images: int, deployed: Stack) -> None:
    for sentence in fetch_photos().skipped:
        console.print(sentence)
    files = [LOCAL_DIR / "photos" / photo.name for photo in photos()]
    bulk_demo.show(console, deployed, files, images)


def _inspect(deployed: Stack, uploads: list[Upload], detector: str) -> list[Upload]:
    """Inspect some images with the detector's labels; with Rekognition, also run a session with Custom Labels."""
    inspected = []
    if files := inspection_demo.chosen(uploads):
        whose = "Rekognition's labels" if detector == REKOGNITION else "your own model"
        console.print(f"\n[bold]Inspected with {whose}, at once[/]")
        inspected = inspection_demo.inspect(console, deployed, files)
        console.print(inspection_demo.verdict_table(inspected))
    if detector != REKOGNITION:
        return inspected
    console.print("\n[bold]A Custom Labels session: the model runs only while there is work[/]")
    return inspected + session_demo.show(console)


def _say_code(person: Person) -> None:
    digits, seconds_left = code(person, time.time())
    console.print(f"{digits} (once; another one in {seconds_left} s)", markup=False)


def _say_what_next(deployed: Stack, person: Person) -> None:
    sheet = f"{CONTACT_SHEET.relative_to(REPOSITORY)}, and each execution: " if CONTACT_SHEET.is_file() else ""
    executions = 'aws stepfunctions list-executions --state-machine-arn "$ProcessImageStateMachineArn"'
    console.print(
        f"""Open      {deployed.outputs["AppUrl"]}/ as {person.email} with {person.password} and the code of `make code`
Look at   {sheet}source .local/aws.env && {executions}
Try next  make demo PHOTOS=folder with pictures of yours, or docs/tour.md; `make down` stops the stack""",
        markup=False,
        soft_wrap=True,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
