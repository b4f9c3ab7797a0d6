"""Compare a thumbnail with the best resize of the same photo: PSNR and SSIM, in numpy.

Both are computed on luma, with a reference that is decoded completely, resized once with LANCZOS, and never encoded.
"""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

Pixels = NDArray[np.float64]

PEAK = 255.0
_WINDOW = 7
# Wang, Bovik, Sheikh, Simoncelli: Image quality assessment, IEEE Transactions on Image Processing, 2004.
_C1, _C2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2


def psnr(one: Pixels, other: Pixels) -> float:
    """Peak signal-to-noise ratio in dB; infinite for equal pixels."""
    error = float(np.mean((one - other) ** 2))
    return float("inf") if error == 0 else float(10 * np.log10(PEAK**2 / error))


def ssim(one: Pixels, other: Pixels) -> float:
    """Mean structural similarity over windows of 7 × 7 pixels, 1 for equal pixels."""
    mean_one, mean_other = _window_means(one), _window_means(other)
    variance_one = _window_means(one * one) - mean_one**2
    variance_other = _window_means(other * other) - mean_other**2
    covariance = _window_means(one * other) - mean_one * mean_other
    similarity = ((2 * mean_one * mean_other + _C1) * (2 * covariance + _C2)) / (
        (mean_one**2 + mean_other**2 + _C1) * (variance_one + variance_other + _C2)
    )
    return float(np.mean(similarity))


def luma(picture: Image.Image | Path | bytes) -> Pixels:
    """Return the luma of a picture, a float per pixel, rows first."""
    if not isinstance(picture, Image.Image):
        picture = Image.open(io.BytesIO(picture) if isinstance(picture, bytes) else picture)
    return np.asarray(picture.convert("L"), dtype=np.float64)


def reference(photo: Path, size: tuple[int, int]) -> Image.Image:
    """Decode a photo completely and resize it once."""
    with Image.open(photo) as image:
        return ImageOps.exif_transpose(image).convert("RGB").resize(size, Image.Resampling.LANCZOS)


def _window_means(pixels: Pixels) -> Pixels:
    sums = np.pad(pixels, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    w = _WINDOW
    means: Pixels = (sums[w:, w:] - sums[:-w, w:] - sums[w:, :-w] + sums[:-w, :-w]) / w**2
    return means
