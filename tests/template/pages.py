"""Pages of Markdown, and the tables in them."""

import json
import re

from tests.template.cloudformation import REPOSITORY


def page(name):
    return (REPOSITORY / name).read_text(encoding="utf-8")


def section(text, heading):
    """Return what is below a heading, up to the next of its level or above."""
    level = heading.index(" ")
    below = text.partition(f"\n{heading}\n")[2]
    assert below, f"there is no section {heading}"
    return re.split(rf"\n#{{1,{level}}} ", below)[0]


def rows(text):
    """Return the tables of a text as lists of cells, without headings."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    table = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    rules = [at for at, cells in enumerate(table) if set(cells[0]) <= set("- |")]
    headings = {at - 1 for at in rules} | set(rules)
    return [cells for at, cells in enumerate(table) if at not in headings]


def named(cell):
    """Return the names in code spans."""
    return re.findall(r"`([^`]+)`", cell)


def examples(name="docs/record.md"):
    blocks = re.findall(r"```json\n(.*?)```", page(name), re.DOTALL)
    return [json.loads(block) for block in blocks]
