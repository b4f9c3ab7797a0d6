"""Photos: upload, recognition, gallery, search, details and deletion."""

import io
import re
import urllib.request

import pytest
from PIL import Image, ImageChops, ImageStat
from playwright.sync_api import expect

from local.rekognition.fetch import DETECTOR, MODELS_DIR
from tests.browser import pictures
from tests.browser.people import new_email, new_password
from tests.local.stack.pipeline import wait_for
from vision.domain.gallery.pending_uploads import UPLOAD_LIMIT_BYTES


@pytest.fixture
def owned_keys(pipeline, person):
    """Keys of all versions of all objects of this test's person."""

    def keys():
        pages = pipeline.client("s3").get_paginator("list_object_versions").paginate(Bucket=pipeline.bucket)
        found = [version["Key"] for page in pages for version in page.get("Versions", [])]
        return [key for key in found if person.owner in key]

    return keys


def test_new_person_makes_an_album_and_sees_a_recognised_photo(visit):
    page = visit.page
    page.goto("/")
    visit.button("Create account").click()
    page.get_by_label("Email").fill(new_email())
    page.get_by_label("Password").fill(new_password())
    visit.button("Sign up").click()
    visit.button("New album").click()
    page.get_by_label("Name").fill("Golden Gate")
    visit.button("Create album").click()
    expect(page.get_by_role("heading", name="Golden Gate")).to_be_visible()
    visit.choose({"IMG_0001.jpg": pictures.cat_on_its_side()})
    expect(visit.chip("IMG_0001.jpg", "Cat")).to_be_visible()


def test_recognised_photo_appears_upright_without_a_reload(visit, person):
    page = visit.sign_in(person)
    loaded = page.evaluate("performance.timeOrigin")
    visit.choose({"cat.jpg": pictures.cat_on_its_side()})
    image = visit.tile("cat.jpg").locator("img")
    expect(image).to_be_visible()
    assert page.evaluate("performance.timeOrigin") == loaded
    with urllib.request.urlopen(image.get_attribute("src")) as answer, Image.open(io.BytesIO(answer.read())) as shown:
        upright = pictures.upright_cat().resize(shown.size)
        difference = ImageStat.Stat(ImageChops.difference(shown.convert("RGB"), upright)).mean
    assert max(difference) < 8
    width, height = image.evaluate("async image => (await image.decode(), [image.naturalWidth, image.naturalHeight])")
    assert abs(width / height - 451 / 300) < 0.01


def test_thumbnail_with_an_expired_address_gets_a_new_one(make_visit, person, stored):
    stored(red=pictures.plain("red"))
    visit = make_visit()
    visit.page.route(visit.bucket, lambda route: route.abort("failed"), times=1)
    visit.sign_in(person)
    expect(visit.tile("red.jpg")).to_be_visible()
    wait_for(lambda: visit.tile("red.jpg").locator("img").evaluate("image => image.naturalWidth") > 0)


def test_missing_thumbnail_is_replaced_by_a_drawing(make_visit, collector):
    visit = make_visit()
    visit.page.route(visit.bucket, lambda route: route.abort("failed"))
    visit.page.route(re.compile("/api/photos/"), lambda route: route.fulfill(status=404))
    visit.sign_in(collector)
    expect(visit.tile("red.jpg").locator(".frame svg")).to_be_visible()
    assert [trouble for trouble in visit.troubles if trouble.startswith("error:")] == []


def test_layout_does_not_shift_while_thumbnails_load(visit, collector):
    visit.context.add_init_script(
        """new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) if (!entry.hadRecentInput) globalThis.jumped += entry.value;
        }).observe({ type: "layout-shift", buffered: true });
        globalThis.jumped = 0;"""
    )
    page = visit.sign_in(collector)
    page.reload()
    expect(visit.tiles.locator("img")).to_have_count(3)
    page.wait_for_load_state("networkidle")
    # https://web.dev/articles/cls: up to 0.1 is good.
    assert page.evaluate("jumped") < 0.1


def test_search_suggests_labels_finds_photos_and_is_cleared(visit, collector):
    page = visit.sign_in(collector)
    search = page.get_by_role("combobox", name="Search labels")
    search.press_sequentially("ca")
    page.get_by_role("option", name="Cat").click()
    expect(visit.tile("red.jpg")).to_have_count(0)
    expect(visit.tile("cat.jpg")).to_be_visible()
    search.fill("Submarine")
    page.keyboard.press("Enter")
    visit.button("Clear the search").click()
    expect(visit.tile("red.jpg")).to_be_visible()


def test_details_show_capture_time_camera_and_a_link_to_the_map(visit, collector):
    page = visit.sign_in(collector)
    visit.open_photo("cat.jpg")
    expect(page.locator(".details dl")).to_contain_text("Taken1 May 2024, 12:30CameraExample Phone 1")
    address = visit.link(re.compile("on the map")).get_attribute("href")
    assert address == "https://www.openstreetmap.org/?mlat=37.8106&mlon=-122.4771#map=15/37.8106/-122.4771"


def test_capture_time_is_that_of_the_camera_in_any_time_zone(make_visit, person, stored):
    # New York skips this hour.
    stored(spring=pictures.taken("2026:03:08 02:30:00"), bay=pictures.taken("2026:11:11 16:04:05", "+01:00"))
    visit = make_visit(timezone_id="America/New_York")
    for name, shown in (("spring.jpg", "8 Mar 2026, 02:30"), ("bay.jpg", "11 Nov 2026, 16:04 (UTC+01:00)")):
        page = visit.sign_in(person)
        visit.open_photo(name)
        expect(page.locator(".details dl div").filter(has_text="Taken").locator("dd")).to_have_text(shown)


@pytest.mark.skipif(not (MODELS_DIR / DETECTOR.name).is_file(), reason="npm is missing, so no detector finds boxes")
def test_box_of_a_label_lies_over_its_object(visit, collector):
    visit.sign_in(collector)
    [known] = [one for one in visit.call("GET", "photos")[1]["photos"] if one["name"] == "cat.jpg"]
    record = visit.call("GET", f"photos/{known['photo_id']}")[1]
    visit.open_photo("cat.jpg")
    visit.button("Boxes").click()
    image = visit.page.locator(".photo img").bounding_box()
    box = visit.page.locator(".box[data-label=Cat]").first.bounding_box()
    shown = [
        (box["x"] - image["x"]) / image["width"],
        (box["y"] - image["y"]) / image["height"],
        box["width"] / image["width"],
        box["height"] / image["height"],
    ]
    [cat] = [label for label in record["labels"] if label["name"] == "Cat"]
    wanted = cat["instances"][0]["box"]
    expected = [float(wanted[name]) for name in ("left", "top", "width", "height")]
    assert shown == pytest.approx(expected, abs=0.01)


def test_mark_that_reverses_text_is_removed_from_shown_and_uploaded_names(visit, person, store):
    store(person, {"rose\u202egpj.exe": pictures.plain("red")})
    visit.sign_in(person)
    expect(visit.tile("rose gpj.exe")).to_be_visible()
    visit.button("Delete rose gpj.exe").click()
    expect(visit.notice.locator("bdi")).to_have_text("rose gpj.exe")
    visit.choose({"rose\u202egpj.jpg": pictures.plain("red")})
    expect(visit.tile("rose gpj.jpg").locator("img")).to_be_visible()


def test_undone_deletion_keeps_the_photo_and_a_completed_one_leaves_no_object(visit, person, owned_keys):
    page = visit.sign_in(person)
    visit.choose({"red.jpg": pictures.plain("red")})
    expect(visit.tile("red.jpg").locator("img")).to_be_visible()
    assert len(owned_keys()) > 1
    visit.button("Delete red.jpg").click()
    # The time for "Undo" stops under the pointer.
    visit.button("Undo").hover()
    expect(visit.tile("red.jpg")).to_have_count(0)
    visit.button("Undo").click()
    page.reload()
    visit.button("Delete red.jpg").click()
    visit.button("Undo").hover()
    with page.expect_response(lambda answer: answer.request.method == "DELETE") as answer:
        visit.button("Dismiss").click()
    answer.value.finished()
    assert owned_keys() == []


def test_deleted_photo_is_gone_after_a_reload(visit, person, stored):
    stored(red=pictures.plain("red"), green=pictures.plain("green"))
    page = visit.sign_in(person)
    visit.button("Delete red.jpg").click()
    expect(visit.tile("red.jpg")).to_have_count(0)
    page.reload()
    expect(visit.tiles).to_have_count(1)
    expect(visit.tile("green.jpg")).to_be_visible()


def test_dropped_folder_and_files_are_uploaded_whatever_their_extension(visit, person, tmp_path):
    visit.sign_in(person)
    folder = tmp_path / "holiday"
    (folder / "first day").mkdir(parents=True)
    paths = [folder / "1.jpg", folder / "2.jpg", folder / "first day" / "3.jpg", tmp_path / "4.jpg", tmp_path / "5.txt"]
    for path in paths:
        path.write_bytes(pictures.plain(f"#{path.stem}{path.stem}8"))
    visit.drop(folder, *paths[3:])
    expect(visit.heading("5 uploads done")).to_be_visible()
    expect(visit.tile("5.txt").locator("img")).to_be_visible()


def test_many_files_at_once_are_recognised(visit, person):
    visit.sign_in(person)
    visit.choose({f"{number}.jpg": pictures.plain(f"#0{number % 10}{number // 10}") for number in range(24)})
    expect(visit.tiles.locator("img")).to_have_count(24)


def test_unknown_address_is_reported(make_visit, person):
    visit = make_visit()
    visit.sign_in(person, "photos/cut-off")
    expect(visit.heading("This photo is not here")).to_be_visible()
    visit.open("albums/cut-off")
    expect(visit.heading("This album is not here")).to_be_visible()


def test_corrupt_file_fails_with_reason_and_remedy(visit, person):
    visit.sign_in(person)
    visit.choose({"broken.jpg": pictures.cut_off()})
    expect(visit.tile("broken.jpg").get_by_text("Failed")).to_be_visible()
    visit.open_photo("broken.jpg")
    callout = visit.page.locator(".callout")
    expect(callout).to_contain_text("ends before its picture does")
    expect(callout).to_contain_text(re.compile("What to do: .+"))


@pytest.mark.parametrize(
    ("name", "content", "size", "words"),
    [
        ("notes.txt", b"2 l milk", 8, ["is not a JPEG or PNG. Export it"]),
        ("milk.jpg", b"2 l milk", 8, ["is not a JPEG or PNG. Export it"]),
        (
            "poster.jpg",
            pictures.plain("red"),
            UPLOAD_LIMIT_BYTES + 300_000,
            ["16.0 MB", "15.7 MB", "Export it smaller"],
        ),
    ],
)
def test_invalid_file_is_refused_before_any_request(visit, person, tmp_path, name, content, size, words):
    asked = []
    visit.page.on("request", lambda request: request.method == "POST" and asked.append(request.url))
    visit.sign_in(person)
    with (tmp_path / name).open("wb") as file:
        file.write(content)
        file.truncate(size)
    visit.drop(tmp_path / name)
    for word in (name, *words):
        expect(visit.notice).to_contain_text(word)
    assert asked == []


def test_small_photo_is_not_enlarged(visit, collector):
    visit.sign_in(collector)
    visit.open_photo("red.jpg")
    image = visit.page.locator(".photo img")
    expect(image).to_be_visible()
    assert image.bounding_box()["width"] == 160


def test_tab_in_an_album_name_becomes_a_space(visit, person):
    page = visit.sign_in(person, "albums")
    visit.button("New album").first.click()
    page.get_by_label("Name").evaluate("input => (input.value = 'Golden\tGate')")
    visit.button("Create album").click()
    expect(page.get_by_role("heading", name="Golden Gate")).to_be_visible()


def test_photo_of_a_deleted_album_can_be_uploaded_without_one_or_cancelled(make_visit, person):
    visit = make_visit()
    visit.sign_in(person, "albums")
    album = visit.call("POST", "albums", {"name": "Harbour"})[1]["album_id"]
    visit.open(f"albums/{album}")
    expect(visit.heading("Harbour")).to_be_visible()
    assert visit.call("DELETE", f"albums/{album}")[0] == 204
    visit.choose({"red.jpg": pictures.plain("red"), "green.jpg": pictures.plain("green")})
    for name in ("red.jpg", "green.jpg"):
        expect(visit.upload_row(name)).to_contain_text("The album is deleted; add the photo to another.")
        expect(visit.button(f"Retry {name}")).to_have_count(0)
    visit.button("Cancel green.jpg").click()
    visit.button("Upload without an album").click()
    expect(visit.heading("1 upload done")).to_be_visible()
    wait_for(lambda: visit.stored_uploads() == 0)
    visit.open("photos")
    expect(visit.tile("red.jpg").locator("img")).to_be_visible()
    expect(visit.tiles).to_have_count(1)
