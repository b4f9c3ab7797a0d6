"""functions/Makefile: what `sam build` puts into each function and layer. No network: pip gets wheels made here."""

import functools
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.template.cloudformation import REPOSITORY, TEMPLATE, load

pytestmark = pytest.mark.thorough

RESOURCES = load(TEMPLATE.read_text())["Resources"]
FUNCTIONS = [name for name, one in RESOURCES.items() if one["Type"] == "AWS::Serverless::Function"]
LAYERS = [name for name, one in RESOURCES.items() if one["Type"] == "AWS::Serverless::LayerVersion"]
FUNCTIONS_FOLDER = REPOSITORY / "functions"
MAKEFILE = (FUNCTIONS_FOLDER / "Makefile").read_text()
THIS_RUNTIME = f"python3.{sys.version_info.minor}"
# Flags of PEP 552: the hash decides, and nobody checks it.
UNCHECKED_HASH = 0b01


def _folder(function):
    return re.sub(r"(?<!^)(?=[A-Z])", "_", function.removesuffix("Function")).lower()


def _wheel(folder, requirement, tag):
    name, version = requirement.split("==")
    module, stem = name.lower().replace("-", "_"), f"{name.replace('-', '_')}-{version}"
    with zipfile.ZipFile(folder / f"{stem}-{tag}.whl", "w") as wheel:
        wheel.writestr(f"{module}/__init__.py", f"BUILT_FOR = {tag!r}\n")
        wheel.writestr(f"{stem}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{stem}.dist-info/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        wheel.writestr(f"{stem}.dist-info/RECORD", "")


def _requirement(file):
    lines = (REPOSITORY / "functions/shared" / file).read_text().splitlines()
    (requirement,) = [line for line in lines if line and not line.startswith("#")]
    return requirement


@pytest.fixture(scope="session")
def wheels(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheels")
    _wheel(folder, _requirement("requirements.txt"), "py3-none-any")
    for python in ("cp311", "cp313"):
        for machine in ("x86_64", "aarch64"):
            tag = f"{python}-{python}-manylinux_2_28_{machine}"
            _wheel(folder, _requirement("requirements-imaging.txt"), tag)
    return folder


@pytest.fixture(scope="session")
def build(tmp_path_factory, wheels):
    """Build a logical id as SAM does, and return the folder and what was said; the same build is made once."""

    @functools.cache
    def make(logical_id, path=None, sources=FUNCTIONS_FOLDER, **variables):
        artifacts = tmp_path_factory.mktemp(logical_id)
        result = subprocess.run(
            ["make", f"build-{logical_id}", *(f"{name}={value}" for name, value in variables.items())],
            cwd=sources,
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
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return artifacts, result.stdout

    return make


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


@pytest.mark.parametrize("name", [*FUNCTIONS, *LAYERS])
def test_everything_that_carries_code_is_built_by_the_makefile(name):
    assert RESOURCES[name]["Metadata"] == {"BuildMethod": "makefile"}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_has_a_target(name):
    assert f"\nbuild-{name}:" in MAKEFILE


@pytest.mark.parametrize(
    ("variable", "parameter"), [("LAMBDA_RUNTIME", "LambdaRuntime"), ("LAMBDA_ARCHITECTURE", "LambdaArchitecture")]
)
def test_the_build_and_the_template_have_the_same_defaults(template, variable, parameter):
    assert (
        re.search(rf"^{variable} \?= (\S+)$", MAKEFILE, re.MULTILINE)[1] == template["Parameters"][parameter]["Default"]
    )


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_its_handler_and_nothing_else(build, function):
    folder, _ = build(function, LAMBDA_RUNTIME=THIS_RUNTIME)
    assert [file.name for file in folder.iterdir() if file.is_file()] == ["app.py"]
    assert (folder / "app.py").read_text() == (REPOSITORY / "functions" / _folder(function) / "app.py").read_text()


def test_the_layer_is_the_package_vision_and_powertools(build):
    folder, _ = build("VisionLayer", LAMBDA_RUNTIME=THIS_RUNTIME)
    names = {one.name for one in (folder / "python").iterdir() if not one.name.endswith(".dist-info")}
    assert names == {"vision", "aws_lambda_powertools"}


def test_the_layer_has_every_module_of_the_package(build):
    folder, _ = build("VisionLayer", LAMBDA_RUNTIME=THIS_RUNTIME)
    package = REPOSITORY / "functions/shared/vision"
    built = {str(file.relative_to(folder / "python/vision")) for file in (folder / "python/vision").rglob("*.py")}
    assert built == {str(file.relative_to(package)) for file in package.rglob("*.py")}


@pytest.mark.parametrize("name", ["VisionLayer", "ImagingLayer", "DetectLabelsFunction"])
def test_every_source_is_compiled(build, name):
    folder, _ = build(name, LAMBDA_RUNTIME=THIS_RUNTIME, LAMBDA_ARCHITECTURE="x86_64")
    sources, compiled = _sources_and_compiled(folder)
    assert sources
    assert compiled == sources


@pytest.mark.parametrize("name", ["VisionLayer", "DetectLabelsFunction"])
def test_compiled_files_do_not_depend_on_modification_times(build, name):
    folder, _ = build(name, LAMBDA_RUNTIME=THIS_RUNTIME)
    flags = {int.from_bytes(file.read_bytes()[4:8], "little") for file in folder.rglob("*.pyc")}
    assert flags == {UNCHECKED_HASH}


def test_no_compiled_file_of_the_developer_is_shipped(build, tmp_path, without_interpreter):
    sources = tmp_path / "functions"
    shutil.copytree(FUNCTIONS_FOLDER, sources)
    left_over = sources / "shared/vision/domain/__pycache__/keys.cpython-39.pyc"
    left_over.parent.mkdir(exist_ok=True)
    left_over.touch()
    folder, _ = build("VisionLayer", path=without_interpreter, sources=sources)
    assert not list(folder.rglob("*.pyc"))


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


@pytest.mark.parametrize("name", ["VisionLayer", "StoreMetadataFunction"])
def test_a_build_without_the_interpreter_says_what_that_costs(build, without_interpreter, name):
    _, said = build(name, path=without_interpreter)
    assert re.search(rf"python3\.13 .*{name} is built without compiled files and starts slower", said)


@pytest.mark.parametrize("name", ["VisionLayer", "StoreMetadataFunction"])
def test_a_build_without_the_interpreter_is_complete(build, without_interpreter, name):
    folder, _ = build(name, path=without_interpreter)
    sources, compiled = _sources_and_compiled(folder)
    assert sources
    assert not compiled
