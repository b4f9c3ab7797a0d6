"""What a model gets to see of an image, against the same steps written down by themselves."""

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


def seen(data: bytes, what: Input) -> NDArray[np.uint8]:
    return np.frombuffer(pixels.input_pixels(data, what), np.uint8).reshape(what.height, what.width, 3)


def difference(one: Any, other: Any) -> float:
    return float(np.abs(np.asarray(one, np.float64) - np.asarray(other, np.float64)).mean())


@pytest.mark.parametrize("name", FILTERS)
def test_a_small_image_is_stretched_by_the_filter_of_the_manifest(name: str) -> None:
    image = gradients(90, 70)
    expected = image.resize((64, 48), FILTERS[name])
    assert difference(seen(png_of(image), wanted(filter=name)), expected) == 0


def test_a_crop_keeps_the_middle_as_torchvision_does() -> None:
    # Resize(256) and CenterCrop(224) of torchvision: of 300 × 400 the shorter side becomes 256.
    image = gradients(300, 400)
    whole = image.resize((256, round(400 * 256 / 300)), Image.Resampling.BILINEAR)
    left, top = (256 - 224) // 2, (whole.height - 224) // 2
    expected = whole.crop((left, top, left + 224, top + 224))
    found = seen(png_of(image), wanted(224, 224, resize="crop", crop_fraction=224 / 256))
    assert difference(found, expected) < 1


def test_a_pad_keeps_the_whole_image_between_bars_of_the_manifests_colour() -> None:
    found = seen(png_of(scene(100, 50)), wanted(64, 64, resize="pad", pad_color=[1, 2, 3]))
    assert found[:16].reshape(-1, 3).tolist() == [[1, 2, 3]] * (16 * 64)
    assert difference(found[16:48], scene(100, 50).resize((64, 32), Image.Resampling.BILINEAR)) == 0


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
@pytest.mark.parametrize(("width", "height"), [(3000, 2000), (2000, 3000), (4000, 300)])
def test_a_large_photo_looks_as_if_it_had_been_decoded_whole(width: int, height: int, resize: str) -> None:
    photo = jpeg_of(gradients(width, height), quality=95)
    what = wanted(224, 224, resize=resize)
    with Image.open(io.BytesIO(photo)) as image:
        expected = pixels._fitted(image.convert("RGB"), what)
    assert difference(seen(photo, what), expected) < 1.5


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_is_seen_as_it_is_displayed(orientation: int) -> None:
    upright = scene(320, 240)
    stored = upright.transpose(UPRIGHT_TO_STORED[orientation]) if orientation > 1 else upright
    photo = with_exif(jpeg_of(stored, quality=95), exif_block({ORIENTATION: short(orientation)}))
    assert difference(seen(photo, wanted()), upright.resize((64, 48), Image.Resampling.BILINEAR)) < 3


@pytest.mark.parametrize("mode", ["L", "P", "LA", "RGBA", "1"])
def test_whatever_its_mode_an_image_becomes_three_channels(mode: str) -> None:
    image = scene(80, 60).convert(mode)
    assert seen(png_of(image), wanted()).shape == (48, 64, 3)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 9000), (9000, 1), (3, 2)])
def test_images_of_any_proportions_fit(width: int, height: int) -> None:
    for resize in ("stretch", "crop", "pad"):
        assert seen(png_of(gradients(width, height)), wanted(resize=resize)).shape == (48, 64, 3)


@given(st.integers(1, 200), st.integers(1, 200), st.sampled_from(["stretch", "crop", "pad"]), st.floats(0.05, 1))
def test_one_colour_stays_one_colour(width: int, height: int, resize: str, fraction: float) -> None:
    changes = {"crop_fraction": fraction} if resize == "crop" else {"pad_color": [9, 8, 7]} if resize == "pad" else {}
    found = seen(png_of(Image.new("RGB", (width, height), (9, 8, 7))), wanted(resize=resize, **changes))
    assert found.reshape(-1, 3).tolist() == [[9, 8, 7]] * (64 * 48)


def test_an_image_larger_than_the_memory_allows_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(TooManyPixels, match=r"decoding takes \d+ MB, 1 MB are allowed; resize before upload"):
        pixels.input_pixels(png_of(gradients(900, 900)), wanted(), budget_bytes=1_000_000)


def test_a_truncated_image_is_corrupt() -> None:
    with pytest.raises(CorruptImage, match="ends before its picture does"):
        pixels.input_pixels(jpeg_of(gradients(900, 900))[:-2000], wanted())


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(NotSupportedImageType):
        pixels.input_pixels(b"2 l milk\n", wanted())


PIXELS = bytes(range(2 * 4 * 3))


def reference(what: Input) -> NDArray[np.float64]:
    """The formula of the manifest, value by value."""
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
def test_each_value_becomes_the_number_that_the_manifest_says(layout: str, channels: str) -> None:
    numbers = {"scale": 1 / 255, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
    what = wanted(4, 2, layout=layout, channels=channels, **numbers)
    image = np.empty(what.shape)
    prepare(PIXELS, what, image)
    assert image == pytest.approx(reference(what))
