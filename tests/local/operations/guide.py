"""The blocks of commands of the operations guide, and those that tests do not run for a documented reason."""

import ast
import re
from pathlib import Path

from local.stack.deployment import REPOSITORY

DOCS = REPOSITORY / "docs"
INDEX = "operations"

_DEFINITION = re.compile(r"\w+\(\) \{")


def pages() -> list[str]:
    """Return the names of the guide's pages: ``operations`` is its index."""
    below = sorted((DOCS / "operations").rglob("*.md"))
    return [INDEX, *(str(path.relative_to(DOCS / "operations").with_suffix("")) for path in below)]


def blocks(page: str) -> list[str]:
    """Return the blocks of commands of a page."""
    path = DOCS / "operations.md" if page == INDEX else DOCS / "operations" / f"{page}.md"
    return [block.strip() for block in re.findall(r"```bash\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)]


def block(page: str, beginning: str) -> str:
    """Return the only block of a page with this beginning."""
    (found,) = [each for each in blocks(page) if each.startswith(beginning)]
    return found


def definitions(page: str) -> list[str]:
    """Return the blocks of a page that only define functions for the other blocks."""
    return [each for each in blocks(page) if _DEFINITION.match(each) and each.endswith("}")]


def shell_set_up() -> str:
    """Return the commands with which the index sets up a shell for the local stack."""
    _, _, for_any_stack = block(INDEX, "STACK=").partition("\n")
    return f"{block(INDEX, 'source .local/aws.env')}\n{for_any_stack}"


def not_run() -> list[tuple[str, str]]:
    """Return page and beginning of each block that is not run according to the index."""
    index = (DOCS / "operations.md").read_text(encoding="utf-8")
    table = index.partition("\n| not run | why |\n")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| \[[^\]]+\]\(operations/([\w/-]+)\.md\): `([^`]+)` \| .+ \|$", table, re.MULTILINE)
    assert len(rows) == len(table.splitlines()) - 1, "a row names no page or no command"
    return rows


def run_by_tests() -> set[tuple[str, str]]:
    """Return page and beginning of each block that tests of this folder and of own_model run."""
    found, here = set(), Path(__file__).parent
    for path in [*here.glob("test_*.py"), *here.with_name("own_model").glob("test_*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "shell":
                page, beginning = (argument.value for argument in node.args if isinstance(argument, ast.Constant))
                found.add((page, beginning))
    return found
