"""Writes the generated parts of ``docs/``: ``python -m local.docs``. `make docs` runs it."""

from __future__ import annotations

from local.docs import parameters, workflows

for page, text in ((parameters.PAGE, parameters.text), (workflows.PAGE, workflows.text)):
    page.write_text(text(), encoding="utf-8")
