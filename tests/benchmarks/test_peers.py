"""A peer counts only if it is the program of its name, and a failure of a worker has a name."""

import sys

import pytest

from benchmarks.peers import Worker, WorkerFailed, find_imagemagick

OURS = [sys.executable, "-m", "benchmarks.contenders.ours"]
SHORT_LIVED = [sys.executable, "-c", "raise SystemExit(3)"]


def _program(folder, name, says):
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n", encoding="utf-8")
    path.chmod(0o755)


def test_imagemagick_is_found_behind_another_program_called_convert(tmp_path, monkeypatch):
    other, real = tmp_path / "first", tmp_path / "second"
    _program(other, "convert", "only prints a PNG")
    _program(other, "identify", "Version: ImageMagick 6.9.11-60")
    monkeypatch.setenv("PATH", str(other))
    with pytest.raises(LookupError, match="apt-get install imagemagick"):
        find_imagemagick()

    _program(real, "convert", "Version: ImageMagick 6.9.11-60")
    _program(real, "identify", "Version: ImageMagick 6.9.11-60")
    monkeypatch.setenv("PATH", f"{other}:{real}")
    (other / "identify").unlink()
    assert find_imagemagick() == (f"{real}/identify", f"{real}/convert")


@pytest.mark.parametrize(
    ("name", "command", "message"),
    [
        ("ours", OURS, "ours, thumbnail: FileNotFoundError"),
        ("short-lived", SHORT_LIVED, "short-lived ended with code 3"),
    ],
)
def test_failed_job_and_dead_worker_are_named_errors(name, command, message):
    worker = Worker(name, command)
    try:
        with pytest.raises(WorkerFailed, match=message):
            worker.ask("thumbnail", path="/nowhere.jpg")
    finally:
        worker.close()
