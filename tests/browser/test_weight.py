"""How much comes over a line until the page can be used, and how long that takes on a slow one."""

import pytest
from playwright.sync_api import Error, expect

WEIGHT_LIMIT = 100_000
# 400 kbit/s each way, and 400 ms until an answer begins: what Chromium's developer tools long called "Slow 3G".
SLOW_LINE = {"upload": 50_000, "download": 50_000, "latency": 400}
SECONDS_OF_THE_LINE = 2.75


@pytest.fixture
def weighed(visit, person):
    """The sizes on the wire of all answers that the first view without photos needs, headers included."""
    session = visit.context.new_cdp_session(visit.page)
    session.send("Network.enable")
    sizes = []
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    visit.sign_in(person)
    expect(visit.page.get_by_role("heading", name="No photos yet")).to_be_visible()
    visit.page.wait_for_load_state("networkidle")
    return sizes


def test_first_view_is_light(weighed, record_property):
    record_property("bytes", sum(weighed))
    assert sum(weighed) < WEIGHT_LIMIT


@pytest.fixture
def seconds_until_usable(visit, person):
    """Load the page anew on a line, with a session in this tab and an empty cache."""
    visit.sign_in(person)

    def measure(**line):
        visit.limit_line(**line)
        visit.forget_cache()
        visit.page.reload()
        expect(visit.page.get_by_role("heading", name="No photos yet")).to_be_visible()
        return visit.page.evaluate("performance.now()") / 1000

    return measure


def test_slow_line_adds_little_to_first_view(seconds_until_usable, record_property):
    # A busy machine slows both loads down; the difference is the line's part: bytes, and round trips in sequence.
    slow = min(seconds_until_usable(**SLOW_LINE) for _ in range(3))
    quick = min(seconds_until_usable() for _ in range(3))
    record_property("seconds", {"slow": slow, "quick": quick})
    assert slow - quick < SECONDS_OF_THE_LINE


def test_page_takes_no_text_for_html(make_visit, person):
    visit = make_visit()
    visit.sign_in(person)
    with pytest.raises(Error, match="TrustedHTML"):
        visit.page.evaluate("document.body.innerHTML = '<img src=x onerror=alert(1)>'")
