"""How what people and cameras call an image is shown, and as what a browser takes the image: never as it was told."""

from __future__ import annotations

import re
from urllib.parse import quote

from vision.domain.image_file import formats

UNSEEN = r"\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
"""Characters of a class of a pattern: controls, ends of lines, and the marks that let the text behind them be read in
another direction, so that ``gpj.exe`` looks like ``exe.jpg``. The marks that languages need within a word are none.

https://www.unicode.org/reports/tr9/#Explicit_Directional_Embeddings
"""

_UNSEEN = re.compile(f"[{UNSEEN}]")
_GAP = re.compile(rf"[\s{UNSEEN}]")


def in_a_line(text: str) -> str:
    """Return a text for one line of a message: what a key or a label says begins no line of its own."""
    return _GAP.sub(" ", text)


def content_type(image_format: str | None) -> str:
    """Return the type that an image is served with: that of its content, or one that no browser renders as a page.

    Parameters
    ----------
    image_format
        ``JPEG`` or ``PNG``, as its record has it; ``None`` where nothing has read the content.
    """
    known = formats.by_name(image_format)
    return known.media_type if known else "application/octet-stream"


def disposition(name: str, image_format: str | None) -> str:
    """Return the Content-Disposition that an image is served with: shown, and saved under its name and true ending.

    What nothing has read is saved, not shown, under a name that the browser chooses.
    https://www.rfc-editor.org/rfc/rfc6266
    """
    known = formats.by_name(image_format)
    if known is None:
        return "attachment"
    name = _UNSEEN.sub("", re.split(r"[/\\]", name)[-1]) or "image"
    if not name.lower().endswith(known.suffixes):
        name += known.suffixes[0]
    return f"inline; filename*=UTF-8''{quote(name, safe='')}"
