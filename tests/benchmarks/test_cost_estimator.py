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
WORDS = dict(enumerate(["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen"], 10))
WAYS = [(way, detector) for detector, ways in bill.WAYS.items() for way in ways]


def _usage(image_bytes: float, cpu_seconds: float, got_bytes: float, **requests: float) -> Usage:
    use = FunctionUse(cpu_seconds, {"bytes of GetObject": got_bytes, **requests})
    return Usage(image_bytes, 6, 1_000, 5_000, {"GenerateThumbnailFunction": use})


SMALL = _usage(20_000, 0.01, 20_000, GetObject=1)
LARGE = _usage(3_020_000, 0.04, 3_020_000, GetObject=2)


def _cpu(image_bytes: float) -> float:
    return bill.between(SMALL, LARGE, image_bytes).functions["GenerateThumbnailFunction"].cpu_seconds


@pytest.mark.parametrize(
    ("calls", "dollars"),
    [(0, 0), (1_000, 1), (1_000_000, 1_000), (5_000_000, 4_200), (35_000_000, 22_200), (36_000_000, 22_600)],
)
def test_detect_labels_gets_cheaper_within_a_month(calls, dollars):
    assert prices.detect_labels(calls) == pytest.approx(dollars)


def test_processor_time_grows_with_the_size():
    assert _cpu(1_520_000) == pytest.approx(0.025)


def test_processor_time_goes_on_growing_beyond_what_was_measured():
    assert _cpu(6_020_000) == pytest.approx(0.07)


def test_an_image_below_the_smallest_takes_as_much_as_that():
    assert _cpu(1_000) == 0.01


def test_requests_are_those_of_the_nearer_size():
    use = bill.between(SMALL, LARGE, 2_000_000).functions["GenerateThumbnailFunction"]
    assert use.requests["GetObject"] == 2


def test_a_function_is_paid_for_what_it_waits_for():
    without = bill.seconds("GenerateThumbnailFunction", FunctionUse(0.01, {}), SMALL)
    waiting = bill.seconds("GenerateThumbnailFunction", FunctionUse(0.01, {"DetectLabels": 1}), SMALL)
    assert waiting - without == pytest.approx(0.4)


def test_a_small_function_takes_longer_for_the_same_work():
    use = FunctionUse(0.1, {})
    small, whole = (bill.seconds(name, use, SMALL) for name in ("StoreMetadataFunction", "GenerateThumbnailFunction"))
    assert small / whole == pytest.approx(1769 / 256)


@pytest.mark.parametrize(("way", "detector"), WAYS)
def test_every_way_of_every_detector_was_measured(way, detector):
    assert f"{way}, {detector}" in MEASURED.ways


@pytest.mark.parametrize(("way", "detector"), WAYS)
def test_ten_times_the_images_cost_nearly_ten_times_as_much(way, detector):
    few, many = (bill.bill(MEASURED, way, detector, images, 3 * MEGABYTE) for images in (10_000, 100_000))
    assert 8 < many.dollars / few.dollars < 10.5


@pytest.mark.parametrize(("way", "detector"), WAYS)
def test_a_larger_image_is_not_cheaper(way, detector):
    small, large = (bill.bill(MEASURED, way, detector, 1_000, size * MEGABYTE) for size in (0.1, 10))
    # Requests are those of another measurement, which differ by a hair where workers share them.
    assert large.dollars > small.dollars * 0.999


def test_rekognition_is_paid_once_for_each_image():
    [row] = [one for one in bill.bill(MEASURED, "photo", "rekognition", 1_000, MEGABYTE).rows if "Labels" in one.name]
    assert row.dollars == pytest.approx(1.0)


def test_one_image_of_a_custom_labels_model_takes_the_hours_that_it_is_paid_for():
    [row] = [
        one for one in bill.bill(MEASURED, "inspection", "custom-labels", 1, MEGABYTE).rows if "Custom" in one.name
    ]
    hours = float(row.amount.removesuffix(" unit hours"))
    assert hours * prices.CUSTOM_LABELS_UNIT_HOUR == pytest.approx(
        row.dollars, abs=0.005 * prices.CUSTOM_LABELS_UNIT_HOUR
    )


def test_an_own_model_pays_rekognition_nothing():
    rows = bill.bill(MEASURED, "photo", "own-model", 1_000, MEGABYTE).rows
    assert not [row for row in rows if "Rekognition" in row.name]


@pytest.mark.parametrize("images", ["", "many", "0", "٠", "-5", "1.5", "1e6", "1000000001"])
def test_a_number_of_images_that_makes_no_sense_is_told_in_a_sentence(images, capsys):
    assert command.main(["--images", images] if not images.startswith("-") else [f"--images={images}"]) == 1
    assert capsys.readouterr().err == (
        f"IMAGES {images!r}: give a whole number from 1 to 1,000,000,000, such as IMAGES=100000\n"
    )


def test_a_number_of_thousands_of_digits_is_told_by_its_ends(capsys):
    assert command.main(["--images", "9" * 5_000]) == 1
    assert capsys.readouterr().err == (
        "IMAGES '999999999999...9999999999999': give a whole number from 1 to 1,000,000,000, such as IMAGES=100000\n"
    )


@pytest.mark.parametrize("size", ["", "big", "0", "0.0", "15.1", "3 GB", "3,5"])
def test_a_size_that_makes_no_sense_is_told_in_a_sentence(size, capsys):
    assert command.main(["--size", size]) == 1
    assert capsys.readouterr().err == (
        f"SIZE {size!r}: give the size of an image in megabytes, above 0 and at most 15, such as SIZE=3\n"
    )


def test_a_detector_that_there_is_not_is_told_with_those_that_there_are(capsys):
    assert command.main(["--detector", "magic"]) == 1
    assert capsys.readouterr().err == (
        "DETECTOR 'magic': there are rekognition, own-model, custom-labels; take one of these\n"
    )


@pytest.mark.parametrize("images", ["100000", "100,000", "100_000", "100 000"])
def test_large_numbers_may_be_written_as_people_write_them(images):
    assert command.estimate(images, "3", "rekognition")[0].startswith("100,000 images of 3 MB")


@pytest.mark.parametrize("size", ["3", "3.0", "3MB", "3 mb"])
def test_megabytes_may_be_written_as_people_write_them(size):
    assert command.estimate("1", size, "rekognition")[0].startswith("1 images of 3 MB")


def test_the_estimate_names_its_prices_and_its_measurement():
    _, told, *_ = command.estimate("1000", "3", "rekognition")
    assert prices.DATE in told
    assert MEASURED.date in told


def test_the_estimate_adds_up():
    lines = command.estimate("100000", "3", "rekognition")
    begin = next(number for number, line in enumerate(lines) if line.startswith("Photo by photo"))
    end = next(number for number, line in enumerate(lines) if line.startswith("  all"))
    *rows, total = [float(line.split()[-2].replace(",", "")) for line in lines[begin + 1 : end + 1]]
    assert sum(rows) == pytest.approx(total, abs=0.01 * len(rows))


def test_the_table_of_the_guide_is_what_the_command_prints():
    assert "\n".join(command.table()) in (ROOT / "docs" / "costs.md").read_text(encoding="utf-8")


def test_price_of_photos_in_the_readme_is_that_of_the_table():
    [row] = [line for line in command.table() if line.startswith("| rekognition, photo by photo")]
    price = row.split("|")[2].strip()
    assert f"for {price} per 1,000 photos" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_price_list_of_the_guide_is_the_one_that_is_used():
    text = (ROOT / "docs" / "costs.md").read_text(encoding="utf-8")
    told = {name: float(price) for name, price in re.findall(r"^\| `([A-Z0-9_]+)` \| ([\d.]+) \|", text, re.MULTILINE)}
    others = {"LAMBDA_GB_SECOND_X86", "APPSYNC_REQUEST", "DYNAMODB_WRITE_CAPACITY_HOUR"}
    used = {name: value for name, value in vars(prices).items() if isinstance(value, float) and name.isupper()}
    assert told == {name: value for name, value in used.items() if name not in others}


def test_the_guide_counts_the_alarms_of_the_templates():
    text = (ROOT / "docs" / "costs.md").read_text(encoding="utf-8")
    usual, own, sessions = (WORDS[bill.alarms(detector)] for detector in ("rekognition", "own-model", "custom-labels"))
    assert f"| alarms: {usual}; {own} with an own model, {sessions} with Custom Labels |" in text


def test_alarm_of_inspections_at_once_is_not_paid_for_with_sessions():
    # Three of sessions take the place of that of inspect_images.
    assert bill.alarms("custom-labels") == bill.alarms("rekognition") - 1 + 3


def test_an_own_model_that_nobody_uses_costs_its_alarm_and_its_image_too():
    without, with_model = command.idle("rekognition"), command.idle("own-model")
    assert bill.alarms("own-model") == bill.alarms("rekognition") + 1
    assert set(with_model) - set(without) == {
        f"  {bill.alarms('own-model')} alarms 1.50 $; the first 10 of an account are free",
        "  the own model's image in ECR 0.10 $ for each GB of it, compressed",
    }


def test_an_own_model_is_invoked_once_for_some_images_of_a_bulk_run():
    [small, _] = MEASURED.ways["bulk, own-model"]
    assert small.request("Invoke") < 0.5
    [row] = [
        one
        for one in bill.bill(MEASURED, "bulk", "own-model", 1_000, 0.02 * MEGABYTE).rows
        if "requests" in one.name and "Lambda" in one.name
    ]
    assert int(row.amount) == 10 + math.ceil(1_000 * small.request("Invoke"))
