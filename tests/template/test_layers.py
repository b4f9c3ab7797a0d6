"""The dependency rule: lint-imports, which `make lint` runs, finds each way to break it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")
# A module, what it may not import, and the contract that says so.
BROKEN = [
    ("vision.domain.keys", "vision.adapters.storage", "Inside the layer"),
    ("vision.adapters.storage", "vision.entry", "Inside the layer"),
    ("vision.settings", "vision.entry", "Inside the layer"),
    ("vision.settings", "vision.adapters.queue", "Inside the layer"),
    ("vision.adapters.queue", "vision.settings", "Inside the layer"),
    ("vision.adapters.queue", "vision.services.inspection", "Inside the layer"),
    ("vision.domain.inspection.rules", "vision.services.inspection", "Inside the layer"),
    ("vision.services.inspection", "vision.services.queue_worker", "A service that"),
    ("vision.services.inspection", "vision.entry", "Inside the layer"),
    ("vision.services.queue_worker", "vision.entry", "Inside the layer"),
    ("vision.entry", "vision.services.queue_worker", "Entry wires"),
    ("vision.services.queue_worker", "boto3", "Only adapters talk to AWS"),
    ("vision.services.inspection", "aws_lambda_powertools", "One place wires Powertools"),
    ("vision.domain.keys", "boto3", "Only adapters talk to AWS"),
    ("vision.entry", "botocore", "Only adapters talk to AWS"),
    ("vision.domain.keys", "PIL", "The domain needs nothing but"),
    ("vision.adapters.table", "aws_lambda_powertools", "One place wires Powertools"),
    ("functions.detect_labels.app", "boto3", "Handlers reach AWS"),
    ("functions.detect_labels.app", "PIL", "Handlers reach AWS"),
    ("functions.detect_labels.app", "functions.store_metadata.app", "No handler imports another"),
    ("functions.detect_labels.app", "functions.shared.vision.entry", "Handlers import the layer"),
    ("functions.detect_labels.app", "local.rekognition", "The product never needs"),
    ("vision.entry", "benchmarks", "The product never needs"),
    ("vision.domain.records", "vision.domain.bulk.tallies", "Inside the domain"),
    ("vision.domain.image_file.png", "vision.domain.records", "Inside the domain"),
    ("local.rekognition.labels", "local.engine.settings", "Inside local/"),
    ("local.engine.server", "local.stack.local_stack", "Inside local/"),
    ("local.demo.photo_demo", "benchmarks.goals", "Benchmarks measure"),
]


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    """What lint-imports says to all of these imports, by the name of its contract."""
    project = tmp_path_factory.mktemp("project")
    for package in ("functions", "local", "benchmarks"):
        shutil.copytree(REPOSITORY / package, project / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / ".importlinter", project)
    for module, imported, _ in BROKEN:
        below = project / "functions/shared" if module.startswith("vision.") else project
        with (below / f"{module.replace('.', '/')}.py").open("a") as source:
            source.write(f"\nimport {imported}\n")
    environment = {**os.environ, "PYTHONPATH": str(project / "functions/shared"), "COLUMNS": "200"}
    command = [LINT_IMPORTS, "--no-logo", "--no-cache"]
    result = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=60)
    assert result.returncode == 1, result.stdout + result.stderr
    sections = re.split(r"^(.+)\n-{9,}\n", result.stdout.partition("Broken contracts")[2], flags=re.MULTILINE)
    return dict(zip(sections[1::2], sections[2::2], strict=True))


@pytest.mark.parametrize(("module", "imported", "contract"), BROKEN)
def test_lint_imports_catches(findings, module, imported, contract):
    (found,) = [text for name, text in findings.items() if name.startswith(contract)]
    assert re.search(rf"^-\s+{module} -> {imported} \(l\.\d+\)$", found, re.MULTILINE)


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
