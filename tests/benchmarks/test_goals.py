"""Verdicts: on the limit is met, void and skipped are never met."""

from benchmarks.goals import Table, at_least, at_most, markdown, skipped


def test_a_figure_on_its_limit_is_met():
    assert at_most("P1", "12 MP", 1.0, 1.0, "× sharp").verdict == "met"
    assert at_least("P3", "12 MP", 0.99, 0.99, "").verdict == "met"


def test_a_figure_beyond_its_limit_is_missed():
    assert at_most("P1", "12 MP", 1.001, 1.0, "× sharp").verdict == "MISSED"
    assert at_least("P3", "12 MP", 0.9899, 0.99, "").verdict == "MISSED"


def test_a_void_measurement_has_no_verdict_although_its_figure_is_good():
    assert at_most("P1", "12 MP", 0.5, 1.0, "× sharp", void=True).verdict == "void"


def test_a_skipped_row_says_why():
    row = skipped("P1", "12 MP", "≤ 1 × sharp", "sharp is not installed here (node and npm are needed)")

    assert "| skipped |" in markdown(Table("P1", [row]))
    assert "node and npm are needed" in markdown(Table("P1", [row]))


def test_the_figure_is_shown_beside_its_limit():
    table = Table("P6", [at_most("P6", "48 MP", 3.382, 15, "MB")])

    assert "| P6 | 48 MP | ≤ 15 MB | 3.38 MB | met |" in markdown(table)
