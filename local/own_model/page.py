"""The page of a comparison: one HTML file that begins with the pictures on which two detectors disagree."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

from local.demo.contact_sheet import STYLE
from local.own_model.opinions import Compared, Comparison, Opinion, Outcome
from vision.domain.labels import Label

_LABELS = 5
_STYLE = """
h3 { margin: .6rem 0 .3rem; font-size: .8rem; font-weight: 600; color: var(--soft); }
table { border-collapse: collapse; margin: 0 0 2rem; } td { padding: .15rem 1.2rem .15rem 0; }
td:last-child { text-align: right; padding-right: 0; font-variant-numeric: tabular-nums; }
.error { margin: 0; color: var(--bad); font-size: .85rem; }
"""
_SECTIONS = (
    ("They disagree", (Outcome.DIFFERENT,)),
    ("Only one of them, or neither, names anything", (Outcome.UNSURE,)),
    ("At least one could not look at it", (Outcome.REFUSED,)),
    ("They agree", (Outcome.SAME, Outcome.RELATED)),
)


def summary(comparison: Comparison) -> str:
    """Return the agreement of the detectors as a sentence."""
    agreement = comparison.agreement
    if agreement is None:
        return f"Of none of {len(comparison.images)} images do both detectors name anything."
    agreed = len(comparison.of(Outcome.SAME, Outcome.RELATED))
    differed = len(comparison.of(Outcome.DIFFERENT))
    return f"They agree on {agreed} of {agreed + differed} images of which both name something ({agreement:.0%})."


def counts(comparison: Comparison) -> list[tuple[str, int]]:
    """Return the number of images for each outcome."""
    return [(one.value, len(comparison.of(one))) for one in Outcome]


def render(comparison: Comparison) -> str:
    """Return the page, which loads no other files."""
    rows = "".join(f"<tr><td>{escape(words)}</td><td>{number}</td></tr>" for words, number in counts(comparison))
    sections = "".join(
        _section(title, comparison.of(*outcomes), comparison)
        for title, outcomes in _SECTIONS
        if comparison.of(*outcomes)
    )
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Two detectors</title>
<style>{STYLE}{_STYLE}</style>
<header><div><h1>Two detectors, {len(comparison.images)} images</h1>
<p>{escape(comparison.left)} · {escape(comparison.right)}</p></div></header>
<p>{escape(summary(comparison))}</p>
<table>{rows}</table>
{sections}</html>
"""


def _section(title: str, images: Sequence[Compared], comparison: Comparison) -> str:
    cards = "\n".join(_card(one, comparison) for one in images)
    return f'<header class="next"><h1>{escape(title)}: {len(images)}</h1></header>\n<main>\n{cards}\n</main>\n'


def _card(one: Compared, comparison: Comparison) -> str:
    return f"""<article>
<div class="picture">{_picture(one)}</div>
<div class="text">
<h2><span>{escape(one.name)}</span></h2>
<h3>{escape(comparison.left)}</h3>{_opinion(one.left)}
<h3>{escape(comparison.right)}</h3>{_opinion(one.right)}
</div>
</article>"""


def _opinion(opinion: Opinion) -> str:
    if opinion.error:
        return f'<p class="error">{escape(opinion.error)}</p>'
    return f"<ul>{''.join(_label(label) for label in opinion.labels[:_LABELS]) or '<li>nothing</li>'}</ul>"


def _label(label: Label) -> str:
    return f"<li>{escape(label['name'])} <b>{label['confidence']:.0f}</b></li>"


def _picture(one: Compared) -> str:
    if one.thumbnail is None:
        return '<p class="none">No picture</p>'
    source = base64.b64encode(one.thumbnail.data).decode("ascii")
    size = f'width="{one.thumbnail.width}" height="{one.thumbnail.height}"'
    return f'<figure><img {size} alt="{escape(one.name)}" src="data:image/jpeg;base64,{source}"></figure>'
