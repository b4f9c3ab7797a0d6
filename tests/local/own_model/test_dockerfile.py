"""Walking a Dockerfile without Docker: the instructions of this project as in the reference, and no others.

https://docs.docker.com/reference/dockerfile/
"""

import sys
import tempfile
from pathlib import Path

import pytest

from local.own_model import dockerfile
from local.own_model.dockerfile import BuildFailed, Step


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    (folder / "code" / "__pycache__").mkdir(parents=True)
    (folder / "code" / "app.py").write_text("print('app')\n")
    (folder / "code" / "__pycache__" / "app.pyc").write_bytes(b"")
    (folder / "secret.txt").write_text("secret")
    (folder / ".dockerignore").write_text("# what is shipped\n*\n!code\n")
    return folder


def walked(text: str, context: Path, **arguments: str) -> dockerfile.Stage:
    stages = Path(tempfile.mkdtemp(dir=context.parent))
    return dockerfile.walk(text, context, stages, arguments, Path(sys.executable))


def test_step_can_span_lines_with_comments_between():
    text = "# first\nFROM base\nRUN one && \\\n    # about two\n    two\n"
    assert dockerfile.steps(text) == [Step("FROM", "base"), Step("RUN", "one && two")]


@pytest.mark.parametrize("instruction", ["ADD a b", "USER nobody", "HEALTHCHECK NONE", "run ls"])
def test_unsupported_instruction_is_named(instruction):
    with pytest.raises(BuildFailed, match=f"{instruction.split()[0]}: no instruction that is walked without Docker"):
        dockerfile.steps(f"FROM base\n{instruction}\n")


def test_files_and_folders_are_copied_without_compiled_and_ignored_files(context):
    stage = walked("FROM base\nWORKDIR ${LAMBDA_TASK_ROOT}\nCOPY code/app.py ./\nCOPY code/ app/\n", context)
    assert (stage.root / "var/task/app.py").read_text() == "print('app')\n"
    assert [path.name for path in (stage.root / "var/task/app").iterdir()] == ["app.py"]
    with pytest.raises(BuildFailed, match=r"there is no secret\.txt in context/; check the name and \.dockerignore"):
        walked("FROM base\nCOPY secret.txt ./\n", context)


def test_later_stage_has_only_the_copied_files_of_an_earlier_one(context):
    maker = "FROM base AS maker\nWORKDIR /build\nRUN echo made > it.txt\n"
    stage = walked(f"{maker}FROM base\nWORKDIR /x\nCOPY --from=maker /build/it.txt ./\n", context)
    assert [path.name for path in stage.path(".").iterdir()] == ["it.txt"]


def test_argument_has_its_default_unless_a_value_is_given_and_the_command_is_read(context):
    text = 'FROM base\nARG NAME=usual\nWORKDIR /x\nRUN echo ${NAME} > name.txt\nCMD ["app.handler"]\n'
    assert walked(text, context).path("name.txt").read_text() == "usual\n"
    stage = walked(text, context, NAME="mine")
    assert stage.path("name.txt").read_text() == "mine\n"
    assert stage.command == ["app.handler"]


def test_command_runs_without_aws_credentials(context, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    stage = walked("FROM base\nWORKDIR /x\nRUN env > env.txt\n", context)
    assert "AWS_" not in stage.path("env.txt").read_text()


def test_failed_command_or_missing_base_image_ends_the_build(context):
    with pytest.raises(BuildFailed, match=r"RUN echo begin.*\nbegin\nthe reason$"):
        walked("FROM base\nWORKDIR /x\nRUN echo begin; echo the reason >&2; false; echo after\n", context)
    with pytest.raises(BuildFailed, match="FROM: missing"):
        walked("ARG NAME=x\n", context)
