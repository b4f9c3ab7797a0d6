"""Shared by the browser tests: Debian's Chromium, a stack, and visits to its page.

Nothing downloads a browser: Playwright drives the `chromium` on the PATH, and without it these tests are skipped.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from tests.browser import pictures
from tests.browser.drawings import drawing
from tests.browser.lines import Line
from tests.browser.people import Person, make_person
from tests.browser.pictures import LONG_NAME, cut_off, plain
from tests.browser.visits import Visit
from tests.local.stack.conftest import LocalStacks, copy_of_deployed, deployed, local_stacks
from tests.local.stack.pipeline import PATIENCE_SECONDS, Pipeline

__all__ = ["copy_of_deployed", "deployed", "local_stacks"]

RULES = [
    {"name": "road-signs", "prefix": "images/roads/", "min_confidence": 60, "any_of": ["Stop Sign", "Traffic Light"]},
    {"name": "no-cups", "prefix": "images/desks/", "min_confidence": 60, "none_of": ["Cup"]},
    {"name": "no-people", "prefix": "images/", "min_confidence": 60, "none_of": ["Person"]},
]

MakeVisit = Callable[..., Visit]
OpenBrowser = Callable[..., AbstractContextManager[Browser]]


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
def playwright() -> Iterator[Playwright]:
    expect.set_options(timeout=PATIENCE_SECONDS * 1000)
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def open_browser(playwright: Playwright, chromium: str) -> OpenBrowser:
    """Open a browser in which the page's address leads to a stack, through a line if one is given."""

    @contextmanager
    def open_(pipeline: Pipeline, line: Line | None = None) -> Iterator[Browser]:
        engine = pipeline.stack.endpoint_url.removeprefix("http://")
        end = f"127.0.0.1:{line.port}" if line else engine
        # The deployed stack assumes port 80; this copy has another one.
        rules = ", ".join(f"MAP {place} {end}" for place in ("app.localhost:80", "localhost:80", engine))
        arguments = ["--no-sandbox", "--disable-dev-shm-usage", f"--host-resolver-rules={rules}"]
        opened = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield opened
        opened.close()

    return open_


@pytest.fixture(scope="session")
def browser(open_browser: OpenBrowser, pipeline: Pipeline) -> Iterator[Browser]:
    with open_browser(pipeline) as opened:
        yield opened


@pytest.fixture
def make_visit(browser: Browser, pipeline: Pipeline) -> Iterator[MakeVisit]:
    """Open browsers, for tests that need several or provoke errors in them."""
    visits: list[Visit] = []

    def make(**options: Any) -> Visit:
        visits.append(Visit(browser, pipeline, **options))
        return visits[-1]

    yield make
    for visit in visits:
        visit.context.close()


@pytest.fixture
def visit(make_visit: MakeVisit) -> Iterator[Visit]:
    """A browser that must end without errors: none in its console, no answer of 400 or more."""
    opened = make_visit()
    yield opened
    assert opened.troubles == []


@pytest.fixture
def person(pipeline: Pipeline) -> Person:
    """A person with an account and nothing else."""
    return make_person(pipeline)


@pytest.fixture(scope="session")
def operator(pipeline: Pipeline) -> Person:
    """An operator for tests that leave the account as it is."""
    return make_person(pipeline, is_operator=True)


@pytest.fixture
def store(pipeline: Pipeline) -> Callable[..., list[dict[str, Any]]]:
    """Upload photos of a person without the page, and wait for their records."""

    def put(owner: Person, contents: dict[str, bytes]) -> list[dict[str, Any]]:
        def upload(name: str) -> Any:
            return pipeline.upload(f"private/{owner.owner}/uploads/{name}", contents[name])

        with ThreadPoolExecutor(4) as pool:
            return pipeline.all_finished(list(pool.map(upload, contents)))

    return put


@pytest.fixture
def stored(store: Callable, person: Person) -> Callable[..., list[dict[str, Any]]]:
    """Upload photos of this test's person: `stored(red=...)` is red.jpg."""
    return lambda **contents: store(person, {f"{name}.jpg": content for name, content in contents.items()})


@pytest.fixture(scope="session")
def collector(pipeline: Pipeline) -> Person:
    """A person with the photos cat.jpg, red.jpg and green.jpg, for tests that leave these as they are."""
    owner = make_person(pipeline)
    contents = {"cat": pictures.cat_on_its_side(), "red": plain("red"), "green": plain("green")}
    uploads = [pipeline.upload(f"private/{owner.owner}/uploads/{name}.jpg", contents[name]) for name in contents]
    pipeline.all_finished(uploads)
    return owner


@pytest.fixture(scope="session")
def inspected(pipeline: Pipeline) -> None:
    """Images under two rules, some of which pass, inspected one after the other so that their order is known."""
    functions, name = pipeline.client("lambda"), pipeline.resource_name("InspectImagesFunction")
    known = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    variables = {key: str(value) for key, value in known.items()} | {"INSPECTION_RULES": json.dumps(RULES)}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
    functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1})
    for key in (
        "desks/clock.png",
        "desks/coffee.png",
        "roads/traffic-light.png",
        "roads/lighthouse.png",
        "roads/stop-sign.png",
    ):
        record = pipeline.finished(pipeline.upload(f"images/{key}", drawing(key.partition("/")[2])))
        assert "verdict" in record, record


@pytest.fixture(scope="session")
def furnished(pipeline: Pipeline, inspected: None) -> Person:
    """An operator with content in every view, for tests that change nothing."""
    owner = make_person(pipeline, is_operator=True)
    names = ("stop-sign.png", "coffee.png", "clock.png")
    contents = {name: drawing(name) for name in names} | {LONG_NAME: plain("teal"), "broken.jpg": cut_off()}
    uploads = [pipeline.upload(f"private/{owner.owner}/uploads/{name}", content) for name, content in contents.items()]
    pipeline.all_finished(uploads)
    return owner
