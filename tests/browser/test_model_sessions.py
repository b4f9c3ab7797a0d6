"""Sessions of a Custom Labels model as operators see them."""

import re
import shutil

import pytest
from playwright.sync_api import expect

from tests.browser import axe
from tests.browser.people import make_person
from tests.local.sessions.conftest import deployed_sessions, shared_sessions

__all__ = ["deployed_sessions", "shared_sessions"]

pytestmark = pytest.mark.skipif(
    shutil.which("npm") is None, reason="npm is missing, so there are no drawings to train on"
)


@pytest.fixture(scope="module")
def pipeline(chromium, shared_sessions):
    shared_sessions.start_afresh()
    shared_sessions.put(3)
    assert shared_sessions.run_session()["status"] == "SUCCEEDED"
    return shared_sessions


@pytest.fixture(scope="module")
def browser(open_browser, pipeline):
    with open_browser(pipeline) as opened:
        yield opened


@pytest.fixture
def board(visit, pipeline):
    """The view of sessions of an operator."""
    visit.sign_in(make_person(pipeline, is_operator=True), "sessions")
    expect(visit.cards).to_have_count(1)
    return visit


def test_session_shows_images_minutes_cost_and_steps_and_links_to_its_execution(board):
    expect(board.cards).to_contain_text(re.compile(r"Images3Model minutes\d+\.\dCost\$\d+\.\d+"))
    steps = board.cards.get_by_role("list", name="Timeline").get_by_role("listitem")
    expect(steps).to_have_text([re.compile(rf"{name}\+\d+") for name in ("Start Model", "Drain Queue", "Stop Model")])
    [session] = board.call("GET", "sessions")[1]["sessions"]
    address = board.link("Open the execution").get_attribute("href")
    assert address.endswith(session["session_id"])
    assert axe.violations(board.page) == []


def test_new_session_appears_without_a_reload(visit, pipeline):
    visit.page.clock.install()
    visit.page.route("**/api/sessions", lambda route: route.fulfill(json={"sessions": []}), times=1)
    visit.sign_in(make_person(pipeline, is_operator=True), "sessions")
    expect(visit.page.get_by_role("heading", name="No session yet")).to_be_visible()
    visit.page.clock.fast_forward(15_000)
    expect(visit.cards).to_have_count(1)
