"""From bytes to upright RGB. The limits are tested with DetectCustomLabels, where they are on the wire."""

import io

from PIL import Image

from local.rekognition.custom_labels.pictures import decode

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def encoded(image, file_format="PNG", **options):
    data = io.BytesIO()
    image.save(data, file_format, **options)
    return data.getvalue()


def turned(file_format, **options):
    """Encode an image that is red on the left and blue on the right, with orientation 6."""
    image = Image.new("RGB", (160, 80), BLUE)
    image.paste(RED, (0, 0, 80, 80))
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(image, file_format, exif=exif, **options)


def is_red(image, x, y):
    red, _, blue = image.getpixel((x, y))
    return red > 200 and blue < 60


def test_jpeg_is_turned_by_its_orientation():
    upright = decode(turned("JPEG", quality=95), 280)
    # Orientation 6: what is stored on the left is displayed on top.
    assert upright.size == (80, 160)
    assert is_red(upright, 40, 10)
    assert not is_red(upright, 40, 150)


def test_png_is_never_turned():
    image = decode(turned("PNG"), 280)
    assert image.size == (160, 80)
    assert is_red(image, 10, 40)


def test_transparency_becomes_white():
    image = decode(encoded(Image.new("RGBA", (80, 80), (0, 0, 0, 0))), 280)
    assert image.getpixel((40, 40)) == WHITE


def test_large_jpeg_is_decoded_no_larger_than_needed():
    assert decode(encoded(Image.new("RGB", (4000, 3000)), "JPEG"), 280).size == (500, 375)
