"""Statistics: of two questions the answer to the latest is shown, whichever comes last."""

import re

from playwright.sync_api import expect


def counts(name):
    return {"counts": [{"day": "2026-11-20", "class": name, "count": 1}]}


def test_a_late_answer_to_an_older_question_is_not_shown(visit, person):
    held = []
    page = visit.page
    page.route("**/api/counts*", lambda route: route.fulfill(json=counts("Dog")))
    visit.sign_in(person, "statistics")
    expect(visit.link("Dog")).to_be_visible()
    page.unroute_all()
    page.route(re.compile("/api/counts.*from=2026-01-01"), lambda route: held.append(route))
    page.route(re.compile("/api/counts.*from=2026-02-01"), lambda route: route.fulfill(json=counts("Cat")))
    page.get_by_label("From").fill("2026-01-01")
    while not held:
        page.wait_for_timeout(10)
    page.get_by_label("From").fill("2026-02-01")
    expect(visit.link("Cat")).to_be_visible()
    held[0].fulfill(json=counts("Bird"))
    page.wait_for_timeout(500)  # Time for what must not happen: that the older days take the place.
    expect(visit.link("Cat")).to_be_visible()
