"""The input of a model, compared with an independent implementation of the same steps."""

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from tests.functions.vision.domain.own_model.test_manifests import FIELDS, INPUT, parsed
from tests.pictures import (
    ORIENTATION,
    UPRIGHT_TO_STORED,
    exif_block,
    gradients,
    jpeg_of,
    png_of,
    scene,
    short,
    with_exif,
)
from vision.domain.errors import CorruptImage, NotSupportedImageType, TooManyPixels
from vision.domain.image_file import pixels
from vision.domain.image_file.model_input import Input
from vision.services.own_model.runtime import prepare

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def wanted(width: int = 64, height: int = 48, **changes: Any) -> Input:
    return parsed(FIELDS | {"input": INPUT | {"width": width, "height": height} | changes}).input


def input_of(data: bytes, what: Input) -> NDArray[np.uint8]:
    return np.frombuffer(pixels.input_pixels(data, what), np.uint8).reshape(what.height, what.width, 3)


def difference(one: Any, other: Any) -> float:
    return float(np.abs(np.asarray(one, np.float64) - np.asarray(other, np.float64)).mean())


@pytest.mark.parametrize("name", FILTERS)
def test_small_image_is_stretched_with_the_filter_of_the_manifest(name: str) -> None:
    image = gradients(90, 70)
    expected = image.resize((64, 48), FILTERS[name])
    assert difference(input_of(png_of(image), wanted(filter=name)), expected) == 0


def test_crop_keeps_the_centre_as_torchvision_does() -> None:
    # Resize(256) and CenterCrop(224) of torchvision: of 300 × 400 the shorter side becomes 256.
    image = gradients(300, 400)
    whole = image.resize((256, round(400 * 256 / 300)), Image.Resampling.BILINEAR)
    left, top = (256 - 224) // 2, (whole.height - 224) // 2
    expected = whole.crop((left, top, left + 224, top + 224))
    found = input_of(png_of(image), wanted(224, 224, resize="crop", crop_fraction=224 / 256))
    assert difference(found, expected) < 1


def test_padding_has_the_colour_of_the_manifest() -> None:
    found = input_of(png_of(scene(100, 50)), wanted(64, 64, resize="pad", pad_color=[1, 2, 3]))
    assert found[:16].reshape(-1, 3).tolist() == [[1, 2, 3]] * (16 * 64)
    assert difference(found[16:48], scene(100, 50).resize((64, 32), Image.Resampling.BILINEAR)) == 0


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
@pytest.mark.parametrize(("width", "height"), [(3000, 2000), (2000, 3000), (4000, 300)])
def test_large_photo_equals_one_that_is_decoded_at_full_size(width: int, height: int, resize: str) -> None:
    photo = jpeg_of(gradients(width, height), quality=95)
    what = wanted(224, 224, resize=resize)
    with Image.open(io.BytesIO(photo)) as image:
        expected = pixels._fitted(image.convert("RGB"), what)
    assert difference(input_of(photo, what), expected) < 1.5


@pytest.mark.parametrize("orientation", range(1, 9))
def test_input_is_upright_for_every_orientation(orientation: int) -> None:
    upright = scene(320, 240)
    stored = upright.transpose(UPRIGHT_TO_STORED[orientation]) if orientation > 1 else upright
    photo = with_exif(jpeg_of(stored, quality=95), exif_block({ORIENTATION: short(orientation)}))
    assert difference(input_of(photo, wanted()), upright.resize((64, 48), Image.Resampling.BILINEAR)) < 3


@pytest.mark.parametrize(
    "image",
    [
        *(scene(80, 60).convert(mode) for mode in ("L", "P", "LA", "RGBA", "1")),
        *(gradients(width, height) for width, height in ((1, 1), (1, 9000), (9000, 1), (3, 2))),
    ],
    ids=lambda image: f"{image.mode}-{image.size}",
)
def test_image_of_any_mode_and_proportions_has_three_channels_of_the_size(image: Image.Image) -> None:
    for resize in ("stretch", "crop", "pad"):
        assert input_of(png_of(image), wanted(resize=resize)).shape == (48, 64, 3)


@given(st.integers(1, 200), st.integers(1, 200), st.sampled_from(["stretch", "crop", "pad"]), st.floats(0.05, 1))
def test_plain_colour_is_kept_by_every_resize(width: int, height: int, resize: str, fraction: float) -> None:
    changes = {"crop_fraction": fraction} if resize == "crop" else {"pad_color": [9, 8, 7]} if resize == "pad" else {}
    found = input_of(png_of(Image.new("RGB", (width, height), (9, 8, 7))), wanted(resize=resize, **changes))
    assert found.reshape(-1, 3).tolist() == [[9, 8, 7]] * (64 * 48)


@pytest.mark.parametrize(
    ("data", "kind", "named"),
    [
        (png_of(gradients(2_000, 2_000)), TooManyPixels, r"takes \d+ MB, 9 MB are allowed; resize before upload"),
        (jpeg_of(gradients(300, 300))[:-2000], CorruptImage, "ends before its picture does"),
        (b"2 l milk\n", NotSupportedImageType, "not an image"),
    ],
    ids=["too large", "truncated", "no image"],
)
def test_unusable_image_is_refused(data: bytes, kind: type[Exception], named: str) -> None:
    with pytest.raises(kind, match=named):
        pixels.input_pixels(data, wanted(), budget_bytes=9_000_000)


PIXELS = bytes(range(2 * 4 * 3))


def reference(what: Input) -> NDArray[np.float64]:
    """Compute the formula of the manifest, value by value."""
    values = np.zeros(what.shape)
    for y in range(what.height):
        for x in range(what.width):
            for colour in range(3):
                value = PIXELS[(y * what.width + x) * 3 + colour]
                number = (value * what.scale[colour] - what.mean[colour]) / what.std[colour]
                channel = 2 - colour if what.channels == "BGR" else colour
                values[(channel, y, x) if what.layout == "NCHW" else (y, x, channel)] = number
    return values


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("channels", ["RGB", "BGR"])
def test_pixels_are_normalized_by_the_manifest(layout: str, channels: str) -> None:
    numbers = {"scale": 1 / 255, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
    what = wanted(4, 2, layout=layout, channels=channels, **numbers)
    image = np.empty(what.shape)
    prepare(PIXELS, what, image)
    assert image == pytest.approx(reference(what))
