"""EXIF: valid values are kept, impossible values are dropped, and no block can fail or cost much."""

import struct
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pictures import (
    DIGITIZED,
    EXIF_POINTER,
    GPS_POINTER,
    MAKE,
    MODEL,
    ORIENTATION,
    PARIS,
    TAKEN,
    TAKEN_FRACTION,
    TAKEN_OFFSET,
    Value,
    exif_block,
    gps_of,
    long,
    rational,
    short,
    text,
)
from vision.domain.image_file.exif import Exif, read_exif
from vision.domain.image_file.gps import Location

LATITUDE = rational((48, 1), (51, 1), (296, 10))
LONGITUDE = rational((2, 1), (17, 1), (402, 10))


def test_full_block_is_read() -> None:
    block = exif_block(
        {MAKE: text("Canon"), MODEL: text("Canon EOS R5"), ORIENTATION: short(6)},
        {TAKEN: text("2024:05:01 12:34:56"), TAKEN_FRACTION: text("78"), TAKEN_OFFSET: text("+02:00")},
        PARIS,
    )
    assert read_exif(block) == Exif(
        orientation=6,
        capture_time="2024-05-01T12:34:56.78+02:00",
        camera_make="Canon",
        camera_model="Canon EOS R5",
        location=Location(48.8582222, 2.2945),
    )


def test_big_endian_block_and_block_with_a_segment_signature_are_read() -> None:
    block = b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, ORIENTATION, 3, 1, 8, 0, 0)
    assert read_exif(block).orientation == 8
    assert read_exif(b"Exif\0\0" + exif_block({ORIENTATION: short(3)})).orientation == 3


@pytest.mark.parametrize(
    "block", [b"", b"II*\0", b"not tiff at all", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff"]
)
def test_malformed_block_is_empty(block: bytes) -> None:
    assert read_exif(block) == Exif()


@pytest.mark.parametrize("value", [short(0), short(9), short(65535), text("6"), rational((1, 0))])
def test_impossible_orientation_is_upright(value: Value) -> None:
    assert read_exif(exif_block({ORIENTATION: value})).orientation == 1


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"Canon\0\0\0\0", "Canon"),
        (b"Can\0on", "Canon"),
        (b"  NIKON\tCORPORATION \r\n", "NIKON CORPORATION"),
        ("Apple\u202egnp\u200b".encode(), "Applegnp"),
        ("Fujifilm 富士".encode(), "Fujifilm 富士"),
        (b"K\xf6nig", "König"),
        (b"\x1b[31mred", "[31mred"),
        (b"\0\0\0", None),
        (b"   ", None),
        (b"x" * 1_000_000, "x" * 128),
    ],
    ids=lambda text: repr(text)[:20],
)
def test_camera_name_is_printable_text_of_at_most_128_characters_or_missing(raw: bytes, expected: str | None) -> None:
    assert read_exif(exif_block({MAKE: text(raw)})).camera_make == expected


def test_camera_name_ends_with_its_block() -> None:
    assert read_exif(exif_block({MODEL: (2, 0xFFFFFFFF, b"EOS R5")})).camera_model == "EOS R5"


IMPOSSIBLE_DATES = ["0000:00:00 00:00:00", "2023:02:30 10:00:00", "2023:13:01 10:00:00", "2023:01:01 25:00:00"]


@pytest.mark.parametrize("taken", [*IMPOSSIBLE_DATES, "yesterday", "", "    :  :     :  :  "])
def test_impossible_capture_time_is_dropped_and_the_rest_is_kept(taken: str) -> None:
    exif = read_exif(exif_block({MAKE: text("Canon")}, {TAKEN: text(taken)}))
    assert (exif.capture_time, exif.camera_make) == (None, "Canon")


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({TAKEN_OFFSET: text("-08:30")}, "2024-02-29T23:59:59-08:30"),
        ({TAKEN_OFFSET: text("+99:00")}, "2024-02-29T23:59:59"),
        ({TAKEN_OFFSET: text("   :  ")}, "2024-02-29T23:59:59"),
        ({TAKEN_FRACTION: text("123   ")}, "2024-02-29T23:59:59.123"),
        ({TAKEN_FRACTION: text("12x")}, "2024-02-29T23:59:59"),
        # The time of digitizing replaces an impossible one.
        ({TAKEN: text("0000:00:00 00:00:00"), DIGITIZED: text("1999:12:31 23:59:59")}, "1999-12-31T23:59:59"),
    ],
)
def test_fraction_and_offset_of_the_capture_time_are_added_if_valid(tags: dict[int, Value], expected: str) -> None:
    assert read_exif(exif_block({}, {TAKEN: text("2024:02:29 23:59:59"), **tags})).capture_time == expected


def _location(gps: dict[int, Value]) -> Location:
    location = read_exif(exif_block({}, None, gps)).location
    assert location is not None
    return location


def test_location_has_decimal_degrees_and_degrees_minutes_and_seconds() -> None:
    paris = _location(PARIS)
    assert (paris.latitude_dms, paris.longitude_dms) == ("48° 51′ 29.6″ N", "2° 17′ 40.2″ E")
    santiago = _location(gps_of(rational((33, 1), (51, 1), (0, 1)), rational((70, 1), (39, 1), (0, 1)), "S", "W"))
    assert (santiago.latitude, santiago.longitude) == (-33.85, -70.65)
    assert santiago.latitude_dms == "33° 51′ 0.0″ S"
    # Seconds that round up carry into minutes and degrees.
    assert Location(47.9999999, 0.0).latitude_dms == "48° 0′ 0.0″ N"


@pytest.mark.parametrize(
    ("altitude", "reference", "expected"),
    [
        (rational((3515, 100)), None, 35.15),
        (rational((4300, 10)), (1, 1, b"\1"), -430.0),
        (rational((100, 1)), (1, 1, b"\0"), 100.0),
        (rational((1, 0)), None, None),
    ],
)
def test_altitude_is_in_metres_above_and_below_the_sea(altitude: Value, reference: Any, expected: float | None) -> None:
    others = {"altitude": altitude} | ({"altitude_ref": reference} if reference else {})
    assert _location(gps_of(LATITUDE, LONGITUDE, **others)).altitude_m == expected


@pytest.mark.parametrize(
    "gps",
    [
        pytest.param(gps_of(rational((48, 0), (51, 1), (0, 1)), LONGITUDE), id="zero denominator"),
        pytest.param(gps_of(rational((48, 1), (51, 1), (0, 0)), LONGITUDE), id="zero by zero"),
        pytest.param(gps_of(rational((48, 1)), LONGITUDE), id="one component"),
        pytest.param(gps_of(LATITUDE, LONGITUDE, north="X"), id="unknown reference"),
        pytest.param(gps_of(LATITUDE, LONGITUDE, north="E", east="N"), id="swapped references"),
        pytest.param({tag: value for tag, value in PARIS.items() if tag != 1}, id="missing reference"),
        pytest.param({tag: value for tag, value in PARIS.items() if tag != 4}, id="no longitude"),
        pytest.param(gps_of(rational((91, 1), (0, 1), (0, 1)), LONGITUDE), id="beyond the pole"),
        pytest.param(gps_of(LATITUDE, rational((181, 1), (0, 1), (0, 1))), id="beyond the date line"),
        pytest.param(gps_of(rational((48, 1), (75, 1), (0, 1)), LONGITUDE), id="75 minutes"),
        pytest.param(gps_of(text("48.858"), LONGITUDE), id="text"),
        pytest.param(gps_of(short(48, 51, 29), (12, 3, struct.pack("<3d", float("nan"), 0, 0))), id="not a number"),
    ],
)
def test_incomplete_or_impossible_location_is_dropped_and_the_rest_is_kept(gps: dict[int, Value]) -> None:
    exif = read_exif(exif_block({MAKE: text("Canon")}, None, gps))
    assert (exif.location, exif.camera_make) == (None, "Canon")


def test_directories_that_point_at_each_other_are_read_once() -> None:
    block = exif_block({EXIF_POINTER: long(8), GPS_POINTER: long(8), ORIENTATION: short(6)})
    assert read_exif(block).orientation == 6


def test_directory_of_65535_entries_is_read_within_a_second() -> None:
    block = b"II*\0\x08\0\0\0\xff\xff" + b"\x0f\x01\x02\0\xff\xff\xff\xff\0\0\0\0" * 65_535
    started = time.process_time()
    read_exif(block)
    assert time.process_time() - started < 1


@given(st.binary(max_size=300).map(lambda rest: b"II*\0\x08\0\0\0" + rest))
def test_any_directory_is_read_without_an_error(block: bytes) -> None:
    exif = read_exif(block)
    assert 1 <= exif.orientation <= 8


@given(at=st.integers(0, 400), byte=st.integers(0, 255))
def test_block_with_any_changed_byte_has_a_possible_location_or_none(at: int, byte: int) -> None:
    block = bytearray(exif_block({MAKE: text("Canon EOS")}, {TAKEN: text("2024:05:01 12:34:56")}, PARIS))
    block[at % len(block)] = byte
    location = read_exif(bytes(block)).location
    assert location is None or (abs(location.latitude) <= 90 and abs(location.longitude) <= 180)


@given(latitude=st.floats(-90, 90), longitude=st.floats(-180, 180))
def test_degrees_minutes_and_seconds_equal_the_decimal_degrees(latitude: float, longitude: float) -> None:
    location = Location(latitude, longitude)
    for decimal, written in ((latitude, location.latitude_dms), (longitude, location.longitude_dms)):
        degrees, minutes, seconds, hemisphere = written.replace("°", "").replace("′", "").replace("″", "").split()
        assert float(seconds) < 60
        assert int(minutes) < 60
        size = int(degrees) + int(minutes) / 60 + float(seconds) / 3600
        assert abs((-size if hemisphere in "SW" else size) - decimal) < 0.06 / 3600
