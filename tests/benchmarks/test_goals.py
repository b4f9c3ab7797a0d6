"""Verdicts: a figure on its limit is met; void and skipped are never met."""

import pytest

from benchmarks.goals import Table, at_least, at_most, markdown, skipped


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (at_most("P1", "12 MP", 1.0, 1.0, "× sharp"), "met"),
        (at_least("P3", "12 MP", 0.99, 0.99, ""), "met"),
        (at_most("P1", "12 MP", 1.001, 1.0, "× sharp"), "MISSED"),
        (at_least("P3", "12 MP", 0.9899, 0.99, ""), "MISSED"),
        (at_most("P1", "12 MP", 0.5, 1.0, "× sharp", void=True), "void"),
    ],
)
def test_verdict_compares_the_figure_with_its_limit(row, verdict):
    assert row.verdict == verdict


def test_table_shows_figures_beside_their_limits_and_why_a_row_was_skipped():
    row = skipped("P1", "12 MP", "≤ 1 × sharp", "sharp is not installed here (node and npm are needed)")
    text = markdown(Table("P6", [row, at_most("P6", "48 MP", 3.382, 15, "MB")]))
    assert "| skipped |" in text
    assert "node and npm are needed" in text
    assert "| P6 | 48 MP | ≤ 15 MB | 3.38 MB | met |" in text
