"""The demo with any files in the folder that the user names."""

import base64
import os
import re
from html import unescape

import pytest

from local import __main__ as commands
from local.demo.sample_photos import PHOTOS_DIR
from tests.pictures import MAKE, MODEL, exif_block, gps_of, gradients, jpeg_of, rational, text, with_exif

pytestmark = pytest.mark.local

# Names that the markup of the terminal or of HTML would change.
HOSTILE = "<b>&amp;'\"[red]x[b].jpg"
NOT_UTF_8 = os.fsdecode(b"caf\xe9.jpg")


def texts(page: str) -> str:
    """The texts that a browser shows."""
    return unescape(re.sub(r"<style.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL))


def attributes(page: str, name: str) -> list[str]:
    """The values of an attribute in the order of the page."""
    return [unescape(value) for value in re.findall(rf' {name}="([^"]*)"', page)]


CAMERA_AND_LOCATION = exif_block(
    {MAKE: text("Nokia"), MODEL: text("Lumia 820")},
    gps=gps_of(rational((55, 1), (3, 1), (0, 1)), rational((8, 1), (30, 1), (0, 1))),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, deployed):
    """Pictures and other files of people's folders; `deployed` has fetched the photos."""
    path = tmp_path_factory.mktemp("pictures")
    for name in ("cat.png", "interrupted-upload.jpg"):
        (path / name).write_bytes((PHOTOS_DIR / name).read_bytes())
    photo = jpeg_of(gradients(160, 120))
    # Made here, since the photo of a camera needs npm.
    (path / "beach.jpg").write_bytes(with_exif(photo, CAMERA_AND_LOCATION))
    for name in (HOSTILE, NOT_UTF_8, "写真 夏.JPG", "no-extension"):
        (path / name).write_bytes(photo)
    (path / "empty.png").write_bytes(b"")
    (path / "notes.txt").write_text("not a photo")
    (path / ".DS_Store").write_bytes(b"\0")
    (path / "subfolder").mkdir()
    (path / "dangling.jpg").symlink_to(path / "nowhere.jpg")
    return path


@pytest.fixture(scope="module")
def run_demo(shared_pipeline, tmp_path_factory):
    """Run the command on the tests' stack; its files go into a folder of the tests."""
    target = tmp_path_factory.mktemp("repository")

    def run(*arguments: str) -> int:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(commands.local_stack, "up", lambda say, parameters: shared_pipeline.stack)
            patch.setattr(commands.session_demo, "show", lambda console: [])
            patch.setattr(commands, "REPOSITORY", target)
            patch.setattr(commands, "CONTACT_SHEET", target / "contact-sheet.html")
            patch.setattr(commands, "ENVIRONMENT", target / "env.json")
            return commands.main(["demo", *arguments])

    run.target = target
    return run


@pytest.fixture(scope="module")
def output(run_demo, folder):
    """Exit code and text of the demo with the folder."""
    with commands.console.capture() as captured:
        code = run_demo("--photos", str(folder))
    return code, captured.get()


@pytest.fixture(scope="module")
def page(output, run_demo):
    return (run_demo.target / "contact-sheet.html").read_text(encoding="utf-8")


def test_demo_succeeds_and_lists_each_file_with_its_status(output):
    assert output[0] == 0
    first_table = output[1].partition("Inspected with")[0]
    rows = {line.split("│")[1].strip(): line for line in first_table.splitlines() if line.startswith("│")}
    expected = {
        "cat.png": ("SUCCEEDED", "451 × 300", "Cat"),
        "beach.jpg": ("Nokia Lumia 820", "55.050, 8.500"),
        "interrupted-upload.jpg": ("FAILED",),
        "empty.png": ("CorruptImage",),
        "notes.txt": ("NotSupportedImageType",),
        "no-extension": ("SUCCEEDED",),
    }
    assert {name: [word for word in words if word not in rows[name]] for name, words in expected.items()} == {
        name: [] for name in expected
    }


def test_output_shows_names_unchanged_verdicts_and_the_next_step(output):
    for shown in (HOSTILE, "caf\ufffd.jpg", "写真 夏.JPG", "contact-sheet.html", "make code", "Try next"):
        assert shown in output[1]
    assert not any(name in output[1] for name in (".DS_Store", "subfolder", "dangling"))
    inspected = {line.split("│")[1].strip(): line for line in output[1].splitlines() if "analyzed/" in line}
    for shown in ("SUCCESS", "no-people", "analyzed/success/demo/cat.png"):
        assert shown in inspected["cat.png"]
    assert not {"no-extension", "notes.txt", "empty.png", "interrupted-upload.jpg"} & set(inspected)


def test_contact_sheet_has_every_file_its_result_and_its_verdict(page):
    shown = texts(page)
    for name in ("cat.png", "beach.jpg", "empty.png", "notes.txt", HOSTILE, "写真 夏.JPG", "caf\ufffd.jpg"):
        assert name in shown, name
    for result in ("6 of 9 photos processed", "CorruptImage", "5 of 5 passed their rule", "no-people"):
        assert result in shown
    assert [link.partition("?")[0] for link in attributes(page, "href")] == ["https://www.openstreetmap.org/"]
    boxes = re.findall(r'<div class="box[^>]*style="([^"]*)"', page)
    assert boxes
    for style in boxes:
        sides = dict(re.findall(r"(left|top|width|height):([\d.]+)%", style))
        assert sides.keys() == {"left", "top", "width", "height"}
        assert all(0 <= float(value) <= 100 for value in sides.values())


def test_contact_sheet_escapes_names_and_loads_nothing_from_elsewhere(page):
    assert "<b>&amp;'" not in page
    assert "&lt;b&gt;&amp;amp;&#x27;&quot;[red]x[b].jpg" in page
    sources = attributes(page, "src")
    # Six photos, of which five have a file extension and are inspected images too.
    assert len(sources) == 6 + 5
    for source in sources:
        kind, _, content = source.partition(",")
        assert kind == "data:image/jpeg;base64"
        assert base64.b64decode(content).startswith(b"\xff\xd8")
    assert not re.search(r"<(script|link|iframe|object)\b", page)
    assert "url(" not in page
    assert "@import" not in page


def test_empty_folder_is_reported(run_demo, tmp_path):
    with commands.console.capture() as captured:
        assert run_demo("--photos", str(tmp_path)) == 1
    assert "there is no file to upload" in captured.get()


def test_second_run_processes_photos_again_as_new_versions(run_demo, folder, tmp_path, shared_pipeline, output):
    (tmp_path / "cat.png").write_bytes((folder / "cat.png").read_bytes())
    with commands.console.capture() as captured:
        assert run_demo("--photos", str(tmp_path)) == 0
    assert "SUCCEEDED" in captured.get()
