"""The engine starts only where it can work; elsewhere it names the problem and the remedy."""

import subprocess
import sys

import pytest

from local.engine import version
from local.engine.process import REPOSITORY, EngineNotHealthyError, EngineProcess
from local.engine.settings import EngineSettings
from local.engine.version import SUPPORTED_MINISTACK, UnsupportedEngineError, require_supported_version
from tests.local.engine.account import free_port


def test_only_the_supported_version_is_accepted(monkeypatch):
    assert version.installed_version() == SUPPORTED_MINISTACK
    for found in ("1.5.34", None):
        monkeypatch.setattr(version, "installed_version", lambda found=found: found)
        with pytest.raises(UnsupportedEngineError, match=rf"exactly {SUPPORTED_MINISTACK}.*pip install -r local/"):
            require_supported_version()


def test_aws_settings_of_the_shell_do_not_reach_the_engine(tmp_path):
    environ = {"AWS_PROFILE": "work", "AWS_SESSION_TOKEN": "t", "MINISTACK_REGION": "eu-west-1", "PATH": "/bin"}
    EngineSettings(4566, tmp_path).apply(environ)
    assert not environ.keys() & {"AWS_PROFILE", "AWS_SESSION_TOKEN", "MINISTACK_REGION"}
    assert environ["PATH"] == "/bin"
    assert environ["AWS_REGION"] == "us-east-1"
    assert environ["BIND_HOST"] == "127.0.0.1"


@pytest.mark.local
def test_used_port_or_state_folder_is_refused_with_the_remedy(engine, tmp_path):
    used_port = rf"(?s)127.0.0.1:{engine.port} is already in use.*--port"
    used_state = "(?s)another engine keeps its state in.*--state-dir"
    for port, state_dir, message in ((engine.port, tmp_path, used_port), (free_port(), engine.state_dir, used_state)):
        with pytest.raises(EngineNotHealthyError, match=message), EngineProcess(port, state_dir, tmp_path / "log"):
            pass


@pytest.mark.local
def test_missing_interpreter_is_reported_with_the_remedy(tmp_path):
    command = [sys.executable, "-m", "local.engine", "--state-dir", tmp_path, "--runtime-python", tmp_path / "no"]
    answer = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert "run `make setup`" in answer.stderr
