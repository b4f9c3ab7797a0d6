"""What `make demo BULK=…` uploads and prints, and which numbers it refuses."""

from pathlib import Path
from unittest.mock import Mock

import pytest
from PIL import Image

from local import __main__ as commands
from local.demo import bulk_demo
from local.demo.photo_demo import DemoFailed
from vision.domain.bulk.summaries import estimated_cost
from vision.domain.bulk.tallies import Tally


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Three photos, and a text."""
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path in paths:
        Image.linear_gradient("L").convert("RGB").resize((300, 240)).save(path)
    (tmp_path / "text.jpg").write_text("no image")
    return [*paths, tmp_path / "text.jpg"]


@pytest.mark.parametrize("text", ["0", "-1", "many", "", "1.5", "10 million", "100001", "9" * 5000, "١٠"])
def test_invalid_number_of_images_is_refused_with_an_example(text):
    with pytest.raises(DemoFailed, match=r"a whole number from 1 to 100,000, such as make demo BULK=1000"):
        bulk_demo.count(text)


def test_valid_number_of_images_is_accepted():
    assert [bulk_demo.count(text) for text in ("1", "1000", "100000")] == [1, 1000, 100_000]


def test_images_are_the_same_each_time_and_differ_except_for_one_in_a_hundred_that_is_none(photos):
    contents = [content for _, content in bulk_demo.pieces(photos, 200)]
    assert contents == [content for _, content in bulk_demo.pieces(photos, 200)]
    assert [number for number, content in enumerate(contents) if not content.startswith(b"\xff\xd8")] == [99, 199]
    assert len({content for _, content in bulk_demo.pieces(photos[:1], 60)}) == 60


def test_demo_without_a_photo_names_the_command_that_fetches_them(photos):
    with pytest.raises(DemoFailed, match=r"run python -m local\.demo\.sample_photos"):
        list(bulk_demo.pieces(photos[-1:], 1))


def test_summary_has_counts_errors_rate_and_calls():
    tally = Tally(seen=10, skipped=2, labelled=7, failed=1, calls=7, batches=1)
    tally.reasons["CorruptImage"] = 1
    summary = tally.as_dict() | {"duration_seconds": 4.0, "estimated_cost_usd": estimated_cost(tally)}
    table = bulk_demo.summary_table(summary)
    cells = {str(name): str(value) for name, value in zip(*(column.cells for column in table.columns), strict=True)}
    expected = {"seen": "10", "failed": "1", "  CorruptImage": "1", "duration": "4.0 s", "images a second": "2.0"}
    assert cells.items() >= (expected | {"paid calls for each image": "0.7000"}).items()


def test_progress_has_the_rate_and_the_time_left():
    counted = {"seen": 50, "skipped": 10, "labelled": 39, "partial": 0, "failed": 1}
    assert bulk_demo.progress_told(counted, 100, 5.0) == "10 skipped, 1 failed, 10 a second, 5 s left"


def test_ctrl_c_ends_a_command_without_a_traceback(monkeypatch):
    monkeypatch.setattr(commands.local_stack, "down", Mock(side_effect=KeyboardInterrupt))
    assert commands.main(["down"]) == 130
