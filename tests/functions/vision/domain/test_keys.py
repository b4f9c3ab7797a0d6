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


@given(upload_keys() | st.sampled_from(KEY_TRAPS).map(lambda name: (f"private/ann/uploads/{name}", "ann", name)))
def test_upload_key_has_an_owner_and_a_path(upload: tuple[str, str, str]) -> None:
    key, owner, path = upload
    assert names.upload_key(key) == names.UploadKey(owner, path)


NO_OWNER = ["private/x/resized/uploads/y", "private/x/y/uploads/z.jpg", "private//uploads/rose.jpg"]
NO_PATH = ["private/ann/uploads/", "private/ann/uploads/holiday/", "private/ann/uploads"]
ELSEWHERE = ["private/ann/resized/f3z/4al.jpg", "public/ann/uploads/rose.jpg", "images/part-0001.png", "rose.jpg", ""]
MISSPELLED = ["Private/ann/uploads/rose.jpg", "/private/ann/uploads/rose.jpg"]


@pytest.mark.parametrize("key", [*NO_OWNER, *NO_PATH, *ELSEWHERE, *MISSPELLED])
def test_key_outside_uploads_is_no_upload(key: str) -> None:
    assert names.upload_key(key) is None


@given(text_of(1024))
def test_key_of_a_notification_is_decoded_as_s3_encodes_it(key: str) -> None:
    assert names.decode_notification_key(quote_plus(key)) == key


def test_photo_id_never_changes_between_releases_and_is_that_of_the_sample_event() -> None:
    # Records and links contain it: another digest would orphan every existing record.
    assert names.photo_id("amzn-s3-demo-bucket", "private/ann/uploads/café.jpg") == "byiugtkprh6xbmk2fznbbmmyor"
    sample = json.loads((ROOT / "events/extract_metadata.json").read_text(encoding="utf-8"))
    assert sample["photo_id"] == names.photo_id(sample["object"]["bucket"], sample["object"]["key"])


def test_similar_keys_are_different_photos() -> None:
    assert len({names.photo_id("amzn-s3-demo-bucket", name) for name in KEY_TRAPS}) == len(KEY_TRAPS)


@given(keys, keys)
def test_photo_ids_are_26_base32_characters_and_distinct(one: str, other: str) -> None:
    photo_id = names.photo_id("amzn-s3-demo-bucket", one)
    assert re.fullmatch(r"[a-z2-7]{26}", photo_id)
    assert (photo_id == names.photo_id("amzn-s3-demo-bucket", other)) == (one == other)
    assert photo_id != names.photo_id("other-bucket", one)


@given(keys, identities, identities, st.integers(2, 10**9))
def test_execution_name_is_valid_for_one_version_and_attempt(key: str, one: str, other: str, attempt: int) -> None:
    version = _version(key, one)
    name, again = names.execution_name(version), names.execution_name(version, attempt)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,80}", name)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,80}", again)
    assert name != again
    assert (name == names.execution_name(_version(key, other))) == (one == other)


@given(upload_keys(), identities)
@example(("private/" + "o" * 1006 + "/uploads/p", "o" * 1006, "p"), "v1")
def test_thumbnail_key_fits_s3_and_the_policy_and_is_no_upload(upload: tuple[str, str, str], version_id: str) -> None:
    key, owner, _ = upload
    thumbnail = names.thumbnail_key(_version(key, version_id), owner)
    assert len(thumbnail.encode()) <= names.KEY_LIMIT_BYTES
    # The policy in the template: s3:PutObject on private/*/resized/*.
    assert re.fullmatch(r"private/.*/resized/.*", thumbnail, re.DOTALL)
    assert names.upload_key(thumbnail) is None


@given(upload_keys(), identities, identities)
def test_two_versions_of_a_photo_have_two_thumbnails(upload: tuple[str, str, str], one: str, other: str) -> None:
    key, owner, _ = upload
    assume(one != other)
    assert names.thumbnail_key(_version(key, one), owner) != names.thumbnail_key(_version(key, other), owner)


def test_thumbnails_of_an_owner_are_beside_the_uploads_and_distinct() -> None:
    def thumbnail_of(owner: str, name: str) -> str:
        return names.thumbnail_key(_version(f"private/{owner}/uploads/{name}"), owner)

    assert thumbnail_of("ann", "rose.jpg").startswith("private/ann/resized/")
    assert thumbnail_of("ann", "rose.jpg") != thumbnail_of("ann", "tulip.jpg")
    # An owner may be too long for a key.
    assert thumbnail_of("o" * 1006, "p").startswith("private//resized/")
