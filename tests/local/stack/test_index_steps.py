"""The steps of a deployment that changes indexes of the table."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.stack import index_steps
from local.stack.index_steps import plan, with_indexes


def index(name: str, *keys: str) -> dict:
    schema = [{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)]
    return {"IndexName": name, "KeySchema": schema, "Projection": {"ProjectionType": "KEYS_ONLY"}}


def template(*indexes: dict) -> dict:
    keys = {key["AttributeName"] for one in indexes for key in one["KeySchema"]} | {"pk", "sk"}
    table = {
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in sorted(keys)],
        "KeySchema": index("table", "pk", "sk")["KeySchema"],
        "GlobalSecondaryIndexes": list(indexes),
        "BillingMode": "PAY_PER_REQUEST",
    }
    return {"Resources": {"ImageTable": {"Properties": table}, "Other": {"Ref": "ImageTable"}}}


# What a step has of its own.
CHANGED = ("AttributeDefinitions", "GlobalSecondaryIndexes")
SETS = st.sets(st.sampled_from("abcdefgh")).map(lambda names: {name: index(name, f"{name}_pk") for name in names})


@given(deployed=SETS, target=SETS)
def test_each_update_changes_one_index_at_most_and_the_last_one_has_the_target(deployed, target):
    before, after = plan(deployed, target)
    updates = [*before, *after]
    for earlier, later in zip([deployed, *updates], updates, strict=False):
        assert len(earlier.keys() ^ later.keys()) <= 1
    assert updates[-1] == target


@given(deployed=SETS, target=SETS)
def test_indexes_are_created_under_the_deployed_release_and_deleted_under_the_new_one(deployed, target):
    before, after = plan(deployed, target)
    assert len(before) == len(target.keys() - deployed.keys())
    # The first update of the new release finds all indexes, and changes none.
    assert after[0].keys() == deployed.keys() | target.keys()
    assert len(after) == 1 + len(deployed.keys() - target.keys())


@given(deployed=SETS)
def test_release_with_the_same_indexes_is_one_update(deployed):
    assert plan(deployed, deployed) == ([], [deployed])


def test_index_with_other_keys_needs_another_name():
    with pytest.raises(ValueError, match=r"those of listing differ .* a new name"):
        plan({"listing": index("listing", "a")}, {"listing": index("listing", "b")})


@given(deployed=SETS, target=SETS)
def test_template_of_a_step_defines_the_attributes_of_its_keys_and_no_others(deployed, target):
    built = template(*target.values())
    types = {f"{name}_pk": "S" for name in "abcdefgh"} | {"pk": "S", "sk": "S"}
    before, after = plan(deployed, target)
    for step in [*before, *after]:
        made = with_indexes(built, step, types)["Resources"]["ImageTable"]["Properties"]
        defined = [one["AttributeName"] for one in made["AttributeDefinitions"]]
        assert sorted(defined) == sorted(["pk", "sk", *(f"{name}_pk" for name in step)])
        assert [one["IndexName"] for one in made["GlobalSecondaryIndexes"]] == list(step)


def test_template_of_a_step_is_otherwise_the_built_one():
    built, indexes = template(index("a", "a")), {"b": index("b", "b")}
    made = with_indexes(built, indexes, {"pk": "S", "sk": "S", "b": "N"})
    assert built == template(index("a", "a"))
    table = made["Resources"]["ImageTable"]["Properties"]
    assert {"AttributeName": "b", "AttributeType": "N"} in table["AttributeDefinitions"]
    table |= {name: built["Resources"]["ImageTable"]["Properties"][name] for name in CHANGED}
    assert made == built


def test_examples_of_the_documentation():
    assert doctest.testmod(index_steps).failed == 0
