import json
import re
from urllib.parse import quote_plus

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tests.conftest import ROOT
from tests.strategies import KEY_TRAPS, identities, keys, text_of, upload_keys
from vision.domain import keys as names
from vision.domain.objects import ObjectVersion


def _version(key: str, version_id: str = "v1", bucket: str = "amzn-s3-demo-bucket") -> ObjectVersion:
    return ObjectVersion(bucket, key, version_id, "etag", "", 1)


@given(upload_keys())
def test_an_upload_key_splits_into_the_owner_and_the_path_below_uploads(upload: tuple[str, str, str]) -> None:
    key, owner, path = upload
    assert names.upload_key(key) == names.UploadKey(owner, path)


@pytest.mark.parametrize("name", KEY_TRAPS)
def test_a_name_that_broke_older_systems_is_kept_character_by_character(name: str) -> None:
    assert names.upload_key(f"private/ann/uploads/{name}") == names.UploadKey("ann", name)


@pytest.mark.parametrize(
    "key",
    [
        "private/x/resized/uploads/y",
        "private/x/y/uploads/z.jpg",
        "private/ann/resized/f3z/4al.jpg",
        "private//uploads/rose.jpg",
        "private/ann/uploads/",
        "private/ann/uploads/holiday/",
        "private/ann/uploads",
        "Private/ann/uploads/rose.jpg",
        "/private/ann/uploads/rose.jpg",
        "public/ann/uploads/rose.jpg",
        "images/part-0001.png",
        "rose.jpg",
        "",
    ],
)
def test_a_key_outside_of_uploads_is_no_upload(key: str) -> None:
    assert names.upload_key(key) is None


@given(keys)
def test_a_photo_id_is_26_lower_case_letters_and_digits(key: str) -> None:
    assert re.fullmatch(r"[a-z2-7]{26}", names.photo_id("amzn-s3-demo-bucket", key))


def test_a_photo_id_never_changes_between_releases() -> None:
    # Records and links carry it: another digest would orphan every record that exists.
    assert names.photo_id("amzn-s3-demo-bucket", "private/ann/uploads/café.jpg") == "byiugtkprh6xbmk2fznbbmmyor"


@given(keys, keys)
def test_two_keys_are_two_photos(one: str, other: str) -> None:
    assume(one != other)
    assert names.photo_id("amzn-s3-demo-bucket", one) != names.photo_id("amzn-s3-demo-bucket", other)


def test_names_that_look_alike_are_different_photos() -> None:
    assert len({names.photo_id("amzn-s3-demo-bucket", name) for name in KEY_TRAPS}) == len(KEY_TRAPS)


def test_the_same_key_in_two_buckets_is_two_photos() -> None:
    assert names.photo_id("one-bucket", "rose.jpg") != names.photo_id("other-bucket", "rose.jpg")


@given(keys, identities, st.integers(1, 10**9))
def test_step_functions_takes_the_execution_name(key: str, version_id: str, attempt: int) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,80}", names.execution_name(_version(key, version_id), attempt))


@given(keys, identities)
def test_a_repeated_event_gets_the_same_execution_name(key: str, version_id: str) -> None:
    assert names.execution_name(_version(key, version_id)) == names.execution_name(_version(key, version_id))


@given(keys, identities, st.integers(2, 100))
def test_processing_again_on_purpose_gets_a_new_execution_name(key: str, version_id: str, attempt: int) -> None:
    version = _version(key, version_id)
    assert names.execution_name(version, attempt) != names.execution_name(version)


@given(keys, identities, identities)
def test_two_versions_of_a_photo_get_two_executions(key: str, one: str, other: str) -> None:
    assume(one != other)
    assert names.execution_name(_version(key, one)) != names.execution_name(_version(key, other))


@given(upload_keys(), identities, identities)
def test_two_versions_of_a_photo_get_two_thumbnails(upload: tuple[str, str, str], one: str, other: str) -> None:
    key, owner, _ = upload
    assume(one != other)
    assert names.thumbnail_key(_version(key, one), owner) != names.thumbnail_key(_version(key, other), owner)


@given(upload_keys(), identities)
@example(("private/" + "o" * 1006 + "/uploads/p", "o" * 1006, "p"), "v1")
def test_s3_takes_the_thumbnail_key(upload: tuple[str, str, str], version_id: str) -> None:
    key, owner, _ = upload
    assert len(names.thumbnail_key(_version(key, version_id), owner).encode()) <= names.KEY_LIMIT_BYTES


@given(upload_keys(), identities)
def test_a_thumbnail_never_starts_the_workflow_again(upload: tuple[str, str, str], version_id: str) -> None:
    key, owner, _ = upload
    assert names.upload_key(names.thumbnail_key(_version(key, version_id), owner)) is None


@given(upload_keys(), identities)
def test_the_function_may_write_the_thumbnail_key(upload: tuple[str, str, str], version_id: str) -> None:
    # The policy in the template: s3:PutObject on private/*/resized/*.
    key, owner, _ = upload
    assert re.fullmatch(r"private/.*/resized/.*", names.thumbnail_key(_version(key, version_id), owner), re.DOTALL)


def test_a_thumbnail_is_beside_its_owners_uploads() -> None:
    assert names.thumbnail_key(_version("private/ann/uploads/rose.jpg"), "ann").startswith("private/ann/resized/")


def test_the_thumbnail_of_an_owner_too_long_for_a_key_is_in_nobodys_folder() -> None:
    owner = "o" * 1006
    thumbnail = names.thumbnail_key(_version(f"private/{owner}/uploads/p"), owner)
    assert thumbnail.startswith("private//resized/")


def test_two_photos_have_their_thumbnails_in_two_folders() -> None:
    rose, tulip = _version("private/ann/uploads/rose.jpg"), _version("private/ann/uploads/tulip.jpg")
    assert names.thumbnail_key(rose, "ann") != names.thumbnail_key(tulip, "ann")


@given(text_of(1024))
def test_a_notifications_key_is_decoded_as_s3_encodes_it(key: str) -> None:
    assert names.decode_notification_key(quote_plus(key)) == key


def test_the_sample_events_carry_the_ids_of_their_key() -> None:
    sample = json.loads((ROOT / "events/extract_metadata.json").read_text(encoding="utf-8"))
    assert sample["photo_id"] == names.photo_id(sample["object"]["bucket"], sample["object"]["key"])
