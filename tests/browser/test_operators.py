"""Operators: what inspection said, and bulk runs from their start to their failures. Nobody else sees any of it."""

import re
import secrets
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from local.rekognition.fetch import DETECTOR, MODELS_DIR
from tests.browser import pictures

needs_detector = pytest.mark.skipif(
    not (MODELS_DIR / DETECTOR.name).is_file(), reason="npm is missing, so no detector finds what the rules ask for"
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
    """Start a bulk run as an operator; give its card."""

    def run(prefix):
        visit.sign_in(operator, "bulk-runs")
        visit.page.get_by_label("Prefix").fill(prefix)
        visit.button("Start run").click()
        return visit.card(prefix)

    return run


@pytest.fixture
def board(visit, operator, inspected):
    """The inspection board, with its filters as they stand in an address."""

    def opened(filters=""):
        visit.sign_in(operator, f"inspections{filters}")
        return visit

    return opened


@pytest.fixture
def names(visit):
    return lambda: set(visit.cards.get_by_role("heading").all_text_contents())


@needs_detector
def test_the_board_tells_the_verdict_of_each_image(board):
    visit = board("?rule=no-cups")
    expect(visit.card("clock.png")).to_contain_text("Passed")
    expect(visit.card("coffee.png")).to_contain_text("Failed")


@needs_detector
def test_the_board_tells_why_an_image_failed(board):
    visit = board("?rule=no-cups")
    expect(visit.card("coffee.png").get_by_role("list", name="Reasons")).to_contain_text("Cup")


def test_the_board_tells_the_rule_of_each_image(board):
    expect(board().card("coffee.png")).to_contain_text("Rule no-cups")


def test_the_board_shows_each_image(board):
    visit = board("?rule=road-signs")
    expect(visit.cards).to_have_count(3)
    for image in visit.cards.locator("img").all():
        image.scroll_into_view_if_needed()
        assert image.evaluate("async image => (await image.decode(), image.naturalWidth)") > 0


def test_an_image_that_s3_refuses_is_said_to_be_archived(make_visit, operator, inspected):
    # 403 InvalidObjectState is what S3 answers for an object in Glacier; nothing ages in the local one.
    visit = make_visit()
    visit.page.route("**/analyzed/**", lambda route: route.fulfill(status=403))
    visit.sign_in(operator, "inspections?rule=no-cups")
    card = visit.card("coffee.png")
    card.scroll_into_view_if_needed()
    expect(card).to_contain_text("archived")
    expect(card.locator("img")).to_have_count(0)


@needs_detector
def test_the_board_narrows_to_a_verdict(board, names):
    visit = board("?rule=road-signs")
    expect(visit.cards).to_have_count(3)
    visit.page.get_by_label("Verdict").select_option("Failed")
    expect(visit.cards).to_have_count(1)
    assert names() == {"lighthouse.png"}


def test_the_board_narrows_to_a_rule(board, names):
    visit = board()
    expect(visit.card("lighthouse.png")).to_be_visible()
    visit.page.get_by_label("Rule").fill("no-cups")
    visit.page.keyboard.press("Enter")
    expect(visit.cards).to_have_count(2)
    assert names() == {"clock.png", "coffee.png"}


@needs_detector
def test_the_filters_of_the_board_survive_a_reload(board):
    visit = board()
    visit.page.get_by_label("Verdict").select_option("Failed")
    visit.page.get_by_label("Rule").fill("no-cups")
    visit.page.keyboard.press("Enter")
    expect(visit.cards).to_have_count(1)
    visit.page.reload()
    expect(visit.cards).to_have_count(1)
    expect(visit.page.get_by_label("Verdict")).to_have_value("FAILURE")
    expect(visit.page.get_by_label("Rule")).to_have_value("no-cups")


def test_a_filter_that_fits_nothing_says_so(visit, operator):
    visit.sign_in(operator, "inspections?rule=unknown")
    expect(visit.page.get_by_role("heading", name="No inspection fits")).to_be_visible()


def test_a_bulk_run_is_started_and_followed_to_its_end_without_a_reload(visit, start, prefix):
    card = start(prefix)
    expect(card).to_contain_text("Running")
    loaded = visit.page.evaluate("performance.timeOrigin")
    expect(card).to_contain_text("Succeeded")
    expect(card).to_contain_text("Labelled5")
    assert visit.page.evaluate("performance.timeOrigin") == loaded


def test_a_bulk_run_that_begins_elsewhere_appears_without_a_reload(visit, operator, prefix):
    visit.page.clock.install()
    visit.sign_in(operator, "bulk-runs")
    expect(visit.page.get_by_text("Loading runs")).to_have_count(0)
    assert visit.call("POST", "bulk-runs", {"prefix": prefix})[0] == 202
    expect(visit.card(prefix)).to_have_count(0)
    visit.page.clock.fast_forward(15_000)
    expect(visit.card(prefix)).to_have_count(1)


def test_an_inspection_that_happens_meanwhile_appears_without_a_reload(pipeline, visit, operator, inspected):
    visit.page.clock.install()
    visit.sign_in(operator, "inspections?rule=no-cups")
    expect(visit.card("coffee.png")).to_be_visible()
    name = f"{secrets.token_hex(4)}.jpg"
    assert "verdict" in pipeline.finished(pipeline.upload(f"images/desks/{name}", pictures.plain("red")))
    visit.page.clock.fast_forward(15_000)
    expect(visit.card(name)).to_have_count(1)
    expect(visit.cards.first.get_by_role("heading")).to_have_text(name)


def inspection(number):
    """An inspection as the API gives it, the newer the higher its number."""
    return {
        "photo_id": f"photo-{number}",
        "verdict": "SUCCESS",
        "rule": "no-cups",
        "reasons": [],
        "inspected_at": f"2026-11-21T10:{number // 60:02}:{number % 60:02}.000Z",
        "bucket": "amzn-s3-demo-bucket",
        "key": f"images/{number:03}.jpg",
        "labels": [],
        "image_url": None,
    }


@pytest.fixture
def conveyor(visit, operator):
    """A board that shows one inspection; tell it how many there are in all when it looks again, 50 to a page."""
    visit.page.clock.install()
    there = [inspection(0)]

    def answer(route):
        [start] = parse_qs(urlsplit(route.request.url).query).get("cursor", ["0"])
        end = int(start) + 50
        cursor = str(end) if end < len(there) else None
        route.fulfill(json={"inspections": there[int(start) : end], "cursor": cursor})

    visit.page.route("**/api/inspections*", answer)
    visit.sign_in(operator, "inspections")
    expect(visit.cards).to_have_count(1)

    def look_again(total):
        there[:] = [inspection(number) for number in reversed(range(total))]
        visit.page.clock.fast_forward(15_000)

    return look_again


def test_more_inspections_than_a_page_holds_appear_without_a_reload(visit, conveyor):
    conveyor(61)
    expect(visit.cards).to_have_count(61)
    assert visit.cards.get_by_role("heading").all_text_contents() == [
        f"{number:03}.jpg" for number in range(60, -1, -1)
    ]


def test_after_more_inspections_than_are_read_at_once_the_board_begins_anew(visit, conveyor):
    conveyor(301)
    expect(visit.cards).to_have_count(50)
    expect(visit.cards.first.get_by_role("heading")).to_have_text("300.jpg")
    visit.button("Show more").click()
    expect(visit.cards).to_have_count(100)


ENDED = {"status": "ABORTED", "started_at": "2026-11-21T10:00:00.000Z", "ended_at": "2026-11-21T10:05:00.000Z"}
SESSION = {"session_id": "one", "images": 3, "model_minutes": 4.0, "cost_dollars": 0.27, "timeline": []}
RUN = {
    "run_id": "one",
    "bucket": "amzn-s3-demo-bucket",
    "prefix": "archive/",
    "counts": dict.fromkeys(("seen", "labelled", "partial", "skipped", "failed"), 0),
    "failures": [],
    "estimated_cost_dollars": None,
}


@pytest.mark.parametrize(("view", "shown"), [("sessions", SESSION), ("bulk-runs", RUN)])
@pytest.mark.parametrize(
    ("name", "cause", "sentence"),
    [
        ("", "why", "why"),
        ("States.Timeout", "", "States.Timeout"),
        ("States.Timeout", "too long", "States.Timeout: too long"),
    ],
)
def test_what_ended_a_run_or_a_session_is_told_as_far_as_it_is_known(
    visit, operator, view, shown, name, cause, sentence
):
    ended = {**shown, **ENDED, "error": {"name": name, "cause": cause}, "execution_url": None}
    visit.page.route(f"**/api/{view}", lambda route: route.fulfill(json={view.removeprefix("bulk-"): [ended]}))
    visit.sign_in(operator, view)
    expect(visit.cards.locator(".callout")).to_have_text(sentence)


def test_a_bulk_run_tells_its_failures_by_reason(pipeline, start, prefix):
    pipeline.upload(f"{prefix}notes.jpg", b"2 l milk")
    card = start(prefix)
    expect(card.get_by_role("table", name="Failures")).to_contain_text("NotSupportedImageType1")


def test_a_bulk_run_links_to_its_execution(visit, start, prefix):
    address = start(prefix).get_by_role("link", name="Open the execution").get_attribute("href")
    [run] = [run for run in visit.call("GET", "bulk-runs")[1]["runs"] if run["prefix"] == prefix]
    assert address.endswith(run["run_id"])


def test_a_bulk_run_that_cannot_be_started_says_why(make_visit, operator):
    visit = make_visit()
    page = visit.sign_in(operator, "bulk-runs")
    page.get_by_label("Bucket").fill("ab")
    visit.button("Start run").click()
    expect(page.get_by_role("alert")).to_contain_text("bucket: ")


def test_an_operator_opens_the_execution_of_a_photo(visit, operator, store):
    store(operator, {"red.jpg": pictures.plain("red")})
    visit.sign_in(operator)
    visit.tile("red.jpg").get_by_role("link").first.click()
    expect(visit.link("Open the execution")).to_have_attribute("href", re.compile("console.aws.amazon.com/states/"))


def test_who_is_no_operator_has_no_link_to_executions(visit, person, stored):
    stored(red=pictures.plain("red"))
    visit.sign_in(person)
    visit.tile("red.jpg").get_by_role("link").first.click()
    expect(visit.page.get_by_text("About this photo")).to_be_visible()
    expect(visit.link("Open the execution")).to_have_count(0)


def test_who_is_no_operator_finds_none_of_the_views_of_operators(visit, person):
    page = visit.sign_in(person)
    page.wait_for_load_state("networkidle")
    expect(page.get_by_role("navigation").get_by_role("link")).to_have_text(["Photos", "Albums", "Statistics"])


@pytest.mark.parametrize("view", ["inspections", "bulk-runs", "sessions"])
def test_who_is_no_operator_and_knows_the_address_of_a_view_is_told_so(make_visit, person, inspected, view):
    visit = make_visit()
    visit.sign_in(person, view)
    expect(visit.page.get_by_role("alert")).to_contain_text("operators")
    expect(visit.cards).to_have_count(0)
