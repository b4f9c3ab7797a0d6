"""A peer counts only where it really is what its name says, and a worker's failure has a name."""

import sys

import pytest

from benchmarks.peers import Worker, WorkerFailed, find_imagemagick


def test_another_program_called_convert_is_not_imagemagick(tmp_path, monkeypatch):
    _program(tmp_path, "convert", "only prints a PNG")
    _program(tmp_path, "identify", "Version: ImageMagick 6.9.11-60")
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(LookupError, match="apt-get install imagemagick"):
        find_imagemagick()


def test_imagemagick_is_found_behind_another_program_called_convert(tmp_path, monkeypatch):
    stand_in, real = tmp_path / "first", tmp_path / "second"
    for folder in (stand_in, real):
        folder.mkdir()
    _program(stand_in, "convert", "only prints a PNG")
    _program(real, "convert", "Version: ImageMagick 6.9.11-60")
    _program(real, "identify", "Version: ImageMagick 6.9.11-60")
    monkeypatch.setenv("PATH", f"{stand_in}:{real}")

    assert find_imagemagick() == (f"{real}/identify", f"{real}/convert")


def test_a_job_that_fails_is_an_error_that_names_it():
    worker = Worker("ours", [sys.executable, "-m", "benchmarks.contenders.ours"])
    try:
        with pytest.raises(WorkerFailed, match="ours, thumbnail: FileNotFoundError"):
            worker.ask("thumbnail", path="/nowhere.jpg")
    finally:
        worker.close()


def test_a_worker_that_dies_is_an_error_and_not_a_wait():
    worker = Worker("short-lived", [sys.executable, "-c", "raise SystemExit(3)"])
    try:
        with pytest.raises(WorkerFailed, match="short-lived ended with code 3"):
            worker.ask("thumbnail")
    finally:
        worker.close()


def _program(folder, name, says):
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n", encoding="utf-8")
    path.chmod(0o755)
