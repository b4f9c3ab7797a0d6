"""Every view, on desktop and phone, light and dark: no barrier, no error, nothing too wide and no target too small."""

from contextlib import contextmanager

import pytest

from tests.browser.test_accessibility import DESKTOP, barriers
from tests.browser.test_phone import PHONE
from tests.browser.views import VIEWS, WITH_A_REFUSAL
from tests.browser.visits import Visit

# Level AA: https://www.w3.org/WAI/WCAG22/Understanding/target-size-minimum.html
SMALLEST_TARGET = 24
TOO_SMALL = """smallest => [...document.querySelectorAll("a, button, input, select, summary, [role=option]")]
    .filter((target) => target.checkVisibility({ visibilityProperty: true }) && !target.matches(".skip"))
    .map((target) => [target.outerHTML.slice(0, 120), target.getBoundingClientRect()])
    .filter(([, { width, height }]) => width < smallest || height < smallest)
    .map(([html, { width, height }]) => `${html}: ${Math.round(width)} × ${Math.round(height)}`)"""
REPORT_REFUSED_CONTENT = """addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
    console.error(`policy: ${violatedDirective} ${blockedURI}`));"""


@contextmanager
def signed_in(browser, pipeline, person, **options):
    """A browser that all views share, since none of them changes anything."""
    visit = Visit(browser, pipeline, **options)
    visit.context.add_init_script(REPORT_REFUSED_CONTENT)
    visit.sign_in(person)
    yield visit
    visit.context.close()


@pytest.fixture(scope="module")
def desktop(browser, pipeline, furnished):
    with signed_in(browser, pipeline, furnished) as visit:
        yield visit


@pytest.fixture(scope="module")
def phone(browser, pipeline, furnished):
    with signed_in(browser, pipeline, furnished, **PHONE) as visit:
        yield visit


def show(visit, view):
    """Load the gallery anew, and go from it to a view."""
    visit.open("photos")
    visit.page.reload()
    visit.troubles.clear()
    VIEWS[view](visit)


@pytest.mark.parametrize("view", VIEWS)
def test_view_has_no_error_and_no_barrier(desktop, view):
    desktop.page.emulate_media(color_scheme="light")
    desktop.page.set_viewport_size(DESKTOP)
    show(desktop, view)
    desktop.page.wait_for_load_state("networkidle")
    assert desktop.troubles == [] or view in WITH_A_REFUSAL
    assert barriers(desktop) == {}


@pytest.mark.parametrize("view", VIEWS)
def test_view_fits_the_phone_and_its_targets_are_large_enough(phone, view):
    show(phone, view)
    assert phone.page.evaluate("document.documentElement.scrollWidth") == PHONE["viewport"]["width"]
    assert phone.page.evaluate(TOO_SMALL, SMALLEST_TARGET) == []
