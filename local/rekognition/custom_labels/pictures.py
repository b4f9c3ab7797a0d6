"""Decode a JPEG or PNG to upright RGB, within the limits of Custom Labels.

They differ from those of DetectLabels: 64 to 4,096 pixels a side, an aspect ratio of at most 20:1.
"""

import contextlib
import io
import struct

from PIL import Image, ImageOps
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from local.rekognition import errors
from local.rekognition.admission import admit
from local.rekognition.custom_labels import limits
from local.rekognition.images import flatten, square
from vision.domain.image_file import png


def views(data: bytes, sides: list[int]) -> list[Image.Image]:
    """Return the inputs of the models: the whole image as a square of each side.

    Raises
    ------
    RekognitionError
        As for :func:`decode`.
    """
    image = decode(data, max(sides))
    return [square(image, side) for side in sides]


def decode(data: bytes, needed_side_pixels: int) -> Image.Image:
    """Decode to RGB, upright, no larger than needed: a JPEG is rotated by its Exif orientation, a PNG never is.

    Raises
    ------
    RekognitionError
        ``InvalidImageFormatException`` for other formats and broken files, ``InvalidParameterException`` below 64
        pixels a side or beyond 20:1, ``ImageTooLargeException`` above 4,096 pixels or for a decode that takes too much.
    """
    try:
        if data.startswith(png.SIGNATURE):
            drawing = PngImageFile(io.BytesIO(data))
            _check_size(*drawing.size)
            admit(data)
            return flatten(drawing)
        photo = JpegImageFile(io.BytesIO(data))
        _check_size(*photo.size)
        admit(data)
        photo.draft("RGB", (needed_side_pixels, needed_side_pixels))
        return _upright(photo).convert("RGB")
    except (OSError, SyntaxError, ValueError, struct.error, EOFError):
        raise errors.invalid_image_format() from None


def _check_size(width: int, height: int) -> None:
    if max(width, height) > limits.MAX_SIDE_PIXELS:
        raise errors.too_many_pixels(width, height, limits.MAX_SIDE_PIXELS)
    if min(width, height) < limits.MIN_SIDE_PIXELS:
        raise errors.invalid_parameters(
            f"{width} x {height} pixels, Custom Labels takes {limits.MIN_SIDE_PIXELS} and more a side"
        )
    if max(width, height) > limits.MAX_ASPECT_RATIO * min(width, height):
        raise errors.invalid_parameters(
            f"{width} x {height} pixels, Custom Labels takes an aspect ratio of {limits.MAX_ASPECT_RATIO}:1 at most"
        )


def _upright(photo: JpegImageFile) -> Image.Image:
    photo.load()
    with contextlib.suppress(Exception):
        # Many programs write Exif; a broken block counts as none and must not prevent the labels.
        return ImageOps.exif_transpose(photo)
    return photo
