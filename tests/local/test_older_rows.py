"""Rows of older systems are imported once, and only with what they state."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from local import older_rows
from tests.conftest import BUCKET, REGION, TABLE
from vision.adapters.albums import Albums
from vision.adapters.items import Items
from vision.adapters.photos import Photos
from vision.adapters.table import Table
from vision.domain import records, table_keys
from vision.domain.gallery.listing import Span
from vision.domain.gallery.pending_uploads import has_expired
from vision.domain.objects import ObjectVersion
from vision.domain.table_keys import ERASED

OLD, SUB, IDENTITY = "photo-sharing-older", "a1b2", "eu-west-1:4f182a97-9165-46d8-a6de-f29b16927761"
POOL, EMAIL = "eu-west-1_a1B2c3D4e", "ann@example.com"
UPLOADS = f"private/{IDENTITY}/uploads"
ALBUM = {"id": "album-1", "name": "Summer", "owner": "ann", "createdAt": "2023-05-01T09:00:00.000Z"}
PHOTO = {"id": "photo-1", "albumId": "album-1", "owner": "ann", "uploadTime": "2023-05-02T10:00:00.000Z", "bucket": OLD}
PHOTO |= {"ProcessingStatus": "SUCCEEDED", "objectDetected": ["Dog"]}
SECOND = PHOTO | {"id": "photo-2"}


@pytest.fixture(autouse=True)
def _older(bucket: str, table_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Create the bucket of an older system, and a user pool with one person: moto's needs one more package."""
    session = boto3.Session(region_name=REGION)
    session.events.register("before-call.cognito-identity-provider.AdminGetUser", admin_get_user)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
    boto3.client("s3").create_bucket(Bucket=OLD, CreateBucketConfiguration={"LocationConstraint": REGION})


def admin_get_user(params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
    if json.loads(params["body"]) == {"UserPoolId": POOL, "Username": EMAIL}:
        return SimpleNamespace(status_code=200), {"UserAttributes": [{"Name": "sub", "Value": SUB}]}
    return SimpleNamespace(status_code=400), {"Error": {"Code": "UserNotFoundException", "Message": "does not exist"}}


def create_table(name: str, *rows: dict[str, Any]) -> Any:
    table = boto3.resource("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for row in rows:
        table.put_item(Item=row)
    return table


def put(*keys: str) -> list[str]:
    """Put an object under each key, and return the ETags."""
    s3 = boto3.client("s3")
    return [s3.put_object(Bucket=OLD, Key=key, Body=b"a dog")["ETag"].strip('"') for key in keys]


def create_rows(*photos: dict[str, Any], album: dict[str, Any] = ALBUM) -> Any:
    """Create the tables of an album and of photos, and upload the photos; return the table of the photos."""
    create_table("Album", album)
    put(*(f"{UPLOADS}/{photo['id']}.jpg" for photo in photos))
    return create_table("Photo", *photos)


def bring_photos() -> dict[str, int]:
    """Import the photos, and return the counts that are not zero."""
    counts = older_rows.bring_photos("Photo", "Album", OLD, "ann", IDENTITY, POOL, EMAIL, TABLE, BUCKET)
    return {name: number for name, number in counts.items() if number}


def photos_in(listing: str) -> list[Any]:
    photos = Photos(TABLE)
    return photos.get_many(list(photos.list_positions(listing, Span(), None, 10)))


def album_photos() -> list[Any]:
    """Return the photos of the one album."""
    [album] = Albums(TABLE).of_owner(SUB)
    return photos_in(table_keys.album_listing(SUB, album["album_id"]))


def names(photos: list[Any]) -> set[str]:
    return {photo.item["name"] for photo in photos}


def test_photos_of_a_person_are_imported_with_album_and_time():
    create_table("Album", ALBUM, ALBUM | {"id": "album-2", "name": "Bob's", "owner": "bob"})
    rows = [PHOTO, SECOND | {"owner": "bob"}, PHOTO | {"id": "photo-3"}]
    create_table("Photo", *rows, PHOTO | {"id": "photo-4", "ProcessingStatus": "FAILED"})
    put(*(f"{UPLOADS}/{name}" for name in ("photo-1.jpg", "photo-2.jpg", "photo-4.png")))
    put(f"private/{IDENTITY}/resized/photo-3.jpg")

    assert bring_photos() == {"copied": 2, "missing": 1}

    assert [album["name"] for album in Albums(TABLE).of_owner(SUB)] == ["Summer"]
    found = album_photos()
    assert names(found) == {"photo-1.jpg", "photo-4.png"}
    assert {photo.item["created_at"] for photo in found} == {PHOTO["uploadTime"]}
    in_two_weeks = records.timestamp(datetime.now(UTC) + timedelta(days=14))
    assert not any(has_expired(photo.item, in_two_weeks) for photo in found)
    copies = boto3.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    assert {one["Key"] for one in copies} == {photo.item["object"]["key"] for photo in found}


def test_photo_is_copied_once_even_after_it_was_deleted():
    create_rows(PHOTO)
    assert bring_photos() == {"copied": 1}
    assert bring_photos() == {"known": 1}
    assert len(boto3.client("s3").list_object_versions(Bucket=BUCKET)["Versions"]) == 1

    [photo] = album_photos()
    Photos(TABLE).mark_deleting(photo, "2026-11-30T10:00:00.000Z", "2026-11-30T10:00:00.000Z")
    boto3.client("s3").delete_object(Bucket=BUCKET, Key=photo.item["object"]["key"])
    assert bring_photos() == {"known": 1}
    assert Photos(TABLE).read(photo.photo_id).item.keys() >= {ERASED}


def test_photo_and_album_deleted_long_ago_do_not_return():
    rows = create_rows(PHOTO)
    bring_photos()
    [photo] = album_photos()
    boto3.client("s3").delete_object(Bucket=BUCKET, Key=photo.item["object"]["key"])
    Albums(TABLE).remove(SUB, photo.item["album_id"])
    # After 15 days DynamoDB has deleted the items of a deleted photo.
    Items(TABLE).delete_many([table_keys.photo_key(photo.photo_id), {"pk": photo.item["pk"], "sk": "ALBUM"}])

    rows.put_item(Item=SECOND)
    put(f"{UPLOADS}/photo-2.jpg")
    assert bring_photos() == {"copied": 1, "known": 1}
    assert Albums(TABLE).of_owner(SUB) == []
    [second] = photos_in(table_keys.owner_listing(SUB))
    assert second.item["name"] == "photo-2.jpg"
    assert "album_id" not in second.item


def test_photo_whose_copy_failed_is_copied_by_the_next_run():
    create_rows(PHOTO)
    refuse = Mock(side_effect=EndpointConnectionError(endpoint_url="https://s3"))
    boto3.DEFAULT_SESSION.events.register("before-call.s3.CopyObject", refuse)
    with pytest.raises(EndpointConnectionError):
        bring_photos()
    boto3.DEFAULT_SESSION.events.unregister("before-call.s3.CopyObject", refuse)
    assert bring_photos() == {"copied": 1}
    assert names(album_photos()) == {"photo-1.jpg"}


def test_person_outside_the_user_pool_gets_no_photos(capsys):
    create_rows(PHOTO)
    options = ["--photos=Photo", "--albums=Album", f"--older-bucket={OLD}", "--owner=ann", f"--identity={IDENTITY}"]
    options += [f"--user-pool={POOL}", f"--bucket={BUCKET}", f"--table={TABLE}"]
    for person in ("", " ", "a/b", "../x", "bob@example.com"):
        assert older_rows.main(["photos", *options, f"--person={person}"]) == 1
        assert capsys.readouterr().out.startswith(("UserNotFoundException: ", "ParamValidationError: "))
    assert not boto3.client("s3").list_objects_v2(Bucket=BUCKET)["KeyCount"]


def test_row_cannot_name_a_photo_of_another_person_or_two_objects(capsys):
    create_table("Album")
    create_table("Photo", PHOTO, PHOTO | {"id": "holiday"}, PHOTO | {"id": "secret", "bucket": BUCKET})
    put("private/us-east-1:b0b/uploads/holiday.jpg", f"{UPLOADS}/photo-1.jpg", f"{UPLOADS}/photo-1.png")
    boto3.client("s3").put_object(Bucket=BUCKET, Key=f"{UPLOADS}/secret.jpg", Body=b"a cat")

    assert bring_photos() == {"missing": 1, "refused": 2}
    output = capsys.readouterr().out
    assert f"'secret': bucket: '{BUCKET}' is not {OLD}\n" in output
    assert "'photo-1': 2 objects bear this id" in output
    assert not boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"private/{SUB}/")["KeyCount"]


def test_invalid_photo_row_is_named_and_skipped(capsys):
    no_moment = "is no past moment of ISO 8601"
    wrong = [
        ({"bucket": None}, f"bucket: None is not {OLD}"),
        ({"uploadTime": 1683021600}, f"uploadTime: Decimal('1683021600') {no_moment}"),
        *(
            ({"uploadTime": text}, f"uploadTime: '{text}' {no_moment}")
            for text in ("yesterday", "9999-12-31T00:00:00-14:00", "0001-01-01T00:00:00+14:00")
        ),
        ({"albumId": ["album-1"]}, "albumId: ['album-1'] is no text"),
    ]
    create_rows(PHOTO, *(PHOTO | {"id": f"wrong-{number}"} | fields for number, (fields, _) in enumerate(wrong)))
    assert bring_photos() == {"copied": 1, "refused": len(wrong)}
    output = capsys.readouterr().out
    assert [f"'wrong-{number}': {reason}" in output for number, (_, reason) in enumerate(wrong)] == [True] * len(wrong)


@pytest.mark.parametrize("name", [None, ["Summer"], "", " ", "a\nb", "ab\n", "\u202eabc", "x" * 101])
def test_album_without_a_valid_name_is_refused_with_its_photos(name, capsys):
    create_rows(PHOTO, SECOND | {"albumId": "unknown"}, album=ALBUM | {"name": name})
    assert bring_photos() == {"copied": 1, "refused": 2}
    output = capsys.readouterr().out
    assert f"'album-1': name: {name!r:.80} is not 1 to 100 characters" in output
    assert "'photo-1': its album was refused" in output
    assert Albums(TABLE).of_owner(SUB) == []

    boto3.resource("dynamodb").Table("Album").put_item(Item=ALBUM)
    assert bring_photos() == {"copied": 1, "known": 1}
    assert names(album_photos()) == {"photo-1.jpg"}


def test_album_above_the_limit_of_a_person_is_refused_with_its_photos(monkeypatch, capsys):
    monkeypatch.setattr("vision.domain.gallery.albums.ALBUMS_LIMIT", 1)
    create_rows(PHOTO, SECOND | {"albumId": "album-2"})
    boto3.resource("dynamodb").Table("Album").put_item(Item=ALBUM | {"id": "album-2"})
    assert bring_photos() == {"copied": 1, "refused": 2}
    assert "a person has 1 albums at most; delete one" in capsys.readouterr().out


def known(key: str, etag: str) -> dict[str, Any]:
    version = ObjectVersion(OLD, key, "", etag, "", 5)
    return Table(TABLE).recorded_versions([version]).get(version, (version, {}))[1]


def bring_labels(unchanged_since: datetime) -> dict[str, int]:
    """Import the labels, and return the counts that are not zero."""
    counts = older_rows.bring_labels("rows", OLD, unchanged_since, TABLE)
    return {name: number for name, number in counts.items() if number}


def test_label_is_imported_only_for_unchanged_content():
    [etag] = put("archive/dog.jpg")
    rows = [{"id": "archive/dog.jpg", "labels": ("Dog", Decimal("98.7"))}, {"id": "gone.jpg", "labels": ("Cat", 90)}]
    create_table("rows", *rows, {"id": "empty.jpg", "labels": {}})
    put("empty.jpg", "new.png")
    now = datetime.now(UTC)

    assert bring_labels(now - timedelta(hours=2)) == {"changed": 1, "without": 2}
    assert known("archive/dog.jpg", etag) == {}
    assert bring_labels(now) == {"recorded": 1, "without": 2}
    assert known("archive/dog.jpg", etag)["detector"]["version"] == "serverless-data-processing"
    assert bring_labels(now)["known"] == 1


def test_invalid_label_row_is_named_and_skipped(capsys):
    wrong = [
        *(["Dog", confidence] for confidence in ("n/a", "NaN", None, True, [90], Decimal("1e30"), Decimal("-5"))),
        *([name, 90] for name in (None, "", "a\nb", "x" * 300_000)),
        *(["Dog"], "Dog"),
    ]
    rows = {f"{number}\u202egpj.jpg": labels for number, labels in enumerate(wrong)} | {"dog.jpg": ["Dog", Decimal(90)]}
    etags = dict(zip(rows, put(*rows), strict=True))
    create_table("rows", *({"id": key, "labels": labels} for key, labels in rows.items()))
    assert bring_labels(datetime.now(UTC)) == {"recorded": 1, "refused": len(wrong)}
    assert [key for key, etag in etags.items() if known(key, etag)] == ["dog.jpg"]
    lines = sorted(capsys.readouterr().out.splitlines(), key=lambda line: int(line[1:].partition("\\")[0]))
    assert [line.partition(" ")[0] for line in lines] == [f"'{number}\\u202egpj.jpg':" for number in range(len(wrong))]
    assert all(" labels: " in line and len(line) < 300 for line in lines)


def test_argument_needs_a_past_time_or_the_id_of_an_identity_pool(capsys):
    def refusal(command, option, value, *others):
        with pytest.raises(SystemExit):
            older_rows.main([command, *(f"--{name}=x" for name in others), f"--{option}={value}"])
        return capsys.readouterr().err

    for since in ("yesterday", "", "2999-01-01", "9999-12-31T00:00:00-14:00"):
        error = refusal("labels", "unchanged-since", since, "rows", "bucket", "table")
        assert f"argument --unchanged-since: {since!r} is no past moment of ISO 8601" in error
    others = ("photos", "albums", "older-bucket", "owner", "person", "user-pool", "bucket", "table")
    for identity in ("", "*", "ann", "eu-west-1:4f18/../../bob", "eu-west-1:4f182a97/uploads"):
        error = refusal("photos", "identity", identity, *others)
        assert "argument --identity: expected an id of an identity pool, such as" in error


def test_missing_table_is_reported_without_a_traceback(capsys):
    options = ["--rows", "nowhere", "--bucket", OLD, "--unchanged-since", "2026-11-30", "--table", TABLE]
    assert older_rows.main(["labels", *options]) == 1
    assert "ResourceNotFoundException" in capsys.readouterr().out
