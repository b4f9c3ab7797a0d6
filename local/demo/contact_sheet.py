"""The contact sheet: one HTML file that shows the results of the pipeline for each photo."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from typing import Any

from PIL import Image, ImageOps

from local.demo.inspection_demo import verdict
from local.demo.photo_demo import Upload, camera, capture_time, place
from local.stack.local_stack import Stack
from vision.domain.inspection.verdicts import Judgement

# The longest side of an inspected image on the page.
_INSPECTED_PIXELS = 160

STYLE = """
:root { color-scheme: light dark; --ink: #1d2329; --soft: #5d6975; --paper: #f4f2ee; --card: #fff; --line: #dedad2;
  --mark: #d9480f; --good: #2b7a4b; --part: #9a6700; --bad: #b42318; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e6e1; --soft: #9aa4ad; --paper: #16181b; --card: #1f2327;
  --line: #32383e; --mark: #ff8a4c; --good: #5cc48a; --part: #e0b341; --bad: #ff7b72; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 2.5rem clamp(1rem, 4vw, 4rem); background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, sans-serif; }
header { display: flex; flex-wrap: wrap; align-items: end; gap: .5rem 2rem; margin-bottom: 2rem; }
h1 { margin: 0; font-size: 1.7rem; letter-spacing: -.02em; }
header p { margin: 0; color: var(--soft); }
header label { margin-left: auto; cursor: pointer; user-select: none; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(270px, 1fr)); gap: 1.25rem; }
article { display: flex; flex-direction: column; background: var(--card); border: 1px solid var(--line);
  border-radius: 12px; overflow: hidden; }
.picture { display: grid; place-items: center; height: 270px;
  background: color-mix(in srgb, var(--line) 45%, transparent); }
figure { position: relative; margin: 0; line-height: 0; box-shadow: 0 1px 6px #0004; }
.none { padding: 1.5rem; color: var(--bad); text-align: center; overflow-wrap: anywhere; }
.box { position: absolute; border: 2px solid var(--mark); border-radius: 2px; box-shadow: 0 0 0 1px #fff6; }
.box span { position: absolute; left: -2px; bottom: 100%; padding: 0 5px; background: var(--mark); color: #fff;
  font: 600 11px/16px system-ui, sans-serif; white-space: nowrap; border-radius: 2px 2px 0 0; }
.box.low span { bottom: auto; top: 0; left: 0; border-radius: 0 0 2px 0; }
body:not(:has(#boxes:checked)) .box { display: none; }
.text { padding: .9rem 1.1rem 1.1rem; }
h2 { display: flex; gap: .6rem; align-items: center; margin: 0 0 .35rem; font-size: 1rem; }
h2 span { overflow-wrap: anywhere; }
a { color: inherit; }
.status { margin-left: auto; font: 700 .7rem system-ui, sans-serif; letter-spacing: .05em; color: var(--bad); }
.SUCCEEDED, .SUCCESS { color: var(--good); } .PARTIAL { color: var(--part); }
.next { margin-top: 3rem; } .small { grid-template-columns: repeat(auto-fill, minmax(200px, 1fr)); }
.small .picture { height: 180px; }
.facts { margin: 0 0 .6rem; color: var(--soft); font-size: .85rem; }
ul { display: flex; flex-wrap: wrap; gap: .3rem; margin: 0; padding: 0; list-style: none; }
li { padding: .1rem .55rem; border: 1px solid var(--line); border-radius: 99px; font-size: .85rem; }
li b { color: var(--soft); font-weight: 500; }
li small { color: var(--soft); }
"""


def render(stack: Stack, uploads: Sequence[Upload], inspected: Sequence[Upload] = ()) -> str:
    """Return the page; thumbnails are read from the bucket and embedded.

    Parameters
    ----------
    uploads
        The processed photos.
    inspected
        The inspected images, from any stack on the same engine.
    """
    done = sum("error" not in upload.record for upload in uploads)
    cards = "\n".join(_card(stack, upload) for upload in uploads)
    detector = next((u.record["detector"]["version"] for u in uploads if "detector" in u.record), "none")
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Contact sheet</title>
<style>{STYLE}</style>
<header>
<div><h1>Contact sheet</h1><p>{done} of {len(uploads)} photos processed · labels from {escape(detector)}</p></div>
<label><input type="checkbox" id="boxes" checked> Show boxes</label>
</header>
<main>
{cards}
</main>
{_inspections(stack, inspected)}</html>
"""


def _inspections(stack: Stack, inspected: Sequence[Upload]) -> str:
    if not inspected:
        return ""
    passed = sum(verdict(one) == Judgement.SUCCESS for one in inspected)
    cards = "\n".join(_inspection_card(stack, one) for one in inspected)
    return f"""<header class="next"><div><h1>Inspected images</h1>
<p>{passed} of {len(inspected)} passed their rule</p></div></header>
<main class="small">
{cards}
</main>
"""


def _inspection_card(stack: Stack, one: Upload) -> str:
    record, status = one.record, verdict(one)
    reasons = [*record.get("reasons", []), *([record["error"]["cause"]] if "error" in record else [])]
    detector = record.get("detector", {}).get("version", "")
    facts = " · ".join(filter(None, [record.get("rule", ""), "; ".join(reasons), detector.rpartition("project/")[2]]))
    name = escape(one.name)
    return f"""<article>
<div class="picture">{_moved_picture(stack, one)}</div>
<div class="text">
<h2><span title="{name}">{name}</span><em class="status {status}">{status}</em></h2>
<p class="facts">{escape(facts)}</p>
<ul>{"".join(_label(label) for label in record.get("labels", []))}</ul>
</div>
</article>"""


def _moved_picture(stack: Stack, one: Upload) -> str:
    place = one.record.get("moved_to")
    if not place:
        return '<p class="none">Not moved</p>'
    content = stack.client("s3").get_object(Bucket=place["bucket"], Key=place["key"])["Body"].read()
    with Image.open(io.BytesIO(content)) as image:
        image.draft("RGB", (_INSPECTED_PIXELS, _INSPECTED_PIXELS))
        upright = ImageOps.exif_transpose(image).convert("RGB")
    upright.thumbnail((_INSPECTED_PIXELS, _INSPECTED_PIXELS))
    jpeg = io.BytesIO()
    upright.save(jpeg, "JPEG", quality=80)
    source = base64.b64encode(jpeg.getvalue()).decode("ascii")
    size = f'width="{upright.width}" height="{upright.height}"'
    return f'<figure><img {size} alt="{escape(one.name)}" src="data:image/jpeg;base64,{source}"></figure>'


def _card(stack: Stack, upload: Upload) -> str:
    record = upload.record
    facts = [
        f"{record['width']} × {record['height']} px {record['format']}" if "width" in record else "",
        escape(camera(record)),
        escape(capture_time(record)),
        _map_link(record),
    ]
    error = record.get("error")
    explanation = (
        f"<p class=facts><strong>{escape(error['name'])}</strong> {escape(error['cause'])}</p>" if error else ""
    )
    name, status = escape(upload.name), record["status"]
    return f"""<article>
<div class="picture">{_picture(stack, upload)}</div>
<div class="text">
<h2><span title="{name}">{name}</span><em class="status {status}">{status}</em></h2>
<p class="facts">{" · ".join(fact for fact in facts if fact)}</p>
{explanation}<ul>{"".join(_label(label) for label in record.get("labels", []))}</ul>
</div>
</article>"""


def _picture(stack: Stack, upload: Upload) -> str:
    thumbnail = upload.record.get("thumbnail")
    if not thumbnail:
        return '<p class="none">No thumbnail</p>'
    answer = stack.client("s3").get_object(Bucket=thumbnail["bucket"], Key=thumbnail["key"])
    source = base64.b64encode(answer["Body"].read()).decode("ascii")
    size = f'width="{int(thumbnail["width"])}" height="{int(thumbnail["height"])}"'
    boxes = "".join(
        _box(label["name"], instance) for label in upload.record.get("labels", []) for instance in label["instances"]
    )
    alt = escape(", ".join(label["name"] for label in upload.record.get("labels", [])[:3]) or upload.name)
    return f'<figure><img {size} alt="{alt}" src="data:image/jpeg;base64,{source}">{boxes}</figure>'


def _box(name: str, instance: dict[str, Any]) -> str:
    box = {side: float(value) * 100 for side, value in instance["box"].items()}
    position = ";".join(f"{side}:{value:.2f}%" for side, value in box.items())
    # A caption above a box at the top edge would be outside the picture.
    low = " low" if box["top"] < 8 else ""
    return f'<div class="box{low}" style="{position}"><span>{escape(name)}</span></div>'


def _label(label: dict[str, Any]) -> str:
    parents = f" <small>{escape(' › '.join(label['parents']))}</small>" if label["parents"] else ""
    return f"<li>{escape(label['name'])} <b>{label['confidence']:.0f}</b>{parents}</li>"


def _map_link(record: dict[str, Any]) -> str:
    if "location" not in record:
        return ""
    latitude, longitude = record["location"]["latitude"], record["location"]["longitude"]
    address = f"https://www.openstreetmap.org/?mlat={latitude}&amp;mlon={longitude}#map=12/{latitude}/{longitude}"
    return f'<a href="{address}">{escape(place(record))}</a>'
