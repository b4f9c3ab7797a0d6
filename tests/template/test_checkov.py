"""What checkov finds in the templates is what docs/security.md accepts."""

import json
import os
import re
import subprocess

import pytest

from tests.template.cloudformation import REPOSITORY

pytestmark = pytest.mark.thorough

PAGE = (REPOSITORY / "docs/security.md").read_text(encoding="utf-8")
CHECKOV = REPOSITORY / ".local/checkov"


def _accepted():
    """Return the pairs of a check and what it is accepted on, a resource or a type."""
    rows = re.findall(r"^\| (CKV\w+(?:, CKV\w+)*): [^|]+ \| ([^|]+) \|", PAGE, re.MULTILINE)
    return {
        (check, on) for checks, where in rows for check in checks.split(", ") for on in re.findall("`(.+?)`", where)
    }


def _templates():
    sentence = PAGE.partition("## Accepted findings")[2].partition("Each finding")[0]
    return re.findall(r"`([\w/-]+\.yaml)`", sentence)


@pytest.fixture(scope="module")
def found():
    """The pairs of a check and its resource, ``Type.Name``."""
    if not (CHECKOV / "installed").exists():
        if not os.environ.get("CI"):
            pytest.skip("checkov is missing; `make checkov` installs it")
        pytest.fail("checkov is missing: run `make checkov`")
    call = [CHECKOV / "bin/checkov", "--framework", "cloudformation", "--compact", "--skip-download"]
    run = subprocess.run([*call, "--output", "json", "--file", *_templates()], cwd=REPOSITORY, capture_output=True,
                         text=True, timeout=300, check=False)  # fmt: skip
    report = json.loads(run.stdout)
    assert report["summary"]["parsing_errors"] == 0
    assert {one["file_path"].lstrip("/") for one in report["results"]["passed_checks"]} == set(_templates())
    return {(one["check_id"], one["resource"]) for one in report["results"]["failed_checks"]}


# It reads the templates in a quarter of a minute, and three times as long on a busy machine.
@pytest.mark.timeout(320)
def test_findings_of_checkov_are_exactly_those_that_the_page_accepts(found):
    accepted = _accepted()
    of_resource = {one: {(one[0], name) for name in one[1].rsplit(".", 1)} & accepted for one in found}
    assert [one for one, rows in of_resource.items() if not rows] == []
    assert accepted - set().union(*of_resource.values()) == set()


def test_every_template_is_read_and_every_accepted_finding_has_a_reason_and_a_risk():
    rows = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| CKV")]
    assert rows
    assert [row for row in rows if len(row) != 4 or not all(cell.strip() for cell in row)] == []
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    assert set(_templates()) == set(re.search("^TEMPLATES := (.+)$", makefile, re.MULTILINE)[1].split())
