"""Statistics show the answer to the latest query, whichever answer arrives last."""

import re

from playwright.sync_api import expect


def counts(name):
    return {"counts": [{"day": "2026-11-20", "class": name, "count": 1}]}


def test_late_answer_to_an_older_query_is_not_shown(visit, person):
    held = []
    page = visit.page
    page.route("**/api/counts*", lambda route: route.fulfill(json=counts("Dog")))
    visit.sign_in(person, "statistics")
    expect(visit.link("Dog")).to_be_visible()
    page.unroute_all()
    page.route(re.compile("/api/counts.*from=2026-01-01"), lambda route: held.append(route))
    page.route(re.compile("/api/counts.*from=2026-02-01"), lambda route: route.fulfill(json=counts("Cat")))
    page.get_by_label("From").fill("2026-01-01")
    visit.wait_until(lambda: held)
    page.get_by_label("From").fill("2026-02-01")
    expect(visit.link("Cat")).to_be_visible()
    held[0].fulfill(json=counts("Bird"))
    page.wait_for_timeout(500)  # Time for the older answer to replace the newer one, which must not happen.
    expect(visit.link("Cat")).to_be_visible()
