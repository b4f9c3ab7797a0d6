"""A bulk run: everything under a prefix, what is asked for, and what is left to do."""

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

# What one worker was seen to sustain with thumbnails on two thirds of the processor it was measured on: 19 photos of
# 12 MP, so about 12 of 24 MP; see benchmarks/bulk.md. A few workers more than that keep the rate up for larger photos,
# and while others start and end.
IMAGES_PER_SECOND_AND_WORKER = 16.0
_SPARE_WORKERS = 1.25

# The largest number of child executions of a Map Run at the same time.
# https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
WORKERS_LIMIT = 10_000

# An image takes about a third of a second of a worker's time, however slow the quota: a hundred are done long before
# an Express execution ends, after five minutes.
# https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html
BATCH_SECONDS = 60
BATCH_LIMIT = 100

# One managed policy names each bucket twice. It takes 6,144 characters, and its other statements need some hundreds.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
BUCKETS_LIMIT_CHARACTERS = 5_400

_REQUEST_FIELDS = ("bucket", "prefix", "inventory", "steps", "force", "record", "tolerated_failure_percentage")
_RECORD_FORMS = ("compact", "full")
_EXAMPLE = '{"bucket": "my-images", "prefix": "2026/"}'
_OLDER_FIELD = "mystateinput"

# What the content of a file makes impossible stays impossible for the same ETag.
_OF_THE_IMAGE = frozenset(
    kind.__name__
    for kind in (NotSupportedImageType, CorruptImage, ImageTooLarge, ImageTooSmall, TooManyPixels, InvalidImage)
)
_MADE_BY = {"metadata": "width", "labels": "detector", "thumbnail": "thumbnail", "verdict": "verdict"}


PHOTOS_PREFIX = "private/"
"""Where the image bucket has the photos of people."""


def check_buckets(arns: Sequence[str]) -> None:
    """Refuse more buckets than the policy that lets bulk runs read them can name.

    Raises
    ------
    InvalidRun
        Naming the parameter, its limit and what to do.
    """
    characters = sum(len(f'"{arn}","{arn}/*",') for arn in arns)
    if characters > BUCKETS_LIMIT_CHARACTERS:
        raise InvalidRun(
            f"BulkBucketArns: {len(arns)} buckets take {characters:,} characters of a policy, which has room for "
            f"{BUCKETS_LIMIT_CHARACTERS:,}; name fewer, and deploy a second stack for the others"
        )


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks for.

    Attributes
    ----------
    bucket, prefix
        Every object of the bucket whose key starts with the prefix; ``""`` is the whole bucket.
    inventory
        ``{"bucket": …, "key": …}`` of an S3 Inventory's manifest.json, or ``None`` to list the bucket.
    steps
        Which of :data:`STEPS` run.
    force
        Whether what has been done for the same ETag is done again.
    record
        ``compact``: names and confidences of labels, one write unit; ``full``: parents and boxes too.
    tolerated_failure_percentage
        0 to 100: above it the run fails.
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
        """Read the input of an execution, or the detail of an event.

        Raises
        ------
        InvalidRun
            Naming the field, what it may be, and what to do.
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
        # Null is no prefix: it may be a field that somebody failed to fill in, and the whole bucket costs the most.
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
    """Return below which prefix a run touches nothing: the photos of people, unless it may read them; ``""`` for none.

    Raises
    ------
    InvalidRun
        Nothing else was asked for.
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
    """One object that a listing or an inventory names."""

    version: ObjectVersion
    is_work: bool

    @classmethod
    def of(cls, listed: Mapping[str, Any], request: Request, left_out: str = "") -> Item:
        """Read an item of the Map.

        A listing names raw keys and no version, so that the ETag tells the version. An inventory names URL-encoded
        keys, sometimes versions, and also what is deleted or replaced: that is no work. Nor are the empty objects
        that stand for folders, the thumbnails of the photo workflow, and what lies below the prefix that the run leaves
        out. Rows of an inventory are all text.
        https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory.html

        Raises
        ------
        InvalidEvent
            When an inventory is of another bucket; or an object to work on has no size or no ETag, which an inventory
            must have as columns.
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
            # What an inventory tells of a delete marker has neither size nor ETag.
            return cls(ObjectVersion(request.bucket, key, "", "", "", size_bytes), is_work=False)
        for column in ("size_bytes", "etag"):
            # A size that nobody told is none of zero bytes, which would be an image that is broken for good.
            if listed.get(column) in ("", None):
                raise InvalidEvent(f"{column}: missing; let the inventory have the fields Size and ETag")
        named = {"bucket": request.bucket, "key": key, "etag": listed["etag"], "size_bytes": size_bytes}
        return cls(ObjectVersion.from_dict(named), is_work=True)


def in_present_form(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the AWS sample for Distributed Map is sent in the form of today; anything else as it is.

    ``{"myStateInput": {"Bucket": …, "Prefix": …}}``, its names in any case. Only where nothing else could be meant: the
    sample ignored further fields, and a run that ignores one labels more than somebody wants to pay for.
    """
    if len(data) != 1:
        return data
    [(name, older)] = data.items()
    if name.lower() != _OLDER_FIELD or not isinstance(older, Mapping):
        return data
    fields = {field.lower(): value for field, value in older.items()}
    return fields if len(fields) == len(older) and fields.keys() == {"bucket", "prefix"} else data


def missing_steps(request: Request, run: Attempt, record: Record | None) -> tuple[str, ...]:
    """Return what is left to do for an object of which there may be a record.

    What has been recorded for the same ETag is not done again, and least of all paid for again; what its content
    makes impossible stays so; and what another execution is at is left to it. With ``force`` all is done again, but
    not twice by the same run.
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
    # Of labels and thumbnail the one that is there shows which of them the content made impossible.
    impossible = {"thumbnail"} if "detector" in record else {"labels", "verdict"}
    return tuple(step for step in missing if step not in impossible)


def left_to_do(
    request: Request,
    run: Attempt,
    items: Sequence[Item],
    known: Mapping[ObjectVersion, tuple[ObjectVersion, Record]],
    tally: Tally,
) -> list[tuple[ObjectVersion, tuple[str, ...], Record]]:
    """Count the objects of a batch of which nothing is left to do, and return the others.

    Parameters
    ----------
    known
        The records that there are, with the version that each is of.

    Returns
    -------
    list of tuple
        The version, the steps that are missing, and the record, empty where there is none.
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
    """Return how many batches at the same time use the rate that Rekognition allows."""
    return min(WORKERS_LIMIT, max(2, math.ceil(calls_per_second / IMAGES_PER_SECOND_AND_WORKER * _SPARE_WORKERS)))


def batch_size(calls_per_second: float, largest: int = BATCH_LIMIT) -> int:
    """Return how many images a batch has at most, so that it takes about a minute."""
    rate = calls_per_second / workers(calls_per_second)
    return max(1, min(largest, math.floor(rate * BATCH_SECONDS)))


def compact(labels: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return labels without parents and boxes, so that a record takes one write unit."""
    return [{"name": label["name"], "confidence": label["confidence"]} for label in labels]


def thumbnail_key(version: ObjectVersion) -> str:
    """Return where the thumbnail of a bulk run goes, in the results bucket."""
    return f"thumbnails/{keys.photo_id(version.bucket, version.key)}/{keys.version_digest(version)}.jpg"


def run_id(execution_arn: str) -> str:
    """Return the name of a run: that of its execution."""
    return execution_arn.rsplit(":", 1)[-1]


def results_prefix(run_id: str) -> str:
    """Return where the result files of a run go, in the results bucket."""
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
        # JSON can spell half a surrogate pair; no name or key in S3 has one.
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
