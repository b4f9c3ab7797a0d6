"""P9: the cold start of an image function, and the size of what it loads. P18: what the imports of functions take.

Layers and functions are built by ``functions/Makefile``, as ``sam build`` calls it, for the interpreter and the
processor of this machine. They run under the minimal interpreter that stands for the Lambda runtime, cannot write
compiled files (as in Lambda), and use an S3 on loopback. The naive package is the result of ``sam build`` for one
folder with a requirements.txt: everything in one place, nothing compiled.

The goal assumes that the runtime's own boto3 is compiled. Whether this is true for the real runtime is not known here,
so another row shows the other case.
"""

import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.contenders.worker import cpu_seconds
from benchmarks.goals import Result, Table, at_most, skipped
from benchmarks.peers import HOME, ROOT
from benchmarks.photos import BASELINE_12
from benchmarks.runner import Rounds, take_rounds
from vision.settings import ApiSettings, StartProcessingSettings

MAX_OF_NAIVE = 0.60
MAX_ZIP_BYTES = 7e6

_BUILD = HOME / "cold-start"
_INTERPRETER = ROOT / ".local" / "lambda" / "bin" / "python"
_FUNCTIONS = {"generate_thumbnail": ("VisionLayer", "ImagingLayer"), "extract_metadata": ("VisionLayer",)}
_IMPORTS = {
    "start_processing": ((), StartProcessingSettings, 150),
    "api": (("ApiLayer",), ApiSettings, 350),
}
"""The layers of a function besides VisionLayer, its settings, and the most milliseconds of CPU of its imports."""
_VALUES = {"str": "none", "int": "1", "float": "1"}
_STARTS = 2
"""Starts per round; the cheaper one counts."""
_RUNTIME = {
    "PYTHONDONTWRITEBYTECODE": "1",
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "POWERTOOLS_SERVICE_NAME": "image-recognition",
}
_OURS, _TWIN, _OURS_UNCOMPILED_RUNTIME = "ours", "ours again", "ours, boto3 of the runtime not compiled"
_NAIVE, _NAIVE_COMPILED = "naive", "naive, compiled"


def table(rounds: int) -> Table:
    """Compare both image functions with the naive package, and the sizes of the zip files."""
    heading = "P9 · cold start of an image function"
    if not _INTERPRETER.is_file():
        return Table(
            heading, [skipped("P9", "", f"≤ {MAX_OF_NAIVE} × naive", f"{_INTERPRETER} is missing: make setup")]
        )
    try:
        _build()
    except subprocess.CalledProcessError as error:
        reason = f"the build failed: {(error.stderr or error.stdout).decode().strip()[-300:]}"
        return Table(heading, [skipped("P9", "", f"≤ {MAX_OF_NAIVE} × naive", reason)])
    rows, details = [], []
    with _object_store(BASELINE_12.path.read_bytes()) as endpoint_url:
        for function in _FUNCTIONS:
            measured = take_rounds(_contenders(function, endpoint_url), rounds, (_OURS, _TWIN))
            rows += _judge(function, measured)
            details.append(_times(function, measured))
    return Table(heading, rows + _sizes(), details)


def imports_table(rounds: int) -> Table:
    """Measure the CPU time of ``import app``, interpreter included, and with the clients that a function makes then.

    Milliseconds of a busy machine are longer than those of an idle one: read them with the time of the interpreter.
    """
    heading = "P18 · CPU of what a function imports"
    if not _BUILD.is_dir():
        return Table(heading, [skipped("P18", "", "≤ 150 and 350 ms", "P9 was not built")])
    rows, details = [], []
    for function, (_, _, limit_ms) in _IMPORTS.items():
        contenders = {
            name: _importer(function, makes_clients=name == "with clients") for name in (_OURS, _TWIN, "with clients")
        }
        measured = take_rounds(contenders | {"interpreter": _seconds_of("", {})}, rounds, (_OURS, _TWIN))
        imports_ms = measured.median(_OURS) * 1e3
        rows.append(at_most("P18", function, imports_ms, limit_ms, "ms", void=measured.void))
        others = ", ".join(f"{name} {measured.median(name) * 1e3:.0f}" for name in ("with clients", "interpreter"))
        details.append(
            f"- {function}, ms of CPU: imports {imports_ms:.0f}, {others}. A/A spread {measured.spread:.1%}."
        )
    return Table(heading, rows, details)


def _importer(function: str, *, makes_clients: bool) -> Callable[[], float]:
    layers, settings, _ = _IMPORTS[function]
    paths = [_BUILD / _logical_id(function), *(_BUILD / layer / "python" for layer in ("VisionLayer", *layers))]
    variables = {name.upper(): _VALUES[kind] for name, kind in settings.__annotations__.items()}
    variables["PYTHONPATH"] = os.pathsep.join(map(str, [*paths, _BUILD / "runtime"]))
    if makes_clients:
        variables["AWS_LAMBDA_INITIALIZATION_TYPE"] = "on-demand"
    return _seconds_of("import app", variables)


def _seconds_of(code: str, variables: Mapping[str, str]) -> Callable[[], float]:
    """Return a function that runs code in a new interpreter and returns its seconds of CPU time."""
    environment = {**_RUNTIME, "PATH": os.environ["PATH"], **variables}

    def run() -> float:
        before = cpu_seconds(resource.RUSAGE_CHILDREN)
        subprocess.run([str(_INTERPRETER), "-S", "-P", "-c", code], env=environment, capture_output=True, check=True)
        return cpu_seconds(resource.RUSAGE_CHILDREN) - before

    return run


def _judge(function: str, rounds: Rounds) -> list[Result]:
    case = f"{function}, import and first call"
    uncompiled = f"{rounds.ratio(_OURS_UNCOMPILED_RUNTIME, _NAIVE):.3g} × naive"
    return [
        at_most("P9", case, rounds.ratio(_OURS, _NAIVE), MAX_OF_NAIVE, "× naive", void=rounds.void),
        Result("", f"{case}, if boto3 of the runtime is not compiled", "no goal", uncompiled, ""),
    ]


def _times(function: str, rounds: Rounds) -> str:
    times = ", ".join(
        f"{name} {rounds.median(name) * 1e3:.0f} ({rounds.ratio(name, _NAIVE):.2f} ×)" for name in rounds.seconds
    )
    return f"- {function}, ms of CPU: {times}. A/A spread {rounds.spread:.1%}."


def _sizes() -> list[Result]:
    imaging = sum(_zipped(_BUILD / part) for part in ("ImagingLayer", "GenerateThumbnailFunction"))
    vision = _zipped(_BUILD / "VisionLayer")
    naive = _zipped(_BUILD / "naive")
    compiled = any((_BUILD / "ImagingLayer").rglob("*.pyc"))
    case = "zip of everything that generate_thumbnail loads, compiled" if compiled else "zip, not compiled"
    return [
        at_most("P9", case, (imaging + vision) / 1e6, MAX_ZIP_BYTES / 1e6, "MB"),
        Result("", "Pillow in it", "no goal", f"{imaging / 1e6:.3g} MB", ""),
        Result("", "vision and Powertools in it", "no goal", f"{vision / 1e6:.3g} MB", ""),
        Result("", "zip of the naive package, not compiled", "no goal", f"{naive / 1e6:.3g} MB", ""),
    ]


def _contenders(function: str, endpoint_url: str) -> dict[str, Callable[[], float]]:
    layers = [_BUILD / layer / "python" for layer in _FUNCTIONS[function]]
    ours = [_BUILD / _logical_id(function), *layers]
    runtime, uncompiled = _BUILD / "runtime", _BUILD / "runtime-uncompiled"
    paths = {
        _OURS: [*ours, runtime],
        _TWIN: [*ours, runtime],
        _OURS_UNCOMPILED_RUNTIME: [*ours, uncompiled],
        _NAIVE: [_BUILD / "naive", runtime],
        _NAIVE_COMPILED: [_BUILD / "naive-compiled", runtime],
    }

    def contender(name: str) -> Callable[[], float]:
        handler = f"app.{function}" if name in (_NAIVE, _NAIVE_COMPILED) else "app.handler"
        return lambda: min(_start(handler, paths[name], endpoint_url) for _ in range(_STARTS))

    return {name: contender(name) for name in paths}


def _start(handler: str, paths: list[Path], endpoint_url: str) -> float:
    """Run the probe in a new interpreter without site-packages, and return its seconds of CPU time."""
    size_bytes = BASELINE_12.path.stat().st_size
    version = {
        "bucket": "photos",
        "key": "private/ana/uploads/photo.jpg",
        "version_id": "1",
        "etag": "0",
        "sequencer": "0",
        "size_bytes": size_bytes,
    }
    environment = _RUNTIME | {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "THUMBNAIL_SIZE": "250",
        "NO_PROXY": "*",
    }
    event = json.dumps({"object": version})
    probe = ROOT / "benchmarks" / "cold_start_probe.py"
    command = [str(_INTERPRETER), "-S", "-P", str(probe), handler, event]
    answer = subprocess.run(command, env=environment, capture_output=True, check=True)
    seconds: dict[str, float] = json.loads(answer.stdout)
    return seconds["import_seconds"] + seconds["call_seconds"]


def _build() -> None:
    shutil.rmtree(_BUILD, ignore_errors=True)
    targets = dict.fromkeys(("VisionLayer", "ImagingLayer", "ApiLayer"), "shared")
    targets |= {_logical_id(one): one for one in (*_FUNCTIONS, *_IMPORTS)}
    for target, source in targets.items():
        _make(target, ROOT / "functions" / source)
    naive = ROOT / "benchmarks" / "naive_function"
    shutil.copytree(naive, _BUILD / "naive", ignore=shutil.ignore_patterns("__pycache__"))
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--only-binary", ":all:"]
    _run([*install, "--target", _BUILD / "naive", "--requirement", naive / "requirements.txt"])
    runtime = next((_INTERPRETER.parent.parent / "lib").glob("python*/site-packages"))
    for folder in ("runtime", "runtime-uncompiled"):
        shutil.copytree(runtime, _BUILD / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(_BUILD / "naive", _BUILD / "naive-compiled")
    for folder in ("runtime", "naive-compiled"):
        _run(
            [
                _INTERPRETER,
                "-m",
                "compileall",
                "-q",
                "-j",
                "0",
                "--invalidation-mode",
                "unchecked-hash",
                _BUILD / folder,
            ]
        )


def _make(target: str, source: Path) -> None:
    """Build as ``sam build`` does, for the interpreter that the probe runs under."""
    folder = _BUILD / target
    folder.mkdir(parents=True)
    version = subprocess.run(
        [_INTERPRETER, "-c", "import sys; print('python%d.%d' % sys.version_info[:2])"], capture_output=True, check=True
    )
    _run(
        [
            "make",
            "--silent",
            "--makefile",
            ROOT / "functions" / "Makefile",
            f"build-{target}",
            f"ARTIFACTS_DIR={folder}",
            f"LAMBDA_RUNTIME={version.stdout.decode().strip()}",
            f"LAMBDA_ARCHITECTURE={'arm64' if platform.machine() in ('aarch64', 'arm64') else 'x86_64'}",
            f"PYTHON={sys.executable}",
        ],
        cwd=source,
        path=f"{_INTERPRETER.parent}{os.pathsep}{os.environ['PATH']}",
    )


def _run(command: list[str | Path], cwd: Path = ROOT, path: str | None = None) -> None:
    environment = {**os.environ, "PATH": path or os.environ["PATH"]}
    subprocess.run(command, cwd=cwd, env=environment, capture_output=True, check=True)


def _logical_id(function: str) -> str:
    return function.title().replace("_", "") + "Function"


def _zipped(folder: Path) -> int:
    """Return the size of the folder as a zip file, in bytes."""
    archive = folder.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target:
        for path in sorted(folder.rglob("*")):
            target.write(path, path.relative_to(folder))
    return archive.stat().st_size


@contextmanager
def _object_store(content: bytes) -> Iterator[str]:
    """Serve one object on loopback under every key, and accept every upload."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # the name that http.server looks for
            asked = self.headers.get("Range", "")
            start, _, end = asked.removeprefix("bytes=").partition("-")
            body = content[int(start) : int(end) + 1] if asked else content
            self.send_response(206 if asked else 200)
            self.send_header("ETag", '"0"')
            self._send(body)

        def do_PUT(self) -> None:  # the name that http.server looks for
            if self.headers.get("Expect", "") == "100-continue":
                self.send_response_only(100)
                self.end_headers()
            if self.headers.get("Transfer-Encoding") == "chunked":
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    self.rfile.read(size + 2)
                while self.rfile.readline().strip():
                    pass
            else:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(200)
            self.send_header("ETag", '"0"')
            self._send(b"")

        def log_message(self, format: str, *arguments: object) -> None:
            """Write no log."""

        def _send(self, body: bytes) -> None:
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
