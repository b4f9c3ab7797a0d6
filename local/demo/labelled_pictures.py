"""Labelled pictures to train Custom Labels on: ``python -m local.demo.labelled_pictures``.

They are drawings, not photos: four kinds of things from the emoji font Noto (The Android Open Source Project,
Apache-2.0), which an npm package contains as one sheet of 64 pixels each. No drawing is in both folders, though some
are similar (a house, a house with a garden). They are enlarged on a white background, so that DetectLabels accepts them
too (80 pixels and more), and written to ``.local/labelled-pictures``: five of each label in ``training``, the others in
``unseen``.
"""

import io
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image

from local.downloads import LOCAL_DIR, Archive, DownloadFailed, Fetched, PinnedFile, fetch, write_atomically

LABELLED_PICTURES_DIR = LOCAL_DIR / "labelled-pictures"
TRAINING_PICTURES = 5
"""Pictures of each label for training."""

_SHEET_NAME = "sheet.png"
_DRAWING_PIXELS = 64
_CELL_PIXELS = _DRAWING_PIXELS + 2
_ENLARGED_PIXELS = 160
_CANVAS_PIXELS = 200


@dataclass(frozen=True)
class LabelledPicture:
    """A picture: its label, its position in the sheet, and whether it is for training or testing."""

    name: str
    label: str
    column: int
    row: int
    is_training: bool

    @property
    def path(self) -> Path:
        """Its path below the folder of all pictures."""
        return Path("training" if self.is_training else "unseen", self.label, f"{self.name}.png")


@cache
def _tables() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def labelled_pictures() -> list[LabelledPicture]:
    """Return all pictures by label and name; those for training are spread evenly over the names."""
    listed = []
    for label, drawings in _tables()["pictures"].items():
        training = {place * len(drawings) // TRAINING_PICTURES for place in range(TRAINING_PICTURES)}
        for place, (name, (column, row)) in enumerate(drawings.items()):
            listed.append(LabelledPicture(name, label, column, row, place in training))
    return listed


def fetch_labelled_pictures(folder: Path = LABELLED_PICTURES_DIR, say: Callable[[str], None] = print) -> Fetched:
    """Fetch the pictures into ``training/LABEL`` and ``unseen/LABEL`` of a folder.

    Raises
    ------
    local.downloads.DownloadFailed
        The package cannot be downloaded.
    """
    tables = _tables()
    sheet = PinnedFile(_SHEET_NAME, Archive(**tables["archive"]), tables["member"], tables["sha256"])
    fetched = fetch([sheet], folder, say=say)
    with Image.open(folder / _SHEET_NAME) as drawings:
        for picture in labelled_pictures():
            write_atomically(folder / picture.path, _cut_out(drawings, picture))
    return fetched


def _cut_out(drawings: Image.Image, picture: LabelledPicture) -> bytes:
    """Crop one drawing, without the empty pixel around it, and enlarge it on a white background."""
    left, top = picture.column * _CELL_PIXELS + 1, picture.row * _CELL_PIXELS + 1
    drawing = drawings.crop((left, top, left + _DRAWING_PIXELS, top + _DRAWING_PIXELS)).convert("RGBA")
    canvas = Image.new("RGBA", (_CANVAS_PIXELS, _CANVAS_PIXELS), "white")
    margin = (_CANVAS_PIXELS - _ENLARGED_PIXELS) // 2
    canvas.alpha_composite(
        drawing.resize((_ENLARGED_PIXELS, _ENLARGED_PIXELS), Image.Resampling.LANCZOS), (margin,) * 2
    )
    png = io.BytesIO()
    canvas.convert("RGB").save(png, "PNG")
    return png.getvalue()


def main() -> int:
    """Fetch the pictures, and print what was fetched and how to use it."""
    try:
        fetched = fetch_labelled_pictures()
    except DownloadFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    listed = labelled_pictures()
    for label in sorted({picture.label for picture in listed}):
        of_label = [picture for picture in listed if picture.label == label]
        training = sum(picture.is_training for picture in of_label)
        print(f"  {label:12} {training} to train, {len(of_label) - training} unseen")
    print(
        f"{len(listed)} drawings in .local/labelled-pictures, {fetched.downloaded_megabytes:g} MB downloaded "
        f"in {fetched.seconds:.1f} s"
    )
    folder = LABELLED_PICTURES_DIR.relative_to(LOCAL_DIR.parent)
    print(f"Next: python -m local.rekognition.train {folder}/training --name things --unseen {folder}/unseen")
    return 0


if __name__ == "__main__":
    sys.exit(main())
