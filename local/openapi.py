"""The OpenAPI document of the API, generated from its routes: ``python -m local.openapi`` writes it."""

from __future__ import annotations

import json
from pathlib import Path

from local.stack.deployment import REPOSITORY
from vision.adapters.albums import Albums
from vision.adapters.bulk_runs import BulkRuns
from vision.adapters.people import People
from vision.adapters.photos import Photos
from vision.api import resolver
from vision.api.site import SiteConfig
from vision.domain.gallery.daily_allowance import Allowance
from vision.services.gallery import Gallery
from vision.services.operations import Operations

DOCUMENT = REPOSITORY / "docs" / "openapi.json"


def document() -> str:
    """Return the document as text: indented, with its paths in alphabetical order."""
    # The routes are only described and no service is called, so the names of the table and the bucket do not matter.
    gallery = Gallery(Albums("table"), People("table"), Photos("table"), "bucket", Allowance(0, 0))
    operations = Operations(Photos("table"), BulkRuns("table"), sessions=None, run_arn="")
    app = resolver.build(gallery, operations, Path(), SiteConfig("", "", "", "", list))
    described = json.loads(resolver.document(app))
    described["paths"] = {path: dict(sorted(described["paths"][path].items())) for path in sorted(described["paths"])}
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
