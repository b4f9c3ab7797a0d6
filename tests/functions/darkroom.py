"""Photos behind the API: announced through it, then uploaded and processed at once."""

import contextlib
import io
from collections.abc import Iterator, Mapping
from typing import Any
from unittest import mock
from uuid import uuid4

from PIL import Image

from tests.conftest import BUCKET, TABLE
from tests.functions import photo_app
from tests.functions.http_api import Answer, Caller
from vision.adapters.aws_sdk import client
from vision.adapters.items import Items
from vision.adapters.table import Table
from vision.domain import records
from vision.domain.envelopes import Envelope
from vision.domain.executions import Attempt
from vision.domain.gallery.pending_uploads import PendingUpload
from vision.domain.inspection import results
from vision.domain.inspection.verdicts import Judgement, Verdict

EXECUTION_ARN = "arn:aws:states:eu-west-1:123456789012:execution:image-recognition-ProcessImage:one"
DETECTOR = {"name": "rekognition", "version": "3.0"}


def _picture() -> bytes:
    encoded = io.BytesIO()
    Image.new("RGB", (100, 80), "teal").save(encoded, "JPEG")
    return encoded.getvalue()


PICTURE = _picture()


@contextlib.contextmanager
def clock(moment: str) -> Iterator[None]:
    """Set the time that records get, to a day or to a moment."""
    stopped = moment if "T" in moment else f"{moment}T10:00:00.000Z"
    with mock.patch.object(records, "now", return_value=stopped):
        yield


def announce(person: Caller, key: str | None = None, **form: Any) -> Answer:
    """Announce a photo; `key` is the request's Idempotency-Key."""
    wanted = {"name": "beach.jpg", "content_type": "image/jpeg", "size_bytes": len(PICTURE), **form}
    return person("POST", "/api/photos", wanted, key=key)


def develop(person: Caller, labels: Mapping[str, float] | None = None, *, moment: str = "", **form: Any) -> str:
    """Return the id of a photo of this person that was announced, uploaded and processed at that moment."""
    with clock(moment) if moment else contextlib.nullcontext():
        announced = announce(person, **form).json()
        process(upload(announced), labels or {})
    return str(announced["photo"]["photo_id"])


def upload(announced: Mapping[str, Any], content: bytes = PICTURE) -> Envelope:
    """Put a file at the key of its form, and record it as its event does."""
    return put(announced["upload"]["fields"]["key"], content)


def shelve(owner: str, number: int, day: str) -> None:
    """Announce many photos at once, without a request to the API for each."""
    tickets = [PendingUpload(BUCKET, owner, f"shelved-{at}", "a.jpg", "image/jpeg", 1, "") for at in range(number)]
    Items(TABLE).put_many([ticket.photo(f"{day}T10:00:00.000Z") for ticket in tickets])


def put(key: str, content: bytes = PICTURE) -> Envelope:
    """Put an object into the image bucket, and record it."""
    envelope = photo_app.put(key, content)
    Table(TABLE).register(envelope, records.now())
    return envelope


def process(envelope: Envelope, labels: Mapping[str, float], **changes: Any) -> None:
    """Process a photo with success, except for the given attributes of its record."""
    known = {"format": "JPEG", "width": 100, "height": 80, "detector": DETECTOR}
    photo_app.process(envelope, Attempt(EXECUTION_ARN, records.now()), labels, **known | changes)


def inspect(
    moment: str, judgement: str = "SUCCESS", labels: Mapping[str, float] | None = None, *, key: str = "", **places: Any
) -> Envelope:
    """Put an image into the bucket and judge it at that moment."""
    with clock(moment):
        envelope = put(key or f"images/garden/{uuid4().hex}.jpg")
        reasons = () if judgement == "SUCCESS" else ("Rose was not found with at least 90",)
        judged = results.verdict_attributes(Verdict(Judgement(judgement), "garden", reasons), records.now())
        judged |= {"labels": photo_app.found(**labels or {}), "status": "SUCCEEDED", **places}
        Table(TABLE).record_verdict(envelope, judged, records.now())
    return envelope


def objects() -> list[str]:
    """The keys of all versions of all objects in the image bucket."""
    return [one["Key"] for one in client("s3").list_object_versions(Bucket=BUCKET).get("Versions", [])]
