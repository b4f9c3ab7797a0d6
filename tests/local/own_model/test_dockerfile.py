"""Walking a Dockerfile without Docker: the instructions of ours, as the reference says, and no others by guessing."""

import sys
from pathlib import Path

import pytest

from local.own_model import dockerfile
from local.own_model.dockerfile import BuildFailed, Step

# https://docs.docker.com/reference/dockerfile/
PYTHON = Path(sys.executable)


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
    return dockerfile.walk(text, context, context.with_name("stages"), arguments, PYTHON)


def test_a_step_may_go_over_several_lines_with_comments_between() -> None:
    text = "# first\nFROM base\nRUN one && \\\n    # about two\n    two\n"
    assert dockerfile.steps(text) == [Step("FROM", "base"), Step("RUN", "one && two")]


@pytest.mark.parametrize("instruction", ["ADD a b", "USER nobody", "HEALTHCHECK NONE", "run ls"])
def test_an_instruction_that_is_not_walked_is_named(instruction: str) -> None:
    with pytest.raises(BuildFailed, match=f"{instruction.split()[0]}: no instruction that is walked without Docker"):
        dockerfile.steps(f"FROM base\n{instruction}\n")


def test_a_file_is_copied_into_the_folder_of_the_stage(context: Path) -> None:
    stage = walked("FROM base\nWORKDIR ${LAMBDA_TASK_ROOT}\nCOPY code/app.py ./\n", context)
    assert (stage.root / "var/task/app.py").read_text() == "print('app')\n"


def test_a_folder_is_copied_by_its_content_without_what_the_host_compiled(context: Path) -> None:
    stage = walked("FROM base\nWORKDIR /work\nCOPY code/ app/\n", context)
    assert [path.name for path in (stage.root / "work/app").iterdir()] == ["app.py"]


def test_what_dockerignore_keeps_out_cannot_be_copied(context: Path) -> None:
    with pytest.raises(BuildFailed, match=r"there is no secret\.txt in context/; check the name and \.dockerignore"):
        walked("FROM base\nCOPY secret.txt ./\n", context)


def test_a_later_stage_takes_files_of_an_earlier_one_and_nothing_else(context: Path) -> None:
    text = (
        "FROM base AS maker\nWORKDIR /build\nRUN echo made > it.txt\nFROM base\nWORKDIR /x\n"
        "COPY --from=maker /build/it.txt ./\n"
    )
    stage = walked(text, context)
    assert [path.name for path in stage.path(".").iterdir()] == ["it.txt"]


def test_an_argument_has_its_default_unless_one_is_given(context: Path) -> None:
    text = "FROM base\nARG NAME=usual\nWORKDIR /x\nRUN echo ${NAME} > name.txt\n"
    assert walked(text, context).path("name.txt").read_text() == "usual\n"


def test_an_argument_that_is_given_wins(context: Path) -> None:
    text = "FROM base\nARG NAME=usual\nWORKDIR /x\nRUN echo ${NAME} > name.txt\n"
    assert walked(text, context, NAME="mine").path("name.txt").read_text() == "mine\n"


def test_a_command_sees_nothing_of_an_aws_account(context: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    stage = walked("FROM base\nWORKDIR /x\nRUN env > env.txt\n", context)
    assert "AWS_" not in stage.path("env.txt").read_text()


def test_a_command_that_fails_ends_the_build_with_its_last_words(context: Path) -> None:
    with pytest.raises(BuildFailed, match=r"RUN echo begin.*\nbegin\nthe reason$"):
        walked("FROM base\nWORKDIR /x\nRUN echo begin; echo the reason >&2; false; echo after\n", context)


def test_the_command_of_the_image_is_read(context: Path) -> None:
    assert walked('FROM base\nCMD ["app.handler"]\n', context).command == ["app.handler"]


def test_a_file_without_an_image_to_begin_with_is_refused(context: Path) -> None:
    with pytest.raises(BuildFailed, match="FROM: missing"):
        walked("ARG NAME=x\n", context)
