"""What `make demo BULK=…` makes, and what it refuses."""

import hashlib
from pathlib import Path

import pytest
from PIL import Image

from local import __main__ as commands
from local.demo import bulk_demo
from local.demo.photo_demo import DemoFailed
from vision.domain.bulk.summaries import estimated_cost
from vision.domain.bulk.tallies import Tally


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    made = []
    for number in range(3):
        path = tmp_path / f"{number}.png"
        Image.linear_gradient("L").convert("RGB").resize((300, 240)).save(path)
        made.append(path)
    (tmp_path / "text.jpg").write_text("no image")
    return [*made, tmp_path / "text.jpg"]


@pytest.mark.parametrize("text", ["0", "-1", "many", "", "1.5", "10 million", "100001", "9" * 5000, "١٠"])
def test_a_number_that_makes_no_sense_is_refused_in_words(text: str) -> None:
    with pytest.raises(DemoFailed, match=r"give a whole number from 1 to 100,000, such as make demo BULK=1000"):
        bulk_demo.count(text)


@pytest.mark.parametrize(("text", "count"), [("1", 1), ("1000", 1000), ("100000", 100_000)])
def test_a_number_that_makes_sense_is_taken(text: str, count: int) -> None:
    assert bulk_demo.count(text) == count


def test_the_images_are_the_same_each_time(photos: list[Path]) -> None:
    assert list(bulk_demo.pieces(photos, 120)) == list(bulk_demo.pieces(photos, 120))


def test_no_two_images_of_a_photo_are_alike(photos: list[Path]) -> None:
    digests = [hashlib.md5(content).hexdigest() for _, content in bulk_demo.pieces(photos[:1], 60)]
    assert len(set(digests)) == 60


def test_one_in_a_hundred_is_no_image(photos: list[Path]) -> None:
    contents = [content for _, content in bulk_demo.pieces(photos, 200)]
    assert [number for number, content in enumerate(contents) if not content.startswith(b"\xff\xd8")] == [99, 199]


def test_without_a_photo_the_demo_says_how_to_get_one(photos: list[Path]) -> None:
    with pytest.raises(DemoFailed, match=r"run python -m local\.demo\.sample_photos"):
        list(bulk_demo.pieces(photos[-1:], 1))


def test_the_summary_has_a_row_for_each_question() -> None:
    tally = Tally(seen=10, skipped=2, labelled=7, failed=1, calls=7, batches=1)
    tally.reasons["CorruptImage"] = 1
    summary = tally.as_dict() | {"duration_seconds": 4.0, "estimated_cost_usd": estimated_cost(tally)}
    table = bulk_demo.summary_table(summary)
    cells = {str(name): str(value) for name, value in zip(*(column.cells for column in table.columns), strict=True)}
    assert (cells["seen"], cells["failed"], cells["  CorruptImage"]) == ("10", "1", "1")
    assert (cells["duration"], cells["images a second"]) == ("4.0 s", "2.0")
    assert cells["paid calls for each image"] == "0.7000"


def test_ctrl_c_ends_a_command_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands.local_stack, "down", interrupted)
    assert commands.main(["down"]) == 130


def test_progress_tells_the_rate_and_how_long_the_rest_takes() -> None:
    counted = {"seen": 50, "skipped": 10, "labelled": 39, "partial": 0, "failed": 1}
    assert bulk_demo.progress_told(counted, 100, 5.0) == "10 skipped, 1 failed, 10 a second, 5 s left"
