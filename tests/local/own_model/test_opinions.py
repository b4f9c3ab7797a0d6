"""Two detectors side by side: whether they mean the same, how often, and a page that shows where they do not."""

import re

import pytest
from PIL import Image

from local.own_model import page
from local.own_model.opinions import Compared, Comparison, Opinion, Outcome, outcome
from tests.pictures import jpeg_of
from vision.domain.image_file import pixels
from vision.domain.image_file.pixels import Thumbnail
from vision.domain.labels import Label

PHOTO = pixels.thumbnail(jpeg_of(Image.new("RGB", (400, 300), (9, 9, 200))))


def label(name: str, confidence: float = 90, *parents: str) -> Label:
    return {"name": name, "confidence": confidence, "parents": list(parents), "instances": []}


def opinion(*names: str) -> Opinion:
    return Opinion([label(name) for name in names])


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (opinion("Cat"), opinion("cat"), Outcome.SAME),
        (opinion("Animal", "Cat"), opinion("Cat"), Outcome.RELATED),
        (opinion("Cat"), opinion("Egyptian Cat", "Tabby"), Outcome.RELATED),
        (Opinion([label("Tabby", 90, "Cat", "Animal")]), opinion("Egyptian Cat"), Outcome.RELATED),
        (opinion("Dog"), opinion("Egyptian Cat"), Outcome.DIFFERENT),
        # A catalogue is no cat, nor is a cat burglar.
        (opinion("Cat"), opinion("Wildcat"), Outcome.DIFFERENT),
        (opinion("Cat"), opinion("Cat Burglar"), Outcome.DIFFERENT),
        (opinion("Dog"), opinion("unknown"), Outcome.UNSURE),
        (opinion(), opinion("Dog"), Outcome.UNSURE),
        (opinion(), opinion("unknown"), Outcome.UNSURE),
        (Opinion(error="CorruptImage"), opinion("Dog"), Outcome.REFUSED),
    ],
)
def test_two_opinions_stand_to_each_other_as_a_reader_would_say(
    left: Opinion, right: Opinion, expected: Outcome
) -> None:
    assert outcome(left, right) is outcome(right, left) is expected


def compared(name: str, left: Opinion, right: Opinion, thumbnail: Thumbnail | None = PHOTO) -> Compared:
    return Compared(name, thumbnail, left, right)


COMPARISON = Comparison(
    "rekognition 3.0",
    "own-model colours 7",
    [
        compared("same.jpg", opinion("Cat"), opinion("Cat")),
        compared("<b>other.jpg", opinion("Dog", "Pet"), opinion("Cup")),
        compared("related.jpg", opinion("Cat"), opinion("Egyptian Cat")),
        compared("unsure.jpg", opinion("Cat"), opinion("unknown")),
        compared("cut.jpg", Opinion(error="InvalidImageFormatException"), Opinion(error="CorruptImage"), None),
    ],
)


def test_agreement_counts_the_images_of_which_both_name_something() -> None:
    assert COMPARISON.agreement == pytest.approx(2 / 3)
    assert page.summary(COMPARISON) == "They agree on 2 of 3 images of which both name something (67%)."


def test_without_such_an_image_there_is_no_agreement() -> None:
    nothing = Comparison("a", "b", [compared("unsure.jpg", opinion(), opinion("Dog"))])
    assert nothing.agreement is None
    assert "Of none of 1 images" in page.summary(nothing)


def test_every_outcome_is_counted() -> None:
    assert [number for _, number in page.counts(COMPARISON)] == [1, 1, 1, 1, 1]


def test_the_page_begins_with_the_disagreements() -> None:
    names = re.findall(r"<h2><span>([^<]*)</span>", page.render(COMPARISON))
    assert names == ["&lt;b&gt;other.jpg", "unsure.jpg", "cut.jpg", "same.jpg", "related.jpg"]


def test_the_page_shows_what_each_detector_says() -> None:
    card = page.render(COMPARISON).split("<article>")[1]
    assert re.findall(r"<h3>(.*?)</h3>", card) == ["rekognition 3.0", "own-model colours 7"]
    assert re.findall(r"<li>(\w+) <b>90</b></li>", card) == ["Dog", "Pet", "Cup"]


def test_the_page_has_each_picture_inside_it_and_loads_nothing() -> None:
    written = page.render(COMPARISON)
    sources = re.findall(r'src="([^"]{0,30})', written)
    assert len(sources) == 4
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert not re.findall(r"https?:|<script|<link|url\(|@import", written)


def test_names_of_files_are_text_and_no_markup() -> None:
    assert "<b>other" not in page.render(COMPARISON)


def test_what_cannot_be_drawn_is_named_without_a_picture() -> None:
    card = page.render(COMPARISON).split("<article>")[3]
    assert "No picture" in card
    assert "CorruptImage" in card
