"""Limits for an image before it is decoded: the memory and work that the product allows its own decoders.

See `vision.domain.image_file.pixels`. Rekognition documents no such limits; a developer's machine has them.
"""

import io

from local.rekognition import errors
from vision.domain.errors import TooManyPixels, VisionError
from vision.domain.image_file import jpeg, png

MAX_BYTES = 400_000_000
MAX_VALUES = 600_000_000
"""Values that a decode works through: about two seconds of CPU, whatever the memory."""


def admit(data: bytes) -> None:
    """Refuse a JPEG or PNG by the size in its header, and a JPEG by its scans.

    Raises
    ------
    RekognitionError
        ``ImageTooLargeException`` for too much memory or work, ``InvalidImageFormatException`` for a broken header.
    """
    try:
        memory_bytes, values = _png_cost(data) if data.startswith(png.SIGNATURE) else _jpeg_cost(data)
    except TooManyPixels:
        raise errors.too_costly() from None
    except VisionError:
        raise errors.invalid_image_format() from None
    if memory_bytes > MAX_BYTES or values > MAX_VALUES:
        raise errors.too_costly()


def _png_cost(data: bytes) -> tuple[int, int]:
    head = png.read_head(io.BytesIO(data))
    pixels = head.width * head.height
    has_one_channel = head.color_type in (0, 3)
    return pixels * (head.bit_depth // 8 or 1 if has_one_channel else 4), pixels * max(5, head.pixel_bits // 6)


def _jpeg_cost(data: bytes) -> tuple[int, int]:
    """Count only the coefficients: the decoder scales down the pixels while it decodes."""
    head = jpeg.read_head(io.BytesIO(data))
    return head.coefficient_bytes, head.width * head.height * jpeg.count_scans(data, head)
