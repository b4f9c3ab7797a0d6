"""P12 and P13: the tables and their goals."""

from collections.abc import Callable, Mapping, Sequence

from benchmarks.bulk import costs, limits
from benchmarks.bulk.costs import Bill
from benchmarks.bulk.counted import FAIL_EVERY, Counts
from benchmarks.bulk.limits import Size
from benchmarks.bulk.simulation import (
    CHILD_SECONDS,
    COLD_SECONDS,
    KAPPA,
    SDK_ATTEMPTS,
    WORKER_SECONDS,
    Load,
    Outcome,
)
from benchmarks.goals import Result, Table, Verdict, at_most
from vision.domain import prices

OF_BOUND_GOAL = 1.03
HOUR = 3_600


def costs_table(bill: Bill, others: Sequence[Bill], counts: Counts, faulty: Counts) -> Table:
    """Judge P12."""
    sharing = others[0]
    ratio: Verdict = "met" if bill.dollars <= costs.OF_PHOTO_SHARING * sharing.dollars else "MISSED"
    rows = [
        at_most("P12", "ours, compact record and thumbnail, a million images", bill.dollars, costs.GOAL_DOLLARS, "$"),
        Result(
            "P12",
            "ours, of the photo-sharing backend",
            "at most 1/15",
            f"1/{sharing.dollars / bill.dollars:.1f}",
            ratio,
        ),
        _paid("paid calls per image", counts),
        _paid(f"paid calls per image, one request in {FAIL_EVERY} failed", faulty),
        Result("", f"ours, the aim of {costs.AIM_DOLLARS:g} $", "no goal", _aim(bill), ""),
    ]
    rows += [Result("", other.name, "no goal", f"{other.dollars:.1f} $", "") for other in others]
    return Table("P12 · a million images without Rekognition", rows)


def _paid(case: str, counts: Counts) -> Result:
    paid = counts.paid / counts.images
    verdict: Verdict = "met" if paid <= costs.PAID_CALLS_GOAL else "MISSED"
    return Result("P12", case, f"≤ {costs.PAID_CALLS_GOAL}", f"{paid:.4f}", verdict)


def _aim(bill: Bill) -> str:
    above = bill.dollars - costs.AIM_DOLLARS
    return "reached" if above <= 0 else f"{above:.2f} $ above it"


def bill_lines(bill: Bill, wishes: Mapping[str, float], by_quota: Mapping[float, Bill]) -> list[str]:
    """Return tables of our bill, of the cost of each option, and of the cost by quota."""
    lines = [f"### Our bill, in $ for a million images by the price list of {prices.DATE}", ""]
    lines += ["| row | $ |", "| --- | ---: |"]
    lines += [f"| {row} | {dollars:.3f} |" for row, dollars in bill.rows.items()]
    lines += [f"| all | {bill.dollars:.2f} |", "", "| option | $ more |", "| --- | ---: |"]
    lines += [f"| {wish} | {dollars:+.2f} |" for wish, dollars in wishes.items()]
    lines += ["", "| quota, calls a second | $ |", "| ---: | ---: |"]
    return [*lines, *(f"| {quota:g} | {one.dollars:.2f} |" for quota, one in by_quota.items())]


def counts_lines(runs: Mapping[str, Counts]) -> list[str]:
    """Return a table of the requests of real runs, for each image."""
    kinds = sorted({kind for counts in runs.values() for kind in counts.requests})
    return [
        "### Requests for each image, counted in the local engine",
        "",
        f"| for each image | {' | '.join(runs)} |",
        f"| --- | {' | '.join('---:' for _ in runs)} |",
        _line("images in the run", runs, lambda counts: f"{counts.images:,}"),
        *(_line(kind, runs, _per_image(kind)) for kind in kinds),
        _line("paid calls", runs, lambda counts: f"{counts.paid / counts.images:.4f}"),
        _line("failed images", runs, lambda counts: str(counts.summary["failed"])),
        _line("batches, each an invocation and an Express execution", runs, lambda c: f"{c.children / c.images:.3f}"),
        _line("transitions of the parent, in all", runs, lambda counts: str(counts.transitions)),
        _line("events in the parent's history, in all", runs, lambda counts: str(counts.history_events)),
        _line("record, bytes", runs, lambda c: f"{sum(c.record_bytes) / c.images:.0f}, at most {max(c.record_bytes)}"),
        _line("labels found", runs, lambda counts: f"{sum(counts.labels) / counts.images:.1f}"),
        _line("write units of the record", runs, lambda c: f"{c.record_units_as_found:.3f}"),
        _line("result files, bytes for each batch", runs, lambda c: f"{c.result_bytes / c.children:.0f}"),
    ]


def _per_image(kind: str) -> Callable[[Counts], str]:
    form = ",.0f" if kind.startswith("bytes") else ",.3f"
    return lambda counts: format(counts.per_image(kind), form)


def _line(name: str, runs: Mapping[str, Counts], cell: Callable[[Counts], str]) -> str:
    return f"| {name} | {' | '.join(cell(counts) for counts in runs.values())} |"


def contention(load: Load) -> Load:
    """Return the load with another client that uses the whole quota for an hour, ten minutes after the start."""
    return Load(load.images, load.quota, load.cpu_seconds, load.image_bytes, load.quota, 600, 600 + HOUR)


def simulation_table(runs: Sequence[tuple[Outcome, Size]], contended: Outcome) -> Table:
    """Judge P13."""
    rows = []
    for run, size in runs:
        case = f"{run.load.images:,} images at {run.load.quota:g} a second"
        rows += [
            at_most("P13", f"{case}, duration", run.of_bound, OF_BOUND_GOAL, "× the quota's bound"),
            at_most("P13", f"{case}, throttled calls", run.throttled, 0, ""),
            at_most("P13", f"{case}, images not labelled", run.failed, 0, ""),
            _figure(f"{case}, hours", f"{run.seconds / HOUR:.2f}"),
            _figure(f"{case}, workers × images in a batch", f"{run.workers} × {run.batch_size}"),
            _figure(f"{case}, batches", f"{run.children:,}"),
            at_most("", f"{case}, longest batch", run.longest_child_seconds, limits.EXPRESS_SECONDS, "s"),
            at_most("", f"{case}, summary function", size.summarize_seconds, limits.SUMMARIZE_SECONDS, "s"),
            _figure(f"{case}, result files", f"{size.result_bytes / 1e6:.1f} MB"),
        ]
    size = runs[0][1]
    limit = limits.PAYLOAD_LIMIT / 1024
    rows += [
        at_most("", "input of a batch, usual keys", size.payload_bytes / 1024, limit, "KiB"),
        at_most("", "input of a batch, keys of 1,024 bytes", size.largest_payload_bytes / 1024, limit, "KiB"),
    ]
    case = f"{contended.load.images:,} images, twice the quota for an hour"
    rows += [
        at_most("P13", f"{case}, images not labelled", contended.failed, 0, ""),
        _figure(f"{case}, paid calls per image", f"{contended.paid / contended.load.images:.4f}"),
        _figure(f"{case}, our throttled calls", f"{contended.throttled:,}"),
        _figure(f"{case}, duration", f"{contended.of_bound:.3f} × the quota's bound"),
        at_most("", f"{case}, longest batch", contended.longest_child_seconds, WORKER_SECONDS, "s"),
    ]
    load = runs[0][0].load
    return Table(
        "P13 · a million and ten million images, simulated",
        rows,
        [
            f"- An image takes {load.cpu_seconds * 1_000:.0f} ms of a worker's processor, {KAPPA:g} × the time "
            f"measured above, and is {load.image_bytes / 1e6:.1f} MB; DetectLabels takes 400 ms, log-normal; S3 25 ms "
            "and 80 MB/s; a write 8 ms.",
            f"- Assumed, not measured: the factor {KAPPA:g}; {COLD_SECONDS:g} s until a new environment works; "
            f"{CHILD_SECONDS:g} s between two batches of a worker; that the Map lists faster than workers work.",
            "- Workers and batches: `bulk_run.workers`, `bulk_run.batch_size`. Call times: the real `CallSlots` and "
            "`RateLimiter`. A "
            f"throttled call is tried {SDK_ATTEMPTS} times by the SDK, without the client-side limit of its adaptive "
            "mode, then by `vision.services.bulk_worker` at a new call time. The other client calls at random and "
            "does not retry.",
        ],
    )


def _figure(case: str, measured: str) -> Result:
    return Result("", case, "no goal", measured, "")
