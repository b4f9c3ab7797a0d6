"""Two detectors side by side: whether they agree, how often, and a page that shows where they do not."""

import re

import pytest
from PIL import Image

from local.own_model import page
from local.own_model.opinions import Compared, Comparison, Opinion, Outcome, outcome
from tests.pictures import jpeg_of, thumbnail
from vision.domain.labels import Label

PHOTO = thumbnail(jpeg_of(Image.new("RGB", (400, 300), (9, 9, 200))))


def label(name: str, *parents: str) -> Label:
    return {"name": name, "confidence": 90, "parents": list(parents), "instances": []}


def opinion(*names: str) -> Opinion:
    return Opinion([label(name) for name in names])


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (opinion("Cat"), opinion("cat"), Outcome.SAME),
        (opinion("Animal", "Cat"), opinion("Cat"), Outcome.RELATED),
        (opinion("Cat"), opinion("Egyptian Cat", "Tabby"), Outcome.RELATED),
        (Opinion([label("Tabby", "Cat", "Animal")]), opinion("Egyptian Cat"), Outcome.RELATED),
        (opinion("Dog"), opinion("Egyptian Cat"), Outcome.DIFFERENT),
        # A wildcat is not the label Cat, nor is a cat burglar.
        (opinion("Cat"), opinion("Wildcat"), Outcome.DIFFERENT),
        (opinion("Cat"), opinion("Cat Burglar"), Outcome.DIFFERENT),
        (opinion("Dog"), opinion("unknown"), Outcome.UNSURE),
        (opinion(), opinion("Dog"), Outcome.UNSURE),
        (opinion(), opinion("unknown"), Outcome.UNSURE),
        (Opinion(error="CorruptImage"), opinion("Dog"), Outcome.REFUSED),
    ],
)
def test_outcome_of_two_opinions_is_symmetric(left, right, expected):
    assert outcome(left, right) is outcome(right, left) is expected


COMPARISON = Comparison(
    "rekognition 3.0",
    "own-model colours 7",
    [
        Compared("same.jpg", PHOTO, opinion("Cat"), opinion("Cat")),
        Compared("<b>other.jpg", PHOTO, opinion("Dog", "Pet"), opinion("Cup")),
        Compared("related.jpg", PHOTO, opinion("Cat"), opinion("Egyptian Cat")),
        Compared("unsure.jpg", PHOTO, opinion("Cat"), opinion("unknown")),
        Compared("cut.jpg", None, Opinion(error="InvalidImageFormatException"), Opinion(error="CorruptImage")),
    ],
)


def test_agreement_counts_images_for_which_both_have_a_label():
    assert COMPARISON.agreement == pytest.approx(2 / 3)
    assert "2 of 3 images" in page.summary(COMPARISON)
    assert "67%" in page.summary(COMPARISON)
    assert [number for _, number in page.counts(COMPARISON)] == [1, 1, 1, 1, 1]
    nothing = Comparison("a", "b", [Compared("unsure.jpg", PHOTO, opinion(), opinion("Dog"))])
    assert nothing.agreement is None
    assert "Of none of 1 images" in page.summary(nothing)


def test_page_begins_with_the_disagreements_and_embeds_its_pictures():
    rendered = page.render(COMPARISON)
    names = re.findall(r"<h2><span>([^<]*)</span>", rendered)
    assert names == ["&lt;b&gt;other.jpg", "unsure.jpg", "cut.jpg", "same.jpg", "related.jpg"]
    assert "<b>other" not in rendered
    _, other, _, cut, *_ = rendered.split("<article>")
    assert re.findall(r"<h3>(.*?)</h3>", other) == ["rekognition 3.0", "own-model colours 7"]
    assert re.findall(r"<li>(\w+) <b>90</b></li>", other) == ["Dog", "Pet", "Cup"]
    assert "No picture" in cut
    assert "CorruptImage" in cut
    sources = re.findall(r'src="([^"]{0,30})', rendered)
    assert len(sources) == 4
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert not re.findall(r"https?:|<script|<link|url\(|@import", rendered)
