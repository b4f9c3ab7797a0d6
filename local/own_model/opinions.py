"""The opinions of two detectors on the same images, and whether they agree."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field

from vision.domain.image_file.pixels import Thumbnail
from vision.domain.labels import Label
from vision.domain.own_model.manifests import UNKNOWN


@dataclass(frozen=True)
class Opinion:
    """The result of one detector for one image: its labels, most certain first, or the error."""

    labels: Sequence[Label] = ()
    error: str = ""

    @property
    def first(self) -> str:
        """The most certain label, ``""`` if there is none."""
        return self.labels[0]["name"] if self.labels else ""

    @property
    def is_sure(self) -> bool:
        """Whether the detector names anything at all."""
        return self.first not in ("", UNKNOWN)

    @property
    def names(self) -> list[str]:
        """All names of the labels, including their parents."""
        return [name for label in self.labels for name in (label["name"], *label["parents"])]


class Outcome(enum.Enum):
    """The relation between two opinions on an image."""

    SAME = "same first label"
    RELATED = "one names what the other says first"
    DIFFERENT = "they disagree"
    UNSURE = "only one of them, or neither, names anything"
    REFUSED = "at least one could not look at it"


def outcome(left: Opinion, right: Opinion) -> Outcome:
    """Return the relation between two opinions.

    Vocabularies differ: two names match if they are the same without regard to case, or if one ends with the words of
    the other, as an "Egyptian Cat" is a "Cat".
    """
    if left.error or right.error:
        return Outcome.REFUSED
    if not (left.is_sure and right.is_sure):
        return Outcome.UNSURE
    if left.first.casefold() == right.first.casefold():
        return Outcome.SAME
    is_shared = any(_is_same(left.first, name) for name in right.names)
    is_shared = is_shared or any(_is_same(right.first, name) for name in left.names)
    return Outcome.RELATED if is_shared else Outcome.DIFFERENT


def _is_same(one: str, other: str) -> bool:
    first, second = one.casefold().split(), other.casefold().split()
    short = min(len(first), len(second))
    return first[-short:] == second[-short:]


@dataclass(frozen=True)
class Compared:
    """One image with both opinions; without a thumbnail if none can be drawn."""

    name: str
    thumbnail: Thumbnail | None = field(repr=False)
    left: Opinion
    right: Opinion

    @property
    def outcome(self) -> Outcome:
        """The relation between both opinions."""
        return outcome(self.left, self.right)


@dataclass(frozen=True)
class Comparison:
    """All compared images.

    Attributes
    ----------
    left, right
        The names and versions of the detectors.
    """

    left: str
    right: str
    images: Sequence[Compared]

    def of(self, *outcomes: Outcome) -> list[Compared]:
        """Return the images with one of these outcomes."""
        return [one for one in self.images if one.outcome in outcomes]

    @property
    def agreement(self) -> float | None:
        """The fraction of images on which they agree, among those for which both name something; 0 to 1."""
        agreed, differed = self.of(Outcome.SAME, Outcome.RELATED), self.of(Outcome.DIFFERENT)
        both = len(agreed) + len(differed)
        return len(agreed) / both if both else None
