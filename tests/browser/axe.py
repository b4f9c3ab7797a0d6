"""axe-core, which finds accessibility barriers of a page: fetched, never kept in git.

https://github.com/dequelabs/axe-core, MPL-2.0. It runs as a debugger does, so the page's
Content-Security-Policy stays unchanged.
"""

from __future__ import annotations

import shutil
from functools import cache

import pytest
from playwright.sync_api import Page

from local.downloads import LOCAL_DIR, Archive, DownloadFailed, PinnedFile, fetch

_FOLDER = LOCAL_DIR / "axe"
_AXE = PinnedFile(
    name="axe.min.js",
    archive=Archive(
        registry="npm",
        package="axe-core",
        version="4.14.1",
        sha256="e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745",
        megabytes=0.7,
    ),
    member="package/axe.min.js",
    sha256="29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c",
)


@cache
def _source() -> str:
    try:
        fetch([_AXE], _FOLDER, say=lambda _sentence: None)
    except DownloadFailed:
        if shutil.which("npm"):
            raise
        pytest.skip("npm is missing, so axe-core cannot look at the page (on Debian: apt-get install npm)")
    return (_FOLDER / _AXE.name).read_text(encoding="utf-8")


def violations(page: Page) -> list[str]:
    """Violations of WCAG 2.2 A and AA and of best practices: the rule, the element and the reason."""
    page.evaluate(f"() => {{ if (!globalThis.axe) {{ {_source()} }} }}")
    found = page.evaluate("() => axe.run().then(({ violations }) => violations)")
    return [
        f"{violation['id']}: {node['html'][:200]} {node['failureSummary']}"
        for violation in found
        for node in violation["nodes"]
    ]
