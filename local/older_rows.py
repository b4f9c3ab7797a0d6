"""Bring over what older systems keep in DynamoDB: ``python -m local.older_rows photos`` and ``labels``.

docs/coming-from.md says for whom, and what stays where it is.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from vision.adapters.items import Items
from vision.adapters.people import People
from vision.adapters.photos import Photos
from vision.domain import albums, keys, records, tickets
from vision.domain.envelopes import Envelope
from vision.domain.errors import VisionError
from vision.domain.objects import ObjectVersion
from vision.domain.photos import ERASED
from vision.domain.statuses import Status
from vision.domain.tickets import Ticket

# The records tell by it that another system asked Rekognition.
DETECTOR = {"name": "rekognition", "version": "serverless-data-processing"}

_IDENTITY = "us-east-1:4f182a97-9165-46d8-a6de-f29b16927761"


class Refused(ValueError):
    """A row that is not taken over; the text says why."""


def bring_photos(
    photo_table: str,
    album_table: str,
    older_bucket: str,
    owner: str,
    identity: str,
    person: str,
    table: str,
    bucket: str,
) -> Counter[str]:
    """Copy a person's photos of the photo backend, each into its album and with the time of its upload.

    Whatever is there already, or was deleted since, is left alone: so the command may be repeated.

    Parameters
    ----------
    photo_table, album_table, older_bucket
        The tables of the GraphQL API's types Photo and Album, and the bucket of its photos.
    owner
        The name in their rows.
    identity
        The id in the identity pool, below which the person's uploads are. People write their rows themselves, so these
        cannot say whose an object is.
    person
        The ``sub`` of the same person in the user pool of today.
    table, bucket
        Of today.

    Returns
    -------
    Counter
        How many photos were ``copied``, ``known``, ``missing``, since the person has no such object, or ``refused``.
    """
    people, photos, s3 = People(table), Photos(table), boto3.client("s3")
    album_ids = {}
    for row in _rows(album_table):
        if row.get("owner") == owner:
            album_ids[row["id"]] = tickets.token(person, f"older album\n{row['id']}")
            made_at = _timestamp(row.get("createdAt", ""))
            album = albums.album(person, album_ids[row["id"]], row["name"], made_at)
            if people.make_album(album, albums.ALBUMS_LIMIT) is None:
                raise ValueError(f"albums: {albums.ALBUMS_LIMIT} are the most that a person may have; join some first")
    uploads = defaultdict(list)
    for listed in _objects(older_bucket, f"private/{identity}/uploads/"):
        # The backend named each object after its row. The row names the object only when all went well.
        uploads[listed["Key"].rpartition("/")[2].partition(".")[0]].append(listed)
    there = {listed["Key"] for listed in _objects(bucket, f"private/{person}/uploads/")}

    def bring(row: dict[str, Any]) -> str:
        if row["bucket"] != older_bucket:
            raise Refused(f"bucket: {row['bucket']!r} is not {older_bucket}")
        found = uploads.get(row["id"], [])
        if not found:
            return "missing"
        if len(found) > 1:
            raise Refused(f"{len(found)} objects bear this id; rename all but one")
        [upload] = found
        name = upload["Key"].rpartition("/")[2]
        ticket = Ticket(
            bucket,
            person,
            token=tickets.token(person, f"older photo\n{row['id']}"),
            name=name,
            content_type="image/png" if name.lower().endswith(".png") else "image/jpeg",
            size_bytes=upload["Size"],
            album_id=album_ids.get(row.get("albumId", ""), ""),
        )
        is_erased = ERASED in photos.announce(ticket, records.now(), _timestamp(row.get("uploadTime", "")))
        if is_erased or ticket.key in there:
            return "known"
        s3.copy_object(Bucket=bucket, Key=ticket.key, CopySource={"Bucket": older_bucket, "Key": upload["Key"]})
        return "copied"

    rows = [row for row in _rows(photo_table) if row.get("owner") == owner]
    return _each(rows, bring, "copied", "known", "missing")


def bring_labels(older_table: str, bucket: str, unchanged_since: datetime, table: str) -> Counter[str]:
    """Record the label that the sample for Distributed Map found in each image of a bucket.

    A row names neither the content that it is of nor when it was written. So it counts for an object that was not
    changed since the last run of the sample began, and no other. A bulk run then asks for no labels of these, and a
    record that is there already stays.

    Parameters
    ----------
    older_table, bucket
        Those of the sample.
    unchanged_since
        When its last run began.
    table
        Of today.

    Returns
    -------
    Counter
        How many images were ``recorded``, ``known``, ``changed``, or ``without`` a row that can be read.
    """
    items, found = Items(table), {row["id"]: row.get("labels") for row in _rows(older_table)}
    moment = records.timestamp(unchanged_since)
    counts: Counter[str] = Counter(recorded=0, known=0, changed=0, without=0)
    for listed in _objects(bucket, ""):
        match found.get(listed["Key"]):
            case [str(name), confidence] if listed["LastModified"] < unchanged_since:
                label = {"name": name, "confidence": float(confidence)}
            case [str(), _]:
                counts["changed"] += 1
                continue
            case _:
                counts["without"] += 1
                continue
        version = ObjectVersion(bucket, listed["Key"], "", listed["ETag"].strip('"'), "", listed["Size"])
        # As in a bulk run, the image belongs to nobody.
        pending = records.pending(Envelope(version, keys.photo_id(bucket, version.key), owner=""), moment)
        record = pending | {"status": Status.SUCCEEDED, "labels": [label], "detector": DETECTOR}
        counts["recorded" if items.put_once(record) else "known"] += 1
    return counts


def _each(rows: Iterable[dict[str, Any]], bring: Callable[[dict[str, Any]], str], *ways: str) -> Counter[str]:
    """Bring each row, and count which way it went; print why a row is refused, and go on."""
    counts = Counter(dict.fromkeys((*ways, "refused"), 0))
    for row in rows:
        try:
            counts[bring(row)] += 1
        except Refused as error:
            counts["refused"] += 1
            print(f"{row['id']!r}: {error}")
    return counts


def _rows(table: str) -> Iterator[dict[str, Any]]:
    dynamodb = boto3.resource("dynamodb")
    for page in dynamodb.meta.client.get_paginator("scan").paginate(TableName=table):
        yield from page["Items"]


def _objects(bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
    for page in boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from page.get("Contents", [])


def _identity(text: str) -> str:
    # https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/API_GetId.html
    if not re.fullmatch(r"[\w-]+:[0-9a-f-]+", text):
        raise argparse.ArgumentTypeError(f"expected an id of an identity pool, such as {_IDENTITY}; got {text!r}")
    return text


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _timestamp(text: str) -> str:
    return records.timestamp(_moment(text)) if text else records.now()


def main(arguments: list[str]) -> int:
    """Run one command, and say how many rows went which way."""
    options = vars(_parser().parse_args(arguments))
    bring = options.pop("bring")
    try:
        counts = bring(**options)
    except (VisionError, BotoCoreError, ClientError) as error:
        print(f"{type(error).__name__}: {error}")
        return 1
    print(", ".join(f"{number} {how}" for how, number in counts.items()))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.older_rows", description=__doc__)
    commands = parser.add_subparsers(required=True)
    photos = commands.add_parser("photos", help="copy a person's photos of the photo backend into their albums")
    photos.add_argument("--photos", dest="photo_table", required=True, help="the table of the type Photo")
    photos.add_argument("--albums", dest="album_table", required=True, help="the table of the type Album")
    photos.add_argument("--older-bucket", required=True, help="the bucket of its photos")
    photos.add_argument("--owner", required=True, help="the person's name in these tables")
    photos.add_argument("--identity", type=_identity, required=True, help="the folder of the person's photos")
    photos.add_argument("--person", required=True, help="the person's sub in the user pool of today")
    photos.add_argument("--bucket", required=True, help="the image bucket of today")
    photos.set_defaults(bring=bring_photos)
    labels = commands.add_parser("labels", help="record the labels of the sample for Distributed Map")
    labels.add_argument("--rows", dest="older_table", required=True, help="the table of the sample")
    labels.add_argument("--bucket", required=True, help="the bucket with its images")
    labels.add_argument("--unchanged-since", type=_moment, required=True, help="when its last run began, ISO 8601")
    labels.set_defaults(bring=bring_labels)
    for command in (photos, labels):
        command.add_argument("--table", required=True, help="the image table of today")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
