"""Check the buckets of a bulk run before it acquires the lease of its prefix."""

from __future__ import annotations

from collections.abc import Collection

from vision.adapters import storage
from vision.domain.bulk.bulk_run import Request
from vision.domain.errors import AccessDenied, InvalidRun, ObjectNotFound


def check_buckets(request: Request, known: Collection[str], region: str) -> None:
    """Refuse a run over a bucket that the stack may not read.

    Parameters
    ----------
    known
        The buckets of the stack, and those of the parameter BulkBucketArns.
    region
        The Region of the stack: Rekognition reads images, and Step Functions reads inventories, only in their own.

    Raises
    ------
    InvalidRun
    """
    named = {"bucket": request.bucket, "inventory.bucket": (request.inventory or {}).get("bucket", request.bucket)}
    for field, bucket in named.items():
        if bucket not in known:
            allowed = ", ".join(known)
            raise InvalidRun(f"{field}: {bucket} is none of {allowed}; add its ARN to the parameter BulkBucketArns")
        if (elsewhere := storage.region(bucket)) not in ("", region):
            raise InvalidRun(f"{field}: {bucket} is in {elsewhere}, this stack in {region}; deploy one there")


def is_empty(request: Request) -> bool:
    """Return whether the listing is empty; the objects of an inventory are checked one by one later.

    Raises
    ------
    InvalidRun
        The bucket does not exist, or its policy does not let the stack list it.
    """
    try:
        first = next(storage.keys(request.bucket, request.prefix, 1), None)
    except ObjectNotFound as error:
        raise InvalidRun(f"bucket: there is no bucket {request.bucket}; check its name") from error
    except AccessDenied as error:
        raise InvalidRun(f"bucket: {request.bucket} may not be listed; let its policy allow s3:ListBucket") from error
    return first is None and request.inventory is None
