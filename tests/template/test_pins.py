"""What functions carry is pinned by version and hash, indirect packages included, as `make pins` writes it."""

import re

import pytest

from tests.template.cloudformation import REPOSITORY

WANTED = sorted(REPOSITORY.glob("functions/**/*requirements*.in"))
PIN = re.compile(r"(?P<package>[a-z0-9.-]+==[\w.]+) (?:; [^\n]+ )?(?:\\\n    --hash=sha256:[0-9a-f]{64} ?)+")


def _without_comments(file):
    return "".join(line for line in file.read_text().splitlines(keepends=True) if not line.strip().startswith("#"))


@pytest.mark.parametrize("wanted", WANTED, ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_the_pins_are_of_the_packages_that_are_asked_for(wanted):
    pins = _without_comments(wanted.with_suffix(".txt"))
    assert {line.lower() for line in _without_comments(wanted).split()} <= {
        pin["package"] for pin in PIN.finditer(pins)
    }


@pytest.mark.parametrize("wanted", WANTED, ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_nothing_is_installed_without_a_hash(wanted):
    assert PIN.sub("", _without_comments(wanted.with_suffix(".txt"))).strip() == ""


@pytest.mark.parametrize("wanted", sorted(REPOSITORY.glob("functions/shared/*.in")), ids=lambda file: file.name)
def test_no_package_of_a_layer_depends_on_the_python_that_builds(wanted):
    # pip evaluates a marker for the Python it runs on, not for that of --python-version.
    pins = _without_comments(wanted.with_suffix(".txt"))
    assert "--hash" in pins
    assert ";" not in pins
