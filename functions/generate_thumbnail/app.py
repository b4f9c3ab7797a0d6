"""Generate a thumbnail: a small, upright, private copy of the image for galleries."""

from typing import Any

from vision import entry
from vision.adapters import aws_sdk, storage
from vision.domain import keys
from vision.domain.envelopes import Envelope
from vision.domain.image_file import pixels
from vision.settings import GenerateThumbnailSettings

settings = GenerateThumbnailSettings.read()
aws_sdk.make_clients("s3")


@entry.task
def handler(event: entry.Event) -> dict[str, Any]:
    """Store the thumbnail beside the owner's uploads, and return its bucket, key, width and height."""
    envelope = Envelope.from_dict(event)
    thumbnail = pixels.thumbnail(storage.read(envelope.object), settings.thumbnail_size)
    bucket, key = envelope.object.bucket, keys.thumbnail_key(envelope.object, envelope.owner)
    storage.write(bucket, key, thumbnail.data, thumbnail.content_type)
    return {"bucket": bucket, "key": key, "width": thumbnail.width, "height": thumbnail.height}
