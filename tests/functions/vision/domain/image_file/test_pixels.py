"""Thumbnails: upright, in sRGB, on white, never enlarged, without metadata, from every kind of pixel."""

import io
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageCms, ImageStat

from tests.pictures import (
    BLUE,
    GREEN,
    MAKE,
    ORIENTATION,
    PARIS,
    RED,
    UPRIGHT_TO_STORED,
    WHITE,
    YELLOW,
    close_to,
    exif_block,
    gradients,
    jpeg_of,
    opened,
    png_of,
    scene,
    segment,
    short,
    text,
    thumbnail,
    with_exif,
    with_segments,
)
from vision.domain.errors import CorruptImage, NotSupportedImageType
from vision.domain.image_file import jpeg, pixels


def quarters(image: Image.Image) -> list[Any]:
    """Return the colours in the centre of the four quarters, row by row."""
    width, height = image.size
    rgb = image.convert("RGB")
    return [rgb.getpixel((width * x // 4, height * y // 4)) for y in (1, 3) for x in (1, 3)]


def shows_the_scene(data: bytes) -> bool:
    colours = (RED, GREEN, BLUE, YELLOW)
    return all(close_to(seen, colour) for seen, colour in zip(quarters(opened(data)), colours, strict=True))


def difference(left: bytes, right: bytes) -> float:
    """Return the mean absolute difference of two pictures, 0 to 255."""
    spread = ImageChops.difference(opened(left).convert("RGB"), opened(right).convert("RGB"))
    return max(ImageStat.Stat(spread).mean)


@pytest.mark.parametrize("stored", [jpeg_of(scene(800, 600)), png_of(scene(800, 600))], ids=["JPEG", "PNG"])
def test_thumbnail_is_a_jpeg_that_fits_the_box(stored: bytes) -> None:
    small = thumbnail(stored, 100)
    picture = opened(small.data)
    assert (picture.format, picture.size, small.content_type) == ("JPEG", (100, 75), "image/jpeg")
    assert (small.width, small.height) == picture.size
    assert shows_the_scene(small.data)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        *((size, size) for size in ((100, 80), (250, 250), (1, 1), (7, 250))),
        ((10_000, 1), (250, 1)),
        ((1, 10_000), (1, 250)),
        ((5_000, 20), (250, 1)),
        ((251, 249), (250, 248)),
    ],
)
@pytest.mark.parametrize("encode", [jpeg_of, png_of])
def test_small_image_is_not_enlarged_and_narrow_image_keeps_one_pixel(
    size: tuple[int, int], expected: tuple[int, int], encode: Any
) -> None:
    small = thumbnail(encode(scene(*size)))
    assert (small.width, small.height) == expected


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("progressive", [False, True], ids=["baseline", "progressive"])
def test_every_orientation_is_rotated_upright(orientation: int, progressive: bool) -> None:
    upright = scene(2_400, 1_600)
    stored = upright.transpose(UPRIGHT_TO_STORED[orientation]) if orientation > 1 else upright
    data = jpeg_of(stored, progressive=progressive, subsampling=0)
    small = thumbnail(with_exif(data, exif_block({ORIENTATION: short(orientation)})), 120)
    assert (small.width, small.height) == (120, 80)
    assert shows_the_scene(small.data)
    assert difference(small.data, thumbnail(jpeg_of(upright, subsampling=0), 120).data) < 2


def test_thumbnail_has_no_metadata_of_a_jpeg() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo = jpeg_of(scene(), comment=b"call me at home", icc_profile=profile, dpi=(300, 300))
    photo = with_exif(photo, exif_block({MAKE: text("SECRET-CAMERA")}, None, PARIS))
    photo = with_segments(photo, segment(0xED, b"Photoshop 3.0\0 SECRET-CAPTION"), segment(0xFE, b"SECRET-COMMENT"))
    data = thumbnail(photo).data
    assert opened(data).info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert not any(secret in data for secret in (b"SECRET", b"call me", b"Exif", b"ICC_PROFILE"))


def test_thumbnail_has_no_metadata_of_a_png() -> None:
    from PIL.PngImagePlugin import PngInfo

    notes = PngInfo()
    notes.add_text("Comment", "SECRET")
    data = thumbnail(png_of(scene(), pnginfo=notes, exif=exif_block({MAKE: text("SECRET")}))).data
    assert b"SECRET" not in data
    assert b"Exif" not in data


def test_thumbnail_is_deterministic() -> None:
    photo = jpeg_of(gradients(1_000, 800), progressive=True)
    assert thumbnail(photo) == thumbnail(photo)


def transparent(mode: str) -> Image.Image:
    """The left half red or grey, the right half transparent."""
    image = Image.new("RGBA", (400, 300), (0, 0, 0, 0))
    image.paste((*RED, 255), (0, 0, 200, 300))
    return image.convert(mode)


def palette_with_transparency() -> bytes:
    image = Image.new("P", (400, 300), 1)
    image.putpalette([*RED, *BLUE])
    image.paste(0, (0, 0, 200, 300))
    return png_of(image, transparency=1)


@pytest.mark.parametrize(
    ("data", "left"),
    [
        (png_of(transparent("RGBA")), RED),
        (png_of(transparent("LA")), (87, 87, 87)),
        (palette_with_transparency(), RED),
        (png_of(scene(400, 300).convert("RGB"), transparency=GREEN), RED),
    ],
    ids=["RGBA", "LA", "P", "RGB with a transparent colour"],
)
def test_transparency_becomes_white(data: bytes, left: tuple[int, int, int]) -> None:
    top_left, top_right, *_ = quarters(opened(thumbnail(data, 100).data))
    assert close_to(top_left, left)
    assert close_to(top_right, WHITE)


def test_half_transparent_colour_is_mixed_with_white() -> None:
    data = png_of(Image.new("RGBA", (2_000, 1_500), (200, 0, 0, 128)))
    assert close_to(quarters(opened(thumbnail(data).data))[0], (227, 127, 127), 4)


def test_16_bit_grey_png_keeps_its_greys() -> None:
    row = struct.pack("<400H", *[0x4000] * 200, *[0xC000] * 200)
    image = Image.frombytes("I;16", (400, 300), row * 300)
    left, right, *_ = quarters(opened(thumbnail(png_of(image)).data))
    assert close_to(left, (64, 64, 64), 3)
    assert close_to(right, (192, 192, 192), 3)


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_black_and_white_png_of_any_mode_keeps_its_look(mode: str) -> None:
    image = scene(800, 600).convert("L").point(lambda grey: 255 * (grey > 90)).convert(mode)
    expected = [close_to(colour, WHITE) for colour in quarters(image)]
    seen = [close_to(colour, WHITE) for colour in quarters(opened(thumbnail(png_of(image), 100).data))]
    assert seen == expected
    assert any(seen)
    assert not all(seen)


def test_grey_and_cmyk_jpegs_become_rgb() -> None:
    grey, cmyk = (opened(thumbnail(jpeg_of(scene(1_000, 800).convert(mode))).data) for mode in ("L", "CMYK"))
    assert close_to(quarters(grey)[1], (120, 120, 120))
    assert cmyk.mode == "RGB"
    assert close_to(quarters(cmyk)[3], YELLOW)


def test_first_frame_of_an_animation_is_used() -> None:
    frames = [Image.new("RGB", (300, 200), colour) for colour in (RED, GREEN, BLUE)]
    data = png_of(frames[0], save_all=True, append_images=frames[1:], duration=100)
    assert close_to(quarters(opened(thumbnail(data).data))[0], RED)


def swapped_profile() -> bytes:
    """A profile with red and blue primaries exchanged: converted to sRGB, red becomes blue."""
    raw = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = {bytes(raw[at : at + 4]): at for at in range(132, 132 + 12 * int.from_bytes(raw[128:132]), 12)}
    red, blue = tags[b"rXYZ"], tags[b"bXYZ"]
    raw[red : red + 4], raw[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(raw)


@pytest.mark.parametrize("mode", ["JPEG", "PNG", "palette"])
def test_colours_are_converted_by_the_profile(mode: str) -> None:
    image = Image.new("RGB", (600, 400), RED)
    image = image.quantize(8) if mode == "palette" else image
    data = (jpeg_of if mode == "JPEG" else png_of)(image, icc_profile=swapped_profile())
    assert close_to(quarters(opened(thumbnail(data).data))[0], RED[::-1])


@pytest.mark.parametrize(
    "profile", [b"nonsense", bytes(200), ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()]
)
def test_unusable_profile_is_ignored(profile: bytes) -> None:
    assert shows_the_scene(thumbnail(jpeg_of(scene(), icc_profile=profile)).data)


def described(profile: bytes, number: int) -> bytes:
    """Return the profile with another creator, so that its bytes differ and its colours do not."""
    return profile[:80] + number.to_bytes(4) + profile[84:]


@pytest.fixture
def transforms() -> Iterator[Any]:
    """The transforms that are kept, none at first."""
    pixels._kept_transform.cache_clear()
    yield pixels._kept_transform
    pixels._kept_transform.cache_clear()


def test_transform_of_a_profile_is_built_once_for_each_mode(transforms: Any) -> None:
    grey = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for _ in range(3):
        thumbnail(jpeg_of(gradients(300, 200), icc_profile=swapped_profile()))
        thumbnail(jpeg_of(gradients(300, 200).convert("CMYK"), icc_profile=swapped_profile()))
        thumbnail(jpeg_of(gradients(300, 200), icc_profile=grey))
    # The profile of RGB does not fit CMYK: it is refused each time.
    assert transforms.cache_info().currsize == 2
    assert transforms.cache_info().hits == 4


def test_kept_transform_gives_the_same_thumbnail(transforms: Any) -> None:
    photo = jpeg_of(gradients(600, 400), icc_profile=swapped_profile())
    assert len({thumbnail(photo).data for _ in range(3)}) == 1
    assert transforms.cache_info().hits == 2


def test_threads_share_a_transform(transforms: Any) -> None:
    photos = [jpeg_of(gradients(600, 400 + 8 * n), icc_profile=swapped_profile()) for n in range(4)]
    alone = [thumbnail(photo).data for photo in photos]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda photo: thumbnail(photo).data, photos * 20))
    assert together == alone * 20
    assert transforms.cache_info().currsize == 1


def test_few_transforms_are_kept(transforms: Any) -> None:
    for number in range(40):
        thumbnail(jpeg_of(scene(40, 30), icc_profile=described(swapped_profile(), number)))
    assert transforms.cache_info().currsize == 8


def test_transform_of_a_large_profile_is_not_kept(transforms: Any) -> None:
    large = swapped_profile() + bytes(65_536)
    large = len(large).to_bytes(4) + large[4:]
    image = Image.new("RGB", (600, 400), RED)
    assert close_to(quarters(opened(thumbnail(jpeg_of(image, icc_profile=large)).data))[0], RED[::-1])
    assert transforms.cache_info().currsize == 0


def test_photo_decoded_at_an_eighth_looks_like_one_resized_at_full_size() -> None:
    photo = gradients(3_200, 2_400)
    whole = jpeg_of(photo.resize((250, 188), Image.Resampling.LANCZOS), quality=95)
    assert difference(thumbnail(jpeg_of(photo)).data, whole) < 3


def test_progressive_photo_looks_like_the_baseline_photo() -> None:
    photo = gradients(3_200, 2_400)
    baseline, progressive = (thumbnail(jpeg_of(photo, progressive=flag)).data for flag in (False, True))
    assert difference(baseline, progressive) < 1.5


def test_progressive_photo_decodes_an_eighth_of_its_bytes() -> None:
    photo = jpeg_of(Image.effect_noise((2_400, 1_800), 60).convert("RGB"), progressive=True)
    means = b"".join(jpeg.dc_picture(photo, jpeg.read_head(io.BytesIO(photo))))
    assert len(means) < len(photo) / 8


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("RGB", {}),
        ("RGB", {"subsampling": 0}),
        ("RGB", {"subsampling": 1, "restart_marker_blocks": 5}),
        ("L", {}),
        ("CMYK", {}),
    ],
)
def test_first_scan_alone_decodes_to_the_same_pixels_as_the_whole_file(mode: str, options: dict[str, Any]) -> None:
    photo = jpeg_of(gradients(1_601, 1_203).convert(mode), progressive=True, **options)
    means = b"".join(jpeg.dc_picture(photo, jpeg.read_head(io.BytesIO(photo))))
    eighths = []
    for data in (photo, means):
        picture = Image.open(io.BytesIO(data))
        picture.draft("L" if mode == "RGB" else None, (200, 150))
        picture.load()
        eighths.append(picture)
    assert eighths[0].size == (201, 151)
    assert eighths[0].tobytes() == eighths[1].tobytes()


@settings(max_examples=80, deadline=None)
@given(
    width=st.integers(1, 1_200),
    height=st.integers(1, 1_200),
    box=st.integers(1, 1_300),
    options=st.sampled_from(({"format": "PNG"}, {"format": "JPEG"}, {"format": "JPEG", "progressive": True})),
)
def test_any_image_fits_any_box_and_keeps_its_proportions(
    width: int, height: int, box: int, options: dict[str, Any]
) -> None:
    stored = io.BytesIO()
    Image.new("RGB", (width, height), RED).save(stored, **options)
    small = thumbnail(stored.getvalue(), box)
    assert max(small.width, small.height) == min(box, max(width, height))
    shrink = max(1, width / box, height / box)
    assert abs(small.width - width / shrink) <= 1
    assert abs(small.height - height / shrink) <= 1
    assert opened(small.data).size == (small.width, small.height)


def test_decoder_gets_the_picture_without_other_segments() -> None:
    xmp, comment = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>"), segment(0xFE, b"comment")
    captions = [segment(0xED, b"Photoshop 3.0\0" + b"8BIM" * 16_000)] * 60
    photo = with_exif(with_segments(jpeg_of(scene()), xmp, comment, *captions), exif_block({MAKE: text("Canon")}))
    pieces = jpeg.picture(photo, jpeg.read_head(io.BytesIO(photo)))
    assert len(photo) > 3_000_000
    assert b"".join(pieces) == jpeg_of(scene())
    assert shows_the_scene(thumbnail(photo).data)


def test_photo_stored_as_rgb_is_recognised_by_its_adobe_segment() -> None:
    photo = bytearray(jpeg_of(scene(), keep_rgb=True))
    frame, scan = photo.index(b"\xff\xc0"), photo.index(b"\xff\xda")
    for number in range(3):
        # The usual numbers, so that the component ids are not R, G and B.
        photo[frame + 10 + 3 * number] = photo[scan + 5 + 2 * number] = number + 1
    assert shows_the_scene(thumbnail(bytes(photo)).data)


def test_cmyk_photo_with_a_large_head_keeps_its_colours() -> None:
    photo = jpeg_of(Image.new("CMYK", (600, 400), (0, 255, 255, 0)))
    photo = with_segments(photo, *[segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(60_000))] * 10)
    assert close_to(quarters(opened(thumbnail(photo).data))[0], (255, 0, 0), 30)


def test_script_after_the_photo_is_not_in_the_thumbnail() -> None:
    small = thumbnail(jpeg_of(scene()) + b"<script>alert(1)</script>")
    assert b"script" not in small.data
    assert shows_the_scene(small.data)


@pytest.mark.parametrize(
    ("data", "kind", "named"),
    [
        (b"dear diary, this is a long text in a file named photo.jpg", NotSupportedImageType, "not an image"),
        (b"", CorruptImage, "0 bytes"),
    ],
)
def test_text_and_empty_file_are_refused(data: bytes, kind: type[Exception], named: str) -> None:
    with pytest.raises(kind, match=named):
        thumbnail(data)
