import pytest

from vision.domain import detector_types
from vision.domain.detector_types import CUSTOM_LABELS, DETECTOR_TYPES, OWN_MODEL, REKOGNITION
from vision.domain.labels import Label

LEFT = {"left": 0.0, "top": 0.2, "width": 0.1, "height": 0.4}
TOP = {"left": 0.4, "top": 0.0, "width": 0.4, "height": 0.1}


def _found() -> list[Label]:
    return [{"name": "Cat", "confidence": 90.0, "parents": [], "instances": [{"box": {**LEFT}, "confidence": 90.0}]}]


@pytest.mark.parametrize(
    ("detector", "image_format", "box"),
    [
        (REKOGNITION, "JPEG", LEFT),
        (REKOGNITION, "PNG", TOP),
        (CUSTOM_LABELS, "PNG", TOP),
        # The function receives the pixels as displayed.
        (OWN_MODEL, "PNG", LEFT),
        # The content has not been read.
        (REKOGNITION, None, LEFT),
    ],
)
def test_boxes_refer_to_the_displayed_image(
    detector: detector_types.DetectorType, image_format: str | None, box: dict[str, float]
) -> None:
    [label] = detector.displayed(_found(), image_format, 6)
    assert label["instances"][0]["box"] == box


def test_record_names_its_type_and_that_of_another_release_is_not_billed() -> None:
    assert [detector_types.by_name(one.name) for one in DETECTOR_TYPES] == [*DETECTOR_TYPES]
    assert detector_types.by_name(None) is REKOGNITION
    unknown = detector_types.by_name("bedrock")
    assert (unknown.name, unknown.paid_operation, unknown.call_usd) == ("bedrock", "", 0.0)
