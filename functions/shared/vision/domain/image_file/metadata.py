"""What a photo says about itself, read from its head alone: no pixel is decoded and no library needed.

:mod:`vision.domain.image_file.pixels` offers the same names to those who have Pillow; a function that only reads
metadata imports them from here and goes without the imaging layer.
"""

from dataclasses import dataclass
from typing import Literal

from vision.domain.errors import CorruptImage, NotSupportedImageType
from vision.domain.image_file import jpeg, png
from vision.domain.image_file.exif import read_exif
from vision.domain.image_file.gps import Location
from vision.domain.image_file.sparse import ByteSource

ImageFormat = Literal["JPEG", "PNG"]

_SIGNATURE_BYTES = 16
_OTHER_TYPES = {
    "GIF": (0, b"GIF8"),
    "WebP": (8, b"WEBP"),
    "TIFF": (0, b"II*\0"),
    "TIFF (big-endian)": (0, b"MM\0*"),
    "BMP": (0, b"BM"),
    "HEIC, AVIF or video": (4, b"ftyp"),
    "PDF": (0, b"%PDF"),
    "ZIP": (0, b"PK\3\4"),
    "HTML or XML": (0, b"<"),
}


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the record holds of a photo.

    Attributes
    ----------
    format
        By content, whatever the name says.
    width, height
        Pixels as displayed, orientation applied.
    orientation
        EXIF orientation of the stored pixels, 1 to 8.
    progressive
        True for a progressive JPEG.
    capture_time
        ISO 8601, such as ``2024-05-01T12:34:56.78+02:00``. Without an offset it is the camera's local time.
    camera_make, camera_model
        At most 128 printable characters.
    location
        Where the photo was taken.
    """

    format: ImageFormat
    width: int
    height: int
    orientation: int = 1
    progressive: bool = False
    capture_time: str | None = None
    camera_make: str | None = None
    camera_model: str | None = None
    location: Location | None = None

    def as_dict(self) -> dict[str, object]:
        """Return the attributes of the image record, ready for JSON; what is not known is left out."""
        record: dict[str, object] = {"format": self.format, "width": self.width, "height": self.height}
        if self.orientation != 1:
            record["orientation"] = self.orientation
        for name in ("capture_time", "camera_make", "camera_model"):
            value = getattr(self, name)
            if value is not None:
                record[name] = value
        if self.location is not None:
            record["location"] = self.location.as_dict()
        return record


def sniff(head: bytes) -> ImageFormat:
    """Return the format of a file that starts with ``head``, at least 16 bytes of it where there are as many.

    Raises
    ------
    CorruptImage
        The file is empty, or ends within the signature of a JPEG or PNG.
    NotSupportedImageType
        It is something else.
    """
    if head.startswith(jpeg.SIGNATURE):
        return "JPEG"
    if head.startswith(png.SIGNATURE):
        return "PNG"
    if jpeg.SIGNATURE.startswith(head) or png.SIGNATURE.startswith(head):
        raise CorruptImage(f"the file ends after {len(head)} bytes; upload it again")
    found = next((name for name, (at, mark) in _OTHER_TYPES.items() if head.startswith(mark, at)), "not an image")
    raise NotSupportedImageType(f"the content is {found}, only JPEG and PNG are looked at; convert it before upload")


def read_metadata(source: ByteSource, size_bytes: int) -> Metadata:
    """Read the head of an image; a :class:`~vision.domain.image_file.sparse.SparseFile` fetches no more than that.

    Parameters
    ----------
    source
        Seekable, opened in binary mode, at any position.
    size_bytes
        Size of the whole file, for the message about an empty one.

    Raises
    ------
    NotSupportedImageType
        The content is neither JPEG nor PNG, or a JPEG that Rekognition and Pillow do not decode.
    CorruptImage
        The head is incomplete or damaged. EXIF that is damaged is left out instead.
    """
    if size_bytes == 0:
        raise CorruptImage("the file is empty (0 bytes); upload it again")
    source.seek(0)
    image_format = sniff(source.read(_SIGNATURE_BYTES))
    head: jpeg.JpegHead | png.PngHead
    head = jpeg.read_head(source) if image_format == "JPEG" else png.read_head(source)
    exif = read_exif(head.exif)
    turned = exif.orientation >= 5
    return Metadata(
        format=image_format,
        width=head.height if turned else head.width,
        height=head.width if turned else head.height,
        orientation=exif.orientation,
        progressive=isinstance(head, jpeg.JpegHead) and head.progressive,
        capture_time=exif.capture_time,
        camera_make=exif.camera_make,
        camera_model=exif.camera_model,
        location=exif.location,
    )
