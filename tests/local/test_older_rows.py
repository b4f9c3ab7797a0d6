"""Rows of older systems come over once, and only what they really say."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from local import older_rows
from tests.conftest import BUCKET, REGION, TABLE
from vision.adapters.items import Items
from vision.adapters.people import People
from vision.adapters.photos import Photos
from vision.adapters.table import Table
from vision.domain import records, table_keys
from vision.domain.gallery.listing import Span
from vision.domain.gallery.pending_uploads import has_expired
from vision.domain.objects import ObjectVersion
from vision.domain.table_keys import ERASED

OLD, SUB, IDENTITY = "photo-sharing-older", "a1b2", "eu-west-1:4f182a97-9165-46d8-a6de-f29b16927761"
POOL, EMAIL = "eu-west-1_a1B2c3D4e", "ann@example.com"
ALBUM = {"id": "album-1", "name": "Summer", "owner": "ann", "createdAt": "2023-05-01T09:00:00.000Z"}
PHOTO = {
    "id": "photo-1",
    "albumId": "album-1",
    "owner": "ann",
    "uploadTime": "2023-05-02T10:00:00.000Z",
    "bucket": OLD,
    "ProcessingStatus": "SUCCEEDED",
    "objectDetected": ["Dog"],
}


@pytest.fixture
def older(bucket: str, table_name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket of an older system, and a user pool with one person: moto's needs a package that nothing else does."""
    session = boto3.Session(region_name=REGION)
    session.events.register("before-call.cognito-identity-provider.AdminGetUser", _admin_get_user)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
    boto3.client("s3").create_bucket(Bucket=OLD, CreateBucketConfiguration={"LocationConstraint": REGION})
    return OLD


def _admin_get_user(params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
    asked = json.loads(params["body"])
    if asked == {"UserPoolId": POOL, "Username": EMAIL}:
        return SimpleNamespace(status_code=200), {"UserAttributes": [{"Name": "sub", "Value": SUB}]}
    return SimpleNamespace(status_code=400), {"Error": {"Code": "UserNotFoundException", "Message": "does not exist"}}


def _table(name: str, *rows: dict[str, Any]) -> str:
    table = boto3.resource("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for row in rows:
        table.put_item(Item=row)
    return name


def _put(key: str, content: bytes = b"a dog") -> str:
    return boto3.client("s3").put_object(Bucket=OLD, Key=key, Body=content)["ETag"].strip('"')


def _bring_photos() -> dict[str, int]:
    return dict(older_rows.bring_photos("Photo", "Album", OLD, "ann", IDENTITY, POOL, EMAIL, TABLE, BUCKET))


def _album() -> list[Any]:
    [album] = People(TABLE).albums(SUB)
    photos = Photos(TABLE)
    return photos.get_many(
        list(photos.list_positions(table_keys.album_listing(SUB, album["album_id"]), Span(), None, 10))
    )


def test_photos_of_a_person_come_over_with_album_and_time_and_no_others(older: str) -> None:
    _table("Album", ALBUM, ALBUM | {"id": "album-2", "name": "Bob's", "owner": "bob"})
    rows = [PHOTO, PHOTO | {"id": "photo-2", "owner": "bob"}, PHOTO | {"id": "photo-3"}]
    _table("Photo", *rows, PHOTO | {"id": "photo-4", "ProcessingStatus": "FAILED"})
    for name in ("photo-1.jpg", "photo-2.jpg", "photo-4.png"):
        _put(f"private/{IDENTITY}/uploads/{name}")
    _put(f"private/{IDENTITY}/resized/photo-3.jpg")

    assert _bring_photos() == {"copied": 2, "known": 0, "missing": 1, "refused": 0}

    assert [album["name"] for album in People(TABLE).albums(SUB)] == ["Summer"]
    found = _album()
    assert {photo.item["name"] for photo in found} == {"photo-1.jpg", "photo-4.png"}
    assert {photo.item["created_at"] for photo in found} == {PHOTO["uploadTime"]}
    in_two_weeks = records.timestamp(datetime.now(UTC) + timedelta(days=14))
    assert not any(has_expired(photo.item, in_two_weeks) for photo in found)
    copies = boto3.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    assert {one["Key"] for one in copies} == {photo.item["object"]["key"] for photo in found}


def test_photo_is_copied_once_and_not_after_it_was_deleted(older: str) -> None:
    _table("Album", ALBUM)
    _table("Photo", PHOTO)
    _put(f"private/{IDENTITY}/uploads/photo-1.jpg")
    _bring_photos()
    assert _bring_photos() == {"copied": 0, "known": 1, "missing": 0, "refused": 0}
    assert len(boto3.client("s3").list_object_versions(Bucket=BUCKET)["Versions"]) == 1

    [photo] = _album()
    Photos(TABLE).mark_deleting(photo, "2026-11-30T10:00:00.000Z", "2026-11-30T10:00:00.000Z")
    boto3.client("s3").delete_object(Bucket=BUCKET, Key=photo.item["object"]["key"])
    assert _bring_photos() == {"copied": 0, "known": 1, "missing": 0, "refused": 0}
    assert Photos(TABLE).read(photo.photo_id).item.keys() >= {ERASED}


@pytest.mark.parametrize("person", ["", " ", "a/b", "../x", "bob@example.com"])
def test_person_whom_the_user_pool_does_not_have_gets_nothing(
    older: str, person: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _table("Album", ALBUM)
    _table("Photo", PHOTO)
    _put(f"private/{IDENTITY}/uploads/photo-1.jpg")
    options = ["--photos=Photo", "--albums=Album", f"--older-bucket={OLD}", "--owner=ann", f"--identity={IDENTITY}"]
    options += [f"--user-pool={POOL}", f"--person={person}", f"--bucket={BUCKET}", f"--table={TABLE}"]
    assert older_rows.main(["photos", *options]) == 1
    assert capsys.readouterr().out.startswith(("UserNotFoundException: ", "ParamValidationError: "))
    assert not boto3.client("s3").list_objects_v2(Bucket=BUCKET)["KeyCount"]


def test_row_cannot_name_a_photo_of_another_person(older: str, capsys: pytest.CaptureFixture[str]) -> None:
    _table("Album")
    _table("Photo", PHOTO | {"id": "holiday"}, PHOTO | {"id": "secret", "bucket": BUCKET})
    _put("private/us-east-1:b0b/uploads/holiday.jpg")
    boto3.client("s3").put_object(Bucket=BUCKET, Key=f"private/{IDENTITY}/uploads/secret.jpg", Body=b"a cat")

    assert _bring_photos() == {"copied": 0, "known": 0, "missing": 1, "refused": 1}
    assert capsys.readouterr().out == f"'secret': bucket: '{BUCKET}' is not {OLD}\n"
    assert not boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"private/{SUB}/")["KeyCount"]


def test_id_of_two_objects_is_refused(older: str, capsys: pytest.CaptureFixture[str]) -> None:
    _table("Album")
    _table("Photo", PHOTO)
    _put(f"private/{IDENTITY}/uploads/photo-1.jpg")
    _put(f"private/{IDENTITY}/uploads/photo-1.png")

    assert _bring_photos() == {"copied": 0, "known": 0, "missing": 0, "refused": 1}
    assert "'photo-1': 2 objects bear this id" in capsys.readouterr().out


def test_photo_and_album_that_were_deleted_long_ago_do_not_come_back(older: str) -> None:
    _table("Album", ALBUM)
    rows = boto3.resource("dynamodb").Table(_table("Photo", PHOTO))
    _put(f"private/{IDENTITY}/uploads/photo-1.jpg")
    _bring_photos()
    [photo] = _album()
    boto3.client("s3").delete_object(Bucket=BUCKET, Key=photo.item["object"]["key"])
    People(TABLE).remove_album(SUB, photo.item["album_id"])
    # After 15 days DynamoDB has deleted what remembers a deleted photo.
    Items(TABLE).delete_many([table_keys.photo_key(photo.photo_id), {"pk": photo.item["pk"], "sk": "ALBUM"}])

    rows.put_item(Item=PHOTO | {"id": "photo-2"})
    _put(f"private/{IDENTITY}/uploads/photo-2.jpg")
    assert _bring_photos() == {"copied": 1, "known": 1, "missing": 0, "refused": 0}
    assert People(TABLE).albums(SUB) == []
    places = Photos(TABLE).list_positions(table_keys.owner_listing(SUB), Span(), None, 10)
    assert [(one.item["name"], one.item.get("album_id")) for one in Photos(TABLE).get_many(list(places))] == [
        ("photo-2.jpg", None)
    ]


def test_photo_whose_copy_failed_is_copied_by_the_next_attempt(older: str) -> None:
    _table("Album", ALBUM)
    _table("Photo", PHOTO)
    _put(f"private/{IDENTITY}/uploads/photo-1.jpg")

    def fail(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="https://s3")

    boto3.DEFAULT_SESSION.events.register("before-call.s3.CopyObject", fail)
    with pytest.raises(EndpointConnectionError):
        _bring_photos()
    boto3.DEFAULT_SESSION.events.unregister("before-call.s3.CopyObject", fail)
    assert _bring_photos() == {"copied": 1, "known": 0, "missing": 0, "refused": 0}
    assert [photo.item["name"] for photo in _album()] == ["photo-1.jpg"]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"bucket": None}, f"bucket: None is not {OLD}"),
        ({"uploadTime": "yesterday"}, "uploadTime: 'yesterday' is no past moment of ISO 8601"),
        ({"uploadTime": 1683021600}, "uploadTime: Decimal('1683021600') is no past moment of ISO 8601"),
        ({"uploadTime": "9999-12-31T00:00:00-14:00"}, "uploadTime: '9999-12-31T00:00:00-14:00' is no past moment"),
        ({"uploadTime": "0001-01-01T00:00:00+14:00"}, "uploadTime: '0001-01-01T00:00:00+14:00' is no past moment"),
        ({"albumId": ["album-1"]}, "albumId: ['album-1'] is no text"),
    ],
)
def test_photo_row_that_cannot_be_read_is_named_and_left_out(
    older: str, wrong: dict[str, Any], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _table("Album", ALBUM)
    _table("Photo", PHOTO, PHOTO | {"id": "photo-2"} | wrong)
    for name in ("photo-1.jpg", "photo-2.jpg"):
        _put(f"private/{IDENTITY}/uploads/{name}")

    assert _bring_photos() == {"copied": 1, "known": 0, "missing": 0, "refused": 1}
    assert f"'photo-2': {why}" in capsys.readouterr().out


@pytest.mark.parametrize("name", [None, ["Summer"], "", " ", "a\nb", "ab\n", "\u202eabc", "x" * 101])
def test_album_needs_a_name_as_the_api_takes_it_and_its_photos_wait_for_one(
    older: str, name: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    albums = boto3.resource("dynamodb").Table(_table("Album", ALBUM | {"name": name}))
    _table("Photo", PHOTO, PHOTO | {"id": "photo-2", "albumId": "of nobody"})
    for upload in ("photo-1.jpg", "photo-2.jpg"):
        _put(f"private/{IDENTITY}/uploads/{upload}")

    assert _bring_photos() == {"copied": 1, "known": 0, "missing": 0, "refused": 2}
    said = capsys.readouterr().out
    assert f"'album-1': name: {name!r:.80} is not 1 to 100 characters to see" in said
    assert "'photo-1': its album was refused" in said
    assert People(TABLE).albums(SUB) == []

    albums.put_item(Item=ALBUM)
    assert _bring_photos() == {"copied": 1, "known": 1, "missing": 0, "refused": 0}
    assert [photo.item["name"] for photo in _album()] == ["photo-1.jpg"]


def test_album_beyond_the_most_of_a_person_is_refused_with_its_photos(
    older: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("vision.domain.gallery.albums.ALBUMS_LIMIT", 1)
    _table("Album", ALBUM, ALBUM | {"id": "album-2"})
    _table("Photo", PHOTO, PHOTO | {"id": "photo-2", "albumId": "album-2"})
    for name in ("photo-1.jpg", "photo-2.jpg"):
        _put(f"private/{IDENTITY}/uploads/{name}")

    assert _bring_photos() == {"copied": 1, "known": 0, "missing": 0, "refused": 2}
    assert "no room: a person has 1 albums at most; delete one, and repeat" in capsys.readouterr().out


def _known(key: str, etag: str) -> dict[str, Any]:
    version = ObjectVersion(OLD, key, "", etag, "", 5)
    return Table(TABLE).recorded_versions([version]).get(version, (version, {}))[1]


def test_label_counts_for_content_that_the_sample_has_seen_and_no_other(older: str) -> None:
    etag = _put("archive/dog.jpg")
    rows = [{"id": "archive/dog.jpg", "labels": ("Dog", Decimal("98.7"))}, {"id": "gone.jpg", "labels": ("Cat", 90)}]
    _table("rows", *rows, {"id": "empty.jpg", "labels": {}})
    _put("empty.jpg")
    _put("new.png")
    now = datetime.now(UTC)

    earlier = older_rows.bring_labels("rows", OLD, now - timedelta(hours=2), TABLE)
    assert dict(earlier) == {"recorded": 0, "known": 0, "changed": 1, "without": 2, "refused": 0}
    assert _known("archive/dog.jpg", etag) == {}

    counts = older_rows.bring_labels("rows", OLD, now, TABLE)
    assert dict(counts) == {"recorded": 1, "known": 0, "changed": 0, "without": 2, "refused": 0}
    assert _known("archive/dog.jpg", etag)["detector"]["version"] == "serverless-data-processing"
    assert older_rows.bring_labels("rows", OLD, now, TABLE)["known"] == 1


@pytest.mark.parametrize("since", ["yesterday", "", "2999-01-01", "9999-12-31T00:00:00-14:00"])
def test_content_cannot_be_unchanged_since_a_moment_that_has_not_been(
    since: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        older_rows.main(["labels", "--rows=x", "--bucket=x", "--table=x", f"--unchanged-since={since}"])
    assert f"argument --unchanged-since: {since!r} is no past moment of ISO 8601" in capsys.readouterr().err


@pytest.mark.parametrize(
    "labels",
    [
        *(["Dog", confidence] for confidence in ("n/a", "NaN", None, True, [90], Decimal("1e30"), Decimal("-5"))),
        *([name, 90] for name in (None, "", "a\nb", "x" * 300_000)),
        ["Dog"],
        "Dog",
    ],
)
def test_label_row_that_cannot_be_read_is_named_and_left_out(
    older: str, labels: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    etag, dog = _put("\u202egpj.jpg"), _put("dog.jpg")
    _table("rows", {"id": "\u202egpj.jpg", "labels": labels}, {"id": "dog.jpg", "labels": ["Dog", Decimal(90)]})

    counts = dict(older_rows.bring_labels("rows", OLD, datetime.now(UTC), TABLE))

    assert counts == {"recorded": 1, "known": 0, "changed": 0, "without": 0, "refused": 1}
    assert (bool(_known("\u202egpj.jpg", etag)), bool(_known("dog.jpg", dog))) == (False, True)
    said = capsys.readouterr().out
    assert said.startswith("'\\u202egpj.jpg': labels: ")
    assert len(said) < 300


@pytest.mark.parametrize("identity", ["", "*", "ann", "eu-west-1:4f18/../../bob", "eu-west-1:4f182a97/uploads"])
def test_identity_is_one_of_an_identity_pool(identity: str, capsys: pytest.CaptureFixture[str]) -> None:
    names = ("photos", "albums", "older-bucket", "owner", "person", "user-pool", "bucket", "table")
    options = [f"--{name}=x" for name in names]
    with pytest.raises(SystemExit):
        older_rows.main(["photos", *options, f"--identity={identity}"])
    assert "argument --identity: expected an id of an identity pool, such as" in capsys.readouterr().err


def test_table_that_there_is_not_is_a_sentence(older: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--rows", "nowhere", "--bucket", OLD, "--unchanged-since", "2026-11-30", "--table", TABLE]
    assert older_rows.main(["labels", *options]) == 1
    assert "ResourceNotFoundException" in capsys.readouterr().out
