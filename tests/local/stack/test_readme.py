"""The commands of the README and of the pages that it leads to first: each is run here, or checked against its tool."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from local.stack.deployment import REPOSITORY, SAM
from tests.local.stack.pipeline import Pipeline, wait_for
from tests.local.stack.shell import bash, clean_environment

README, TOUR, DEPLOY, LOCAL, BULK, COSTS, SPEED = (
    (REPOSITORY / f"{name}.md").read_text(encoding="utf-8")
    for name in ("README", "docs/tour", "docs/deploy", "docs/local", "docs/bulk", "docs/costs", "docs/speed")
)


def _blocks(page: str) -> list[str]:
    return [block.strip() for block in re.findall(r"```bash\n(.*?)```", page, re.DOTALL)]


# What else is in the others is run by tests of their subjects.
BLOCKS = [block for page in (README, TOUR, DEPLOY, COSTS, SPEED) for block in _blocks(page)]
MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")

# `make` runs these; what they do is tested in test_commands.py and by each run of this test.
MAKE = re.compile(
    r"make (demo( PHOTOS=\S+| BULK=\d+)?|demo\nmake test|code|up|down|bench|cost( \w+=\S+)+"
    r"|demo DETECTOR=own-model\nmake model-check MODEL=\w+ IMAGE=\S+\nmake compare IMAGES=\w+)"
)

pytestmark = pytest.mark.local


def _block(page: str, beginning: str) -> str:
    (found,) = [block for block in _blocks(page) if block.startswith(beginning)]
    return found


@pytest.fixture
def shell(aws_cli: Path, pipeline: Pipeline, tmp_path: Path) -> Callable[[str], str]:
    """Run a block as a reader would, in a folder where the stack is up and a photo lies."""
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local/aws.env").symlink_to(pipeline.files.folder / "aws.env")
    (tmp_path / ".local/photos").symlink_to(REPOSITORY / ".local/photos")
    (tmp_path / "events").symlink_to(REPOSITORY / "events")
    shutil.copy(REPOSITORY / ".local/photos/cat.png", tmp_path / "my-photo.jpg")
    environment = clean_environment(aws_cli)
    return lambda script: bash(script, environment, tmp_path)


def test_every_block_is_run_or_checked_here() -> None:
    known = ("source .local/aws.env", "sam build", "sam local invoke")
    assert [block for block in BLOCKS if not MAKE.fullmatch(block) and not block.startswith(known)] == []


@pytest.mark.parametrize("block", sorted({block for block in BLOCKS if MAKE.fullmatch(block)}))
def test_target_of_make_exists(block: str) -> None:
    for command in block.splitlines():
        assert re.search(rf"^{command.split()[1]}:.*##", MAKEFILE, re.MULTILINE)


def test_estimate_is_that_of_the_table_for_as_many_images() -> None:
    asked = dict(setting.split("=") for setting in _block(COSTS, "make cost").split()[2:])
    options = [word for name, value in asked.items() for word in (f"--{name.lower()}", value)]
    printed = subprocess.run(
        [sys.executable, "-m", "benchmarks.cost", *options], capture_output=True, text=True, check=True
    )
    [row] = [line for line in COSTS.splitlines() if line.startswith(f"| {asked['DETECTOR']}, photo by photo")]
    assert row.split("|")[3].strip() in printed.stdout


def test_aws_cli_starts_a_bulk_run(shell, pipeline: Pipeline) -> None:
    started = json.loads(shell("source .local/aws.env\n" + _block(BULK, "aws stepfunctions start-execution")))
    assert pipeline.closed(started["executionArn"])["status"] == "SUCCEEDED"


def test_aws_cli_shows_an_upload_its_execution_and_its_record(shell, pipeline: Pipeline) -> None:
    block = _block(README, "source .local/aws.env")
    wait_for(lambda: "SUCCEEDED" in shell(block))

    shown = shell(block)

    for expected in ("SUCCEEDED", "TaskStateEntered", '"S": "private/me/uploads/my-photo.jpg"', '"S": "Cat"'):
        assert expected in shown


def test_tour_ends_with_a_photographer_that_failed(shell) -> None:
    shell(_block(TOUR, "source .local/aws.env\naws s3 cp"))
    look = _block(TOUR, "source .local/aws.env\naws s3 ls")
    # Before there is anything to list, the command says so by its exit code.
    wait_for(lambda: "analyzed/failure/line-4/photographer.png" in shell(f"{look} || true"))
    assert "results/line-4/photographer.png/" in shell(look)


def test_aws_cli_invokes_a_function_with_an_image_of_the_repository(shell) -> None:
    metadata = json.loads(shell(_block(LOCAL, "source .local/aws.env\nKEY=")).splitlines()[-1])
    assert (metadata["format"], metadata["orientation"], metadata["camera_model"]) == ("JPEG", 6, "Drawing")
    assert metadata["location"]["latitude_dms"] == "54° 11′ 6.0″ N"


def test_deployment_is_two_commands_of_the_sam_cli() -> None:
    # The same two deploy this stack: see local/stack/deployment.py.
    assert _block(README, "sam build") == _block(DEPLOY, "sam build") == "sam build\nsam deploy --guided"
    assert "--guided" in subprocess.run([SAM, "deploy", "--help"], capture_output=True, text=True, check=True).stdout


def test_local_invocation_names_a_function_an_event_and_options_that_exist() -> None:
    script = _block(LOCAL, "source .local/aws.env\nsam").partition("\n")[2]
    command = shlex.split(script.replace("\\\n", ""))
    template = yaml.load((REPOSITORY / "template.yaml").read_text(encoding="utf-8"), _Any)
    assert command[3] in template["Resources"]
    # The block above it writes the event.
    assert f"> {command[command.index('-e') + 1]}\n" in _block(LOCAL, "source .local/aws.env\nKEY=")
    assert command[command.index("--parameter-overrides") + 1].split("=")[0] in template["Parameters"]
    help_text = subprocess.run([SAM, "local", "invoke", "--help"], capture_output=True, text=True, check=True).stdout
    assert [option for option in command if option.startswith("--") and option not in help_text] == []


class _Any(yaml.SafeLoader):
    """Reads a template without looking into its intrinsic functions."""


_Any.add_multi_constructor("!", lambda loader, suffix, node: None)
