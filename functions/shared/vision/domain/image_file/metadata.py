"""The metadata of a photo, read from its head alone: without decoding pixels, and without a library."""

from dataclasses import dataclass

from vision.domain.errors import CorruptImage
from vision.domain.image_file.exif import read_exif
from vision.domain.image_file.formats import SIGNATURE_BYTES, FormatName, recognize
from vision.domain.image_file.gps import Location
from vision.domain.image_file.jpeg import JpegHead
from vision.domain.image_file.sparse import ByteSource


@dataclass(frozen=True, slots=True)
class Metadata:
    """The metadata of a photo in its record.

    Attributes
    ----------
    format
        The format of the content, independent of the file name.
    width, height
        Pixels as displayed, with the orientation applied.
    orientation
        EXIF orientation of the stored pixels, 1 to 8.
    progressive
        Whether the photo is a progressive JPEG.
    capture_time
        ISO 8601, such as ``2024-05-01T12:34:56.78+02:00``. Without an offset it is the camera's local time.
    camera_make, camera_model
        At most 128 printable characters.
    location
        Where the photo was taken.
    """

    format: FormatName
    width: int
    height: int
    orientation: int = 1
    progressive: bool = False
    capture_time: str | None = None
    camera_make: str | None = None
    camera_model: str | None = None
    location: Location | None = None

    def as_dict(self) -> dict[str, object]:
        """Return the attributes of the image record in JSON form, without unknown values."""
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


def read_metadata(source: ByteSource, size_bytes: int) -> Metadata:
    """Read the head of an image; a :class:`~vision.domain.image_file.sparse.SparseFile` fetches only the head.

    Parameters
    ----------
    source
        A seekable file, opened in binary mode, at any position.
    size_bytes
        Size of the whole file, for the error message of an empty file.

    Raises
    ------
    NotSupportedImageType
        The content is neither JPEG nor PNG, or is a JPEG that Rekognition and Pillow do not decode.
    CorruptImage
        The head is incomplete or damaged. Damaged EXIF does not raise; its fields are left out.
    """
    if size_bytes == 0:
        raise CorruptImage("the file is empty (0 bytes); upload it again")
    source.seek(0)
    image_format = recognize(source.read(SIGNATURE_BYTES))
    head = image_format.read_head(source)
    exif = read_exif(head.exif)
    turned = exif.orientation >= 5
    return Metadata(
        format=image_format.name,
        width=head.height if turned else head.width,
        height=head.width if turned else head.height,
        orientation=exif.orientation,
        progressive=isinstance(head, JpegHead) and head.progressive,
        capture_time=exif.capture_time,
        camera_make=exif.camera_make,
        camera_model=exif.camera_model,
        location=exif.location,
    )
