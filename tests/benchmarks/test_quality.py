"""PSNR and SSIM against values that can be worked out by hand."""

import numpy as np
import pytest

from benchmarks.quality import psnr, ssim

NOISE = np.random.default_rng(1)
PICTURE = NOISE.uniform(0, 255, (32, 48))


def test_equal_pictures_have_infinite_psnr():
    assert psnr(PICTURE, PICTURE) == float("inf")


def test_an_error_of_one_step_everywhere_is_48_db():
    assert psnr(PICTURE, PICTURE + 1) == pytest.approx(48.1308, abs=1e-4)


def test_an_error_of_all_steps_is_0_db():
    assert psnr(np.zeros((8, 8)), np.full((8, 8), 255.0)) == 0


def test_equal_pictures_have_an_ssim_of_one():
    assert ssim(PICTURE, PICTURE) == pytest.approx(1)


def test_flat_pictures_differ_only_in_the_luminance_term():
    one, other = np.full((9, 9), 100.0), np.full((9, 9), 120.0)
    c1 = (0.01 * 255) ** 2

    assert ssim(one, other) == pytest.approx((2 * 100 * 120 + c1) / (100**2 + 120**2 + c1))


def test_unrelated_noise_has_hardly_any_similarity():
    assert abs(ssim(PICTURE, NOISE.uniform(0, 255, PICTURE.shape))) < 0.1


def test_more_noise_is_less_similar():
    noise = NOISE.normal(0, 1, PICTURE.shape)

    assert ssim(PICTURE, PICTURE + 5 * noise) > ssim(PICTURE, PICTURE + 20 * noise)
