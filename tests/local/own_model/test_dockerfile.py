"""Walking a Dockerfile without Docker: the instructions of this project as in the reference, and no others.

https://docs.docker.com/reference/dockerfile/
"""

import sys
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
    return dockerfile.walk(text, context, context.with_name("stages"), arguments, Path(sys.executable))


def test_step_can_span_lines_with_comments_between() -> None:
    text = "# first\nFROM base\nRUN one && \\\n    # about two\n    two\n"
    assert dockerfile.steps(text) == [Step("FROM", "base"), Step("RUN", "one && two")]


@pytest.mark.parametrize("instruction", ["ADD a b", "USER nobody", "HEALTHCHECK NONE", "run ls"])
def test_unsupported_instruction_is_named(instruction: str) -> None:
    with pytest.raises(BuildFailed, match=f"{instruction.split()[0]}: no instruction that is walked without Docker"):
        dockerfile.steps(f"FROM base\n{instruction}\n")


def test_file_is_copied_into_the_folder_of_the_stage(context: Path) -> None:
    stage = walked("FROM base\nWORKDIR ${LAMBDA_TASK_ROOT}\nCOPY code/app.py ./\n", context)
    assert (stage.root / "var/task/app.py").read_text() == "print('app')\n"


def test_folder_is_copied_without_compiled_files(context: Path) -> None:
    stage = walked("FROM base\nWORKDIR /work\nCOPY code/ app/\n", context)
    assert [path.name for path in (stage.root / "work/app").iterdir()] == ["app.py"]


def test_file_excluded_by_dockerignore_cannot_be_copied(context: Path) -> None:
    with pytest.raises(BuildFailed, match=r"there is no secret\.txt in context/; check the name and \.dockerignore"):
        walked("FROM base\nCOPY secret.txt ./\n", context)


def test_later_stage_has_only_the_copied_files_of_an_earlier_one(context: Path) -> None:
    maker = "FROM base AS maker\nWORKDIR /build\nRUN echo made > it.txt\n"
    stage = walked(f"{maker}FROM base\nWORKDIR /x\nCOPY --from=maker /build/it.txt ./\n", context)
    assert [path.name for path in stage.path(".").iterdir()] == ["it.txt"]


@pytest.mark.parametrize(("given", "value"), [({}, "usual"), ({"NAME": "mine"}, "mine")])
def test_argument_has_its_default_unless_a_value_is_given(context: Path, given: dict[str, str], value: str) -> None:
    text = "FROM base\nARG NAME=usual\nWORKDIR /x\nRUN echo ${NAME} > name.txt\n"
    assert walked(text, context, **given).path("name.txt").read_text() == f"{value}\n"


def test_command_runs_without_aws_credentials(context: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    stage = walked("FROM base\nWORKDIR /x\nRUN env > env.txt\n", context)
    assert "AWS_" not in stage.path("env.txt").read_text()


def test_failed_command_ends_the_build_with_its_output(context: Path) -> None:
    with pytest.raises(BuildFailed, match=r"RUN echo begin.*\nbegin\nthe reason$"):
        walked("FROM base\nWORKDIR /x\nRUN echo begin; echo the reason >&2; false; echo after\n", context)


def test_command_of_the_image_is_read(context: Path) -> None:
    assert walked('FROM base\nCMD ["app.handler"]\n', context).command == ["app.handler"]


def test_dockerfile_without_a_base_image_is_refused(context: Path) -> None:
    with pytest.raises(BuildFailed, match="FROM: missing"):
        walked("ARG NAME=x\n", context)
