"""The folder of a model: manifest, model file and class list, or a fetch.py that fetches the files missing from git."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from local.downloads import LOCAL_DIR, DownloadFailed
from vision.domain.errors import InvalidModel
from vision.services.own_model.runtime import read_manifest

FETCHED_DIR = LOCAL_DIR / "own-model"
_FETCH = "fetch.py"


def complete(folder: Path, fetched_dir: Path = FETCHED_DIR) -> Path:
    """Return a folder that has the model file: this one, or a copy in which its fetch.py was run.

    Raises
    ------
    InvalidModel
        The folder or its manifest cannot be read.
    DownloadFailed
        The message has the last line of fetch.py.
    """
    if not folder.is_dir():
        raise InvalidModel(f"{folder.name}: there is no such folder; name one with a manifest.json and its model")
    manifest = read_manifest(folder)
    fetch = folder / _FETCH
    if (folder / manifest.file).exists() or not fetch.exists():
        return folder
    copy = fetched_dir / _digest(folder)
    if not (copy / manifest.file).exists():
        partial = copy.with_suffix(".part")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(folder, partial, ignore=shutil.ignore_patterns("__pycache__"))
        _run(partial)
        shutil.rmtree(copy, ignore_errors=True)
        partial.rename(copy)
    return copy


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.iterdir() if path.is_file()):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def _run(folder: Path) -> None:
    # fetch.py calls `python`; the image has only one.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    done = subprocess.run(
        [sys.executable, str(folder / _FETCH), str(folder)],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise DownloadFailed(f"{_FETCH} could not bring the model ({last}); it needs PyPI, so connect to the network")
