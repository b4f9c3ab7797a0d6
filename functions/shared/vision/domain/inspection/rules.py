"""Inspection rules: the labels that make an image below a prefix a success. Rules are data, validated before use."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vision.domain.errors import InvalidRule, NoRule

DEFAULT_MIN_CONFIDENCE = 90.0

# DetectLabels filters by at most 100 label names, each of which must match this pattern. Some names of Rekognition
# itself do not.
# https://docs.aws.amazon.com/rekognition/latest/APIReference/API_GeneralLabelsSettings.html
LABELS_LIMIT = 100
_FILTER = re.compile(r"[A-Za-z0-9àâèçñó'\-_(). ]{1,50}")

# The environment variables of a function are limited to 4 KB in total, measured as one JSON text, in which each quote
# in the rules takes two bytes. It is unknown whether Lambda also escapes other characters; rules that Lambda might
# accept are not refused here.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
# https://github.com/github-aws-runners/terraform-aws-github-runner/issues/3594
ENVIRONMENT_LIMIT_BYTES = 4096

_LISTS = ("any_of", "all_of", "none_of")
_FIELDS = ("name", "prefix", "min_confidence", *_LISTS)


@dataclass(frozen=True, slots=True)
class Rule:
    """The labels that an image below a prefix must show, and those that it must not show.

    Attributes
    ----------
    name
        Part of each verdict.
    prefix
        The rule applies to keys with this prefix; if several rules match, the longest prefix applies.
    min_confidence
        The minimum confidence for a label to count, 0 to 100.
    any_of, all_of, none_of
        Label names, in any case. An image must show at least one of the first, all of the second, and none of the
        third.
    """

    name: str
    prefix: str
    min_confidence: float = DEFAULT_MIN_CONFIDENCE
    any_of: tuple[str, ...] = ()
    all_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()

    @property
    def labels(self) -> list[str]:
        """Every label that the verdict depends on, without duplicates."""
        return list(dict.fromkeys((*self.any_of, *self.all_of, *self.none_of)))

    @property
    def filters(self) -> list[str]:
        """The label names for a Rekognition filter, each as written in the rule and in the spelling of Rekognition.

        There are at most :data:`LABELS_LIMIT`.
        """
        names = dict.fromkeys((*self.labels, *map(str.title, self.labels)))
        return [name for name in names if _FILTER.fullmatch(name)][:LABELS_LIMIT]


def parse(text: str) -> tuple[Rule, ...]:
    """Parse rules from JSON, a list of objects with the attributes of :class:`Rule`.

    Raises
    ------
    InvalidRule
        The message names the rule, the error and what is expected.
    """
    try:
        data = json.loads(text)
        # JSON can contain half a surrogate pair, which no record, result file or message can contain.
        json.dumps(data, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidRule(f"rules: not JSON ({error}); expected a list of rules") from error
    if not isinstance(data, list) or not data:
        raise InvalidRule("rules: expected a list of at least one rule")
    rules = tuple(_rule(entry, number) for number, entry in enumerate(data, 1))
    for attribute in ("name", "prefix"):
        values = [getattr(rule, attribute) for rule in rules]
        if twice := next((value for value in values if values.count(value) > 1), None):
            raise InvalidRule(f"rules: two have the {attribute} {twice!r}; give each its own")
    return rules


def check_deployable(text: str, environments: Sequence[Mapping[str, str]]) -> None:
    """Refuse valid rules that cannot be deployed.

    Parameters
    ----------
    environments
        The other environment variables of each function that reads the rules.

    Raises
    ------
    InvalidRule
        The message names the error and the remedy.
    """
    for others in environments:
        variables = json.dumps({**others, "INSPECTION_RULES": text}, ensure_ascii=False, separators=(",", ":"))
        if (size_bytes := len(variables.encode())) > ENVIRONMENT_LIMIT_BYTES:
            raise InvalidRule(
                f"rules: with them the variables of a function take {size_bytes:,} bytes as JSON, "
                f"Lambda takes {ENVIRONMENT_LIMIT_BYTES:,}; shorten or join them"
            )


def named(rules: Iterable[Rule]) -> set[str]:
    """Return every label that any of the rules names."""
    return {label for rule in rules for label in rule.labels}


def rule_for(rules: Sequence[Rule], key: str) -> Rule:
    """Return the rule with the longest prefix that matches a key.

    Raises
    ------
    NoRule
        No rule matches.
    """
    fitting = [rule for rule in rules if key.startswith(rule.prefix)]
    if not fitting:
        raise NoRule("no inspection rule covers the image's prefix; add one to InspectionRules")
    return max(fitting, key=lambda rule: len(rule.prefix))


def _rule(entry: Any, number: int) -> Rule:
    if not isinstance(entry, Mapping):
        raise InvalidRule(f"rule {number}: expected an object, got {type(entry).__name__}")
    name = entry.get("name")
    if not isinstance(name, str) or not name.strip():
        raise InvalidRule(f"rule {number}: name is missing; each verdict includes it")
    subject = f"rule {name!r}"
    if unknown := sorted(set(entry) - set(_FIELDS)):
        raise InvalidRule(f"{subject}: {', '.join(unknown)} unknown; a rule has {', '.join(_FIELDS)}")
    prefix = entry.get("prefix")
    if not isinstance(prefix, str) or not prefix.startswith("images/"):
        raise InvalidRule(f"{subject}: prefix is {prefix!r}; inspected images are below images/")
    confidence = entry.get("min_confidence", DEFAULT_MIN_CONFIDENCE)
    if isinstance(confidence, bool) or not isinstance(confidence, int | float) or not 0 <= confidence <= 100:
        raise InvalidRule(f"{subject}: min_confidence is {confidence!r}; expected 0 to 100")
    rule = Rule(name, prefix, float(confidence), *(_labels(entry, field, subject) for field in _LISTS))
    if not rule.labels:
        raise InvalidRule(f"{subject}: names no label; fill any_of, all_of or none_of")
    if len(rule.labels) > LABELS_LIMIT:
        raise InvalidRule(f"{subject}: names {len(rule.labels)} labels, Rekognition looks for {LABELS_LIMIT} at once")
    forbidden = {label.casefold() for label in rule.none_of}
    if both := [label for label in rule.all_of if label.casefold() in forbidden]:
        raise InvalidRule(f"{subject}: {both[0]!r} is in all_of and in none_of, no image can pass")
    if rule.any_of and all(label.casefold() in forbidden for label in rule.any_of):
        raise InvalidRule(f"{subject}: each label of any_of is in none_of too, no image can pass")
    return rule


def _labels(entry: Mapping[str, Any], field: str, subject: str) -> tuple[str, ...]:
    labels = entry.get(field, [])
    if not isinstance(labels, list) or not all(isinstance(label, str) and label.strip() for label in labels):
        raise InvalidRule(f"{subject}: {field} is {labels!r:.80}; expected a list of label names")
    return tuple(labels)
