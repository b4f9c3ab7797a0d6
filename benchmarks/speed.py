"""P1 to P5 and P17: CPU time and quality of thumbnails."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from benchmarks.goals import Result, Table, at_least, at_most, skipped
from benchmarks.peers import Peers, Worker
from benchmarks.photos import BASELINE_12, BASELINE_48, PNG_12, PROGRESSIVE_12, MadePhoto, profiled_photos, real_photos
from benchmarks.quality import luma, psnr, reference, ssim
from benchmarks.runner import Rounds, take_rounds

OURS, TWIN, FLOOR = "ours", "ours again", "the 1/8 decode alone"
_MAX_PROFILED = 0.75
_SLOW = ("plain Pillow", "ImageMagick")
"""Once per round; the others run three times, and the fastest counts."""


@dataclass(frozen=True)
class Quality:
    """The quality of one thumbnail, compared with the best resize of the same photo."""

    psnr_db: float
    ssim: float


class Speed:
    """Measures the goals with a worker per contender.

    Parameters
    ----------
    workers
        Workers by the name of the contender, including our twin.
    peers
        The reasons why contenders are missing.
    rounds
        Rounds per measurement; measurements with ImageMagick use a third of them.
    """

    def __init__(self, workers: dict[str, Worker], peers: Peers, rounds: int) -> None:
        self._workers = workers
        self._peers = peers
        self._rounds = rounds

    def tables(self) -> list[Table]:
        """Measure P1 to P5, P17 and the figures without a goal."""
        small_12 = self._thumbnails(BASELINE_12, 250, floor=True)
        small_48 = self._thumbnails(BASELINE_48, 250, floor=True)
        large = [(photo, self._thumbnails(photo, 1024)) for photo in (BASELINE_12, BASELINE_48)]
        progressive = self._thumbnails(PROGRESSIVE_12, 250)
        small = [(BASELINE_12, small_12), (BASELINE_48, small_48)]
        return [
            Table(
                "P1 · 250 px from a baseline JPEG",
                [row for photo, rounds in small for row in self._p1(photo, rounds)],
                [self._times(photo.name, rounds) for photo, rounds in small],
            ),
            Table(
                "P2 · 1024 px from a baseline JPEG",
                [self._against_sharp("P2", photo.name, rounds, 1.25) for photo, rounds in large],
                [self._times(photo.name, rounds) for photo, rounds in large],
            ),
            Table(
                "P3 · 250 px from a progressive JPEG",
                self._p3(progressive),
                [self._times(PROGRESSIVE_12.name, progressive)],
            ),
            self._p4(),
            Table(
                "P5 · distance to the floor",
                [
                    at_most("P5", photo.name, rounds.ratio(OURS, FLOOR), 1.15, f"× {FLOOR}", void=rounds.void)
                    for photo, rounds in small
                ],
            ),
            self._p17(),
            self._without_goal(),
        ]

    def _p1(self, photo: MadePhoto, rounds: Rounds) -> list[Result]:
        rows = [self._against_sharp("P1", photo.name, rounds, 1.00)]
        if "sharp" in self._workers:
            ours, sharp = self._quality(OURS, photo.path, 250), self._quality("sharp", photo.path, 250)
            case = f"{photo.name}, PSNR; sharp has {sharp.psnr_db:.2f} dB"
            rows.append(at_least("P1", case, ours.psnr_db, round(sharp.psnr_db - 0.5, 2), "dB"))
        return rows

    def _p3(self, rounds: Rounds) -> list[Result]:
        """Judge only the decode: at quality 80 the encoder loses more than the omitted scans."""
        path = PROGRESSIVE_12.path
        decoded = self._quality(OURS, path, 250, job="thumbnail_at_100")
        rows = [
            self._against_sharp("P3", PROGRESSIVE_12.name, rounds, 0.35),
            at_least("P3", f"{PROGRESSIVE_12.name}, SSIM to the whole decode, at quality 100", decoded.ssim, 0.99, ""),
        ]
        for name in self._all():
            if name != TWIN:
                case = f"{PROGRESSIVE_12.name}, SSIM to the whole decode, at quality 80, {name}"
                rows.append(Result("", case, "no goal", f"{self._quality(name, path, 250).ssim:.4f}", ""))
        return rows

    def _p4(self) -> Table:
        heading = "P4 · metadata and 250 px, as the photo-sharing backend does it"
        wanted = "at most 1/15 of identify -ping -verbose and convert -resize"
        if "ImageMagick" not in self._workers:
            return Table(heading, [skipped("P4", "", wanted, self._peers.missing["ImageMagick"])])
        rows, details = [], []
        for name, path in [(photo.name, photo.path) for photo in (BASELINE_12, BASELINE_48)] + self._largest_real():
            rounds = self._take("metadata_and_thumbnail", path, 250, (OURS, TWIN, "ImageMagick"), self._rounds // 3)
            times_faster = rounds.ratio("ImageMagick", OURS)
            verdict = at_least("P4", name, times_faster, 15, "").verdict
            rows.append(Result("P4", name, "at most 1/15", f"1/{times_faster:.1f}", "void" if rounds.void else verdict))
            details.append(self._times(name, rounds))
        return Table(heading, rows, details)

    def _p17(self) -> Table:
        heading = "P17 · 250 px from real photos with a colour profile, and P5 on them"
        photos, missing = profiled_photos()
        if not photos:
            return Table(heading, [skipped("P17", "", f"≤ {_MAX_PROFILED} × sharp", missing)])
        rows, details = [], []
        for path in photos:
            rounds = self._take("thumbnail", path, 250, self._all(), floor=True)
            rows.append(self._against_sharp("P17", path.name, rounds, _MAX_PROFILED))
            rows.append(at_most("P5", path.name, rounds.ratio(OURS, FLOOR), 1.15, f"× {FLOOR}", void=rounds.void))
            details.append(self._times(path.name, rounds))
        note = "- pyvips and plain Pillow leave the colours as they are; sharp and ours convert them to sRGB."
        return Table(heading, rows, [*details, note])

    def _without_goal(self) -> Table:
        """Measure a format in which we lose, and a camera's own file."""
        rows, details = [], []
        for name, path in [(PNG_12.name, PNG_12.path), *self._largest_real()]:
            rounds = self._take("thumbnail", path, 250, self._all())
            case = f"{name} to 250 px"
            if "sharp" in self._workers:
                measured = f"{rounds.ratio(OURS, 'sharp'):.3g} × sharp"
                rows.append(Result("", case, "no goal", measured, "void" if rounds.void else ""))
            details.append(self._times(case, rounds))
        return Table("Without a goal · PNG, where we lose, and a photo as the camera wrote it", rows, details)

    def _largest_real(self) -> list[tuple[str, Path]]:
        path = next(path for path in real_photos() if path.suffix == ".jpg")
        with Image.open(path) as image:
            megapixels = image.width * image.height / 1e6
        return [(f"{megapixels:.3g} MP {path.name}, as published", path)]

    def _against_sharp(self, goal: str, case: str, rounds: Rounds, limit: float) -> Result:
        if "sharp" not in self._workers:
            return skipped(goal, case, f"≤ {limit:.4g} × sharp", self._peers.missing["sharp"])
        return at_most(goal, case, rounds.ratio(OURS, "sharp"), limit, "× sharp", void=rounds.void)

    def _thumbnails(self, photo: MadePhoto, box: int, *, floor: bool = False) -> Rounds:
        return self._take("thumbnail", photo.path, box, self._all(), floor=floor)

    def _all(self) -> Sequence[str]:
        return [name for name in self._workers if name != "ImageMagick"]

    def _take(
        self, job: str, path: Path, box: int, names: Sequence[str], rounds: int | None = None, *, floor: bool = False
    ) -> Rounds:
        contenders: dict[str, Callable[[], float]] = {name: self._run(name, job, path, box) for name in names}
        if floor:
            contenders[FLOOR] = self._run(OURS, "floor", path, box)
        return take_rounds(contenders, max(3, rounds or self._rounds), (OURS, TWIN))

    def _run(self, name: str, job: str, path: Path, box: int) -> Callable[[], float]:
        def run() -> float:
            answer = self._workers[name].ask(job, path=path, box=box, repeat=1 if name in _SLOW else 3)
            times: list[float] = answer["cpu_seconds"]
            return min(times)

        return run

    def _quality(self, name: str, path: Path, box: int, job: str = "thumbnail") -> Quality:
        with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
            self._workers[name].ask(job, path=path, box=box, output=file.name)
            with Image.open(file.name) as made:
                pixels, best = luma(made), luma(reference(path, made.size))
        return Quality(psnr(pixels, best), ssim(pixels, best))

    def _times(self, case: str, rounds: Rounds) -> str:
        times = ", ".join(f"{name} {rounds.median(name) * 1e3:.1f}" for name in rounds.seconds)
        return f"- {case}, ms of CPU: {times}. A/A spread {rounds.spread:.1%}."
