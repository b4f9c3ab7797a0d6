"""What the browser tests share: Debian's Chromium, a stack of their own, and visits to its page.

Nothing downloads a browser: Playwright drives the `chromium` on the PATH, and without it these tests are skipped.
"""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.people import Person, make_person
from tests.browser.visits import Visit
from tests.local.stack.conftest import LocalStacks, copy_of_deployed, deployed, local_stacks
from tests.local.stack.pipeline import Pipeline

__all__ = ["copy_of_deployed", "deployed", "local_stacks"]

# Of a busy machine; what is there already is not waited for.
PATIENCE_MILLISECONDS = 30_000

MakeVisit = Callable[..., Visit]
MakePerson = Callable[..., Person]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in item.nodeid:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.local)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of Debian's Chromium."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("Chromium is missing, so no browser opens the page; on Debian: apt-get install chromium")
    return path


@pytest.fixture(scope="session")
def pipeline(
    chromium: str, local_stacks: LocalStacks, copy_of_deployed: Callable, tmp_path_factory: pytest.TempPathFactory
) -> Pipeline:
    """The running stack of this test process."""
    return local_stacks.up(copy_of_deployed(tmp_path_factory.mktemp("browser") / "stack"))


@pytest.fixture(scope="session")
def browser(chromium: str, pipeline: Pipeline) -> Iterator[Browser]:
    engine = pipeline.stack.endpoint_url.removeprefix("http://")
    # The deployed stack believes to be at port 80, whatever port this copy of it has.
    rules = f"MAP app.localhost:80 {engine}, MAP localhost:80 {engine}"
    arguments = ["--no-sandbox", "--disable-dev-shm-usage", f"--host-resolver-rules={rules}"]
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield opened
        opened.close()


@pytest.fixture
def make_visit(browser: Browser, pipeline: Pipeline) -> Iterator[MakeVisit]:
    """Open browsers, for tests that need several or expect trouble in them."""
    visits: list[Visit] = []

    def make(**options: Any) -> Visit:
        visits.append(Visit(browser, pipeline, **options))
        return visits[-1]

    yield make
    for visit in visits:
        visit.context.close()


@pytest.fixture
def visit(make_visit: MakeVisit) -> Iterator[Visit]:
    """A browser in which nothing goes wrong: no error in its console, no answer of 400 or more."""
    opened = make_visit()
    yield opened
    assert opened.troubles == []


@pytest.fixture
def person(pipeline: Pipeline) -> Person:
    """Somebody who has an account and nothing else."""
    return make_person(pipeline)


@pytest.fixture
def operator(pipeline: Pipeline) -> Person:
    return make_person(pipeline, is_operator=True)
