"""The arrival times of images during a week, in seconds, sorted."""

import math
import random
from collections.abc import Callable, Mapping
from typing import Final

HOUR: Final = 3_600
DAY: Final = 24 * HOUR
WEEK: Final = 7 * DAY

Arrivals = list[float]
Load = Callable[[int], Arrivals]

_DUMPED_PER_WEEK = 1_000_000
_OFFICE_PER_DAY = 20_000
_BURSTS_PER_DAY = 3
_BURST_IMAGES = (100, 2_000)
_BURST_SECONDS = 120


def trickle(per_hour: float, seed: int) -> Arrivals:
    """Return images that arrive independently, day and night."""
    chance, moment, arrivals = random.Random(f"trickle {seed}"), 0.0, []
    while (moment := moment + chance.expovariate(per_hour / HOUR)) < WEEK:
        arrivals.append(moment)
    return arrivals


def sparse_bursts(seed: int) -> Arrivals:
    """Return 100 to 2,000 images within two minutes, about three times a day at any hour."""
    chance, moment, arrivals = random.Random(f"bursts {seed}"), 0.0, []
    while (moment := moment + chance.expovariate(_BURSTS_PER_DAY / DAY)) < WEEK - _BURST_SECONDS:
        arrivals += _evenly(moment, _BURST_SECONDS, chance.randint(*_BURST_IMAGES))
    return sorted(arrivals)


def office_hours(seed: int) -> Arrivals:
    """Return 20,000 images on each of five days, from about eight to six, most of them around one."""
    chance = random.Random(f"office {seed}")
    arrivals = []
    for day in range(5):
        opens = day * DAY + 8 * HOUR + chance.uniform(-HOUR / 4, HOUR / 4)
        quantiles = ((image + 0.5) / _OFFICE_PER_DAY for image in range(_OFFICE_PER_DAY))
        arrivals += [opens + 10 * HOUR * math.acos(1 - 2 * quantile) / math.pi for quantile in quantiles]
    return arrivals


def nightly_dump(seed: int) -> Arrivals:
    """Return a million images a week: each night, within an hour that begins at a random time between two and three."""
    chance = random.Random(f"dump {seed}")
    arrivals = []
    for day in range(7):
        count = _DUMPED_PER_WEEK * (day + 1) // 7 - _DUMPED_PER_WEEK * day // 7
        arrivals += _evenly(day * DAY + 2 * HOUR + chance.uniform(0, HOUR), HOUR, count)
    return arrivals


LOADS: Final[Mapping[str, Load]] = {
    "trickle, 1 an hour": lambda seed: trickle(1, seed),
    "trickle, 60 an hour": lambda seed: trickle(60, seed),
    "sparse bursts": sparse_bursts,
    "office hours": office_hours,
    "nightly dump": nightly_dump,
}


def _evenly(begin: float, seconds: float, count: int) -> Arrivals:
    return [begin + seconds * (image + 0.5) / count for image in range(count)]
