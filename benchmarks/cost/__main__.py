"""Estimate the costs of images: ``python -m benchmarks.cost --images 100000 --size 3``.

``--table`` prints the table of docs/costs.md; ``--measure`` counts the requests of an image again, on separate local
stacks.
"""

import argparse
import re
import reprlib
import sys
from collections.abc import Sequence

from benchmarks.cost import bill, usage
from benchmarks.cost.bill import Bill
from vision.domain import prices

COMMAND = "python -m benchmarks.cost"
TABLE_IMAGES = (1_000, 100_000, 1_000_000)
TABLE_MEGABYTES = 3.0
IMAGES_LIMIT = 1_000_000_000
MEGABYTES_LIMIT = 15.0
"""The limit of DetectLabels for images in S3: https://docs.aws.amazon.com/rekognition/latest/dg/limits.html"""
FREE_ALARMS = 10
POLLS_A_MONTH = 5 * 3 * 60 * 24 * 30
"""Lambda polls an empty queue with five concurrent long polls of twenty seconds.
https://aws.amazon.com/blogs/aws/aws-lambda-adds-amazon-simple-queue-service-to-supported-event-sources/"""
POLLED_QUEUES = 2

_CENTS_MATTER = 100
_BYTES_PER_MEGABYTE = 1e6
_SAID = {bill.PHOTO: "photo by photo", bill.BULK: "in bulk", bill.INSPECTION: "inspected"}


class NotUnderstood(Exception):
    """An invalid option; the message says which values are valid."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the requested result; for an invalid option, print a sentence and return exit code 1."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--images", default="100000", help="number of images within one month")
    parser.add_argument("--size", default="3", help="size of an image, in megabytes")
    parser.add_argument("--detector", default=bill.REKOGNITION, help=" or ".join(bill.WAYS))
    parser.add_argument("--table", action="store_true", help="print the table of docs/costs.md")
    parser.add_argument("--measure", action="store_true", help="count again, and write benchmarks/cost/counters.json")
    options = parser.parse_args(arguments)
    if options.measure:
        # Only this option needs the local AWS.
        from benchmarks.cost import anew

        anew.measure(print)
        return 0
    if options.table:
        print("\n".join(table()))
        return 0
    try:
        print("\n".join(estimate(options.images, options.size, options.detector)))
    except NotUnderstood as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def estimate(images: str, size: str, detector: str) -> list[str]:
    """Return the estimate, as lines.

    Raises
    ------
    NotUnderstood
    """
    count, megabytes = _images(images), _megabytes(size)
    if detector not in bill.WAYS:
        raise NotUnderstood(f"DETECTOR {reprlib.repr(detector)}: there are {', '.join(bill.WAYS)}; take one of these")
    measured = usage.read()
    lines = [
        f"{count:,} images of {megabytes:g} MB within a month, with the detector {detector}.",
        f"List prices of us-east-1 in {prices.DATE}, without free tiers; counters measured on {measured.date}.",
    ]
    for way in bill.WAYS[detector]:
        lines += ["", *_lines(bill.bill(measured, way, detector, count, megabytes * _BYTES_PER_MEGABYTE))]
    return [*lines, "", *idle(detector)]


def table() -> list[str]:
    """Return the table of docs/costs.md."""
    measured = usage.read()
    columns = " | ".join(f"{images:,}" for images in TABLE_IMAGES)
    lines = [
        f"| images of {TABLE_MEGABYTES:g} MB, us-east-1, {prices.DATE} | {columns} | keeping a million, a month |",
        f"| --- | {' | '.join('---:' for _ in TABLE_IMAGES)} | ---: |",
    ]
    for detector, ways in bill.WAYS.items():
        for way in ways:
            size = TABLE_MEGABYTES * _BYTES_PER_MEGABYTE
            bills = [bill.bill(measured, way, detector, images, size) for images in TABLE_IMAGES]
            cells = [_dollars(one.dollars) for one in bills]
            lines.append(f"| {detector}, {_SAID[way]} | {' | '.join(cells)} | {_dollars(bills[-1].monthly_dollars)} |")
    return lines


def idle(detector: str) -> list[str]:
    """Return the costs of a stack that is not used."""
    alarms = bill.alarms(detector)
    polls = POLLED_QUEUES * POLLS_A_MONTH
    # Its size depends on the model.
    image = [f"  the own model's image in ECR {_dollars(prices.ECR_GB_MONTH)} for each GB of it, compressed"]
    return [
        "Idle, besides storage, a month:",
        f"  {alarms} alarms {_dollars(alarms * prices.ALARM_MONTH)}; the first {FREE_ALARMS} of an account are free",
        f"  a dashboard {_dollars(prices.DASHBOARD_MONTH)}; the first three of an account are free",
        f"  {polls:,} looks at empty queues {_dollars(polls * prices.SQS_REQUEST)}; the first million is free",
        *(image if detector == bill.OWN_MODEL else []),
    ]


def _lines(one: Bill) -> list[str]:
    rows = [(row.name, row.amount, f"{row.dollars:,.2f} $") for row in one.rows]
    rows.append(("all", "", f"{one.dollars:,.2f} $"))
    kept = [(f"{row.name}, each month", row.amount, f"{row.dollars:,.2f} $") for row in one.monthly]
    thousand = one.dollars / one.images * 1_000
    heading = f"{_SAID[one.way].capitalize()}: {_dollars(one.dollars)}, {thousand:.3f} $ for a thousand"
    return [heading, *(f"  {name:<44}{amount:>20}{dollars:>16}" for name, amount, dollars in [*rows, *kept])]


def _dollars(dollars: float) -> str:
    return f"{dollars:,.2f} $" if dollars < _CENTS_MATTER else f"{dollars:,.0f} $"


def _images(text: str) -> int:
    # The number of digits is limited: Python refuses to convert thousands of them.
    number = re.fullmatch(rf"0*(\d{{1,{len(str(IMAGES_LIMIT))}}})", re.sub(r"[,_ ']", "", text))
    images = int(number[1]) if number else 0
    if not 1 <= images <= IMAGES_LIMIT:
        wanted = f"give a whole number from 1 to {IMAGES_LIMIT:,}, such as IMAGES=100000"
        raise NotUnderstood(f"IMAGES {reprlib.repr(text)}: {wanted}")
    return images


def _megabytes(text: str) -> float:
    number = re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+)\s*(?:MB)?", text.strip(), re.IGNORECASE)
    megabytes = float(number[1]) if number else 0.0
    if not 0 < megabytes <= MEGABYTES_LIMIT:
        limits = f"above 0 and at most {MEGABYTES_LIMIT:g}"
        raise NotUnderstood(
            f"SIZE {reprlib.repr(text)}: give the size of an image in megabytes, {limits}, such as SIZE=3"
        )
    return megabytes


if __name__ == "__main__":
    sys.exit(main())
