"""What functions carry is pinned by version and hash, indirect packages included, as `make pins` writes it."""

import re

import pytest

from tests.template.cloudformation import REPOSITORY

WANTED = sorted(REPOSITORY.glob("functions/**/*requirements*.in"))
PIN = re.compile(r"(?P<package>[a-z0-9.-]+==[\w.]+) (?:; [^\n]+ )?(?:\\\n    --hash=sha256:[0-9a-f]{64} ?)+")


def _without_comments(file):
    return "".join(line for line in file.read_text().splitlines(keepends=True) if not line.strip().startswith("#"))


@pytest.mark.parametrize("wanted", WANTED, ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_every_wanted_package_is_pinned_and_nothing_is_installed_without_a_hash(wanted):
    pins = _without_comments(wanted.with_suffix(".txt"))
    pinned = {pin["package"] for pin in PIN.finditer(pins)}
    assert {line.lower() for line in _without_comments(wanted).split()} <= pinned
    assert PIN.sub("", pins).strip() == ""


@pytest.mark.parametrize("wanted", sorted(REPOSITORY.glob("functions/shared/*.in")), ids=lambda file: file.name)
def test_packages_of_a_layer_do_not_depend_on_the_python_that_builds(wanted):
    # pip evaluates a marker for the Python it runs on, not for that of --python-version.
    pins = _without_comments(wanted.with_suffix(".txt"))
    assert "--hash" in pins
    assert ";" not in pins
