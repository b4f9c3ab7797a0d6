"""From the bytes of a JPEG or PNG to upright RGB, within the limits of Custom Labels.

They differ from those of DetectLabels: 64 to 4,096 pixels a side, no longer than 20:1.
"""

import contextlib
import io
import struct

from PIL import Image, ImageOps
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from local.rekognition import errors
from local.rekognition.custom_labels import limits

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def decode(data: bytes, needed_side_pixels: int) -> Image.Image:
    """Decode to RGB, upright, no larger than needed: a JPEG is turned by its Exif orientation, a PNG never is.

    Raises
    ------
    RekognitionError
        ``InvalidImageFormatException`` for other formats and broken files, ``InvalidParameterException`` below 64
        pixels a side or beyond 20:1, ``ImageTooLargeException`` above 4,096 pixels.
    """
    try:
        if data.startswith(_PNG_SIGNATURE):
            png = PngImageFile(io.BytesIO(data))
            _check_size(*png.size)
            return _flatten(png)
        jpeg = JpegImageFile(io.BytesIO(data))
        _check_size(*jpeg.size)
        jpeg.draft("RGB", (needed_side_pixels, needed_side_pixels))
        return _upright(jpeg).convert("RGB")
    except (OSError, SyntaxError, ValueError, struct.error, EOFError, MemoryError):
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


def _upright(jpeg: JpegImageFile) -> Image.Image:
    jpeg.load()
    with contextlib.suppress(Exception):
        # Exif is written by anyone; a broken block is as good as none and must not cost the labels.
        return ImageOps.exif_transpose(jpeg)
    return jpeg


def _flatten(png: PngImageFile) -> Image.Image:
    """Bring the first frame to RGB: 16 bits scaled instead of clipped, transparency on white."""
    if png.mode.startswith("I"):
        return png.point(lambda level: level / 256).convert("L").convert("RGB")
    if png.has_transparency_data:
        pixels = png.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", pixels.size, "white"), pixels).convert("RGB")
    return png.convert("RGB")
