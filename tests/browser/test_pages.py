"""Lists in pages: an empty page may not be the last, and a failed request is not an empty list."""

import re
import secrets

import pytest
from playwright.sync_api import expect

from tests.browser import axe, pictures

INSPECTIONS = re.compile(r"/api/inspections(\?|$)")
PHOTOS = re.compile(r"/api/photos\?")
BULK_RUNS = re.compile("/api/bulk-runs$")
SESSIONS = re.compile("/api/sessions$")
POLL_MILLISECONDS = 15_000


def inspection(name, seconds=0):
    """An inspection as the API returns it."""
    return {
        "photo_id": f"photo-{name}",
        "bucket": "amzn-s3-demo-bucket",
        "key": f"images/{name}",
        "inspected_at": f"2026-11-21T10:{seconds // 60:02}:{seconds % 60:02}.000Z",
        "verdict": "SUCCESS",
        "rule": "no-cups",
        "reasons": [],
        "labels": [],
        "image_url": None,
    }


@pytest.fixture
def board(make_visit, operator):
    """Open the inspections with an API that answers with these pages in turn, and then with the last one again.

    A page is the names of inspections and a cursor, or ``None`` for a broken connection.
    """

    def opened(*pages):
        visit = make_visit()
        left = list(pages)

        def answer(route):
            page = left.pop(0) if len(left) > 1 else left[0]
            if page is None:
                return route.abort("connectionreset")
            names, cursor = page
            return route.fulfill(json={"inspections": [inspection(name) for name in names], "cursor": cursor})

        visit.page.route(INSPECTIONS, answer)
        visit.page.clock.install()
        visit.sign_in(operator, "inspections")
        return visit

    return opened


def test_empty_page_with_a_cursor_says_that_there_may_be_more_and_keeps_the_focus(board):
    visit = board(([], "further"), (["old.jpg"], "further still"))
    expect(visit.heading("Nothing found yet")).to_be_visible()
    expect(visit.page.get_by_role("main").get_by_text("There may be more further back.")).to_be_visible()
    expect(visit.status).to_have_text("Nothing found yet; there may be more further back.")
    assert axe.violations(visit.page) == []
    visit.button("Show more").press("Enter")
    expect(visit.card("old.jpg")).to_be_visible()
    expect(visit.button("Show more")).to_be_focused()


@pytest.mark.parametrize("names", [["old.jpg"], []])
def test_show_more_continues_after_an_empty_page(board, names):
    visit = board(([], "further"), (names, None))
    visit.button("Show more").click()
    expect(visit.card("old.jpg") if names else visit.heading("No inspection fits")).to_be_visible()
    expect(visit.button("Show more")).to_have_count(0)


def test_new_inspection_keeps_the_show_more_button(board):
    visit = board(([], "further"), (["new.jpg"], "further"))
    expect(visit.button("Show more")).to_be_visible()
    visit.page.clock.fast_forward(POLL_MILLISECONDS)
    expect(visit.card("new.jpg")).to_be_visible()
    expect(visit.button("Show more")).to_be_visible()
    expect(visit.page.get_by_role("heading", name="Nothing found yet")).to_have_count(0)


def test_error_of_the_first_page_stays_after_a_poll_until_try_again(board):
    visit = board(None, (["old.jpg"], None), (["new.jpg", "old.jpg"], None))
    expect(visit.alert).to_contain_text("The service did not answer.")
    visit.page.clock.fast_forward(POLL_MILLISECONDS)
    visit.page.wait_for_timeout(500)  # Time to show newer ones as the whole list, which must not happen.
    expect(visit.alert).to_contain_text("The service did not answer.")
    expect(visit.cards).to_have_count(0)
    visit.button("Try again").click()
    expect(visit.card("old.jpg")).to_be_visible()
    visit.page.clock.fast_forward(POLL_MILLISECONDS)
    expect(visit.card("new.jpg")).to_be_visible()


def test_error_of_the_second_page_stays_after_a_poll(board):
    visit = board((["one.jpg"], "further"), None, (["new.jpg", "one.jpg"], "further"))
    visit.button("Show more").click()
    expect(visit.alert).to_be_visible()
    visit.page.clock.fast_forward(POLL_MILLISECONDS)
    expect(visit.card("new.jpg")).to_be_visible()
    expect(visit.alert).to_be_visible()


def test_gallery_says_that_there_may_be_more_while_it_loads(make_visit, person, stored):
    stored(red=pictures.plain("red"))
    visit = make_visit()
    held = []

    def answer(route):
        if "cursor=" not in route.request.url:
            return route.fulfill(json={"photos": [], "cursor": "further"})
        return held.append(route)

    visit.page.route(PHOTOS, answer)
    visit.sign_in(person)
    expect(visit.page.get_by_role("heading", name="Nothing found yet")).to_be_visible()
    [found] = visit.call("GET", "photos")[1]["photos"]
    visit.wait_until(lambda: held)
    held[0].fulfill(json={"photos": [found], "cursor": None})
    expect(visit.tile("red.jpg")).to_be_visible()
    expect(visit.page.get_by_role("heading", name="Nothing found yet")).to_have_count(0)


def test_added_photo_keeps_the_error_of_the_list(make_visit, person):
    visit = make_visit()
    visit.page.route(PHOTOS, lambda route: route.abort("connectionreset"))
    visit.sign_in(person)
    expect(visit.alert).to_contain_text("The service did not answer.")
    visit.choose({"red.jpg": pictures.plain("red")})
    expect(visit.tile("red.jpg")).to_be_visible()
    expect(visit.alert).to_contain_text("The service did not answer.")


def test_new_run_keeps_the_error_of_the_list_and_stands_above_older_ones(pipeline, make_visit, operator):
    prefix = f"archive/{secrets.token_hex(4)}/"
    pipeline.upload(f"{prefix}red.jpg", pictures.plain("red"))
    visit = make_visit()
    visit.page.route(BULK_RUNS, lambda route: route.abort("connectionreset"), times=1)
    visit.sign_in(operator, "bulk-runs")
    expect(visit.alert.filter(has_text="did not answer")).to_be_visible()
    assert visit.call("POST", "bulk-runs", {"prefix": f"{prefix}older/"})[0] == 202
    visit.page.get_by_label("Prefix").fill(prefix)
    visit.button("Start run").click()
    expect(visit.card(prefix)).to_have_count(1)
    expect(visit.alert.filter(has_text="did not answer")).to_be_visible()
    visit.button("Try again").click()
    expect(visit.card(f"{prefix}older/")).to_have_count(1)
    shown = visit.cards.get_by_role("heading").all_text_contents()
    assert [text.partition("/")[2] for text in shown[:2]] == [prefix, f"{prefix}older/"]


@pytest.mark.parametrize(
    ("view", "list_"), [("inspections", INSPECTIONS), ("bulk-runs", BULK_RUNS), ("sessions", SESSIONS)]
)
@pytest.mark.usefixtures("inspected")
def test_operator_view_is_refused_for_others_and_not_polled(make_visit, person, view, list_):
    visit, asked = make_visit(), []
    visit.page.on("request", lambda request: list_.search(request.url) and asked.append(request))
    visit.page.clock.install()
    visit.sign_in(person, view)
    expect(visit.alert).to_contain_text("operators")
    visit.page.clock.fast_forward(POLL_MILLISECONDS)
    visit.page.wait_for_timeout(500)  # Time for a second request, which must not happen.
    assert len(asked) == 1
    expect(visit.cards).to_have_count(0)
