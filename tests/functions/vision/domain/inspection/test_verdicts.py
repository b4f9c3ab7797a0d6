import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.domain.inspection.rules import Rule
from vision.domain.inspection.verdicts import Judgement, judge
from vision.domain.labels import Label

NAMES = ("Rose", "Tulip", "Weed", "Straße")
names = st.sampled_from(NAMES)
confidences = st.floats(0, 100)
lists = st.lists(names, max_size=3, unique=True).map(tuple)
rules = st.builds(Rule, st.just("garden"), st.just("images/"), confidences, lists, lists, lists)
founds = st.dictionaries(names, confidences).map(lambda found: [_label(*one) for one in found.items()])


def _label(name: str, confidence: float) -> Label:
    return {"name": name, "confidence": confidence, "parents": [], "instances": []}


def _rule(**lists: tuple[str, ...]) -> Rule:
    return Rule("garden", "images/", 80.0, **lists)


def _passes(rule: Rule, *found: tuple[str, float]) -> bool:
    return judge(rule, [_label(*one) for one in found]).judgement == Judgement.SUCCESS


@given(rules, founds)
def test_verdict_applies_the_rule_to_the_labels_with_enough_confidence(rule: Rule, found: list[Label]) -> None:
    certain = {label["name"] for label in found if label["confidence"] >= rule.min_confidence}
    expected = (
        (not rule.any_of or bool(certain & set(rule.any_of)))
        and certain >= set(rule.all_of)
        and not certain & set(rule.none_of)
    )
    assert (judge(rule, found).judgement == Judgement.SUCCESS) == expected


@given(rules, founds)
def test_verdict_depends_on_neither_order_nor_case_and_changes_no_label(rule: Rule, found: list[Label]) -> None:
    before = copy.deepcopy(found)
    verdict = judge(rule, found)
    assert found == before
    assert judge(rule, found[::-1]) == verdict
    uppercase = [label | {"name": label["name"].upper()} for label in found]
    assert judge(rule, uppercase).judgement == verdict.judgement
    # Only a failure has reasons.
    assert bool(verdict.reasons) == (verdict.judgement == Judgement.FAILURE)


@given(lists, lists, founds, names, confidences, st.floats(0, 100))
def test_higher_confidence_of_a_wanted_label_never_fails_an_image(
    any_of: tuple[str, ...], all_of: tuple[str, ...], found: list[Label], name: str, least: float, more: float
) -> None:
    rule = Rule("garden", "images/", least, any_of, all_of)
    raised = [label | {"confidence": max(label["confidence"], more)} for label in found]
    raised += [_label(name, more)] if name not in {label["name"] for label in found} else []
    passed = judge(rule, found).judgement == Judgement.SUCCESS
    assert not passed or judge(rule, raised).judgement == Judgement.SUCCESS


@given(lists.filter(bool), founds, confidences)
def test_image_fails_on_none_of_if_and_only_if_one_of_them_is_found(
    none_of: tuple[str, ...], found: list[Label], least: float
) -> None:
    there = any(label["name"] in none_of and label["confidence"] >= least for label in found)
    verdict = judge(Rule("garden", "images/", least, none_of=none_of), found)
    assert (verdict.judgement == Judgement.FAILURE) == there


@given(lists, founds, confidences, confidences)
def test_higher_minimum_confidence_never_passes_an_image_that_failed(
    all_of: tuple[str, ...], found: list[Label], one: float, other: float
) -> None:
    lenient, strict = sorted((one, other))
    passed = judge(Rule("garden", "images/", strict, all_of=all_of), found).judgement == Judgement.SUCCESS
    assert not passed or judge(Rule("garden", "images/", lenient, all_of=all_of), found).judgement == Judgement.SUCCESS


@pytest.mark.parametrize(
    ("lists", "found", "passes"),
    [
        ({"any_of": ("Rose", "Tulip")}, [("Tulip", 99.0)], True),
        ({"all_of": ("Rose", "Tulip")}, [("Tulip", 99.0)], False),
        ({"any_of": ("Rose",)}, [], False),
        ({"all_of": ("Rose",)}, [], False),
        ({"none_of": ("Weed",)}, [], True),
        # A label counts from the minimum confidence of the rule.
        *(({"all_of": ("Rose",)}, [("Rose", confidence)], True) for confidence in (80.0, 100.0)),
        *(({"all_of": ("Rose",)}, [("Rose", confidence)], False) for confidence in (79.99, 0.0)),
    ],
)
def test_image_passes_with_any_or_all_or_none_of_the_labels(
    lists: dict[str, tuple[str, ...]], found: list[tuple[str, float]], passes: bool
) -> None:
    assert _passes(_rule(**lists), *found) is passes


def test_each_failed_condition_is_a_reason_in_a_verdict_with_its_rule() -> None:
    rule = _rule(any_of=("Rose", "Tulip"), all_of=("Pot", "Soil"), none_of=("Weed",))
    assert judge(rule, [_label("weed", 95.5), _label("Pot", 90.0), _label("Rose", 79.0)]).as_dict() == {
        "judgement": "FAILURE",
        "rule": "garden",
        "reasons": [
            "Soil was not found with at least 80",
            "none of Rose, Tulip was found with at least 80",
            "Weed was found with 95.5",
        ],
    }
