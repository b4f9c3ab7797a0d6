"""The dependency rule: what lint-imports promises, and that it finds each way to break it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

pytestmark = pytest.mark.thorough

REPOSITORY = Path(__file__).resolve().parents[2]
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")


def lint(folder: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [LINT_IMPORTS, "--no-logo", "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "functions" / "shared"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def project(tmp_path):
    for package in ("functions", "local", "benchmarks"):
        shutil.copytree(REPOSITORY / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / ".importlinter", tmp_path)
    return tmp_path


def test_project_keeps_the_dependency_rule():
    result = lint(REPOSITORY)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("functions/shared/vision/domain/keys.py", "import vision.adapters.storage", "Inside the layer"),
        ("functions/shared/vision/adapters/storage.py", "import vision.entry", "Inside the layer"),
        ("functions/shared/vision/settings.py", "import vision.entry", "Inside the layer"),
        ("functions/shared/vision/settings.py", "import vision.adapters.queue", "Inside the layer"),
        ("functions/shared/vision/adapters/queue.py", "import vision.settings", "Inside the layer"),
        ("functions/shared/vision/adapters/queue.py", "import vision.services.inspection", "Inside the layer"),
        ("functions/shared/vision/domain/inspection/rules.py", "import vision.services.inspection", "Inside the layer"),
        ("functions/shared/vision/services/inspection.py", "import vision.services.queue_worker", "A service that"),
        ("functions/shared/vision/services/inspection.py", "import vision.entry", "Inside the layer"),
        ("functions/shared/vision/services/queue_worker.py", "import vision.entry", "Inside the layer"),
        ("functions/shared/vision/entry.py", "import vision.services.queue_worker", "Entry wires"),
        ("functions/shared/vision/services/queue_worker.py", "import boto3", "Only adapters talk to AWS"),
        (
            "functions/shared/vision/services/inspection.py",
            "import aws_lambda_powertools",
            "One place wires Powertools",
        ),
        ("functions/shared/vision/domain/keys.py", "import boto3", "Only adapters talk to AWS"),
        ("functions/shared/vision/entry.py", "import botocore", "Only adapters talk to AWS"),
        ("functions/shared/vision/domain/keys.py", "import PIL", "The domain needs nothing but"),
        ("functions/shared/vision/adapters/table.py", "import aws_lambda_powertools", "One place wires Powertools"),
        ("functions/detect_labels/app.py", "import boto3", "Handlers reach AWS"),
        ("functions/detect_labels/app.py", "import PIL", "Handlers reach AWS"),
        ("functions/detect_labels/app.py", "import functions.store_metadata.app", "No handler imports another"),
        ("functions/detect_labels/app.py", "import functions.shared.vision.entry", "Handlers import the layer"),
        ("functions/detect_labels/app.py", "import local.rekognition", "The product never needs"),
        ("functions/shared/vision/entry.py", "import benchmarks", "The product never needs"),
        ("functions/shared/vision/domain/records.py", "import vision.domain.bulk.tallies", "Inside the domain"),
        ("functions/shared/vision/domain/image_file/png.py", "import vision.domain.records", "Inside the domain"),
        ("local/rekognition/labels.py", "import local.engine.settings", "Inside local/"),
        ("local/engine/server.py", "import local.stack.local_stack", "Inside local/"),
        ("local/demo/photo_demo.py", "import benchmarks.goals", "Benchmarks measure"),
    ],
)
def test_lint_imports_catches(project, module, line, contract):
    source = project / module
    source.write_text(f"{source.read_text()}\n{line}\n")
    result = lint(project)
    assert result.returncode == 1, result.stdout + result.stderr
    assert any(row.startswith(contract) and " BROKEN" in row for row in result.stdout.splitlines()), result.stdout


def test_domain_imports_the_standard_library_and_only_pixels_imports_pillow():
    graph = grimp.build_graph(
        "vision", include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None
    )
    foreign = {
        (importer, imported)
        for importer in graph.find_descendants("vision.domain")
        for imported in graph.find_modules_directly_imported_by(importer)
        if graph.is_module_squashed(imported) and imported not in sys.stdlib_module_names
    }
    assert foreign == {("vision.domain.image_file.pixels", "PIL")}
