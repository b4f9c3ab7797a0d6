"""functions/Makefile: what `sam build` puts into each function and layer. pip gets wheels made here."""

import functools
import hashlib
import importlib.util
import marshal
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from local.stack.deployment import SAM
from tests.template.cloudformation import REPOSITORY, TEMPLATE, load

pytestmark = pytest.mark.thorough

RESOURCES = load(TEMPLATE.read_text())["Resources"]
FOLDERS = {
    name: one["Properties"].get("CodeUri") or one["Properties"]["ContentUri"]
    for name, one in RESOURCES.items()
    if one["Type"] in ("AWS::Serverless::Function", "AWS::Serverless::LayerVersion")
}
LAYERS = [name for name in FOLDERS if name.endswith("Layer")]
FUNCTIONS = [name for name in FOLDERS if name not in LAYERS]
FUNCTIONS_FOLDER = REPOSITORY / "functions"
MAKEFILE = (FUNCTIONS_FOLDER / "Makefile").read_text()
THIS_RUNTIME = f"python3.{sys.version_info.minor}"
# Flags of PEP 552: the hash decides, and is not checked.
UNCHECKED_HASH = 0b01
# As packages ask for a newer Python than the machine that builds has.
REQUIRES_PYTHON = f">=3.{sys.version_info.minor + 1}"
# Packages with machine code.
NATIVE = ("pillow", "pydantic-core")
PLATFORM_TAGS = [
    f"{python}-{python}-manylinux_2_28_{machine}" for python in ("cp311", "cp313") for machine in ("x86_64", "aarch64")
]


def _wheel(folder, name, version, tag, glibc):
    """Make a wheel with a module, a script and a library, and return its hash."""
    module, stem = name.replace("-", "_"), f"{name.replace('-', '_')}-{version}"
    path = folder / f"{stem}-{tag}.whl"
    files = {
        f"{module}/__init__.py": f"BUILT_FOR = {tag!r}\n",
        f"{module}/_native.so": f"\x7fELF GLIBC_2.17 {glibc}",
        f"{stem}.data/scripts/{module}.py": "#!python\n",
        f"{stem}.dist-info/METADATA": (
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Python: {REQUIRES_PYTHON}\n"
        ),
        f"{stem}.dist-info/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
        f"{stem}.dist-info/RECORD": "",
    }
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in files.items():
            # With a fixed moment, so that the same wheel has the same hash.
            wheel.writestr(zipfile.ZipInfo(file), text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _pin(sources, wheels, glibc="GLIBC_2.26"):
    """Make wheels of the packages that are pinned, and pin them by their hashes."""
    for file in sources.glob("shared/requirements*.txt"):
        lines = []
        for name, version in re.findall(r"^([\w-]+)==([\w.]+)", file.read_text(), re.MULTILINE):
            tags = PLATFORM_TAGS if name in NATIVE else ["py3-none-any"]
            hashes = [_wheel(wheels, name, version, tag, glibc) for tag in tags]
            lines.append(" ".join([f"{name}=={version}", *(f"--hash=sha256:{digest}" for digest in hashes)]))
        file.write_text("\n".join(lines))


@pytest.fixture(scope="session")
def wheels(tmp_path_factory):
    return tmp_path_factory.mktemp("wheels")


@pytest.fixture(scope="session")
def sources(tmp_path_factory, wheels):
    """The folder functions/, whose packages are the wheels that are made here."""
    folder = tmp_path_factory.mktemp("sources") / "functions"
    shutil.copytree(FUNCTIONS_FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    _pin(folder, wheels)
    return folder


@pytest.fixture(scope="session")
def run(tmp_path_factory, wheels, sources):
    """Build a logical id as SAM does, and return the folder and how it ended."""

    def make(logical_id, path=None, sources=sources, wheels=wheels, artifacts=None, **variables):
        artifacts = artifacts or tmp_path_factory.mktemp(logical_id)
        result = subprocess.run(
            [
                *("make", "--makefile", sources / "Makefile", f"build-{logical_id}"),
                *(f"{name}={value}" for name, value in variables.items()),
            ],
            cwd=sources.parent / FOLDERS[logical_id],
            env={
                **os.environ,
                "ARTIFACTS_DIR": str(artifacts),
                "PATH": path or f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "PIP_NO_INDEX": "1",
                "PIP_FIND_LINKS": str(wheels),
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return artifacts, result

    return make


@pytest.fixture(scope="session")
def build(run):
    """Build a logical id, and return the folder and what was said; the same build is made once."""

    @functools.cache
    def make(logical_id, **how):
        artifacts, result = run(logical_id, **how)
        assert result.returncode == 0, result.stdout + result.stderr
        return artifacts, result.stdout

    return make


@pytest.fixture(scope="session")
def python_with_pip(tmp_path_factory):
    """Return an interpreter that has one version of pip: of the Python it came with, else of one it still runs on."""

    def make(python, version):
        folder = tmp_path_factory.mktemp("pip")
        uv = [Path(sys.executable).with_name("uv"), "--quiet", "--no-python-downloads"]
        interpreters = [python, *([sys.executable] if sys.version_info < (3, 12) else ["3.11"])]
        if not any(
            subprocess.run([*uv, "venv", "--python", one, folder], timeout=60).returncode == 0 for one in interpreters
        ):
            pytest.skip(f"pip {version} needs distutils, which Python 3.12 no longer has, and no older Python is here")
        pip = [*uv, "pip", "install", "--python", folder / "bin/python", f"pip=={version}"]
        subprocess.run(pip, check=True, timeout=60)
        return folder / "bin/python"

    return make


def _digests(folder):
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.fixture(scope="session")
def without_interpreter(tmp_path_factory):
    """A PATH where the runtime's name exists and runs nothing, as version managers leave it."""
    folder = tmp_path_factory.mktemp("bin")
    shim = folder / "python3.13"
    shim.write_text("#!/bin/sh\necho 'python3.13: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    return f"{folder}:{Path(sys.executable).parent}:/usr/bin:/bin"


def _sources_and_compiled(folder):
    sources = set(folder.rglob("*.py"))
    compiled = {Path(importlib.util.source_from_cache(str(file))) for file in folder.rglob("*.pyc")}
    return sources, compiled


@pytest.mark.parametrize(
    ("variable", "parameter"), [("LAMBDA_RUNTIME", "LambdaRuntime"), ("LAMBDA_ARCHITECTURE", "LambdaArchitecture")]
)
def test_build_and_template_have_the_same_defaults(template, variable, parameter):
    built_for = re.search(rf"^{variable} \?= (\S+)$", MAKEFILE, re.MULTILINE)[1]
    assert built_for == template["Parameters"][parameter]["Default"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_is_its_handler_and_nothing_else(build, function):
    folder, _ = build(function, LAMBDA_RUNTIME=THIS_RUNTIME)
    assert [file.name for file in folder.iterdir() if file.is_file()] == ["app.py"]
    assert (folder / "app.py").read_text() == (REPOSITORY / FOLDERS[function] / "app.py").read_text()


def test_vision_layer_is_the_whole_package_and_what_it_requires(build):
    folder, _ = build("VisionLayer", LAMBDA_RUNTIME=THIS_RUNTIME)
    names = {one.name for one in (folder / "python").iterdir() if not one.name.endswith(".dist-info")}
    assert names == {"vision", "aws_lambda_powertools", "jmespath", "typing_extensions"}
    package, built = REPOSITORY / "functions/shared/vision", folder / "python/vision"
    modules = {str(file.relative_to(package)) for file in package.rglob("*.py")}
    assert {str(file.relative_to(built)) for file in built.rglob("*.py")} == modules


@pytest.mark.parametrize("name", ["VisionLayer", "ImagingLayer", "DetectLabelsFunction"])
def test_every_source_is_compiled_and_modification_times_do_not_matter(build, name):
    folder, _ = build(name, LAMBDA_RUNTIME=THIS_RUNTIME)
    sources, compiled = _sources_and_compiled(folder)
    assert sources
    assert compiled == sources
    flags = {int.from_bytes(file.read_bytes()[4:8], "little") for file in folder.rglob("*.pyc")}
    assert flags == {UNCHECKED_HASH}
    for file in folder.glob("python/vision/__pycache__/entry.*.pyc"):
        assert marshal.loads(file.read_bytes()[16:]).co_filename == "/opt/python/vision/entry.py"


@pytest.mark.parametrize(
    ("variables", "tag"),
    [
        ({}, "cp313-cp313-manylinux_2_28_aarch64"),
        ({"LAMBDA_ARCHITECTURE": "x86_64"}, "cp313-cp313-manylinux_2_28_x86_64"),
        ({"LAMBDA_RUNTIME": "python3.11"}, "cp311-cp311-manylinux_2_28_aarch64"),
    ],
)
def test_pillow_is_for_the_chosen_runtime_and_processor(build, variables, tag):
    folder, _ = build("ImagingLayer", **variables)
    assert tag in (folder / "python/pillow/__init__.py").read_text()


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory, sources):
    """A copy of the sources, with a compiled file that the developer's Python has left there."""
    folder = tmp_path_factory.mktemp("mit Leerzeichen, ü und $HOME") / "functions"
    shutil.copytree(sources, folder)
    left_over = folder / "shared/vision/domain/__pycache__/keys.cpython-39.pyc"
    left_over.parent.mkdir(exist_ok=True)
    left_over.touch()
    return folder


@pytest.mark.parametrize("name", ["VisionLayer", "StoreMetadataFunction"])
def test_build_without_the_interpreter_is_complete_and_says_that_it_starts_slower(
    build, elsewhere, without_interpreter, name
):
    folder, said = build(name, path=without_interpreter, sources=elsewhere)
    sources, compiled = _sources_and_compiled(folder)
    assert sources
    assert not compiled
    assert re.search(rf"python3\.13 .*{name} is built without compiled files and starts slower", said)


@pytest.mark.parametrize("name", [*LAYERS, "ApiFunction", "StoreMetadataFunction"])
def test_build_is_the_same_in_every_folder(build, elsewhere, name):
    artifacts = elsewhere.with_name(name)
    artifacts.mkdir()
    there, _ = build(name, sources=elsewhere, artifacts=artifacts, LAMBDA_RUNTIME=THIS_RUNTIME)
    here, _ = build(name, LAMBDA_RUNTIME=THIS_RUNTIME)
    assert _digests(there) == _digests(here)


# Of Ubuntu 22.04, Amazon Linux 2023 with CloudShell, and the command-line tools of macOS. They compare what a package
# requires with the Python that they run on, not with that of --python-version.
@pytest.mark.parametrize(("python", "version"), [("3.10", "22.0.2"), ("3.9", "21.3.1"), ("3.9", "21.2.4")])
def test_old_pip_builds_the_same(build, python_with_pip, python, version):
    old_python = python_with_pip(python, version)
    for name in LAYERS:
        by_old_pip, _ = build(name, PYTHON=old_python, LAMBDA_RUNTIME=THIS_RUNTIME)
        by_own_pip, _ = build(name, LAMBDA_RUNTIME=THIS_RUNTIME)
        assert _digests(by_old_pip) == _digests(by_own_pip)


def test_package_that_is_not_the_pinned_one_ends_the_build(run, sources, tmp_path):
    shutil.copytree(sources, tmp_path / "functions")
    pins = tmp_path / "functions/shared/requirements.txt"
    pins.write_text(re.sub(r"(?<=sha256:)\w{64}", "0" * 64, pins.read_text(), count=1))
    _, result = run("VisionLayer", sources=tmp_path / "functions")
    assert result.returncode != 0
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in result.stderr


def test_sam_builds_each_function_and_layer_in_its_own_folder_without_own_models(tmp_path):
    # make only lists what is in the folder where it runs, which is a copy.
    shutil.copytree(REPOSITORY / "statemachines", tmp_path / "statemachines")
    for file in ("samconfig.toml", "template.yaml"):
        shutil.copy(REPOSITORY / file, tmp_path)
    for folder in FOLDERS.values():
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / f"of_{Path(folder).name}").touch()
    (tmp_path / "functions/Makefile").write_text('build-%:\n\tls > "$$ARTIFACTS_DIR/files"\n')
    environment = {**os.environ, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "eu-west-1"}
    result = subprocess.run([SAM, "build"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
    listed = {file.parent.name: file.read_text().strip() for file in tmp_path.glob(".aws-sam/build/*/files")}
    assert listed == {name: f"of_{Path(folder).name}" for name, folder in FOLDERS.items()}
    # It would warn of a layer for another processor than that of its functions.
    assert "WARNING" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("name", "runtime", "is_built"),
    [("ImagingLayer", "python3.11", False), ("ApiLayer", "python3.11", False), ("ImagingLayer", "python3.13", True)],
)
def test_library_for_a_newer_glibc_than_that_of_the_runtime_ends_the_build(run, tmp_path, name, runtime, is_built):
    sources, wheels = tmp_path / "functions", tmp_path / "wheels"
    shutil.copytree(FUNCTIONS_FOLDER, sources)
    wheels.mkdir()
    _pin(sources, wheels, glibc="GLIBC_2.28")
    _, result = run(name, sources=sources, wheels=wheels, LAMBDA_RUNTIME=runtime)
    assert (result.returncode == 0) is is_built
    assert ("LambdaRuntime=python3.12 or later" in result.stdout) is not is_built
