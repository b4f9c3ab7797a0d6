"""PSNR and SSIM against values worked out by hand."""

import numpy as np
import pytest

from benchmarks.quality import psnr, ssim

NOISE = np.random.default_rng(1)
PICTURE = NOISE.uniform(0, 255, (32, 48))


def test_psnr_of_equal_pictures_one_step_and_all_steps():
    assert psnr(PICTURE, PICTURE) == float("inf")
    assert psnr(PICTURE, PICTURE + 1) == pytest.approx(48.1308, abs=1e-4)
    assert psnr(np.zeros((8, 8)), np.full((8, 8), 255.0)) == 0


def test_ssim_of_flat_pictures_is_the_luminance_term():
    one, other = np.full((9, 9), 100.0), np.full((9, 9), 120.0)
    c1 = (0.01 * 255) ** 2
    assert ssim(one, other) == pytest.approx((2 * 100 * 120 + c1) / (100**2 + 120**2 + c1))


def test_ssim_falls_from_one_with_noise():
    noise = NOISE.normal(0, 1, PICTURE.shape)
    assert ssim(PICTURE, PICTURE) == pytest.approx(1)
    assert ssim(PICTURE, PICTURE + 5 * noise) > ssim(PICTURE, PICTURE + 20 * noise)
    assert abs(ssim(PICTURE, NOISE.uniform(0, 255, PICTURE.shape))) < 0.1
