"""The cost estimator: the words it takes and refuses, how it reckons, and the table of docs/costs.md."""

import math
import re

import pytest

from benchmarks.cost import __main__ as command
from benchmarks.cost import bill, usage
from benchmarks.cost.usage import FunctionUse, Usage
from benchmarks.peers import ROOT
from vision.domain import prices

MEGABYTE = 1e6
MEASURED = usage.read()
GUIDE = (ROOT / "docs" / "costs.md").read_text(encoding="utf-8")
WORDS = dict(enumerate(["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen"], 10))
WAYS = [(way, detector) for detector, ways in bill.WAYS.items() for way in ways]


def _usage(image_bytes: float, cpu_seconds: float, **requests: float) -> Usage:
    use = FunctionUse(cpu_seconds, {"bytes of GetObject": image_bytes, **requests})
    return Usage(image_bytes, 6, 1_000, 5_000, {"GenerateThumbnailFunction": use})


SMALL = _usage(20_000, 0.01, GetObject=1)
LARGE = _usage(3_020_000, 0.04, GetObject=2)


def _row(way: str, detector: str, images: int, megabytes: float, *words: str) -> bill.Row:
    """Return the only row of a bill whose name has these words."""
    rows = bill.bill(MEASURED, way, detector, images, megabytes * MEGABYTE).rows
    [row] = [row for row in rows if all(word in row.name for word in words)]
    return row


def test_a_million_photos_cost_at_most_170_dollars_besides_rekognition_and_tracing():
    photo = MEASURED.ways["photo, rekognition"][1]
    assert photo.transitions == 5
    assert photo.request("write units") <= 21
    rows = bill.bill(MEASURED, bill.PHOTO, bill.REKOGNITION, 1_000_000, 3 * MEGABYTE).rows
    # Tracing=PassThrough turns X-Ray off.
    plumbing = [row for row in rows if not row.name.startswith(("Rekognition", "X-Ray"))]
    assert len(plumbing) == len(rows) - 2
    assert sum(row.dollars for row in plumbing) <= 170


@pytest.mark.parametrize(
    ("calls", "dollars"),
    [(0, 0), (1_000, 1), (1_000_000, 1_000), (5_000_000, 4_200), (35_000_000, 22_200), (36_000_000, 22_600)],
)
def test_detect_labels_gets_cheaper_within_a_month(calls, dollars):
    assert prices.detect_labels(calls) == pytest.approx(dollars)


@pytest.mark.parametrize(
    ("image_bytes", "cpu_seconds"),
    [
        pytest.param(1_520_000, 0.025, id="between"),
        pytest.param(6_020_000, 0.07, id="above the largest"),
        pytest.param(1_000, 0.01, id="below the smallest"),
    ],
)
def test_processor_time_grows_with_the_size(image_bytes, cpu_seconds):
    use = bill.between(SMALL, LARGE, image_bytes).functions["GenerateThumbnailFunction"]
    assert use.cpu_seconds == pytest.approx(cpu_seconds)


def test_requests_are_those_of_the_nearer_size():
    use = bill.between(SMALL, LARGE, 2_000_000).functions["GenerateThumbnailFunction"]
    assert use.requests["GetObject"] == 2


def test_function_is_paid_while_it_waits():
    without = bill.seconds("GenerateThumbnailFunction", FunctionUse(0.01, {}), SMALL)
    waiting = bill.seconds("GenerateThumbnailFunction", FunctionUse(0.01, {"DetectLabels": 1}), SMALL)
    assert waiting - without == pytest.approx(0.4)


def test_small_function_takes_longer_for_the_same_work():
    use = FunctionUse(0.1, {})
    small, whole = (bill.seconds(name, use, SMALL) for name in ("StoreMetadataFunction", "GenerateThumbnailFunction"))
    assert small / whole == pytest.approx(1769 / 256)


@pytest.mark.parametrize(("way", "detector"), WAYS)
def test_every_way_is_measured_and_grows_with_number_and_size_of_images(way, detector):
    assert f"{way}, {detector}" in MEASURED.ways
    few, many = (bill.bill(MEASURED, way, detector, images, 3 * MEGABYTE) for images in (10_000, 100_000))
    assert 8 < many.dollars / few.dollars < 10.5
    small, large = (bill.bill(MEASURED, way, detector, 1_000, size * MEGABYTE) for size in (0.1, 10))
    # Requests are those of another measurement, which differ by a hair where workers share them.
    assert large.dollars > small.dollars * 0.999


def test_rekognition_is_paid_once_for_each_image_and_not_for_an_own_model():
    assert _row("photo", "rekognition", 1_000, 1, "Labels").dollars == pytest.approx(1.0)
    rows = bill.bill(MEASURED, "photo", "own-model", 1_000, MEGABYTE).rows
    assert not [row for row in rows if "Rekognition" in row.name]


def test_one_image_of_custom_labels_takes_the_hours_that_it_is_paid_for():
    row = _row("inspection", "custom-labels", 1, 1, "Custom")
    hours, price = float(row.amount.removesuffix(" unit hours")), prices.CUSTOM_LABELS_UNIT_HOUR
    assert hours * price == pytest.approx(row.dollars, abs=0.005 * price)


def test_own_model_is_invoked_once_for_several_images_of_a_bulk_run():
    [small, _] = MEASURED.ways["bulk, own-model"]
    assert small.request("Invoke") < 0.5
    row = _row("bulk", "own-model", 1_000, 0.02, "Lambda", "requests")
    assert int(row.amount) == 10 + math.ceil(1_000 * small.request("Invoke"))


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        *(
            ("--images", value, ["IMAGES", repr(value), "1 to 1,000,000,000", "IMAGES=100000"])
            for value in ("", "many", "0", "٠", "-5", "1.5", "1e6", "1000000001")
        ),
        ("--images", "9" * 5_000, ["IMAGES '999999999999...9999999999999':", "1 to 1,000,000,000"]),
        *(
            ("--size", value, ["SIZE", repr(value), "megabytes", "at most 15", "SIZE=3"])
            for value in ("", "big", "0", "0.0", "15.1", "3 GB", "3,5")
        ),
        ("--detector", "magic", ["DETECTOR 'magic'", "rekognition, own-model, custom-labels"]),
    ],
)
def test_invalid_option_is_refused_in_one_sentence_with_its_limit(option, value, words, capsys):
    assert command.main([f"{option}={value}"]) == 1
    message = capsys.readouterr().err
    assert [word for word in words if word not in message] == []
    assert message.count("\n") == 1


@pytest.mark.parametrize("images", ["100000", "100,000", "100_000", "100 000"])
def test_large_numbers_may_have_separators(images):
    assert command.estimate(images, "3", "rekognition")[0].startswith("100,000 images of 3 MB")


@pytest.mark.parametrize("size", ["3", "3.0", "3MB", "3 mb"])
def test_size_may_have_a_unit(size):
    assert command.estimate("1", size, "rekognition")[0].startswith("1 images of 3 MB")


def test_estimate_names_its_prices_and_its_measurement_and_adds_up():
    lines = command.estimate("100000", "3", "rekognition")
    assert prices.DATE in lines[1]
    assert MEASURED.date in lines[1]
    begin = next(number for number, line in enumerate(lines) if line.startswith("Photo by photo"))
    end = next(number for number, line in enumerate(lines) if line.startswith("  all"))
    *rows, total = [float(line.split()[-2].replace(",", "")) for line in lines[begin + 1 : end + 1]]
    assert sum(rows) == pytest.approx(total, abs=0.01 * len(rows))


@pytest.fixture(scope="module")
def table():
    return command.table()


def test_table_of_the_guide_is_what_the_command_prints(table):
    assert "\n".join(table) in GUIDE


def test_price_of_photos_in_the_readme_is_that_of_the_table(table):
    [row] = [line for line in table if line.startswith("| rekognition, photo by photo")]
    price = row.split("|")[2].strip()
    assert f"for {price} per 1,000 photos" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_guide_lists_every_price_that_is_used():
    listed = re.findall(r"^\| `([A-Z0-9_]+)` \| ([\d.]+) \|", GUIDE, re.MULTILINE)
    others = {"LAMBDA_GB_SECOND_X86", "APPSYNC_REQUEST", "DYNAMODB_WRITE_CAPACITY_HOUR"}
    used = {name: value for name, value in vars(prices).items() if isinstance(value, float) and name.isupper()}
    assert {name: float(price) for name, price in listed} == {
        name: value for name, value in used.items() if name not in others
    }


def test_guide_counts_the_alarms_of_each_detector():
    counts = {detector: bill.alarms(detector) for detector in ("rekognition", "own-model", "custom-labels")}
    # Three alarms of sessions replace that of inspect_images.
    assert counts["own-model"] == counts["rekognition"] + 1
    assert counts["custom-labels"] == counts["rekognition"] - 1 + 3
    usual, own, sessions = (WORDS[count] for count in counts.values())
    assert f"| alarms: {usual}; {own} with an own model, {sessions} with Custom Labels |" in GUIDE
