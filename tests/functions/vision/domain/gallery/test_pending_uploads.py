import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import api_owners, idempotency_keys, moments, pending_uploads, sequencers, text_of
from vision.domain import keys, table_keys
from vision.domain.gallery import pending_uploads as domain
from vision.domain.gallery.pending_uploads import PendingUpload
from vision.domain.objects import comparable_sequencer


@given(pending_uploads, text_of(255))
def test_key_has_the_owner_and_a_token_and_nothing_of_the_file_name(upload: PendingUpload, name: str) -> None:
    assert keys.upload_key(upload.key) == keys.UploadKey(upload.owner, upload.token)
    assert replace(upload, name=name).key == upload.key
    # The longest subject in Cognito has 128 characters.
    assert len(replace(upload, owner="o" * 128).key.encode()) <= keys.KEY_LIMIT_BYTES


@given(pending_uploads, pending_uploads, api_owners)
def test_key_and_photo_are_those_of_one_owner_and_token(one: PendingUpload, other: PendingUpload, owner: str) -> None:
    assert (one.key == other.key) == ((one.owner, one.token) == (other.owner, other.token))
    assert (replace(one, owner=owner).photo_id == one.photo_id) == (owner == one.owner)


@given(pending_uploads, moments, moments)
def test_photo_is_listed_at_its_creation_or_that_of_its_older_row(upload: PendingUpload, now: str, older: str) -> None:
    photo, imported = upload.photo(now), upload.photo(now, older)
    assert (photo["listing_pk"], photo["listing_sk"]) == (f"OWNER#{upload.owner}", f"{now}#{upload.photo_id}")
    assert imported["created_at"] == older
    assert imported["listing_sk"].startswith(older)
    assert imported[domain.EXPIRES] == photo[domain.EXPIRES]


@given(pending_uploads, moments)
def test_album_entry_has_the_list_position_of_the_photo(upload: PendingUpload, now: str) -> None:
    photo = upload.photo(now)
    assert (upload.album_entry(now) is None) == (not upload.album_id)
    assert ("album_id" in photo) == bool(upload.album_id)
    entry = replace(upload, album_id="a" * 26).album_entry(now)
    assert entry is not None
    assert (entry["pk"], entry["listing_sk"]) == (photo["pk"], photo["listing_sk"])


@given(pending_uploads, moments)
def test_pending_upload_is_the_photo_of_its_key_without_a_version(upload: PendingUpload, now: str) -> None:
    photo = upload.photo(now)
    assert photo["pk"] == table_keys.photo_key(keys.photo_id(upload.bucket, upload.key))["pk"]
    assert photo["object"].keys() == {"bucket", "key"}
    assert photo.keys().isdisjoint({"sequencer", "etag"})


@given(sequencers)
def test_no_sequencer_is_newer_than_a_deleted_pending_upload(sequencer: str) -> None:
    assert comparable_sequencer(sequencer) < domain.NEVER


@given(api_owners, idempotency_keys, api_owners, idempotency_keys)
def test_id_depends_on_owner_and_idempotency_key_only(owner: str, key: str, other: str, other_key: str) -> None:
    made = domain.idempotent_id(owner, key)
    assert re.fullmatch(r"[a-z2-7]{26}", made)
    assert made == domain.idempotent_id(owner, key)
    assert (made == domain.idempotent_id(other, other_key)) == ((owner, key) == (other, other_key))


@given(api_owners, idempotency_keys)
def test_owner_and_idempotency_key_are_not_concatenated(owner: str, key: str) -> None:
    # "ann" with "ex" is not "anne" with "x".
    assert domain.idempotent_id(owner + key[0], key[1:] or "-") != domain.idempotent_id(owner, key)


@given(api_owners, st.integers(2, 20))
def test_ids_without_an_idempotency_key_are_unique(owner: str, times: int) -> None:
    made = {domain.idempotent_id(owner, "") for _ in range(times)}
    assert len(made) == times
    assert all(re.fullmatch(r"[a-z2-7]{26}", one) for one in made)
