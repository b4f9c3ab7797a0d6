"""The limits of Rekognition, each on both of its sides."""

import pytest

from vision.domain.errors import ImageTooLarge, ImageTooSmall, TooManyPixels
from vision.domain.image_file.limits import REKOGNITION_LIMITS, Limits, check_limits
from vision.domain.image_file.metadata import Metadata

MEGABYTE = 1_048_576


def test_the_documented_values_are_those_of_the_developer_guide() -> None:
    assert Limits(max_size_bytes=15_728_640, max_side_px=10_000, min_side_px=80) == REKOGNITION_LIMITS


@pytest.mark.parametrize(("width", "height"), [(80, 80), (10_000, 80), (10_000, 10_000), (4_000, 3_000)])
def test_an_image_within_the_limits_passes(width: int, height: int) -> None:
    check_limits(Metadata("JPEG", width, height), 15 * MEGABYTE)


def test_too_many_bytes_are_refused_with_the_limit_and_the_remedy() -> None:
    with pytest.raises(ImageTooLarge, match=r"^31\.4 MB, Rekognition takes 15 MB from S3; resize before upload$"):
        check_limits(Metadata("JPEG", 4_000, 3_000), int(31.4 * MEGABYTE))


def test_one_byte_too_many_is_refused_as_more_than_the_limit() -> None:
    with pytest.raises(ImageTooLarge, match=r"^15\.1 MB"):
        check_limits(Metadata("JPEG", 4_000, 3_000), 15 * MEGABYTE + 1)


@pytest.mark.parametrize(("width", "height"), [(10_001, 3_000), (3_000, 10_001), (50_000, 50_000)])
def test_a_side_that_is_too_long_is_refused(width: int, height: int) -> None:
    with pytest.raises(ImageTooLarge, match=r"takes 10,000 px a side; resize"):
        check_limits(Metadata("PNG", width, height), 100)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (79, 800), (800, 79), (10_000, 1)])
def test_a_side_that_is_too_short_is_refused(width: int, height: int) -> None:
    with pytest.raises(ImageTooSmall, match=r"takes at least 80 px a side; upload a larger image"):
        check_limits(Metadata("PNG", width, height), 100)


def test_pixels_are_limited_for_a_smaller_function() -> None:
    with pytest.raises(TooManyPixels, match=r"at most 1,000,000 pixels"):
        check_limits(Metadata("PNG", 1_001, 1_000), 100, Limits(max_pixels=1_000_000))
