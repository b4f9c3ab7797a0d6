"""The image limits of each detector, checked before a paid call.

Source: "Guidelines and quotas in Amazon Rekognition", section "Set quotas", in the Amazon Rekognition
Developer Guide, https://docs.aws.amazon.com/rekognition/latest/dg/limits.html
"""

import math
from dataclasses import dataclass

from vision.domain.errors import ImageTooLarge, ImageTooSmall, TooManyPixels
from vision.domain.image_file.metadata import Metadata

MEGABYTE = 1_048_576
"""AWS writes MB and counts 1,048,576 bytes: "5 MB" of raw bytes is 5,242,880 in the API reference."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a detector for an image in S3; the defaults are those of DetectLabels.

    Attributes
    ----------
    max_size_bytes
        "Maximum image size stored as an Amazon S3 object is limited to 15 MB."
    max_side_px
        "The maximum image dimensions for DetectLabels is 10K pixels for both width and height."
    min_side_px
        "The minimum image dimensions is 80 pixels for both height and width."
    max_pixels
        Not a quota of Rekognition, but the limit of the functions that decode. The default side limits allow no more.
    service
        What has these limits, for the error message.
    """

    max_size_bytes: int = 15 * MEGABYTE
    max_side_px: int = 10_000
    min_side_px: int = 80
    max_pixels: int = 100_000_000
    service: str = "Rekognition"


REKOGNITION_LIMITS = Limits()

CUSTOM_LABELS_LIMITS = Limits(max_side_px=4096, min_side_px=64, service="Rekognition Custom Labels")
"""The limits of DetectCustomLabels, from "Guidelines and quotas in Amazon Rekognition Custom Labels",
https://docs.aws.amazon.com/rekognition/latest/customlabels-dg/limits.html
"""


def check_limits(metadata: Metadata, size_bytes: int, limits: Limits = REKOGNITION_LIMITS) -> None:
    """Refuse an image that the detector would refuse.

    Parameters
    ----------
    metadata
        Metadata of the image, with its sides as displayed.
    size_bytes
        Size of the object in S3.
    limits
        The limits to check.

    Raises
    ------
    ImageTooLarge
        The image has too many bytes, or a side is too long.
    ImageTooSmall
        A side is too short.
    TooManyPixels
        The image has more pixels than a function decodes.
    """
    sides = f"{metadata.width:,} × {metadata.height:,} px"
    if size_bytes > limits.max_size_bytes:
        size, most = math.ceil(size_bytes / MEGABYTE * 10) / 10, limits.max_size_bytes / MEGABYTE
        raise ImageTooLarge(f"{size:.1f} MB, {limits.service} takes {most:g} MB from S3; resize before upload")
    if max(metadata.width, metadata.height) > limits.max_side_px:
        raise ImageTooLarge(f"{sides}, {limits.service} takes {limits.max_side_px:,} px a side; resize before upload")
    if min(metadata.width, metadata.height) < limits.min_side_px:
        raise ImageTooSmall(
            f"{sides}, {limits.service} takes at least {limits.min_side_px} px a side; upload a larger image"
        )
    if metadata.width * metadata.height > limits.max_pixels:
        raise TooManyPixels(f"{sides}, at most {limits.max_pixels:,} pixels are decoded; resize before upload")
