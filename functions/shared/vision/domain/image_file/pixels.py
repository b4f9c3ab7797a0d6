"""Thumbnails and model input pixels. This is the only module that imports Pillow.

An image is decoded only as large as necessary, and refused if the decode would cost too much.
"""

import io
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageCms, UnidentifiedImageError

from vision.domain.errors import CorruptImage, TooManyPixels, VisionError
from vision.domain.image_file import jpeg, png
from vision.domain.image_file.formats import FormatName
from vision.domain.image_file.metadata import Metadata, read_metadata
from vision.domain.image_file.model_input import Input
from vision.domain.image_file.pieces import open_pieces

DECODE_BUDGET_BYTES = 400_000_000
QUALITY = 80

_MAX_VALUES = 600_000_000
"""The maximum number of values to decode, independent of memory: about two seconds of CPU."""
_SMALLER = "resize before upload, or save as baseline JPEG"
_WORKING_BYTES = 4_000_000
_RESERVE = 1.5
"""A JPEG is decoded to this many times the thumbnail's sides, because its decoder shrinks with a mere box filter."""
_RESERVE_BOX = 512
"""For a larger box, a reserve of megapixels costs more to resize than to decode, and the sharper filter makes up for
the missing reserve."""
_JPEG_REDUCING_GAP = 1.5
_PNG_REDUCING_GAP = 3.0
"""A box filter shrinks the image to this many times the thumbnail's sides before the final resize."""
_STRIP_ROWS = 128
_INPUT_RESERVE = 2
"""An image for a model is decoded to this many times the sides of the input, and then resized as the manifest says."""
_KEPT_TRANSFORMS = 8
_KEPT_PROFILE_BYTES = 65_536
"""Profiles of cameras and phones have 0.5 to 4 KB. A transform from a larger profile is used once and not kept, which
bounds the memory of the kept ones to some megabytes, whatever is uploaded."""
_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

Image.MAX_IMAGE_PIXELS = None  # counts pixels of a full decode that never happens; _admit checks the real one


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small, upright sRGB JPEG without metadata.

    Attributes
    ----------
    data
        Content of the file.
    width, height
        Pixels as displayed.
    content_type
        Value for the object's ``Content-Type``.
    """

    data: bytes
    width: int
    height: int
    content_type: str = "image/jpeg"


def thumbnail(data: bytes, box: int, budget_bytes: int = DECODE_BUDGET_BYTES) -> Thumbnail:
    """Make a thumbnail that fits into a square.

    The same bytes always give the same thumbnail. A smaller image is not enlarged. Transparency becomes white, an
    animation becomes its first frame, and a colour profile is converted to sRGB.

    Parameters
    ----------
    data
        A whole JPEG or PNG.
    box
        Longest side of the result in pixels.
    budget_bytes
        Memory that the decode may take on top of ``data``.

    Raises
    ------
    NotSupportedImageType
        The content is neither JPEG nor PNG.
    CorruptImage
        The image cannot be decoded to its end.
    TooManyPixels
        Decoding would take more memory or time than is allowed.
    """
    with _readable_errors(len(data)):
        upright = _upright(data, read_metadata(io.BytesIO(data), len(data)), box, budget_bytes)
        encoded = io.BytesIO()
        upright.save(encoded, "JPEG", quality=QUALITY)
        return Thumbnail(encoded.getvalue(), upright.width, upright.height)


def input_pixels(data: bytes, wanted: Input, budget_bytes: int = DECODE_BUDGET_BYTES) -> bytes:
    """Convert an image to the input pixels of a model: upright, in sRGB, resized as its manifest says.

    Parameters
    ----------
    data
        A whole JPEG or PNG.
    wanted
        Sides, resize method and filter.
    budget_bytes
        Memory that the decode may take on top of ``data``.

    Returns
    -------
    bytes
        ``height`` rows of ``width`` pixels, each red, green and blue from 0 to 255.

    Raises
    ------
    NotSupportedImageType, CorruptImage, TooManyPixels
        As for :func:`thumbnail`.
    """
    with _readable_errors(len(data)):
        metadata = read_metadata(io.BytesIO(data), len(data))
        across, down = _kept((metadata.width, metadata.height), wanted)
        scale = max(_INPUT_RESERVE * wanted.width / across, _INPUT_RESERVE * wanted.height / down)
        box = math.ceil(max(metadata.width, metadata.height) * min(1.0, scale))
        return _fitted(_upright(data, metadata, box, budget_bytes).convert("RGB"), wanted).tobytes()


def _fitted(image: Image.Image, wanted: Input) -> Image.Image:
    """Return the image with exactly the sides of the model input."""
    across, down = _kept(image.size, wanted)
    resampling = _FILTERS[wanted.filter]
    if wanted.resize == "pad":
        ratio = min(wanted.width / image.width, wanted.height / image.height)
        size = max(1, round(image.width * ratio)), max(1, round(image.height * ratio))
        canvas = Image.new("RGB", (wanted.width, wanted.height), wanted.pad_color)
        canvas.paste(image.resize(size, resampling), ((wanted.width - size[0]) // 2, (wanted.height - size[1]) // 2))
        return canvas
    left, top = (image.width - across) / 2, (image.height - down) / 2
    return image.resize((wanted.width, wanted.height), resampling, box=(left, top, left + across, top + down))


def _kept(size: tuple[int, int], wanted: Input) -> tuple[float, float]:
    """Return the width and height of the middle part of an image that the model input keeps."""
    width, height = size
    if wanted.resize != "crop":
        return width, height
    ratio = min(width / wanted.width, height / wanted.height) * wanted.crop_fraction
    return wanted.width * ratio, wanted.height * ratio


def _upright(data: bytes, metadata: Metadata, box: int, budget_bytes: int) -> Image.Image:
    """Decode an image to fit into a square, in sRGB or grey, oriented as displayed."""
    upright = _in_srgb(_DECODERS[metadata.format](data, box, budget_bytes))
    if metadata.orientation in _UPRIGHT:
        upright = upright.transpose(_UPRIGHT[metadata.orientation])
    return upright


@contextmanager
def _readable_errors(size_bytes: int) -> Iterator[None]:
    """Turn any exception of a decoder into an error with a name that the workflow knows."""
    try:
        yield
    except VisionError:
        raise
    except MemoryError as error:
        raise TooManyPixels("the memory of the function did not last; resize before upload") from error
    except UnidentifiedImageError as error:  # its message contains a Python object
        raise CorruptImage(f"the header of the image of {size_bytes:,} bytes is damaged; upload it again") from error
    except Exception as error:
        truncated = "truncated" in str(error)  # Pillow's message for data that ends before the pixels do
        reason = "ends before its picture does" if truncated else f"cannot be decoded ({error or type(error).__name__})"
        raise CorruptImage(f"the image of {size_bytes:,} bytes {reason}; upload it again") from error


def _fit(width: int, height: int, box: int) -> tuple[int, int]:
    ratio = min(box / width, box / height, 1)
    return max(1, round(width * ratio)), max(1, round(height * ratio))


def _admit(memory_bytes: int, values: int, budget_bytes: int) -> None:
    """Refuse a decode that would take too much memory or, estimated from the number of values, too much time."""
    if memory_bytes > budget_bytes:
        raise TooManyPixels(
            f"decoding takes {-(-memory_bytes // 1_000_000):,} MB, {budget_bytes / 1e6:,.0f} MB are allowed; {_SMALLER}"
        )
    if values > _MAX_VALUES:
        raise TooManyPixels(
            f"decoding works through {values / 1e6:,.0f} million values, {_MAX_VALUES / 1e6:,.0f} million are allowed; "
            f"{_SMALLER}"
        )


def _shrink_jpeg(data: bytes, box: int, budget_bytes: int) -> Image.Image:
    """Decode at the smallest scale of the decoder that leaves enough pixels to resize."""
    head = jpeg.read_head(io.BytesIO(data))
    target = _fit(head.width, head.height, box)
    reserve = _RESERVE if box <= _RESERVE_BOX else 1
    spare = min(head.width / target[0], head.height / target[1]) / reserve
    scale = next((scale for scale in (8, 4, 2) if scale <= spare), 1)
    decoded = -(-head.width // scale), -(-head.height // scale)

    scans = jpeg.count_scans(data, head)
    if head.progressive and not head.arithmetic and scale == 8:
        pieces = jpeg.dc_picture(data, head)
        scans = 1
    else:
        pieces = jpeg.picture(data, head)
    memory_bytes = decoded[0] * decoded[1] * 4 + head.coefficient_bytes + _WORKING_BYTES
    _admit(memory_bytes, head.width * head.height * scans, budget_bytes)

    image = Image.open(open_pieces(pieces), formats=("JPEG",))
    draft = image.draft(None, (head.width // scale, head.height // scale))
    exact = draft[1] if draft else (0, 0, *image.size)
    return _resize(image, target, exact, _JPEG_REDUCING_GAP)


def _shrink_png(data: bytes, box: int, budget_bytes: int) -> Image.Image:
    """Decode the whole image, since PNG has no scales, and convert the odd modes to RGB strip by strip."""
    head = png.read_head(io.BytesIO(data))
    target = _fit(head.width, head.height, box)
    pixels = head.width * head.height
    values = pixels * max(5, head.pixel_bits // 6)  # measured: odd modes take time to shrink, deep modes to inflate
    _admit(pixels * _png_pixel_bytes(head) + _WORKING_BYTES, values, budget_bytes)

    image: Image.Image = Image.open(open_pieces(png.picture(data)), formats=("PNG",))
    image.load()
    if image.mode in ("L", "RGB") and "transparency" not in image.info:
        return _resize(image, target, (0, 0, *image.size), _PNG_REDUCING_GAP)
    factor = tuple(
        max(1, int(side / small / _PNG_REDUCING_GAP)) for side, small in zip(image.size, target, strict=True)
    )
    exact = 0, 0, image.width / factor[0], image.height / factor[1]
    return _resize(_reduced(image, factor), target, exact, _PNG_REDUCING_GAP)


# Each decodes an image of one format to fit into a square, within a budget of memory.
_DECODERS: dict[FormatName, Callable[[bytes, int, int], Image.Image]] = {"JPEG": _shrink_jpeg, "PNG": _shrink_png}


def _resize(
    image: Image.Image, target: tuple[int, int], exact: tuple[float, float, float, float], reducing_gap: float
) -> Image.Image:
    """Resize the exact part of an image that was decoded or reduced to whole pixels.

    Bicubic takes two thirds of the time of Lanczos and is 0.15 dB worse, unless there is little to shrink.
    """
    much = exact[2] >= _RESERVE * target[0]
    resampling = Image.Resampling.BICUBIC if much else Image.Resampling.LANCZOS
    return image.resize(target, resampling, box=exact, reducing_gap=reducing_gap)


def _png_pixel_bytes(head: png.PngHead) -> int:
    """Return the bytes per pixel in Pillow: one for grey and palette, two for 16-bit grey, otherwise four."""
    if head.color_type in (0, 3):
        return 2 if head.bit_depth == 16 else 1
    return 4


def _reduced(image: Image.Image, factor: tuple[int, ...]) -> Image.Image:
    """Return an image as opaque RGB, shrunk by whole factors; convert only one strip at a time."""
    across, down = factor
    reduced = Image.new("RGB", (-(-image.width // across), -(-image.height // down)))
    rows = down * max(1, _STRIP_ROWS // down)
    for top in range(0, image.height, rows):
        strip = _opaque(image.crop((0, top, image.width, min(top + rows, image.height))))
        reduced.paste(strip.reduce((across, down)), (0, top // down))
    reduced.info = image.info
    return reduced


def _opaque(image: Image.Image) -> Image.Image:
    """Return an image as RGB on white."""
    if image.mode == "I;16":
        # Pillow's conversion clips 16-bit grey at 255. Use the high bytes instead.
        return Image.frombytes("L", image.size, image.tobytes()[1::2]).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        canvas = Image.new("RGB", image.size, "white")
        canvas.paste(layer, mask=layer.getchannel("A"))
        return canvas
    return image.convert("RGB")


def _in_srgb(image: Image.Image) -> Image.Image:
    """Convert a wide-gamut or CMYK photo with its profile; ignore a profile that does not fit the pixels."""
    profile = image.info.get("icc_profile")
    if profile:
        transform = _kept_transform if len(profile) <= _KEPT_PROFILE_BYTES else _transform
        try:
            return transform(profile, image.mode).apply(image)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform:
    """Return the transform from a profile to sRGB."""
    source = ImageCms.getOpenProfile(io.BytesIO(profile))
    return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")


# To build a transform takes four times as long as to convert a thumbnail, and most photos come from few devices.
# Threads share it: LittleCMS copies what changes while it converts.
_kept_transform = lru_cache(maxsize=_KEPT_TRANSFORMS)(_transform)
