"""P7: the bytes and requests of reading metadata. These are counts, the same in every run."""

import io
import json
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image, UnidentifiedImageError

from benchmarks.goals import Result, Table, at_least, at_most
from benchmarks.peers import Peers, Worker, running
from benchmarks.photos import MADE, PHOTOS, real_photos, resized

MIN_FILE_BYTES = 300_000
_SIZES = ((1600, 1200), (3264, 2448), (5184, 3456))
"""2, 8 and 18 megapixels."""


@dataclass(frozen=True)
class Read:
    """The result for one file.

    Attributes
    ----------
    name
        Name of the file.
    size_bytes
        Size of the file.
    fetched_bytes, requests
        Bytes and requests of the sparse read.
    equal
        Whether the values equal those of a whole parse by Pillow.
    """

    name: str
    size_bytes: int
    fetched_bytes: int
    requests: int
    equal: bool


def table(peers: Peers) -> Table:
    """Read the metadata of every photo above 300 KB through ranged requests."""
    with running({"ours": peers.commands["ours"]}) as workers:
        paths = [path for path in photo_set() if path.stat().st_size > MIN_FILE_BYTES]
        reads = [read_sparsely(workers["ours"], path) for path in paths]
    total, fetched = sum(read.size_bytes for read in reads), sum(read.fetched_bytes for read in reads)
    each_saved = sum(1 - read.fetched_bytes / read.size_bytes for read in reads) / len(reads)
    requests = sum(read.requests for read in reads) / len(reads)
    wrong = [read.name for read in reads if not read.equal]
    case = f"{len(reads)} photos above 300 KB"
    rows = [
        at_least("P7", f"{case}, bytes not fetched, of all", 100 * (1 - fetched / total), 90, "%"),
        Result("", f"{case}, bytes not fetched, mean of the files", "no goal", f"{100 * each_saved:.4g} %", ""),
        at_most("P7", f"{case}, requests on average", requests, 1.6, ""),
        at_most("P7", f"{case}, files whose values differ from a whole parse", len(wrong), 0, "files"),
    ]
    published = sum(path.stat().st_size > MIN_FILE_BYTES for path in real_photos())
    details = [
        f"- Of these {published} are as published; the others carry the EXIF blocks of the published ones on their "
        f"pixels at 2, 8 and 18 megapixels, or none. Fetched {fetched / len(reads) / 1e3:.0f} KB of "
        f"{total / len(reads) / 1e3:,.0f} KB on average, at most {max(read.requests for read in reads)} requests."
    ]
    details += [f"- Values differ: {name}." for name in wrong]
    return Table("P7 · metadata through ranged requests", rows, details)


def read_sparsely(worker: Worker, path: Path) -> Read:
    """Read one file, count, and compare."""
    data = path.read_bytes()
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        worker.ask("metadata", path=path, output=file.name)
        answer = json.loads(Path(file.name).read_bytes())
    equal = _comparable(answer["metadata"]) == whole_parse(data)
    return Read(path.name, len(data), answer["fetched_bytes"], answer["requests"], equal)


def whole_parse(data: bytes) -> dict[str, Any]:
    """Read the whole file with Pillow."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = Image.open(io.BytesIO(data))
        exif = image.getexif()
        details, place = exif.get_ifd(ExifTags.IFD.Exif), exif.get_ifd(ExifTags.IFD.GPSInfo)
    turned = exif.get(ExifTags.Base.Orientation, 1) >= 5
    return {
        # Pillow uses a different format name for a JPEG that is followed by a preview.
        "format": "JPEG" if image.format == "MPO" else image.format,
        "sides": (image.height, image.width) if turned else image.size,
        "progressive": bool(image.info.get("progressive")),
        "orientation": exif.get(ExifTags.Base.Orientation, 1),
        "camera_make": _text(exif.get(ExifTags.Base.Make)),
        "camera_model": _text(exif.get(ExifTags.Base.Model)),
        "capture_time": _text(details.get(ExifTags.Base.DateTimeOriginal)),
        "place": (
            _degrees(place.get(ExifTags.GPS.GPSLatitude), place.get(ExifTags.GPS.GPSLatitudeRef)),
            _degrees(place.get(ExifTags.GPS.GPSLongitude), place.get(ExifTags.GPS.GPSLongitudeRef)),
        ),
    }


def photo_set() -> Iterator[Path]:
    """Yield published photos, the photos of the other goals, and photos of many sizes with published EXIF blocks."""
    yield from real_photos()
    yield from (photo.path for photo in MADE)
    folder = PHOTOS / "with-exif"
    folder.mkdir(parents=True, exist_ok=True)
    for donor in real_photos():
        exif = _exif_block(donor)
        for width, height in _SIZES:
            path = folder / f"{donor.stem}-{width}x{height}.{'jpg' if exif else 'png'}"
            if not path.is_file() and exif:
                progressive = width == _SIZES[1][0]
                resized(donor, width, height).save(path, "JPEG", quality=92, progressive=progressive, exif=exif)
            if path.is_file():
                yield path
        path = folder / f"{donor.stem}-exif.png"
        if exif and not path.is_file():
            resized(donor, *_SIZES[0]).save(path, "PNG", exif=exif)
        if exif:
            yield path


def _exif_block(path: Path) -> bytes:
    try:
        with Image.open(path) as image:
            return bytes(image.info.get("exif", b"")) if image.format == "JPEG" else b""
    except UnidentifiedImageError:
        return b""


def _comparable(metadata: dict[str, Any]) -> dict[str, Any]:
    place = metadata["location"] or {"latitude": None, "longitude": None}
    taken = metadata["capture_time"]
    same = ("format", "progressive", "orientation", "camera_make", "camera_model")
    return {name: metadata[name] for name in same} | {
        "sides": (metadata["width"], metadata["height"]),
        "capture_time": taken and taken[:19].replace("-", ":").replace("T", " "),
        "place": tuple(degrees and round(degrees, 5) for degrees in (place["latitude"], place["longitude"])),
    }


def _text(value: object) -> str | None:
    return (str(value).strip("\0 ") or None) if value is not None else None


def _degrees(parts: Any, hemisphere: Any) -> float | None:
    if not parts:
        return None
    degrees, minutes, seconds = (float(part) for part in parts)
    return round((degrees + minutes / 60 + seconds / 3600) * (-1 if hemisphere in ("S", "W") else 1), 5)
