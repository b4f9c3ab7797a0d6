"""The types of detectors, one row each: which images one accepts, what its boxes refer to, and what a call costs.

The limits are in :mod:`vision.domain.image_file.limits`, the prices in :mod:`vision.domain.prices`.
"""

from __future__ import annotations

from dataclasses import dataclass

from vision.domain import prices
from vision.domain.image_file.formats import FormatName
from vision.domain.image_file.limits import CUSTOM_LABELS_LIMITS, REKOGNITION_LIMITS, Limits
from vision.domain.labels import Label, to_displayed


@dataclass(frozen=True, slots=True)
class DetectorType:
    """A type of detector.

    Attributes
    ----------
    name
        The name in records, and in the template's parameters.
    limits
        The limits of the images that it accepts.
    applies_orientation_of
        The formats whose EXIF orientation it applies before it analyzes the image, so that its boxes refer to the
        displayed image. The boxes in other formats refer to the stored pixels.
    paid_operation
        The operation of AWS that bills each call and has a quota of calls per second; empty if there is none.
    call_usd
        The price of one call of the paid operation.
    """

    name: str
    limits: Limits
    applies_orientation_of: frozenset[FormatName]
    paid_operation: str = ""
    call_usd: float = 0.0

    def displayed(self, found: list[Label], image_format: str | None, orientation: int) -> list[Label]:
        """Return labels of this detector with boxes that refer to the displayed image.

        Parameters
        ----------
        image_format, orientation
            From the metadata: the name of the format, and the EXIF orientation of the stored pixels, 1 to 8.
        """
        if image_format is None or image_format in self.applies_orientation_of:
            return found
        return to_displayed(found, orientation)


# "If the input image is in .jpeg format, it might contain EXIF metadata that includes the image's orientation":
# https://docs.aws.amazon.com/rekognition/latest/dg/images-orientation.html
REKOGNITION = DetectorType(
    "rekognition",
    REKOGNITION_LIMITS,
    applies_orientation_of=frozenset({"JPEG"}),
    paid_operation="DetectLabels",
    call_usd=prices.DETECT_LABELS,
)
# Its hours are billed (prices.CUSTOM_LABELS_UNIT_HOUR), not its calls.
CUSTOM_LABELS = DetectorType("custom-labels", CUSTOM_LABELS_LIMITS, applies_orientation_of=frozenset({"JPEG"}))
# The function receives the pixels as displayed. It has the limits of Rekognition, so that a team can change the
# detector without losing an image.
OWN_MODEL = DetectorType("own-model", REKOGNITION_LIMITS, applies_orientation_of=frozenset({"JPEG", "PNG"}))

DETECTOR_TYPES = (REKOGNITION, CUSTOM_LABELS, OWN_MODEL)


def by_name(name: str | None) -> DetectorType:
    """Return the type with this name.

    Records that name no detector are Rekognition's. A name from another release is a type that is not billed here.
    """
    if name is None:
        return REKOGNITION
    other = DetectorType(name, REKOGNITION_LIMITS, REKOGNITION.applies_orientation_of)
    return next((one for one in DETECTOR_TYPES if one.name == name), other)
