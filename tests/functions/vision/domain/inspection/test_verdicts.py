import copy
from typing import Any

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
def test_a_verdict_is_what_the_rule_says_of_the_labels_that_are_certain(rule: Rule, found: list[Label]) -> None:
    certain = {label["name"] for label in found if label["confidence"] >= rule.min_confidence}
    expected = (
        (not rule.any_of or bool(certain & set(rule.any_of)))
        and certain >= set(rule.all_of)
        and not certain & set(rule.none_of)
    )
    assert (judge(rule, found).judgement == Judgement.SUCCESS) == expected


@given(rules, founds)
def test_the_same_labels_get_the_same_verdict_in_any_order(rule: Rule, found: list[Label]) -> None:
    assert judge(rule, found[::-1]) == judge(rule, found)


@given(rules, founds)
def test_judging_changes_nothing(rule: Rule, found: list[Label]) -> None:
    before = copy.deepcopy(found)
    judge(rule, found)
    assert found == before


@given(rules, founds)
def test_a_failure_has_reasons_and_a_success_has_none(rule: Rule, found: list[Label]) -> None:
    verdict = judge(rule, found)
    assert bool(verdict.reasons) == (verdict.judgement == Judgement.FAILURE)


@given(lists, lists, founds, names, confidences, st.floats(0, 100))
def test_more_certainty_of_a_wanted_label_never_fails_an_image(
    any_of: tuple[str, ...], all_of: tuple[str, ...], found: list[Label], name: str, least: float, more: float
) -> None:
    rule = Rule("garden", "images/", least, any_of, all_of)
    raised = [label | {"confidence": max(label["confidence"], more)} for label in found]
    raised += [_label(name, more)] if name not in {label["name"] for label in found} else []
    passed = judge(rule, found).judgement == Judgement.SUCCESS
    assert not passed or judge(rule, raised).judgement == Judgement.SUCCESS


@given(lists.filter(bool), founds, confidences)
def test_an_image_fails_on_none_of_if_and_only_if_one_of_them_is_there(
    none_of: tuple[str, ...], found: list[Label], least: float
) -> None:
    there = any(label["name"] in none_of and label["confidence"] >= least for label in found)
    verdict = judge(Rule("garden", "images/", least, none_of=none_of), found)
    assert (verdict.judgement == Judgement.FAILURE) == there


@given(lists, founds, confidences, confidences)
def test_a_stricter_confidence_never_passes_an_image_that_misses_a_label(
    all_of: tuple[str, ...], found: list[Label], one: float, other: float
) -> None:
    lenient, strict = sorted((one, other))
    passed = judge(Rule("garden", "images/", strict, all_of=all_of), found).judgement == Judgement.SUCCESS
    assert not passed or judge(Rule("garden", "images/", lenient, all_of=all_of), found).judgement == Judgement.SUCCESS


@given(rules, founds)
def test_upper_and_lower_case_are_the_same_label(rule: Rule, found: list[Label]) -> None:
    shouted = [label | {"name": label["name"].upper()} for label in found]
    assert judge(rule, shouted).judgement == judge(rule, found).judgement


@pytest.mark.parametrize(("confidence", "passes"), [(80.0, True), (79.99, False), (100.0, True), (0.0, False)])
def test_a_label_counts_from_the_rules_confidence_on(confidence: float, passes: bool) -> None:
    assert _passes(_rule(all_of=("Rose",)), ("Rose", confidence)) is passes


def test_one_of_any_of_is_enough() -> None:
    assert _passes(_rule(any_of=("Rose", "Tulip")), ("Tulip", 99.0))


def test_each_of_all_of_must_be_there() -> None:
    assert not _passes(_rule(all_of=("Rose", "Tulip")), ("Tulip", 99.0))


@pytest.mark.parametrize(
    ("lists", "passes"),
    [({"any_of": ("Rose",)}, False), ({"all_of": ("Rose",)}, False), ({"none_of": ("Weed",)}, True)],
)
def test_an_image_without_labels_shows_nothing_wanted_and_nothing_forbidden(lists: Any, passes: bool) -> None:
    assert _passes(_rule(**lists)) is passes


def test_each_condition_that_does_not_hold_is_a_reason() -> None:
    rule = _rule(any_of=("Rose", "Tulip"), all_of=("Pot", "Soil"), none_of=("Weed",))
    assert judge(rule, [_label("weed", 95.5), _label("Pot", 90.0), _label("Rose", 79.0)]).reasons == (
        "Soil was not found with at least 80",
        "none of Rose, Tulip was found with at least 80",
        "Weed was found with 95.5",
    )


def test_a_verdict_names_its_rule() -> None:
    assert judge(_rule(any_of=("Rose",)), []).as_dict() == {
        "judgement": "FAILURE",
        "rule": "garden",
        "reasons": ["none of Rose was found with at least 80"],
    }
