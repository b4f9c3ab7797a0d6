"""The limits of Rekognition, each from both sides."""

import pytest

from vision.domain.errors import ImageTooLarge, ImageTooSmall, TooManyPixels
from vision.domain.image_file.limits import CUSTOM_LABELS_LIMITS, REKOGNITION_LIMITS, Limits, check_limits
from vision.domain.image_file.metadata import Metadata

MEGABYTE = 1_048_576


def test_limits_are_those_of_the_developer_guide() -> None:
    # https://docs.aws.amazon.com/rekognition/latest/dg/limits.html
    assert Limits(max_size_bytes=15_728_640, max_side_px=10_000, min_side_px=80) == REKOGNITION_LIMITS


@pytest.mark.parametrize(("width", "height"), [(80, 80), (10_000, 80), (10_000, 10_000), (4_000, 3_000)])
def test_image_within_the_limits_is_accepted(width: int, height: int) -> None:
    check_limits(Metadata("JPEG", width, height), 15 * MEGABYTE)


@pytest.mark.parametrize(
    ("size_bytes", "shown"), [(int(31.4 * MEGABYTE), r"31\.4 MB"), (15 * MEGABYTE + 1, r"15\.1 MB")]
)
def test_too_large_file_is_refused_with_the_limit_and_the_remedy(size_bytes: int, shown: str) -> None:
    with pytest.raises(ImageTooLarge, match=rf"^{shown}, Rekognition takes 15 MB from S3; resize before upload$"):
        check_limits(Metadata("JPEG", 4_000, 3_000), size_bytes)


@pytest.mark.parametrize(("width", "height"), [(10_001, 3_000), (3_000, 10_001), (50_000, 50_000)])
def test_too_long_side_is_refused(width: int, height: int) -> None:
    with pytest.raises(ImageTooLarge, match=r"takes 10,000 px a side; resize"):
        check_limits(Metadata("PNG", width, height), 100)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (79, 800), (800, 79), (10_000, 1)])
def test_too_short_side_is_refused(width: int, height: int) -> None:
    with pytest.raises(ImageTooSmall, match=r"takes at least 80 px a side; upload a larger image"):
        check_limits(Metadata("PNG", width, height), 100)


def test_pixels_are_limited_if_the_limits_say_so() -> None:
    with pytest.raises(TooManyPixels, match=r"at most 1,000,000 pixels"):
        check_limits(Metadata("PNG", 1_001, 1_000), 100, Limits(max_pixels=1_000_000))


def test_limits_of_custom_labels_are_named_as_such() -> None:
    with pytest.raises(ImageTooLarge, match=r"Rekognition Custom Labels takes 4,096 px a side"):
        check_limits(Metadata("JPEG", 4_097, 3_000), 100, CUSTOM_LABELS_LIMITS)
    check_limits(Metadata("JPEG", 64, 64), 100, CUSTOM_LABELS_LIMITS)
