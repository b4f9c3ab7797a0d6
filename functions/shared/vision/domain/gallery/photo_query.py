"""A search for photos: which list it reads, and which photos of the list match.

The parameters of the API that fill it are in :mod:`vision.api.photos`, the form of the page in ``search.js``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from vision.domain import table_keys
from vision.domain.gallery import daily_counts, listing
from vision.domain.gallery.photos import Photo
from vision.domain.labels import has_label
from vision.domain.table_keys import ERASED


@dataclass(frozen=True, slots=True)
class PhotoQuery:
    """The conditions of a search; ``""`` and 0 set no condition.

    Attributes
    ----------
    class_name
        The label with the highest confidence.
    min_confidence
        Minimum confidence of a label, 0 to 100; applies to ``label`` if that is set.
    """

    owner: str
    album_id: str = ""
    label: str = ""
    class_name: str = ""
    min_confidence: float = 0
    span: listing.Span = field(default_factory=listing.Span)

    @property
    def heading(self) -> str:
        """The label under which every match is listed; ``""`` if the query names none."""
        return self.label or self.class_name

    @property
    def partition(self) -> str:
        """The partition of the shortest list that contains every match, if that is not the list of a label."""
        if self.album_id:
            return table_keys.album_listing(self.owner, self.album_id)
        return table_keys.owner_listing(self.owner)

    def admits(self, photo: Photo) -> bool:
        """Return whether a photo of the list matches: a list may have labels that the newest version lacks."""
        if photo.owner != self.owner or ERASED in photo.item:
            return False
        if self.album_id and photo.item.get("album_id") != self.album_id:
            return False
        if self.class_name and daily_counts.class_of(photo.record).casefold() != self.class_name.casefold():
            return False
        return has_label(photo.record.get("labels", ()), self.label, self.min_confidence)
