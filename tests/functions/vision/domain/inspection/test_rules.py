import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.strategies import json_values
from vision.domain.errors import InvalidRule, NoRule
from vision.domain.inspection.rules import DEFAULT_MIN_CONFIDENCE, LABELS_LIMIT, Rule, check_deployable, parse, rule_for

labels = st.text("abcAB é", min_size=1, max_size=6).filter(str.strip)
label_lists = st.lists(labels, max_size=4)
prefixes = st.text("ab/", max_size=4).map(lambda path: f"images/{path}")


def _entry(**changes: Any) -> dict[str, Any]:
    return {"name": "garden", "prefix": "images/garden/", "any_of": ["Rose"]} | changes


def _without(field: str) -> dict[str, Any]:
    return {name: value for name, value in _entry().items() if name != field}


almost_rules = st.fixed_dictionaries(
    {},
    optional={
        "name": labels | json_values,
        "prefix": prefixes | json_values,
        "min_confidence": st.floats(0, 100) | json_values,
        "any_of": label_lists | json_values,
        "all_of": label_lists | json_values,
        "none_of": label_lists | json_values,
        "surprise": st.just(1),
    },
)


@given(
    st.one_of(
        st.text(),
        json_values.map(json.dumps),
        st.lists(almost_rules, max_size=3).map(json.dumps),
        st.lists(almost_rules, max_size=3).map(lambda data: json.dumps(data, ensure_ascii=False)),
    )
)
@example("[" * 100_000)
@example('[{"name": "\\ud800", "prefix": "images/", "any_of": ["Rose"]}]')
@example('[{"name": "r", "prefix": "images/", "any_of": ["\\udfff"]}]')
@example('[{"name": "r", "prefix": "images/", "any_of": ["Rose"], "min_confidence": NaN}]')
@example("9" * 5000)
def test_any_text_is_rules_or_refused_with_the_name_of_a_rule(text: str) -> None:
    try:
        outcome = "rules" if parse(text) else "nothing"
    except InvalidRule as refusal:
        outcome = str(refusal)
    assert outcome.startswith("rule")


@given(
    st.lists(
        st.tuples(prefixes, label_lists, label_lists, st.lists(st.just("Weed"))).filter(lambda drawn: any(drawn[1:])),
        min_size=1,
        max_size=3,
        unique_by=lambda drawn: drawn[0],
    )
)
def test_rules_are_read_as_written(drawn: list[Any]) -> None:
    data = [
        {"name": f"r{number}", "prefix": prefix, "any_of": any_of, "all_of": all_of, "none_of": none_of}
        for number, (prefix, any_of, all_of, none_of) in enumerate(drawn)
    ]
    assert [asdict(rule) for rule in parse(json.dumps(data))] == [
        entry
        | {"min_confidence": DEFAULT_MIN_CONFIDENCE}
        | {name: tuple(entry[name]) for name in ("any_of", "all_of", "none_of")}
        for entry in data
    ]


def test_rule_is_read_with_every_field_and_a_default_confidence() -> None:
    text = json.dumps([_entry(min_confidence=75, all_of=["Plant"], none_of=["Weed"])])
    assert parse(text) == (Rule("garden", "images/garden/", 75.0, ("Rose",), ("Plant",), ("Weed",)),)
    assert parse(json.dumps([_entry()]))[0].min_confidence == DEFAULT_MIN_CONFIDENCE


# Each refusal names the rule, what is wrong, and what is expected.
REFUSED = [
    (_without("name"), r"rule 1: name is missing"),
    (_entry(name=" "), r"rule 1: name is missing"),
    (_entry(name=7), r"rule 1: name is missing"),
    ("garden", r"rule 1: expected an object, got str"),
    (_entry(minimum=90), r"rule 'garden': minimum unknown; a rule has name, prefix, min_confidence, any_of"),
    (_without("prefix"), r"rule 'garden': prefix is None; inspected images are below images/"),
    (_entry(prefix="image/"), r"rule 'garden': prefix is 'image/'; inspected images are below images/"),
    (_entry(prefix=["images/"]), r"rule 'garden': prefix is \['images/'\]"),
    (_entry(min_confidence=100.1), r"rule 'garden': min_confidence is 100.1; expected 0 to 100"),
    (_entry(min_confidence=-1), r"rule 'garden': min_confidence is -1; expected 0 to 100"),
    (_entry(min_confidence="90"), r"rule 'garden': min_confidence is '90'; expected 0 to 100"),
    (_entry(min_confidence=True), r"rule 'garden': min_confidence is True; expected 0 to 100"),
    (_entry(min_confidence=None), r"rule 'garden': min_confidence is None; expected 0 to 100"),
    (_entry(any_of="Rose"), r"rule 'garden': any_of is 'Rose'; expected a list of label names"),
    (_entry(all_of=[1]), r"rule 'garden': all_of is \[1\]; expected a list of label names"),
    (_entry(none_of=[""]), r"rule 'garden': none_of is \[''\]; expected a list of label names"),
    (_entry(any_of=[]), r"rule 'garden': names no label; fill any_of, all_of or none_of"),
    (_entry(all_of=["Cat"], none_of=["CAT"]), r"rule 'garden': 'Cat' is in all_of and in none_of, no image can pass"),
    (_entry(none_of=["rose", "Weed"]), r"rule 'garden': each label of any_of is in none_of too, no image can pass"),
    (_entry(any_of=[f"L{n}" for n in range(LABELS_LIMIT + 1)]), r"rule 'garden': names 101 labels, .* 100 at once"),
]


@pytest.mark.parametrize(("entry", "expected"), REFUSED)
def test_invalid_rule_is_named_with_what_is_expected(entry: Any, expected: str) -> None:
    with pytest.raises(InvalidRule, match=expected):
        parse(json.dumps([entry]))
    # Not the valid rule before it.
    with pytest.raises(InvalidRule, match=r"^rule (2|'garden'): "):
        parse(json.dumps([_entry(name="first", prefix="images/first/"), entry]))


@pytest.mark.parametrize("text", ["", "rose", "{}", "[]", "null", '{"name": "garden"}', '"[]"'])
def test_other_json_than_a_list_is_refused(text: str) -> None:
    with pytest.raises(InvalidRule, match=r"^rules: .*expected a list of"):
        parse(text)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({"name": "other"}, "two have the prefix 'images/garden/'; give each its own"),
        ({"prefix": "images/other/"}, "two have the name 'garden'; give each its own"),
    ],
)
def test_two_rules_with_one_prefix_or_name_are_refused(other: dict[str, str], expected: str) -> None:
    with pytest.raises(InvalidRule, match=expected):
        parse(json.dumps([_entry(), _entry(**other)]))


def test_rule_has_each_label_once_and_as_many_as_rekognition_accepts() -> None:
    rule = Rule("r", "images/", any_of=("A", "B"), all_of=("B",), none_of=("C", "A"))
    assert rule.labels == ["A", "B", "C"]
    [rule] = parse(json.dumps([_entry(any_of=[f"L{number}" for number in range(LABELS_LIMIT)])]))
    assert len(rule.labels) == LABELS_LIMIT


@given(st.lists(prefixes, min_size=1, max_size=5, unique=True), st.text("ab/", max_size=8))
def test_rule_with_the_longest_matching_prefix_applies(drawn: list[str], path: str) -> None:
    key = f"images/{path}"
    matching = [prefix for prefix in drawn if key.startswith(prefix)]
    rules = [Rule(prefix, prefix, any_of=("Rose",)) for prefix in drawn]
    if matching:
        assert rule_for(rules, key).prefix == max(matching, key=len)
    else:
        with pytest.raises(NoRule):
            rule_for(rules, key)


def test_image_without_a_rule_is_refused_with_the_parameter_to_change() -> None:
    with pytest.raises(NoRule, match="add one to InspectionRules"):
        rule_for([Rule("garden", "images/garden/", any_of=("Rose",))], "images/kitchen/pan.jpg")


def _rules(*labels: str) -> str:
    return json.dumps([{"name": "garden", "prefix": "images/", "any_of": list(labels)}], ensure_ascii=False)


@pytest.mark.parametrize(
    ("label", "filters"),
    [
        ("person", ["person", "Person"]),
        ("R" * 51, []),
        ("Rose & Tulip", []),
        ("Müll", []),
        ("Crème", ["Crème"]),
        ("T-Shirt", ["T-Shirt"]),
        ("Person's Hat (Red)", ["Person's Hat (Red)", "Person'S Hat (Red)"]),
    ],
)
def test_label_is_a_filter_in_every_spelling_that_rekognition_accepts(label: str, filters: list[str]) -> None:
    [rule] = parse(_rules("Rose", label))
    assert rule.filters == ["Rose", *filters]


def test_filters_never_exceed_the_limit_of_rekognition() -> None:
    [rule] = parse(_rules(*(f"label {number}" for number in range(LABELS_LIMIT))))
    assert rule.filters == rule.labels


def _measured(variables: dict[str, str]) -> int:
    """Return the size of the variables of a function as Lambda prints it when it exceeds the limit.

    https://github.com/github-aws-runners/terraform-aws-github-runner/issues/3594
    """
    pairs = (f'"{name}":"{value.translate(_JSON)}"' for name, value in variables.items())
    return len(f"{{{','.join(pairs)}}}".encode())


_JSON = str.maketrans({'"': r"\"", "\\": r"\\", "\n": r"\n"})


@pytest.mark.parametrize("text", [_rules(*"ABCDEFGH"), _rules('a "b"').replace("a", "Müll")])
def test_rules_are_refused_from_the_first_byte_beyond_the_limit_of_lambda(text: str) -> None:
    text += "\n"
    others = {"IMAGE_TABLE_NAME": ""}
    left = 4096 - _measured(others | {"INSPECTION_RULES": text})
    check_deployable(text, [{}, others | {"IMAGE_TABLE_NAME": "t" * left}])
    with pytest.raises(InvalidRule, match=r"^rules: .* take 4,097 bytes as JSON, Lambda takes 4,096; shorten or join"):
        check_deployable(text, [{}, others | {"IMAGE_TABLE_NAME": "t" * (left + 1)}])
