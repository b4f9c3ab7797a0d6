"""Safe display of names from people and cameras, and safe response headers for images: none is trusted as it came."""

from __future__ import annotations

import re
from urllib.parse import quote

from vision.domain.image_file import formats

UNSEEN = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
"""A regular-expression character class: controls, line ends, and the marks that change the direction of the text that
follows, so that ``gpj.exe`` looks like ``exe.jpg``. Marks that languages need within a word are not included.

https://www.unicode.org/reports/tr9/#Explicit_Directional_Embeddings
"""

_UNSEEN = re.compile(f"[{UNSEEN}]")
_GAP = re.compile(rf"[\s{UNSEEN}]")


def in_a_line(text: str) -> str:
    """Return text for one line of a message, so that a key or a label cannot start a line of its own."""
    return _GAP.sub(" ", text)


def content_type(image_format: str | None) -> str:
    """Return the Content-Type of a served image: that of its content, or one that no browser renders as a page.

    Parameters
    ----------
    image_format
        ``JPEG`` or ``PNG``, as in the record; ``None`` if the content has not been read.
    """
    known = formats.by_name(image_format)
    return known.media_type if known else "application/octet-stream"


def disposition(name: str, image_format: str | None) -> str:
    """Return the Content-Disposition of a served image: inline, with its name and the suffix of its true format.

    If the content has not been read, the browser saves the image instead, under a name that it chooses.
    https://www.rfc-editor.org/rfc/rfc6266
    """
    known = formats.by_name(image_format)
    if known is None:
        return "attachment"
    name = _UNSEEN.sub("", re.split(r"[/\\]", name)[-1]) or "image"
    if not name.lower().endswith(known.suffixes):
        name += known.suffixes[0]
    return f"inline; filename*=UTF-8''{quote(name, safe='')}"
