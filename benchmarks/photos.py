"""The photos of the benchmarks: real ones of ``local.demo.sample_photos``, and photos of a given size made from one.

A photo of exactly 12 or 48 megapixels, baseline or progressive, is a real photo of 24 megapixels that was cropped and
resized. Resizing removes the noise of a camera, and a photo without noise compresses and decodes better than a real
one, so noise is added to JPEGs. The PNG has no noise, since it would exceed Rekognition's limit. The same source gives
the same files.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.peers import HOME
from local.demo.sample_photos import PHOTOS_DIR, fetch_photos, photos
from local.downloads import Archive, DownloadFailed, PinnedFile, fetch

PHOTOS = HOME / "photos"

_SEED = 20_240_501
_NOISE_SIGMA = 4.0
"""In steps of 8 bits: about ISO 400 of a small sensor."""
_QUALITY = 90
_SOURCES = ("paris-at-night.jpg", "pagoda.jpg")
"""The first existing one is used: the one of 24 megapixels needs npm."""


_PROFILED = PinnedFile(
    name="phone-12mp-display-p3.jpg",
    archive=Archive(
        registry="npm",
        package="@mattduffy/exiftool",
        version="1.5.0",
        sha256="8b88a07e207a003ac6e98ea7dfb314eead9754c0a1f7bd2b630cdac88a1a21ad",
        megabytes=4.4,
    ),
    member="package/__tests__/images/IMG_1820.jpg",
    sha256="17abe52a9098b557e7f971e3105c5764d8acf64e46f155ec7891b8dbd0cd2481",
    optional=True,
)
"""A photo of a phone as it was taken, with the colour profile Display P3; ISC licence."""


@dataclass(frozen=True)
class MadePhoto:
    """A photo of a given size and encoding.

    Attributes
    ----------
    name
        The name in the tables.
    width, height
        Pixels.
    encoding
        ``baseline``, ``progressive`` or ``png``.
    """

    name: str
    width: int
    height: int
    encoding: str

    @property
    def path(self) -> Path:
        """The path of the file."""
        suffix = "png" if self.encoding == "png" else "jpg"
        return PHOTOS / f"{self.width}x{self.height}-{self.encoding}.{suffix}"


BASELINE_12 = MadePhoto("12 MP baseline", 4000, 3000, "baseline")
BASELINE_48 = MadePhoto("48 MP baseline", 8000, 6000, "baseline")
PROGRESSIVE_12 = MadePhoto("12 MP progressive", 4000, 3000, "progressive")
PNG_12 = MadePhoto("12 MP PNG", 4000, 3000, "png")
MADE = (BASELINE_12, BASELINE_48, PROGRESSIVE_12, PNG_12)


def make_photos() -> str:
    """Fetch the real photos, make the missing others, and return a description of their source.

    Raises
    ------
    local.downloads.DownloadFailed
        No photo can be downloaded.
    """
    try:
        fetch_photos()
    except DownloadFailed:
        if not any((PHOTOS_DIR / name).is_file() for name in _SOURCES):
            raise
    source = next(PHOTOS_DIR / name for name in _SOURCES if (PHOTOS_DIR / name).is_file())
    PHOTOS.mkdir(parents=True, exist_ok=True)
    made_from = PHOTOS / "made-from.txt"
    if not made_from.is_file() or made_from.read_text(encoding="utf-8") != source.name:
        for photo in MADE:
            photo.path.unlink(missing_ok=True)
        made_from.write_text(source.name, encoding="utf-8")
    for photo in MADE:
        if not photo.path.is_file():
            _make(photo, source)
    with Image.open(source) as image:
        return f"{source.name}, a real photo of {image.width} × {image.height} px, cut, resized, with noise"


def profiled_photos() -> tuple[list[Path], str]:
    """Return real photos with a colour profile, and a sentence about those that cannot be downloaded, or ``""``."""
    fetched = fetch([_PROFILED], PHOTOS)
    return [PHOTOS / name for name in (*fetched.present, *fetched.added)], " ".join(fetched.skipped)


def real_photos() -> list[Path]:
    """Return the valid real photos, largest first."""
    paths = [PHOTOS_DIR / photo.name for photo in photos() if photo.refused_as is None]
    return sorted(paths, key=lambda path: path.stat().st_size, reverse=True)


@cache
def resized(source: Path, width: int, height: int) -> Image.Image:
    """Crop a photo to the aspect ratio of a size and resize it."""
    with Image.open(source) as opened:
        image = opened.convert("RGB")
    scale = min(image.width / width, image.height / height)
    left, top = (image.width - width * scale) / 2, (image.height - height * scale) / 2
    box = left, top, left + width * scale, top + height * scale
    return image.resize((width, height), Image.Resampling.LANCZOS, box=box)


def noisy(image: Image.Image) -> Image.Image:
    """Add the same grey noise to each channel."""
    noise = np.random.default_rng(_SEED).normal(0, _NOISE_SIGMA, (image.height, image.width, 1)).astype(np.float32)
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


def _make(photo: MadePhoto, source: Path) -> None:
    image = resized(source, photo.width, photo.height)
    unfinished = photo.path.with_suffix(".part")
    if photo.encoding == "png":
        image.save(unfinished, "PNG")
    else:
        noisy(image).save(unfinished, "JPEG", quality=_QUALITY, progressive=photo.encoding == "progressive")
    unfinished.replace(photo.path)
