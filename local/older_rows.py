"""Migrate the DynamoDB items of older systems: ``python -m local.older_rows photos`` and ``labels``.

docs/coming-from.md says which systems these are, and what stays where it is.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeGuard, TypeVar

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from vision.adapters.albums import Albums
from vision.adapters.items import Items
from vision.adapters.photos import Photos
from vision.api.forms import PRINTABLE
from vision.domain import keys, records, table_keys
from vision.domain.envelopes import Envelope
from vision.domain.errors import VisionError
from vision.domain.gallery import albums, pending_uploads
from vision.domain.gallery.pending_uploads import PendingUpload
from vision.domain.objects import ObjectVersion
from vision.domain.statuses import Status
from vision.domain.table_keys import CLOSED, ERASED

# It marks records whose labels another system requested from Rekognition.
DETECTOR = {"name": "rekognition", "version": "serverless-data-processing"}

Row = dict[str, Any]
_Thing = TypeVar("_Thing")

_IDENTITY = "us-east-1:4f182a97-9165-46d8-a6de-f29b16927761"


@dataclass(frozen=True)
class Marks:
    """The migrated photos and albums of a person, remembered permanently: a deleted one is not migrated again."""

    items: Items
    sub: str

    def has(self, token: str) -> bool:
        """Return whether a photo or an album was migrated."""
        return self.items.get(self._key(token)) is not None

    def add(self, token: str) -> None:
        """Remember it; call this last, so that an interrupted migration is repeated."""
        self.items.put_once({**self._key(token), "record_type": "older_row", "created_at": records.now()})

    def _key(self, token: str) -> Row:
        return table_keys.older_row_key(self.sub, token)


class Refused(ValueError):
    """A row that cannot be migrated; the message says why."""


def bring_photos(
    photo_table: str,
    album_table: str,
    older_bucket: str,
    owner: str,
    identity: str,
    user_pool: str,
    person: str,
    table: str,
    bucket: str,
) -> Counter[str]:
    """Copy a person's photos of the photo backend, each into its album and with its upload time.

    Photos that exist already, or were deleted since, are skipped, so the command can be repeated.

    Parameters
    ----------
    photo_table, album_table, older_bucket
        The tables of the GraphQL API's types Photo and Album, and the bucket of its photos.
    owner
        The person's name in these rows.
    identity
        The person's id in the identity pool, which is the folder of the uploads. People write the rows themselves, so
        the rows are no proof of who owns an object.
    user_pool, person
        The new user pool, and the e-mail address of the same person there.
    table, bucket
        The new ones.

    Returns
    -------
    Counter
        How many photos were ``copied``, ``known`` or ``missing``, because the person has no such object; and how many
        rows of both tables were ``refused``.
    """
    photos, s3, sub = Photos(table), boto3.client("s3"), _sub(user_pool, person)
    marks = Marks(Items(table), sub)
    album_ids, refused = _bring_albums(album_table, owner, sub, Albums(table), marks)
    uploads = defaultdict(list)
    for listed in _objects(older_bucket, f"private/{identity}/uploads/"):
        # The backend named each object after its row. The row itself names the object only after a success.
        uploads[listed["Key"].rpartition("/")[2].partition(".")[0]].append(listed)
    there = {listed["Key"] for listed in _objects(bucket, f"private/{sub}/uploads/")}

    def bring(row: Row) -> str:
        if row.get("bucket") != older_bucket:
            raise Refused(f"bucket: {row.get('bucket')!r:.80} is not {older_bucket}")
        token = pending_uploads.idempotent_id(sub, f"older photo\n{row['id']}")
        if marks.has(token):
            return "known"
        found = uploads.get(row["id"], [])
        if not found:
            return "missing"
        if len(found) > 1:
            raise Refused(f"{len(found)} objects bear this id; rename all but one")
        album = row.get("albumId") or ""
        if not isinstance(album, str):
            raise Refused(f"albumId: {album!r:.80} is no text")
        if (album_id := album_ids.get(album, "")) is None:
            raise Refused("its album was refused")
        [upload] = found
        name = upload["Key"].rpartition("/")[2]
        ticket = PendingUpload(
            bucket,
            sub,
            token=token,
            name=name,
            content_type="image/png" if name.lower().endswith(".png") else "image/jpeg",
            size_bytes=upload["Size"],
            album_id=album_id,
        )
        is_erased = ERASED in photos.announce(ticket, records.now(), _time(row, "uploadTime"))
        is_known = is_erased or ticket.key in there
        if not is_known:
            s3.copy_object(Bucket=bucket, Key=ticket.key, CopySource={"Bucket": older_bucket, "Key": upload["Key"]})
        marks.add(token)
        return "known" if is_known else "copied"

    counts = _each(_of_owner(photo_table, owner), bring, "copied", "known", "missing")
    counts["refused"] += refused
    return counts


def _bring_albums(
    album_table: str, owner: str, sub: str, table: Albums, marks: Marks
) -> tuple[dict[str, str | None], int]:
    """Create a person's albums; return the id of each, None for a refused one, and the number of refused ones."""
    album_ids: dict[str, str | None] = {}

    def bring(row: Row) -> str:
        album_ids[row["id"]] = None
        name = row.get("name")
        if not _is_name(name):
            raise Refused(f"name: {name!r:.80} is not 1 to 100 characters to see; correct it, and repeat")
        album_id = pending_uploads.idempotent_id(sub, f"older album\n{row['id']}")
        if marks.has(album_id):
            # A photo that comes after the album was deleted is in no album.
            there = table.get(sub, album_id)
            album_ids[row["id"]] = album_id if there and CLOSED not in there else ""
            return "known"
        album = albums.album(sub, album_id, name, _time(row, "createdAt"))
        if table.make(album, albums.ALBUMS_LIMIT) is None:
            raise Refused(f"no room: a person has {albums.ALBUMS_LIMIT} albums at most; delete one, and repeat")
        marks.add(album_id)
        album_ids[row["id"]] = album_id
        return "made"

    return album_ids, _each(_of_owner(album_table, owner), bring)["refused"]


def bring_labels(older_table: str, bucket: str, unchanged_since: datetime, table: str) -> Counter[str]:
    """Record the label that the sample for Distributed Map found in each image of a bucket.

    A row identifies neither the content of the image nor the run that wrote it, and a later run may have failed to
    update it. It is therefore used only for an object that has not changed since the first run of the sample began. A
    bulk run then requests no labels for these images. Existing records stay.

    Parameters
    ----------
    older_table, bucket
        Those of the sample.
    unchanged_since
        When the first run began that wrote to the table.
    table
        The new one.

    Returns
    -------
    Counter
        How many images were ``recorded``, ``known``, ``changed``, ``without`` a label, or ``refused``.
    """
    items, found = Items(table), {row.get("id"): row.get("labels") for row in _rows(older_table)}
    moment = records.timestamp(unchanged_since)

    def bring(listed: dict[str, Any]) -> str:
        if not (labels := found.get(listed["Key"])):
            return "without"
        label = _label(labels)
        if listed["LastModified"] >= unchanged_since:
            return "changed"
        version = ObjectVersion(bucket, listed["Key"], "", listed["ETag"].strip('"'), "", listed["Size"])
        # As in a bulk run, the image has no owner.
        pending = records.pending(Envelope(version, keys.photo_id(bucket, version.key), owner=""), moment)
        record = pending | {"status": Status.SUCCEEDED, "labels": [label], "detector": DETECTOR}
        return "recorded" if items.put_once(record) else "known"

    images = ((listed["Key"], listed) for listed in _objects(bucket, ""))
    return _each(images, bring, "recorded", "known", "changed", "without")


def _each(named: Iterable[tuple[str, _Thing]], bring: Callable[[_Thing], str], *ways: str) -> Counter[str]:
    """Migrate each thing, count the outcomes, and print the reason for each refusal."""
    counts = Counter(dict.fromkeys((*ways, "refused"), 0))
    for name, thing in named:
        try:
            counts[bring(thing)] += 1
        except Refused as error:
            counts["refused"] += 1
            print(f"{name!r:.200}: {error}")
    return counts


def _sub(user_pool: str, person: str) -> str:
    found = boto3.client("cognito-idp").admin_get_user(UserPoolId=user_pool, Username=person)["UserAttributes"]
    return str(next(attribute["Value"] for attribute in found if attribute["Name"] == "sub"))


def _of_owner(table: str, owner: str) -> Iterator[tuple[str, Row]]:
    return ((row["id"], row) for row in _rows(table) if row.get("owner") == owner)


def _rows(table: str) -> Iterator[Row]:
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


def _moment(text: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        moment = None
    if moment is None or moment > datetime.now(UTC):
        raise argparse.ArgumentTypeError(f"{text!r:.80} is no past moment of ISO 8601, such as 2023-05-02T10:00:00Z")
    return moment


def _time(row: Row, field: str) -> str:
    try:
        return records.timestamp(_moment(row[field])) if row.get(field) else records.now()
    except argparse.ArgumentTypeError as error:
        raise Refused(f"{field}: {error}") from error


def _label(labels: Any) -> dict[str, Any]:
    match labels:
        # False for NaN, too.
        case [name, Decimal() as confidence] if _is_name(name) and 0 <= float(confidence) <= 100:
            return {"name": name, "confidence": float(confidence)}
    raise Refused(f"labels: {labels!r:.80} is not a name and a confidence from 0 to 100")


def _is_name(text: Any) -> TypeGuard[str]:
    # The limit of the API for album names; Rekognition's labels are shorter.
    return isinstance(text, str) and len(text) <= 100 and re.fullmatch(PRINTABLE, text) is not None


def main(arguments: list[str]) -> int:
    """Run one command, and print the number of rows for each outcome."""
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
    photos.add_argument("--user-pool", required=True, help="the new user pool")
    photos.add_argument("--person", required=True, help="the person's e-mail address in it")
    photos.add_argument("--bucket", required=True, help="the new image bucket")
    photos.set_defaults(bring=bring_photos)
    labels = commands.add_parser("labels", help="record the labels of the sample for Distributed Map")
    labels.add_argument("--rows", dest="older_table", required=True, help="the table of the sample")
    labels.add_argument("--bucket", required=True, help="the bucket with its images")
    labels.add_argument("--unchanged-since", type=_moment, required=True, help="when its first run began, ISO 8601")
    labels.set_defaults(bring=bring_labels)
    for command in (photos, labels):
        command.add_argument("--table", required=True, help="the new image table")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
