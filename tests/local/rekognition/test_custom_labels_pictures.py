"""From bytes to upright RGB. The limits are tested where they are on the wire, with DetectCustomLabels."""

import io

import pytest
from PIL import Image

from local.rekognition.custom_labels.pictures import decode

RED, BLUE = (255, 0, 0), (0, 0, 255)


def _left_red(file_format, **options):
    """Red on the left half, blue on the right."""
    image = Image.new("RGB", (160, 80), BLUE)
    image.paste(RED, (0, 0, 80, 80))
    data = io.BytesIO()
    image.save(data, file_format, **options)
    return data.getvalue()


def _turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return {"exif": exif}


def _is_red(image, x, y):
    red, _, blue = image.getpixel((x, y))
    return red > 200 and blue < 60


def test_a_jpeg_is_turned_by_its_orientation():
    upright = decode(_left_red("JPEG", quality=95, **_turned(6)), 280)

    # Orientation 6: what is stored on the left is displayed on top.
    assert (upright.size, _is_red(upright, 40, 10), _is_red(upright, 40, 150)) == ((80, 160), True, False)


def test_a_png_is_never_turned():
    image = decode(_left_red("PNG", **_turned(6)), 280)

    assert (image.size, _is_red(image, 10, 40)) == ((160, 80), True)


def test_transparency_becomes_white():
    data = io.BytesIO()
    Image.new("RGBA", (80, 80), (0, 0, 0, 0)).save(data, "PNG")

    assert decode(data.getvalue(), 280).getpixel((40, 40)) == (255, 255, 255)


@pytest.mark.parametrize(("level", "grey"), [(0, 0), (32768, 128), (65535, 255)])
def test_sixteen_bits_are_scaled(level, grey):
    data = io.BytesIO()
    Image.new("I;16", (80, 80), level).save(data, "PNG")

    assert decode(data.getvalue(), 280).getpixel((40, 40))[0] == pytest.approx(grey, abs=1)


def test_a_large_jpeg_is_decoded_no_larger_than_needed():
    data = io.BytesIO()
    Image.new("RGB", (4000, 3000)).save(data, "JPEG")

    assert decode(data.getvalue(), 280).size == (500, 375)
