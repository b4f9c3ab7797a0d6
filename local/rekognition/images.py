"""Decode a JPEG or PNG to upright RGB pixels, no larger than the models need.

Dimensions are read from the header before anything is decoded, so that a header with 50,000 × 50,000 pixels costs
nothing. Pillow's plugin classes are used directly: they accept exactly these two formats and do not change Pillow's
process-wide pixel limit.
"""

import io
import struct
from contextlib import suppress

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from local.rekognition import errors, limits
from local.rekognition.admission import admit
from vision.domain.errors import VisionError
from vision.domain.image_file import jpeg, png

_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def views(data: bytes, sides: list[int]) -> list[Image.Image]:
    """Return the inputs of the models as squares: the whole image for each side, and its middle for the last side.

    The last side is the classifier's, which averages two views: the whole image misses small objects, the middle misses
    the border. For a square image both views are the same, so there is only one.

    Raises
    ------
    RekognitionError
        As for :func:`decode`.
    """
    image = decode(data, max(sides))
    squares = [square(image, side) for side in sides]
    if image.width != image.height:
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        squares.append(square(image.crop((left, top, left + side, top + side)), sides[-1]))
    return squares


def square(image: Image.Image, side: int) -> Image.Image:
    """Stretch an image to the input of a model."""
    return image.resize((side, side), Image.Resampling.BILINEAR)


def decode(data: bytes, min_side_pixels: int) -> Image.Image:
    """Decode to RGB, upright, at the smallest scale whose sides are still at least ``min_side_pixels``.

    A JPEG is rotated by its Exif orientation and a PNG never is: "Amazon Rekognition doesn't perform image
    correction for images in .png format" (DetectLabels, API reference).

    Raises
    ------
    RekognitionError
        ``InvalidImageFormatException`` for other formats and broken files, ``InvalidParameterException`` below
        80 pixels a side, ``ImageTooLargeException`` above 10,000 or for a decode that takes too much.
    """
    width, height = _dimensions(data)
    if max(width, height) > limits.MAX_SIDE_PIXELS:
        raise errors.too_many_pixels(width, height, limits.MAX_SIDE_PIXELS)
    if min(width, height) < limits.MIN_SIDE_PIXELS:
        raise errors.invalid_parameters()
    admit(data)
    try:
        if data.startswith(png.SIGNATURE):
            return flatten(PngImageFile(io.BytesIO(data)))
        photo = JpegImageFile(io.BytesIO(data))
        orientation = _orientation(photo)
        photo.draft("RGB", (min_side_pixels, min_side_pixels))
        image = photo.convert("RGB")
    except (OSError, SyntaxError, ValueError, struct.error, EOFError):
        raise errors.invalid_image_format() from None
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _dimensions(data: bytes) -> tuple[int, int]:
    if data.startswith(png.SIGNATURE) and data[12:16] == b"IHDR" and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return width, height
    if data.startswith(jpeg.SIGNATURE):
        with suppress(VisionError):
            head = jpeg.read_head(io.BytesIO(data))
            return head.width, head.height
    raise errors.invalid_image_format()


def _orientation(photo: JpegImageFile) -> int:
    try:
        return int(photo.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:
        # Many programs write Exif; a broken block counts as none and must not prevent the labels.
        return 1


def flatten(image: PngImageFile) -> Image.Image:
    """Convert the first frame to RGB: 16 bits scaled instead of clipped, transparency on white."""
    if image.mode.startswith("I"):
        return image.point(lambda level: level / 256).convert("L").convert("RGB")
    if image.has_transparency_data:
        pixels = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", pixels.size, "white"), pixels).convert("RGB")
    return image.convert("RGB")
