"""Read what the image says about itself, and refuse what cannot be processed before it costs anything."""

from typing import Any

from vision import entry
from vision.adapters import storage
from vision.domain.envelopes import Envelope
from vision.domain.image_file.limits import check_limits
from vision.domain.image_file.metadata import read_metadata
from vision.domain.image_file.sparse import SparseFile


@entry.task
def handler(event: entry.Event) -> dict[str, Any]:
    """Return the metadata of an image, read from the head of its file."""
    version = Envelope.from_dict(event).object
    source = SparseFile(lambda start, end: storage.read_range(version, start, end), version.size_bytes)
    metadata = read_metadata(source, version.size_bytes)
    check_limits(metadata, version.size_bytes)
    return metadata.as_dict()
