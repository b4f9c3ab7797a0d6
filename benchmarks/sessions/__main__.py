"""Simulate a week of each load under each policy and write the tables: ``python -m benchmarks.sessions``.

The exit code is 1 if a goal was missed.
"""

import argparse
import datetime
import sys
import time
from collections.abc import Sequence
from math import isinf
from pathlib import Path

from benchmarks.goals import markdown
from benchmarks.peers import ROOT
from benchmarks.sessions import goals, settings
from benchmarks.sessions.loads import LOADS
from benchmarks.sessions.model import DOLLARS_PER_UNIT_HOUR, START_SECONDS, STOP_SECONDS
from benchmarks.sessions.outcome import Outcome
from benchmarks.sessions.policies import DEFAULT, OLDER, SETTINGS, policies
from benchmarks.sessions.session import STEP_SECONDS
from vision.domain.session.decisions import IMAGES_PER_SECOND_AND_UNIT, SLACK_SECONDS, WORTH_RUNNING

RESULTS = ROOT / "benchmarks" / "sessions.md"
COMMAND = "python -m benchmarks.sessions"
SHOWN_WEEK = 1

_HEADINGS = (
    "policy",
    "unit hours",
    "× bound",
    "$",
    "$ at worst",
    "starts",
    "looks",
    "age p50, min",
    "p95",
    "max",
    "done",
)
_LEFT_OUT = """\
## What the model leaves out

- Images of different sizes and models of different speed: a unit does five images a second, always.
- Workers that fall short of the model's rate; throttling, failures, retries, and SQS counting too late or too little.
- Workers that end one by one: here all workers of a session are one, which ends after a long poll without an image.
- A start or stop that takes longer or shorter than assumed, one that fails, and auto-scaling, which is not used.
- All costs besides the model: a look costs Step Functions transitions and a function, an image its own requests.
- Rounding of the bill, which AWS does not describe."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate, then print and write the report."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--output", type=Path, default=RESULTS, help="Markdown file to write")
    options = parser.parse_args(arguments)

    started = time.monotonic()
    ways = policies()
    weeks = {}
    for load, arrivals in LOADS.items():
        images = arrivals(SHOWN_WEEK)
        weeks[load] = {name: policy(images, SHOWN_WEEK) for name, policy in ways.items()}
    judged = goals.table(ways)
    report = write_report(weeks, markdown(judged).rstrip(), time.monotonic() - started)
    print(report)
    options.output.write_text(report + "\n", encoding="utf-8")
    return int(any(row.verdict == "MISSED" for row in judged.results))


def write_report(weeks: dict[str, dict[str, Outcome]], judged: str, seconds: float) -> str:
    """Return the report: a heading with time, method and assumptions, and the tables."""
    lines = [
        "# What a Custom Labels model costs",
        "",
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC · `{COMMAND}` · {seconds:.0f} s",
        "",
        "A simulation, not a bill: one week of arrivals and a day to finish, with the product's own decisions and the "
        "template's defaults.",
        "",
        f"- {DOLLARS_PER_UNIT_HOUR:g} $ per hour and inference unit; {IMAGES_PER_SECOND_AND_UNIT:g} images a second "
        f"and unit; {START_SECONDS / 60:g} minutes to start, {STOP_SECONDS / 60:g} to stop; "
        f"{STEP_SECONDS:g} s per step of a session.",
        "- Billed from RUNNING until the call that stops it. *At worst* is billed while STARTING and STOPPING too.",
        f"- A session ends when a round did less than {WORTH_RUNNING:.0%} of the paid work and at most "
        f"{SLACK_SECONDS} s of work are left.",
        "- *Bound*: the hours of the analysis alone. *Age*: from the arrival of an image until it is done.",
        "- *Looks*: how often the schedule checked the queue until the last image was done.",
        *(f"- *{name.capitalize()}*: {_described(name)}." for name in SETTINGS),
        "",
        judged,
        "",
    ]
    for load, outcomes in weeks.items():
        lines += [*_table(load, outcomes), ""]
    return "\n".join([*lines, *_losses(weeks), "", _LEFT_OUT])


def _described(name: str) -> str:
    if name != DEFAULT:
        return ", ".join(f"{parameter} {value}" for parameter, value in SETTINGS[name].items())
    template = settings.read()
    policy = template.policy
    return (
        f"the template as it is, a look each {template.schedule_seconds / 60:g} minutes, MinimumBatch "
        f"{policy.minimum_batch}, MaximumAgeSeconds {policy.maximum_age_seconds}, DrainSeconds {policy.drain_seconds}, "
        f"{policy.minimum_units} to {policy.maximum_units} units, IdleSeconds {template.idle_seconds}, "
        f"ModelPollSeconds {template.poll_seconds}, MaximumSessionSeconds {policy.maximum_seconds}"
    )


def _table(load: str, outcomes: dict[str, Outcome]) -> list[str]:
    any_outcome = next(iter(outcomes.values()))
    return [
        f"## {load.capitalize()}",
        "",
        f"{len(any_outcome.queue.arrivals):,} images; the bound is {any_outcome.bound:.2f} unit hours.",
        "",
        f"| {' | '.join(_HEADINGS)} |",
        f"| --- {'| ---: ' * (len(_HEADINGS) - 1)}|",
        *(f"| {name} | {' | '.join(_cells(outcome))} |" for name, outcome in outcomes.items()),
    ]


def _cells(outcome: Outcome) -> tuple[str, ...]:
    return (
        f"{outcome.unit_hours:.2f}",
        f"{outcome.unit_hours / outcome.bound:,.2f}",
        f"{outcome.dollars:.2f}",
        f"{outcome.unit_hours_at_worst * DOLLARS_PER_UNIT_HOUR:.2f}",
        str(len(outcome.runs)),
        str(outcome.looks),
        *(_minutes(outcome.age(share)) for share in (0.5, 0.95, 1)),
        f"{outcome.share_done:.1%}",
    )


def _minutes(seconds: float) -> str:
    return "never" if isinf(seconds) else f"{seconds / 60:.0f}"


def _losses(weeks: dict[str, dict[str, Outcome]]) -> list[str]:
    sentences = []
    for load, outcomes in weeks.items():
        ours, older = outcomes[DEFAULT], outcomes[OLDER]
        if ours.dollars > older.dollars:
            sentences.append(
                f"- {load.capitalize()}: the default costs {ours.dollars:.0f} $, the older batch {older.dollars:.0f} $."
            )
        if ours.age(0.95) > older.age(0.95):
            sentences.append(
                f"- {load.capitalize()}: 95 % are done within {_minutes(ours.age(0.95))} min by default, "
                f"within {_minutes(older.age(0.95))} min by the older batch."
            )
    return ["## Where the default loses to the older batch", "", *(sentences or ["Nowhere in these weeks."])]


if __name__ == "__main__":
    sys.exit(main())
