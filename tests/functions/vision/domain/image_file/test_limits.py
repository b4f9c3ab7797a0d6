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
    check_limits(Metadata("JPEG", 64, 64), 100, CUSTOM_LABELS_LIMITS)


TOO_LARGE = "%s, Rekognition takes 15 MB from S3; resize before upload$"
TOO_LONG = r"takes 10,000 px a side; resize"
TOO_SHORT = r"takes at least 80 px a side; upload a larger image"


@pytest.mark.parametrize(
    ("width", "height", "size_bytes", "limits", "kind", "words"),
    [
        (4_000, 3_000, int(31.4 * MEGABYTE), REKOGNITION_LIMITS, ImageTooLarge, TOO_LARGE % r"^31\.4 MB"),
        (4_000, 3_000, 15 * MEGABYTE + 1, REKOGNITION_LIMITS, ImageTooLarge, TOO_LARGE % r"^15\.1 MB"),
        (10_001, 3_000, 100, REKOGNITION_LIMITS, ImageTooLarge, TOO_LONG),
        (3_000, 10_001, 100, REKOGNITION_LIMITS, ImageTooLarge, TOO_LONG),
        (50_000, 50_000, 100, REKOGNITION_LIMITS, ImageTooLarge, TOO_LONG),
        (1, 1, 100, REKOGNITION_LIMITS, ImageTooSmall, TOO_SHORT),
        (79, 800, 100, REKOGNITION_LIMITS, ImageTooSmall, TOO_SHORT),
        (800, 79, 100, REKOGNITION_LIMITS, ImageTooSmall, TOO_SHORT),
        (10_000, 1, 100, REKOGNITION_LIMITS, ImageTooSmall, TOO_SHORT),
        (1_001, 1_000, 100, Limits(max_pixels=1_000_000), TooManyPixels, "at most 1,000,000 pixels"),
        (4_097, 3_000, 100, CUSTOM_LABELS_LIMITS, ImageTooLarge, "Rekognition Custom Labels takes 4,096 px a side"),
    ],
)
def test_image_beyond_a_limit_is_refused_with_the_limit_and_the_remedy(
    width: int, height: int, size_bytes: int, limits: Limits, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        check_limits(Metadata("PNG", width, height), size_bytes, limits)
