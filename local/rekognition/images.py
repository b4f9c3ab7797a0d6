"""From the bytes of a JPEG or PNG to upright RGB pixels, no larger than the models need.

Dimensions are read from the header before anything is decoded, so that a header that promises 50,000 × 50,000
pixels costs nothing. Pillow's plugin classes are used directly: they accept exactly these two formats and leave
Pillow's process-wide pixel limit alone.
"""

import io
import struct
from collections.abc import Iterator

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from local.rekognition import errors, limits

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_JPEG_SIGNATURE = b"\xff\xd8\xff"
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
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


def decode(data: bytes, min_side_pixels: int) -> Image.Image:
    """Decode to RGB, upright, at the smallest scale whose sides are still at least ``min_side_pixels``.

    A JPEG is turned by its Exif orientation and a PNG never is: "Amazon Rekognition doesn't perform image
    correction for images in .png format" (DetectLabels, API reference).

    Raises
    ------
    RekognitionError
        ``InvalidImageFormatException`` for other formats and broken files, ``InvalidParameterException`` below
        80 pixels a side, ``ImageTooLargeException`` above 10,000.
    """
    width, height = _dimensions(data)
    if max(width, height) > limits.MAX_SIDE_PIXELS:
        raise errors.too_many_pixels(width, height, limits.MAX_SIDE_PIXELS)
    if min(width, height) < limits.MIN_SIDE_PIXELS:
        raise errors.invalid_parameters()
    try:
        if data.startswith(_PNG_SIGNATURE):
            return _flatten(PngImageFile(io.BytesIO(data)))
        jpeg = JpegImageFile(io.BytesIO(data))
        orientation = _orientation(jpeg)
        jpeg.draft("RGB", (min_side_pixels, min_side_pixels))
        image = jpeg.convert("RGB")
    except (OSError, SyntaxError, ValueError, struct.error, EOFError, MemoryError):
        raise errors.invalid_image_format() from None
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _dimensions(data: bytes) -> tuple[int, int]:
    if data.startswith(_PNG_SIGNATURE) and data[12:16] == b"IHDR" and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return width, height
    if data.startswith(_JPEG_SIGNATURE):
        for marker, position in _jpeg_segments(data):
            if marker in _START_OF_FRAME and position + 7 <= len(data):
                height, width = struct.unpack(">HH", data[position + 3 : position + 7])
                return width, height
    raise errors.invalid_image_format()


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield marker and position of the length field of each segment before the pixels."""
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if marker == 0xDA:
            return
        yield marker, position + 2
        position += 2 + struct.unpack(">H", data[position + 2 : position + 4])[0]


def _orientation(jpeg: JpegImageFile) -> int:
    try:
        return int(jpeg.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:
        # Exif is written by anyone; a broken block is as good as none and must not cost the labels.
        return 1


def _flatten(png: PngImageFile) -> Image.Image:
    """Bring the first frame to RGB: 16 bits scaled instead of clipped, transparency on white."""
    if png.mode.startswith("I"):
        return png.point(lambda level: level / 256).convert("L").convert("RGB")
    if png.has_transparency_data:
        pixels = png.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", pixels.size, "white"), pixels).convert("RGB")
    return png.convert("RGB")
