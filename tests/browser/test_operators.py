"""Views of operators: inspections, and bulk runs from start to failures. Other people see none of them."""

import re
import secrets
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from local.rekognition.fetch import DETECTOR, MODELS_DIR
from tests.browser import pictures
from tests.browser.test_pages import inspection

needs_detector = pytest.mark.skipif(
    not (MODELS_DIR / DETECTOR.name).is_file(), reason="npm is missing, so no detector finds what the rules need"
)


@pytest.fixture
def prefix(pipeline):
    """A prefix with five images."""
    folder = f"archive/{secrets.token_hex(4)}/"
    for number in range(5):
        pipeline.upload(f"{folder}{number}.jpg", pictures.plain(f"#{number}{number}9"))
    return folder


@pytest.fixture
def start(visit, operator):
    """Start a bulk run as an operator; return its card."""

    def run(prefix):
        visit.sign_in(operator, "bulk-runs")
        visit.page.get_by_label("Prefix").fill(prefix)
        visit.button("Start run").click()
        return visit.card(prefix)

    return run


@pytest.fixture
def board(visit, operator, inspected):
    """Open the inspection board, with filters as in the address."""

    def opened(filters=""):
        visit.sign_in(operator, f"inspections{filters}")
        return visit

    return opened


@pytest.fixture
def names(visit):
    return lambda: set(visit.cards.get_by_role("heading").all_text_contents())


@needs_detector
def test_board_shows_the_verdict_and_reasons_of_each_image(board):
    visit = board("?rule=no-cups")
    expect(visit.card("clock.png")).to_contain_text("Passed")
    failed = visit.card("coffee.png")
    expect(failed).to_contain_text("Failed")
    expect(failed.get_by_role("list", name="Reasons")).to_contain_text("Cup")


def test_board_shows_each_image(board):
    visit = board("?rule=road-signs")
    expect(visit.cards).to_have_count(3)
    for image in visit.cards.locator("img").all():
        image.scroll_into_view_if_needed()
        assert image.evaluate("async image => (await image.decode(), image.naturalWidth)") > 0


def test_image_that_s3_refuses_is_shown_as_archived(make_visit, operator, inspected):
    # S3 answers 403 InvalidObjectState for an object in Glacier; the local S3 archives nothing.
    visit = make_visit()
    visit.page.route("**/analyzed/**", lambda route: route.fulfill(status=403))
    visit.sign_in(operator, "inspections?rule=no-cups")
    card = visit.card("coffee.png")
    card.scroll_into_view_if_needed()
    expect(card).to_contain_text("archived")
    expect(card.locator("img")).to_have_count(0)


@needs_detector
def test_filters_narrow_the_board_and_survive_a_reload(board, names):
    visit = board()
    expect(visit.card("lighthouse.png")).to_be_visible()
    expect(visit.card("coffee.png")).to_contain_text("Rule no-cups")
    visit.page.get_by_label("Rule").fill("road-signs")
    visit.page.keyboard.press("Enter")
    expect(visit.cards).to_have_count(3)
    visit.page.get_by_label("Verdict").select_option("Failed")
    expect(visit.cards).to_have_count(1)
    visit.page.reload()
    expect(visit.cards).to_have_count(1)
    assert names() == {"lighthouse.png"}
    expect(visit.page.get_by_label("Verdict")).to_have_value("FAILURE")
    expect(visit.page.get_by_label("Rule")).to_have_value("road-signs")


def test_filter_without_matches_shows_a_message(visit, operator):
    visit.sign_in(operator, "inspections?rule=unknown")
    expect(visit.page.get_by_role("heading", name="No inspection fits")).to_be_visible()


def test_bulk_run_is_started_and_followed_without_a_reload(visit, start, prefix):
    card = start(prefix)
    expect(card).to_contain_text("Running")
    loaded = visit.page.evaluate("performance.timeOrigin")
    expect(card).to_contain_text("Succeeded")
    expect(card).to_contain_text("Labelled5")
    assert visit.page.evaluate("performance.timeOrigin") == loaded


def test_bulk_run_started_elsewhere_appears_without_a_reload(visit, operator, prefix):
    visit.page.clock.install()
    visit.sign_in(operator, "bulk-runs")
    expect(visit.page.get_by_text("Loading runs")).to_have_count(0)
    assert visit.call("POST", "bulk-runs", {"prefix": prefix})[0] == 202
    expect(visit.card(prefix)).to_have_count(0)
    visit.page.clock.fast_forward(15_000)
    expect(visit.card(prefix)).to_have_count(1)


def test_new_inspection_appears_without_a_reload(pipeline, visit, operator, inspected):
    visit.page.clock.install()
    visit.sign_in(operator, "inspections?rule=no-cups")
    expect(visit.card("coffee.png")).to_be_visible()
    name = f"{secrets.token_hex(4)}.jpg"
    assert "verdict" in pipeline.finished(pipeline.upload(f"images/desks/{name}", pictures.plain("red")))
    visit.page.clock.fast_forward(15_000)
    expect(visit.card(name)).to_have_count(1)
    expect(visit.cards.first.get_by_role("heading")).to_have_text(name)


@pytest.fixture
def growing_board(visit, operator):
    """A board with one inspection, and a function that sets how many it finds at its next poll, 50 on a page."""
    visit.page.clock.install()
    there = [inspection("000.jpg")]

    def answer(route):
        [start] = parse_qs(urlsplit(route.request.url).query).get("cursor", ["0"])
        end = int(start) + 50
        cursor = str(end) if end < len(there) else None
        route.fulfill(json={"inspections": there[int(start) : end], "cursor": cursor})

    visit.page.route("**/api/inspections*", answer)
    visit.sign_in(operator, "inspections")
    expect(visit.cards).to_have_count(1)

    def poll(total):
        there[:] = [inspection(f"{number:03}.jpg", number) for number in reversed(range(total))]
        visit.page.clock.fast_forward(15_000)

    return poll


def test_more_new_inspections_than_a_page_appear_without_a_reload(visit, growing_board):
    growing_board(61)
    expect(visit.cards).to_have_count(61)
    assert visit.cards.get_by_role("heading").all_text_contents() == [
        f"{number:03}.jpg" for number in range(60, -1, -1)
    ]


def test_board_starts_again_after_too_many_new_inspections(visit, growing_board):
    growing_board(301)
    expect(visit.cards).to_have_count(50)
    expect(visit.cards.first.get_by_role("heading")).to_have_text("300.jpg")
    visit.button("Show more").click()
    expect(visit.cards).to_have_count(100)


ENDED = {"status": "ABORTED", "started_at": "2026-11-21T10:00:00.000Z", "ended_at": "2026-11-21T10:05:00.000Z"}
SESSION = {"images": 3, "model_minutes": 4.0, "cost_dollars": 0.27, "timeline": []}
RUN = {
    "bucket": "amzn-s3-demo-bucket",
    "prefix": "archive/",
    "counts": dict.fromkeys(("seen", "labelled", "partial", "skipped", "failed"), 0),
    "failures": [],
    "estimated_cost_dollars": None,
}
ERRORS = {
    ("", "why"): "why",
    ("States.Timeout", ""): "States.Timeout",
    ("States.Timeout", "late"): "States.Timeout: late",
}


@pytest.mark.parametrize(
    ("view", "shown", "id_name"), [("sessions", SESSION, "session_id"), ("bulk-runs", RUN, "run_id")]
)
def test_error_of_a_run_or_session_is_shown_as_far_as_known(visit, operator, view, shown, id_name):
    ended = [
        {**shown, **ENDED, id_name: str(number), "error": {"name": name, "cause": cause}, "execution_url": None}
        for number, (name, cause) in enumerate(ERRORS)
    ]
    visit.page.route(f"**/api/{view}", lambda route: route.fulfill(json={view.removeprefix("bulk-"): ended}))
    visit.sign_in(operator, view)
    expect(visit.cards.locator(".callout")).to_have_text(list(ERRORS.values()))


def test_bulk_run_shows_failures_by_reason_and_links_to_its_execution(pipeline, visit, start, prefix):
    pipeline.upload(f"{prefix}notes.jpg", b"2 l milk")
    card = start(prefix)
    expect(card.get_by_role("table", name="Failures")).to_contain_text("NotSupportedImageType1")
    address = card.get_by_role("link", name="Open the execution").get_attribute("href")
    [run] = [run for run in visit.call("GET", "bulk-runs")[1]["runs"] if run["prefix"] == prefix]
    assert address.endswith(run["run_id"])


def test_bulk_run_that_cannot_start_shows_the_reason(make_visit, operator):
    visit = make_visit()
    page = visit.sign_in(operator, "bulk-runs")
    page.get_by_label("Bucket").fill("ab")
    visit.button("Start run").click()
    expect(page.get_by_role("alert")).to_contain_text("bucket: ")


def test_only_operators_see_the_link_to_the_execution_of_a_photo(make_visit, operator, person, store):
    for viewer, links in ((operator, 1), (person, 0)):
        store(viewer, {"red.jpg": pictures.plain("red")})
        visit = make_visit()
        visit.sign_in(viewer)
        visit.open_photo("red.jpg")
        expect(visit.page.get_by_text("About this photo")).to_be_visible()
        expect(visit.link("Open the execution")).to_have_count(links)
        if links:
            address = re.compile("console.aws.amazon.com/states/")
            expect(visit.link("Open the execution")).to_have_attribute("href", address)
        assert visit.troubles == []


def test_navigation_of_others_has_no_operator_views(visit, person):
    page = visit.sign_in(person)
    page.wait_for_load_state("networkidle")
    expect(page.get_by_role("navigation").get_by_role("link")).to_have_text(["Photos", "Albums", "Statistics"])
