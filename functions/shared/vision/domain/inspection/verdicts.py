"""The verdict on an inspected image: a pure function of the rule and the detected labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from vision.domain.inspection.rules import Rule
from vision.domain.labels import Label


class Judgement(StrEnum):
    """The outcome of an inspection."""

    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judgement with its rule and its reasons.

    Attributes
    ----------
    judgement
        SUCCESS or FAILURE.
    rule
        The rule's name.
    reasons
        One sentence for each condition of the rule that is not met; empty for a success.
    """

    judgement: Judgement
    rule: str
    reasons: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict in the form of the record."""
        return asdict(self) | {"reasons": list(self.reasons)}


def judge(rule: Rule, found: Sequence[Label]) -> Verdict:
    """Evaluate the labels of an image against a rule."""
    certain = {label["name"].casefold(): label for label in found if label["confidence"] >= rule.min_confidence}
    reasons = [
        f"{name} was not found with at least {rule.min_confidence:g}"
        for name in rule.all_of
        if name.casefold() not in certain
    ]
    if rule.any_of and not any(name.casefold() in certain for name in rule.any_of):
        reasons.append(f"none of {', '.join(rule.any_of)} was found with at least {rule.min_confidence:g}")
    reasons += [
        f"{name} was found with {certain[name.casefold()]['confidence']:g}"
        for name in rule.none_of
        if name.casefold() in certain
    ]
    return Verdict(Judgement.FAILURE if reasons else Judgement.SUCCESS, rule.name, tuple(reasons))
