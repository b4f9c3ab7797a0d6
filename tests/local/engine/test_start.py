"""The engine starts only where it can work, and says what is wrong elsewhere."""

import subprocess
import sys

import pytest

from local.engine import version
from local.engine.process import REPOSITORY, EngineNotHealthyError, EngineProcess
from local.engine.settings import EngineSettings
from local.engine.version import SUPPORTED_MINISTACK, UnsupportedEngineError, require_supported_version
from tests.local.engine.account import free_port


def test_the_installed_engine_is_the_supported_one():
    assert version.installed_version() == SUPPORTED_MINISTACK


@pytest.mark.parametrize("found", ["1.5.34", None])
def test_another_engine_is_refused_with_the_version_needed_and_the_remedy(monkeypatch, found):
    monkeypatch.setattr(version, "installed_version", lambda: found)
    with pytest.raises(UnsupportedEngineError, match=rf"exactly {SUPPORTED_MINISTACK}.*pip install -r local/"):
        require_supported_version()


def test_the_shell_of_the_developer_does_not_reach_the_engine(tmp_path):
    environ = {"AWS_PROFILE": "work", "AWS_SESSION_TOKEN": "t", "MINISTACK_REGION": "eu-west-1", "PATH": "/bin"}
    EngineSettings(4566, tmp_path).apply(environ)
    assert not environ.keys() & {"AWS_PROFILE", "AWS_SESSION_TOKEN", "MINISTACK_REGION"}
    assert (environ["PATH"], environ["AWS_REGION"], environ["BIND_HOST"]) == ("/bin", "us-east-1", "127.0.0.1")


@pytest.mark.local
def test_a_taken_port_is_named_with_the_remedy(engine, tmp_path):
    second = EngineProcess(engine.port, tmp_path / "state", tmp_path / "log")
    with pytest.raises(EngineNotHealthyError, match=rf"127.0.0.1:{engine.port} is already in use; .*--port"), second:
        pass


@pytest.mark.local
def test_a_second_engine_on_the_same_state_is_refused_with_the_remedy(engine, tmp_path):
    second = EngineProcess(free_port(), engine.state_dir, tmp_path / "log")
    with pytest.raises(EngineNotHealthyError, match=r"another engine keeps its state in .*--state-dir"), second:
        pass


@pytest.mark.local
def test_a_missing_interpreter_is_named_with_the_remedy(tmp_path):
    command = [sys.executable, "-m", "local.engine", "--state-dir", tmp_path, "--runtime-python", tmp_path / "no"]
    answer = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert "run `make setup`" in answer.stderr
