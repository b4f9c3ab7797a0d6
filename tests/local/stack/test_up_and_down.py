"""`make up` and `make down`: the description of the stack, its processes and its errors."""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from local.stack import deployment, local_stack
from local.stack.deployment import STACK_NAME, DeploymentFailed
from local.stack.local_stack import StackFiles
from tests.local.stack.conftest import PARAMETERS, engine_processes, no_word
from tests.local.stack.pipeline import function_processes, wait_for
from tests.pictures import gradients, jpeg_of

pytestmark = pytest.mark.local

REPOSITORY = deployment.REPOSITORY
PHOTO = jpeg_of(gradients(160, 120))


@pytest.fixture
def said():
    return []


def test_description_has_endpoint_credentials_and_outputs_for_its_owner_only(own_pipeline):
    files = own_pipeline.files
    described = json.loads(files.description.read_text())
    assert described.keys() == {"endpoint_url", "region", "access_key_id", "secret_access_key", "outputs"}
    assert described["endpoint_url"].startswith("http://127.0.0.1:")
    [found] = own_pipeline.client("cloudformation").describe_stacks(StackName=STACK_NAME)["Stacks"]
    assert described["outputs"] == {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}
    for path in (files.description, files.shell):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


def test_engine_listens_on_loopback_only(own_pipeline):
    port = int(own_pipeline.stack.endpoint_url.rpartition(":")[2])
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    addresses = {fields[1] for fields in listening if fields[3] == "0A" and fields[1].endswith(f":{port:04X}")}
    assert addresses == {f"0100007F:{port:04X}"}


def test_running_stack_is_reused_without_deployment(own_pipeline, said):
    files = own_pipeline.files
    before = engine_processes(files), files.log.joinpath("sam.log").read_text()
    again = local_stack.up(said.append, files, PARAMETERS)
    assert again == own_pipeline.stack
    assert (engine_processes(files), files.log.joinpath("sam.log").read_text()) == before
    [sentence] = said
    assert again.endpoint_url in sentence
    assert "nothing has changed" in sentence


def test_down_ends_every_process_and_removes_the_description(own_pipeline, said):
    own_pipeline.finished(own_pipeline.upload("private/a/uploads/a.jpg", PHOTO))
    functions = [own_pipeline.resource_name(f"{name}Function") for name in ("ExtractMetadata", "StoreMetadata")]
    endpoint = own_pipeline.stack.endpoint_url
    assert all(function_processes(endpoint, name) for name in functions)
    local_stack.down(said.append, own_pipeline.files)
    assert engine_processes(own_pipeline.files) == []
    wait_for(lambda: not any(function_processes(endpoint, name) for name in functions))
    assert not own_pipeline.files.description.exists()
    assert not own_pipeline.files.shell.exists()
    local_stack.down(said.append, own_pipeline.files)
    assert said[-1] == "The stack is not up."


def test_stack_moves_to_another_port_when_its_own_is_taken(own_pipeline, local_stacks):
    port = int(own_pipeline.stack.endpoint_url.rpartition(":")[2])
    local_stack.down(no_word, own_pipeline.files)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        moved = local_stacks.up(own_pipeline.files, port=port)
        assert moved.stack.endpoint_url != own_pipeline.stack.endpoint_url
        assert f":{port}/" not in json.dumps(moved.stack.outputs)
        assert moved.finished(moved.upload("private/a/uploads/a.jpg", PHOTO))["status"] == "SUCCEEDED"


def test_stack_starts_again_after_its_engine_was_killed(own_pipeline, local_stacks):
    for process in engine_processes(own_pipeline.files):
        os.kill(process, signal.SIGKILL)
    wait_for(lambda: engine_processes(own_pipeline.files) == [])
    assert local_stack.running(own_pipeline.files) is None
    again = local_stacks.up(own_pipeline.files)
    assert again.finished(again.upload("private/a/uploads/a.jpg", PHOTO))["status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["demo", "--photos", "/no/such/[/folder]"], 1, ["/no/such/[/folder] is no folder; name one with pictures"]),
        (["sideways"], 2, ["up", "demo"]),
    ],
)
def test_wrong_argument_is_reported_with_an_exit_code(arguments, code, words):
    command = [sys.executable, "-m", "local", *arguments]
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert run.returncode == code
    assert [word for word in words if word not in run.stdout + run.stderr] == []
    assert "Traceback" not in run.stderr


def test_stale_description_does_not_lead_to_the_engine_of_another_stack(pipeline, tmp_path, said):
    stale = StackFiles(tmp_path)
    stale.description.write_text(pipeline.files.description.read_text())
    assert local_stack.running(stale) is None
    local_stack.down(said.append, stale)
    assert said == ["The stack is not up."]
    assert local_stack.running(pipeline.files) is not None


@pytest.fixture
def own_source(tmp_path, monkeypatch):
    """A copy of the stack's source files, which a test may change."""
    copy = tmp_path / "source"
    copy.mkdir()
    for name in ("functions", "statemachines"):
        shutil.copytree(REPOSITORY / name, copy / name)
    for name in ("template.yaml", "samconfig.toml"):
        shutil.copy(REPOSITORY / name, copy / name)
    monkeypatch.setattr(deployment, "REPOSITORY", copy)
    return copy


def test_failed_build_and_missing_sam_cli_are_reported(own_pipeline, own_source, monkeypatch):
    (own_source / "template.yaml").write_text("Resources:\n  Broken: [\n")
    with pytest.raises(DeploymentFailed) as failure:
        local_stack.up(no_word, own_pipeline.files)
    assert "`sam build` failed" in str(failure.value)
    assert str(own_pipeline.files.log / "sam.log") in str(failure.value)
    assert "Traceback" not in str(failure.value)
    monkeypatch.setattr(deployment, "SAM", own_source / ".local" / "sam" / "bin" / "sam")
    with pytest.raises(DeploymentFailed, match=r"SAM CLI is missing.*make setup"):
        local_stack.up(no_word, own_pipeline.files)


def test_changed_source_is_deployed_again(own_pipeline, own_source, said):
    definition = own_source / "statemachines" / "process_image.asl.json"
    definition.write_text(definition.read_text().replace('"TimeoutSeconds": 3600', '"TimeoutSeconds": 3599'))
    before = own_pipeline.stack
    assert local_stack.up(said.append, own_pipeline.files, PARAMETERS) == before
    assert said[-1].startswith("Deployed in")
    machine = own_pipeline.client("stepfunctions").describe_state_machine(stateMachineArn=own_pipeline.machine_arn)
    assert json.loads(machine["definition"])["TimeoutSeconds"] == 3599
    assert own_pipeline.finished(own_pipeline.upload("private/a/uploads/a.jpg", PHOTO))["status"] == "SUCCEEDED"
