"""A file of ranges: the bytes of the whole object, each fetched at most once, with few requests."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.domain.image_file.sparse import SparseFile

OBJECT = bytes(index * 7 % 251 for index in range(5_000))


class Ranges:
    """An object that records the requested ranges."""

    def __init__(self, data: bytes = OBJECT) -> None:
        self.data = data
        self.requested: list[tuple[int, int]] = []

    def __call__(self, start: int, end: int) -> bytes:
        self.requested.append((start, end))
        return self.data[start:end]


def sparse(ranges: Ranges, *, known: bool = True, first: int = 100, more: int = 50) -> SparseFile:
    return SparseFile(ranges, len(ranges.data) if known else None, first, more)


def test_first_request_fetches_the_head_and_skipped_bytes_are_not_fetched() -> None:
    ranges = Ranges()
    file = sparse(ranges)
    file.seek(1_000)
    file.seek(0)
    assert ranges.requested == []
    assert [file.read(10), file.read(90)] == [OBJECT[:10], OBJECT[10:100]]
    assert ranges.requested == [(0, 100)]
    file.seek(2_000)
    assert file.read(4) == OBJECT[2_000:2_004]
    assert ranges.requested == [(0, 100), (2_000, 2_050)]
    assert file.fetched_bytes == 150


def test_read_across_fetched_ranges_fetches_the_gap_only() -> None:
    ranges = Ranges()
    file = sparse(ranges)
    file.read(10)
    file.seek(130)
    file.read(10)
    file.seek(50)
    assert file.read(100) == OBJECT[50:150]
    assert ranges.requested == [(0, 100), (130, 180), (100, 130)]


def test_each_further_request_fetches_twice_as_much() -> None:
    ranges = Ranges()
    file = sparse(ranges)
    for start in (0, 1_000, 2_000, 3_000):
        file.seek(start)
        file.read(1)
    assert [end - start for start, end in ranges.requested] == [100, 50, 100, 200]


@pytest.mark.parametrize(("data", "requested"), [(OBJECT, [(0, 5_000)]), (b"abc", [(0, 3)]), (b"", [])])
def test_object_is_read_to_its_end(data: bytes, requested: list[tuple[int, int]]) -> None:
    ranges = Ranges(data)
    file = sparse(ranges)
    assert file.read() == data
    assert ranges.requested == requested
    assert file.fetched_bytes == len(data)


def test_short_response_reveals_an_unknown_size() -> None:
    ranges = Ranges()
    file = sparse(ranges, known=False)
    file.seek(4_990)
    assert file.read(100) == OBJECT[4_990:]
    assert file.seek(0, io.SEEK_END) == 5_000
    assert file.read(1) == b""
    assert file.requests == 1


def test_invalid_seeks_and_sizes_are_refused() -> None:
    with pytest.raises(io.UnsupportedOperation, match="not known"):
        sparse(Ranges(), known=False).seek(0, io.SEEK_END)
    with pytest.raises(ValueError, match="starts at 0"):
        sparse(Ranges()).seek(-1)
    with pytest.raises(ValueError, match="at least 1"):
        sparse(Ranges(), first=0)


def test_file_is_readable_and_seekable() -> None:
    file = sparse(Ranges())
    assert (file.readable(), file.seekable(), file.tell()) == (True, True, 0)


@given(
    known=st.booleans(),
    first=st.integers(1, 400),
    more=st.integers(1, 400),
    reads=st.lists(st.tuples(st.integers(0, 1_100), st.integers(-1, 500)), max_size=12),
)
def test_any_reads_equal_those_of_the_whole_file_and_fetch_no_byte_twice(
    known: bool, first: int, more: int, reads: list[tuple[int, int]]
) -> None:
    data = OBJECT[:1_000]
    ranges = Ranges(data)
    file = sparse(ranges, known=known, first=first, more=more)
    whole = io.BytesIO(data)
    for start, size in reads:
        assert file.seek(start) == whole.seek(start)
        assert file.read(size) == whole.read(size)
        assert file.tell() == whole.tell()
    fetched = [byte for start, end in ranges.requested for byte in range(start, min(end, len(data)))]
    assert len(fetched) == len(set(fetched)) == file.fetched_bytes
    assert len(ranges.requested) == file.requests
