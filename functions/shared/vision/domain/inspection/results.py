"""Results of an inspection: record attributes, the result file, the new key of the image, and the notification."""

from __future__ import annotations

import json
import re
from typing import Any

from vision.domain import display, keys, table_keys
from vision.domain.envelopes import Envelope
from vision.domain.failures import Failure
from vision.domain.image_file.formats import SUFFIXES
from vision.domain.image_file.metadata import Metadata
from vision.domain.inspection.verdicts import Judgement, Verdict
from vision.domain.labels import Label
from vision.domain.objects import ObjectVersion
from vision.domain.records import Record
from vision.domain.statuses import Status

RESULT_SCHEMA = "image-recognition/inspection-result/1"
"""Schema name and version of the result file; docs/inspection.md describes it. A change of meaning is a new version."""

_LABELS_IN_A_LINE = 5

INSPECTED_PREFIX = "images/"
INSPECTED_SUFFIXES = SUFFIXES


def is_inspected(key: str) -> bool:
    """Return whether an object is an image to inspect; the rule in front of the queue also passes only those."""
    return key.startswith(INSPECTED_PREFIX) and key.lower().endswith(INSPECTED_SUFFIXES)


def analyzed_key(version: ObjectVersion, judgement: Judgement) -> str:
    """Return the key of the image in the results bucket: its path below the verdict."""
    return _kept_path(f"analyzed/{judgement.lower()}", version, "")


def result_key(version: ObjectVersion) -> str:
    """Return the key of the result file. It contains the version, so that a new upload has its own file."""
    return _kept_path("results", version, f"/{keys.version_digest(version)}.json")


def inspection_attributes(
    verdict: Verdict, found: list[Label], detector: dict[str, str], metadata: Metadata, outputs: Record, now: str
) -> Record:
    """Return the attributes that an inspection adds to the image record.

    Parameters
    ----------
    outputs
        ``result`` and, if images are moved, ``moved_to``, each with bucket and key.
    """
    return {
        **metadata.as_dict(),
        "labels": found,
        "detector": detector,
        **outputs,
        **verdict_attributes(verdict, now),
        "status": Status.SUCCEEDED,
    }


def verdict_attributes(verdict: Verdict, now: str) -> Record:
    """Return the attributes of a verdict, including those that list it under its day."""
    day = now[: len("2026-11-20")]
    return {
        "verdict": verdict.judgement,
        "rule": verdict.rule,
        "reasons": list(verdict.reasons),
        "inspected_at": now,
        "listing_pk": table_keys.verdict_listing(verdict.judgement, day),
        "listing_sk": now,
    }


def refusal_attributes(failure: Failure) -> Record:
    """Return the attributes of an image that could not be inspected."""
    return {"status": Status.FAILED, "error": failure.as_dict()}


def result_file(record: Record) -> bytes:
    """Return the content of the result file; the same record always gives the same bytes."""
    copied = ("photo_id", "object", "verdict", "rule", "reasons", "labels", "detector", "format", "width", "height")
    outputs = {"image": record["moved_to"]} if "moved_to" in record else {}
    content = {
        "schema": RESULT_SCHEMA,
        "inspected_at": record["inspected_at"],
        **{name: record[name] for name in copied},
        **outputs,
    }
    return json.dumps(content, ensure_ascii=False, indent=2).encode()


def message(envelope: Envelope, record: Record) -> dict[str, Any]:
    """Return the notification: the verdict with its id and reasons, and the labels with their confidence."""
    return {
        "id": f"{envelope.photo_id}-{keys.version_digest(envelope.object)}",
        "verdict": record["verdict"],
        "rule": record["rule"],
        "reasons": record["reasons"],
        "labels": [{"name": label["name"], "confidence": label["confidence"]} for label in record["labels"]],
        "object": {"bucket": envelope.object.bucket, "key": envelope.object.key},
        "image": record.get("moved_to"),
        "result": record["result"],
        "inspected_at": record["inspected_at"],
    }


def sentence(record: Record) -> str:
    """Return a summary of the verdict in one line, for an email."""
    verdict = "passed" if record["verdict"] == Judgement.SUCCESS else "failed"
    found = ", ".join(f"{label['name']} {label['confidence']:.0f} %" for label in record["labels"][:_LABELS_IN_A_LINE])
    because = "; ".join(record["reasons"]) or (f"Found: {found}" if found else "Nothing was found")
    return display.in_a_line(f"{record['object']['key']} {verdict} the rule {record['rule']}. {because}.")


def _kept_path(folder: str, version: ObjectVersion, ending: str) -> str:
    """Return a key below a folder with the path of the image.

    The key has the photo id instead if the path leaves no room in a key, or climbs out of the folder: ``..`` is an
    ordinary name in S3, but not when a bucket is downloaded.
    """
    path = version.key.removeprefix(INSPECTED_PREFIX)
    key = f"{folder}/{path}{ending}"
    if len(key.encode()) <= keys.KEY_LIMIT_BYTES and ".." not in re.split(r"[/\\]", path):
        return key
    return f"{folder}/-/{keys.photo_id(version.bucket, version.key)}{ending}"
