"""An image is served with the type of its content, under a name that does not mislead."""

from urllib.parse import unquote

import pytest
from hypothesis import given

from tests.strategies import keys
from vision.domain import display

RIGHT_TO_LEFT = "\u202e"


def test_image_is_served_with_the_type_of_its_content_and_anything_else_is_downloaded() -> None:
    assert [display.content_type(known) for known in ("JPEG", "PNG")] == ["image/jpeg", "image/png"]
    assert [display.content_type(other) for other in (None, "text/html")] == ["application/octet-stream"] * 2
    assert display.disposition("page.html", None) == "attachment"


@pytest.mark.parametrize(
    ("name", "image_format", "saved"),
    [
        ("rose.jpg", "JPEG", "rose.jpg"),
        ("ROSE.JPEG", "JPEG", "ROSE.JPEG"),
        ("rose.png", "JPEG", "rose.png.jpg"),
        ("page.html", "JPEG", "page.html.jpg"),
        ("rose", "PNG", "rose.png"),
        ("", "PNG", "image.png"),
        ("images/garden/rose 1.jpg", "JPEG", "rose 1.jpg"),
        ("..\\..\\autorun.inf", "JPEG", "autorun.inf.jpg"),
        ("../..", "JPEG", "...jpg"),
        (f"rose{RIGHT_TO_LEFT}gpj.exe", "JPEG", "rosegpj.exe.jpg"),
        ('a"; filename="evil.exe', "JPEG", 'a"; filename="evil.exe.jpg'),
        ("a\r\nSet-Cookie: x.jpg", "JPEG", "aSet-Cookie: x.jpg"),
        ("写真.jpg", "JPEG", "写真.jpg"),
    ],
)
def test_image_is_saved_under_its_name_with_the_suffix_of_its_content(name: str, image_format: str, saved: str) -> None:
    kept, _, encoded = display.disposition(name, image_format).partition("; filename*=UTF-8''")
    assert (kept, unquote(encoded)) == ("inline", saved)


@given(keys)
def test_name_cannot_break_out_of_the_header(key: str) -> None:
    encoded = display.disposition(key, "PNG").removeprefix("inline; filename*=UTF-8''")
    assert encoded.isascii()
    assert not set(encoded) & set("\"'();,/\\ \r\n")
