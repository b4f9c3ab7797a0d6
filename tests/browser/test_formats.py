"""Numbers of the page at the boundaries between units."""

import pytest


@pytest.fixture(scope="module")
def formatted(browser):
    """Call a function of format.js in the browser."""
    page = browser.new_page(base_url="http://app.localhost", locale="en-GB")
    page.goto("/")

    def write(function, value):
        return page.evaluate(
            "async ([name, value]) => (await import('/static/format.js'))[name](value)", [function, value]
        )

    yield write
    page.close()


DURATIONS = [
    (4.24, "4.2 s"),
    (59.94, "59.9 s"),
    (59.97, "1 min 0 s"),
    (119.7, "2 min 0 s"),
    (3599.4, "59 min 59 s"),
    (3599.7, "1 h 0 min"),
    (7199, "2 h 0 min"),
    (7500, "2 h 5 min"),
]
SIZES = [(1, "1 KB"), (999_000, "999 KB"), (999_999, "1.0 MB"), (1_250_001, "1.3 MB")]
AMOUNTS = [(0.0421, "$0.042"), (0.9996, "$1.00"), (12.5, "$12.50")]


@pytest.mark.parametrize(("function", "rows"), [("duration", DURATIONS), ("size", SIZES), ("dollars", AMOUNTS)])
def test_number_is_rounded_before_its_unit_and_digits_are_chosen(formatted, function, rows):
    assert [(value, formatted(function, value)) for value, _ in rows] == rows
