"""A bulk run: the objects below a prefix, the request, and the remaining work."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from vision.domain import keys
from vision.domain.bulk.tallies import Tally
from vision.domain.errors import (
    CorruptImage,
    ImageTooLarge,
    ImageTooSmall,
    InvalidEvent,
    InvalidImage,
    InvalidRun,
    NotSupportedImageType,
    TooManyPixels,
)
from vision.domain.executions import Attempt
from vision.domain.objects import ObjectVersion
from vision.domain.records import Record
from vision.domain.statuses import OPEN, Status

STEPS = ("metadata", "labels", "thumbnail", "verdict")
DEFAULT_STEPS = ("metadata", "labels")

# Measured with thumbnails, one worker sustains 19 photos of 12 MP a second, so about 12 of 24 MP, on two thirds of the
# processor of the measurement; see benchmarks/bulk.md. A few spare workers keep the rate up for larger photos, and
# while other workers start and end.
IMAGES_PER_SECOND_AND_WORKER = 16.0
_SPARE_WORKERS = 1.25

# The maximum number of parallel child executions in a Map Run.
# https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
WORKERS_LIMIT = 10_000

# An image takes about a third of a second of a worker's time, however low the quota is. A hundred images finish long
# before an Express execution reaches its limit of five minutes.
# https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html
BATCH_SECONDS = 60
BATCH_LIMIT = 100

# One managed policy names each bucket twice. The quota is 6,144 characters, and the other statements take a few
# hundred.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
BUCKETS_LIMIT_CHARACTERS = 5_400

_REQUEST_FIELDS = ("bucket", "prefix", "inventory", "steps", "force", "record", "tolerated_failure_percentage")
_RECORD_FORMS = ("compact", "full")
_EXAMPLE = '{"bucket": "my-images", "prefix": "2026/"}'
_OLDER_FIELD = "mystateinput"

# Errors that the content of the file causes. They recur for the same ETag, so the run does not retry the image.
_OF_THE_IMAGE = frozenset(
    kind.__name__
    for kind in (NotSupportedImageType, CorruptImage, ImageTooLarge, ImageTooSmall, TooManyPixels, InvalidImage)
)
_MADE_BY = {"metadata": "width", "labels": "detector", "thumbnail": "thumbnail", "verdict": "verdict"}


PHOTOS_PREFIX = "private/"
"""The prefix of all photos in the image bucket."""


def check_buckets(arns: Sequence[str]) -> None:
    """Refuse more buckets than fit into the policy that allows bulk runs to read them.

    Raises
    ------
    InvalidRun
        The message names the parameter, its limit and the remedy.
    """
    characters = sum(len(f'"{arn}","{arn}/*",') for arn in arns)
    if characters > BUCKETS_LIMIT_CHARACTERS:
        raise InvalidRun(
            f"BulkBucketArns: {len(arns)} buckets take {characters:,} characters of a policy, which has room for "
            f"{BUCKETS_LIMIT_CHARACTERS:,}; name fewer, and deploy a second stack for the others"
        )


@dataclass(frozen=True, slots=True)
class Request:
    """The request for a bulk run.

    Attributes
    ----------
    bucket, prefix
        The run processes every object of the bucket whose key starts with the prefix; ``""`` is the whole bucket.
    inventory
        ``{"bucket": …, "key": …}`` of an S3 Inventory's manifest.json, or ``None`` to list the bucket.
    steps
        Which of :data:`STEPS` run.
    force
        Whether to repeat steps that are already recorded for the same ETag.
    record
        ``compact`` stores names and confidences of labels in one write unit; ``full`` adds parents and boxes.
    tolerated_failure_percentage
        0 to 100. The run fails when the percentage of failed images is higher.
    """

    bucket: str
    prefix: str
    inventory: dict[str, str] | None
    steps: tuple[str, ...]
    force: bool
    record: str
    tolerated_failure_percentage: float

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self) | {"steps": list(self.steps)}

    @classmethod
    def from_dict(cls, data: Any) -> Request:
        """Parse the input of an execution, or the detail of an event.

        Raises
        ------
        InvalidRun
            The message names the field, its allowed values and the remedy.
        """
        if not isinstance(data, Mapping):
            raise InvalidRun(f"input: expected a JSON object such as {_EXAMPLE}")
        data = in_present_form(data)
        unknown = sorted(set(data) - set(_REQUEST_FIELDS))
        if older := next((name for name in unknown if name.lower() == _OLDER_FIELD), None):
            raise InvalidRun(f"{older}: takes Bucket and Prefix, once each, and nothing beside it; write {_EXAMPLE}")
        if "detail" in unknown:
            raise InvalidRun(f"detail: the input is the detail of an event, without the event; write {_EXAMPLE}")
        if unknown:
            known = ", ".join(_REQUEST_FIELDS)
            raise InvalidRun(f"{unknown[0][:80]!r}: no such field; known are {known}; write {_EXAMPLE}")
        if not (bucket := _bucket("bucket", _text(data, "bucket"))):
            raise InvalidRun("bucket: missing; name the bucket whose images are labelled")
        # Do not read null as an empty prefix: the caller may have failed to fill the field in, and labelling the whole
        # bucket costs the most.
        prefix = _text(data, "prefix")
        if len(prefix.encode()) > keys.KEY_LIMIT_BYTES:
            raise InvalidRun(f"prefix: longer than a key of S3, {keys.KEY_LIMIT_BYTES:,} bytes; shorten it")
        return cls(
            bucket=bucket,
            prefix=prefix,
            inventory=_inventory(data.get("inventory")),
            steps=_steps(data.get("steps", list(DEFAULT_STEPS))),
            force=_flag(data, "force"),
            record=_one_of(data, "record", _RECORD_FORMS),
            tolerated_failure_percentage=_percentage(data.get("tolerated_failure_percentage", 5)),
        )


def left_out_prefix(request: Request, image_bucket: str, *, reads_photos: bool) -> str:
    """Return the prefix that a run skips: that of all photos, unless the run may read them; ``""`` for none.

    Raises
    ------
    InvalidRun
        The request covers only the skipped prefix.
    """
    if reads_photos or request.bucket != image_bucket:
        return ""
    if request.prefix.startswith(PHOTOS_PREFIX):
        raise InvalidRun(
            f"prefix: below {PHOTOS_PREFIX} are the photos of people, which bulk runs of this stack may not read; set "
            "the parameter BulkReadsPhotos to true, or name another prefix"
        )
    return PHOTOS_PREFIX if PHOTOS_PREFIX.startswith(request.prefix) else ""


@dataclass(frozen=True, slots=True)
class Item:
    """One object from a listing or an inventory."""

    version: ObjectVersion
    is_work: bool

    @classmethod
    def of(cls, listed: Mapping[str, Any], request: Request, left_out: str = "") -> Item:
        """Parse an item of the Map.

        A listing has raw keys and no versions, so the ETag identifies the version. An inventory has URL-encoded keys,
        sometimes versions, and also rows of deleted and replaced objects. The run skips those rows, the empty objects
        that represent folders, the thumbnails of the photo workflow, and every object below the left-out prefix. All
        values in the rows of an inventory are text.
        https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory.html

        Raises
        ------
        InvalidEvent
            The inventory is of another bucket. Or an object to process has no size or no ETag; an inventory must have
            both columns.
        """
        key = str(listed["key"])
        if request.inventory:
            key = keys.decode_notification_key(key)
            if listed.get("bucket", request.bucket) != request.bucket:
                raise InvalidEvent(f"inventory: of the bucket {listed['bucket']}; ask for that one, or name another")
        size_bytes = int(listed.get("size_bytes") or 0)
        gone = str(listed.get("is_latest", "true")).lower() == "false" or _is_true(listed.get("is_delete_marker"))
        is_folder = key.endswith("/") and size_bytes == 0
        is_left_out = bool(left_out) and key.startswith(left_out)
        if gone or is_folder or is_left_out or keys.is_thumbnail(key) or not key.startswith(request.prefix):
            # A delete marker in an inventory has neither size nor ETag.
            return cls(ObjectVersion(request.bucket, key, "", "", "", size_bytes), is_work=False)
        for column in ("size_bytes", "etag"):
            # Do not read a missing size as zero bytes: an empty object is recorded as permanently corrupt.
            if listed.get(column) in ("", None):
                raise InvalidEvent(f"{column}: missing; let the inventory have the fields Size and ETag")
        named = {"bucket": request.bucket, "key": key, "etag": listed["etag"], "size_bytes": size_bytes}
        return cls(ObjectVersion.from_dict(named), is_work=True)


def in_present_form(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Convert the input of the AWS sample for Distributed Map to the present form; return any other input unchanged.

    The sample takes ``{"myStateInput": {"Bucket": …, "Prefix": …}}``, its names in any case. Convert only exactly this
    form: the sample ignored further fields, but a run that ignores a field could label more images than the caller
    wants to pay for.
    """
    if len(data) != 1:
        return data
    [(name, older)] = data.items()
    if name.lower() != _OLDER_FIELD or not isinstance(older, Mapping):
        return data
    fields = {field.lower(): value for field, value in older.items()}
    return fields if len(fields) == len(older) and fields.keys() == {"bucket", "prefix"} else data


def missing_steps(request: Request, run: Attempt, record: Record | None) -> tuple[str, ...]:
    """Return the steps that an object still needs, according to its record if there is one.

    A step that is recorded for the same ETag is neither repeated nor paid for again. A step that the content makes
    impossible is not retried. An image that another execution is processing is left to that execution. With ``force``
    every step is repeated, but only once in the same run.
    """
    if record is None:
        return request.steps
    if record.get("execution_arn") == run.execution_arn or record["status"] in OPEN:
        return ()
    if request.force:
        return request.steps
    missing = tuple(step for step in request.steps if _MADE_BY[step] not in record)
    if record.get("error", {}).get("name") not in _OF_THE_IMAGE:
        return missing
    if record["status"] == Status.FAILED:
        return ()
    # If only one of labels and thumbnail is recorded, the content made the other one impossible.
    impossible = {"thumbnail"} if "detector" in record else {"labels", "verdict"}
    return tuple(step for step in missing if step not in impossible)


def remaining_work(
    request: Request,
    run: Attempt,
    items: Sequence[Item],
    known: Mapping[ObjectVersion, tuple[ObjectVersion, Record]],
    tally: Tally,
) -> list[tuple[ObjectVersion, tuple[str, ...], Record]]:
    """Count the finished objects of a batch, and return the others.

    Parameters
    ----------
    known
        The existing records, each with the version that it describes.

    Returns
    -------
    list of tuple
        The version, the missing steps, and the record, which is empty where there is none.
    """
    left = []
    seen = set()
    for item in items:
        is_first = item.version not in seen
        seen.add(item.version)
        version, record = known.get(item.version, (item.version, None)) if is_first else (item.version, None)
        steps = missing_steps(request, run, record) if item.is_work and is_first else ()
        if steps:
            left.append((version, steps, record or {}))
        elif record and record.get("execution_arn") == run.execution_arn:
            tally.recover(version.key, record)
        else:
            tally.skip()
    return left


def workers(calls_per_second: float) -> int:
    """Return how many parallel batches it takes to use the rate that Rekognition allows."""
    return min(WORKERS_LIMIT, max(2, math.ceil(calls_per_second / IMAGES_PER_SECOND_AND_WORKER * _SPARE_WORKERS)))


def batch_size(calls_per_second: float, largest: int = BATCH_LIMIT) -> int:
    """Return the maximum number of images in a batch, so that a batch takes about a minute."""
    rate = calls_per_second / workers(calls_per_second)
    return max(1, min(largest, math.floor(rate * BATCH_SECONDS)))


def compact(labels: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the labels without parents and boxes, so that a record takes one write unit."""
    return [{"name": label["name"], "confidence": label["confidence"]} for label in labels]


def thumbnail_key(version: ObjectVersion) -> str:
    """Return the key of a bulk run's thumbnail in the results bucket."""
    return f"thumbnails/{keys.photo_id(version.bucket, version.key)}/{keys.version_digest(version)}.jpg"


def run_id(execution_arn: str) -> str:
    """Return the id of a run: the name of its execution."""
    return execution_arn.rsplit(":", 1)[-1]


def results_prefix(run_id: str) -> str:
    """Return the prefix of a run's result files in the results bucket."""
    return f"imageLabelJobs/{run_id}/"


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name, "")
    if not isinstance(value, str):
        raise InvalidRun(f"{name}: expected text, got {json.dumps(value)[:80]}; write {_EXAMPLE}")
    return _utf8(name, value)


def _bucket(field: str, name: str) -> str:
    if ":" in name or "/" in name:
        raise InvalidRun(f"{field}: expected a name such as my-images, no address or ARN; got {name[:80]!r}")
    return name


def _utf8(name: str, value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        # JSON can contain half a surrogate pair; no name or key in S3 can.
        raise InvalidRun(f"{name}: not UTF-8, as every name in S3 is") from error
    return value


def _inventory(value: Any) -> dict[str, str] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping) or not all(isinstance(value.get(name), str) for name in ("bucket", "key")):
        raise InvalidRun('inventory: expected {"bucket": …, "key": …} of the manifest.json of an S3 Inventory')
    if not value["key"].endswith("manifest.json"):
        raise InvalidRun(f"inventory.key: expected a manifest.json, got {value['key'][:80]!r}")
    _bucket("inventory.bucket", value["bucket"])
    return {name: _utf8(f"inventory.{name}", value[name]) for name in ("bucket", "key")}


def _steps(value: Any) -> tuple[str, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise InvalidRun(f"steps: expected a list of {', '.join(STEPS)}")
    unknown = [step for step in value if step not in STEPS]
    if unknown:
        raise InvalidRun(f"steps: {json.dumps(unknown[0])[:80]} is none of {', '.join(STEPS)}")
    return tuple(step for step in STEPS if step in value)


def _flag(data: Mapping[str, Any], name: str) -> bool:
    value = data.get(name, False)
    if not isinstance(value, bool):
        raise InvalidRun(f"{name}: expected true or false, got {json.dumps(value)[:80]}")
    return value


def _one_of(data: Mapping[str, Any], name: str, allowed: Sequence[str]) -> str:
    value = data.get(name, allowed[0])
    if value not in allowed:
        raise InvalidRun(f"{name}: expected {' or '.join(allowed)}, got {json.dumps(value)[:80]}")
    return str(value)


def _percentage(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        raise InvalidRun(f"tolerated_failure_percentage: expected a number from 0 to 100, got {json.dumps(value)[:80]}")
    return float(value)


def _is_true(value: Any) -> bool:
    return str(value).lower() == "true"
