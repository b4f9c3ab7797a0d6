"""Answers of AWS where its documentation is silent: each is reported, and must be one that the functions understand."""

import pytest
from botocore.exceptions import ClientError

from tests.cloud.deployed import photo
from vision.domain.inspection.rules import LABELS_LIMIT

pytestmark = pytest.mark.cloud


@pytest.fixture
def ask(stack):
    """Ask Rekognition for labels by name; return the names found, or the code of the refusal."""

    def asked(names):
        settings = {"Settings": {"GeneralLabels": {"LabelInclusionFilters": names}}} if names else {}
        try:
            answer = stack.client("rekognition").detect_labels(Image={"Bytes": photo()}, MinConfidence=1, **settings)
        except ClientError as refusal:
            return refusal.response["Error"]["Code"]
        return [label["Name"] for label in answer["Labels"]]

    return asked


@pytest.mark.parametrize("count", [1, LABELS_LIMIT])
def test_unknown_labels_are_ignored_or_refused(ask, learnt, count):
    answer = ask([f"Widget {number}" for number in range(count)])
    learnt(f"DetectLabels, asked for {count} labels that it does not know: {answer or 'no label, and no refusal'}")
    assert answer in ([], "InvalidParameterException")


def test_label_in_lower_case_is_found_ignored_or_refused(ask, learnt):
    first, *_ = ask([])
    answer = ask([first.lower()])
    learnt(f"DetectLabels, asked for {first.lower()!r} where it sees {first!r}: {answer or 'no label, and no refusal'}")
    assert answer in ([], [first], "InvalidParameterException")
