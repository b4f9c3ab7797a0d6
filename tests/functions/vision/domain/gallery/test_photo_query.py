from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.functions.vision.domain.gallery.test_photos import NOW, make_label, make_photo
from tests.strategies import api_owners, labels, tokens
from vision.domain.gallery.photo_query import PhotoQuery
from vision.domain.table_keys import ERASED


@pytest.mark.parametrize(
    ("wanted", "is_admitted"),
    [
        ({}, True),
        ({"label": "rose"}, True),
        ({"label": "ROSE", "min_confidence": 98.7}, True),
        ({"label": "rose", "min_confidence": 98.8}, False),
        ({"label": "plant", "min_confidence": 90}, False),
        ({"min_confidence": 98.7}, True),
        ({"min_confidence": 99}, False),
        ({"label": "ros"}, False),
        ({"class_name": "rose"}, True),
        ({"class_name": "Plant"}, False),
        ({"album_id": "b" * 26}, True),
        ({"album_id": "c" * 26}, False),
        ({"label": "plant", "class_name": "rose", "album_id": "b" * 26}, True),
    ],
)
def test_query_finds_a_photo_that_meets_every_condition(wanted: dict[str, Any], is_admitted: bool) -> None:
    record = {"status": "SUCCEEDED", "labels": [make_label("Plant", 80), make_label()]}
    assert PhotoQuery("ann", **wanted).admits(make_photo(record, album_id="b" * 26)) is is_admitted


@given(api_owners, api_owners | st.sampled_from(["ann#LABEL#rose", "ann#ALBUM#a", ""]))
def test_query_finds_photos_of_its_owner_only(owner: str, other: str) -> None:
    # A person with write access to the bucket can choose a folder that looks like a key; a signed-in user cannot.
    photo = make_photo({"labels": [make_label()]}, owner=other)
    assert PhotoQuery(owner).admits(photo) == PhotoQuery(owner, label="rose").admits(photo) == (owner == other)


@pytest.mark.parametrize("wanted", [{}, {"label": "rose"}, {"album_id": "b" * 26}])
def test_query_finds_no_deleted_photo(wanted: dict[str, Any]) -> None:
    photo = make_photo({"labels": [make_label()]}, album_id="b" * 26, **{ERASED: NOW})
    assert not PhotoQuery("ann", **wanted).admits(photo)


@given(api_owners, st.just("") | tokens, st.just("") | labels, st.just("") | labels)
def test_partition_of_a_query_is_one_of_its_owner(owner: str, album_id: str, label: str, class_name: str) -> None:
    partition = PhotoQuery(owner, album_id, label, class_name).partition
    assert partition == f"OWNER#{owner}" or partition.startswith(f"OWNER#{owner}#")
