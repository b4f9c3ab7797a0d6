import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import api_owners, idempotency_keys, moments, sequencers, text_of, tickets
from vision.domain import keys, table_keys
from vision.domain.gallery import pending_uploads as domain
from vision.domain.gallery.pending_uploads import PendingUpload
from vision.domain.objects import comparable_sequencer


@given(tickets)
def test_an_upload_goes_below_its_owner(ticket: PendingUpload) -> None:
    assert keys.upload_key(ticket.key) == keys.UploadKey(ticket.owner, ticket.token)


@given(tickets)
def test_the_longest_owner_leaves_room_for_the_key(ticket: PendingUpload) -> None:
    # Cognito's longest subject has 128 characters.
    assert len(replace(ticket, owner="o" * 128).key.encode()) <= keys.KEY_LIMIT_BYTES


@given(tickets, text_of(255))
def test_a_key_has_nothing_of_the_name_of_the_file(ticket: PendingUpload, name: str) -> None:
    assert replace(ticket, name=name).key == ticket.key


@given(tickets, tickets)
def test_two_tickets_share_a_key_only_with_owner_and_token(one: PendingUpload, other: PendingUpload) -> None:
    assert (one.key == other.key) == ((one.owner, one.token) == (other.owner, other.token))


@given(tickets, api_owners)
def test_the_same_token_of_another_owner_is_another_photo(ticket: PendingUpload, owner: str) -> None:
    other = replace(ticket, owner=owner)
    assert (other.photo_id == ticket.photo_id) == (owner == ticket.owner)


@given(tickets, moments)
def test_a_ticket_is_found_under_its_owner_at_its_moment(ticket: PendingUpload, now: str) -> None:
    photo = ticket.photo(now)
    assert (photo["listing_pk"], photo["listing_sk"]) == (f"OWNER#{ticket.owner}", f"{now}#{ticket.photo_id}")


@given(tickets, moments)
def test_a_ticket_in_no_album_is_filed_in_none(ticket: PendingUpload, now: str) -> None:
    entry = ticket.album_entry(now)
    assert (entry is None, "album_id" in ticket.photo(now)) == (not ticket.album_id, bool(ticket.album_id))


@given(tickets, moments)
def test_a_photo_has_the_same_place_in_its_album_as_in_the_list_of_its_owner(ticket: PendingUpload, now: str) -> None:
    entry = replace(ticket, album_id="a" * 26).album_entry(now)
    assert entry is not None
    photo = ticket.photo(now)
    assert (entry["pk"], entry["listing_sk"]) == (photo["pk"], photo["listing_sk"])


@given(tickets, moments, moments)
def test_a_ticket_of_an_older_photo_has_its_time_and_expires_as_any(
    ticket: PendingUpload, now: str, older: str
) -> None:
    photo = ticket.photo(now, older)
    assert photo["created_at"] == older
    assert photo["listing_sk"].startswith(older)
    assert photo[domain.EXPIRES] == ticket.photo(now)[domain.EXPIRES]


@given(tickets, moments)
def test_a_ticket_has_no_version_until_its_upload_came(ticket: PendingUpload, now: str) -> None:
    photo = ticket.photo(now)
    assert ({"sequencer", "etag"} & photo.keys() | photo["object"].keys()) == {"bucket", "key"}


@given(tickets, moments)
def test_the_upload_of_a_ticket_is_the_same_photo(ticket: PendingUpload, now: str) -> None:
    assert ticket.photo(now)["pk"] == table_keys.photo_key(keys.photo_id(ticket.bucket, ticket.key))["pk"]


@given(sequencers)
def test_no_sequencer_comes_after_that_of_a_ticket_that_was_deleted(sequencer: str) -> None:
    assert comparable_sequencer(sequencer) < domain.NEVER


# Tokens


@given(api_owners, idempotency_keys)
def test_the_same_key_of_the_same_owner_is_the_same_token(owner: str, key: str) -> None:
    assert domain.idempotent_id(owner, key) == domain.idempotent_id(owner, key)


@given(api_owners, idempotency_keys, api_owners, idempotency_keys)
def test_the_keys_of_two_owners_never_meet(owner: str, key: str, other: str, their_key: str) -> None:
    same = (owner, key) == (other, their_key)
    assert (domain.idempotent_id(owner, key) == domain.idempotent_id(other, their_key)) == same


@given(api_owners, idempotency_keys)
def test_what_an_owner_is_called_and_the_key_are_not_mixed_up(owner: str, key: str) -> None:
    # "ann" with "ex" is not "anne" with "x".
    assert domain.idempotent_id(owner + key[0], key[1:] or "-") != domain.idempotent_id(owner, key)


@given(api_owners, st.integers(2, 20))
def test_without_a_key_no_token_comes_twice(owner: str, times: int) -> None:
    assert len({domain.idempotent_id(owner, "") for _ in range(times)}) == times


@given(api_owners, st.just("") | idempotency_keys)
def test_a_token_is_26_lower_case_letters_and_digits(owner: str, key: str) -> None:
    assert re.fullmatch(r"[a-z2-7]{26}", domain.idempotent_id(owner, key))
