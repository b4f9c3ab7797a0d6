"""Interrupted uploads: a file that the page reports as stored is stored, and any other upload continues."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser import pictures
from tests.browser.lines import Line
from tests.local.stack.pipeline import wait_for
from vision.domain import records, table_keys
from vision.domain.gallery import daily_counts

# 200 KB at 40 KB a second take five seconds: time to interrupt the upload.
LARGE = pictures.noise()
SLOW = 40_000
IN_ITS_MIDDLE = re.compile(r"[1-9]\d* KB of \d+ KB")


@pytest.fixture(scope="module")
def line(pipeline):
    """The line between the browser of these tests and the stack."""
    opened = Line(urlsplit(pipeline.stack.endpoint_url).port)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def browser(open_browser, pipeline, line):
    with open_browser(pipeline, line) as opened:
        yield opened


@pytest.fixture
def stored_files(pipeline, person):
    """Contents of all files of this test's person in the bucket."""

    def contents():
        prefix = f"private/{person.owner}/uploads/"
        listed = pipeline.client("s3").list_objects_v2(Bucket=pipeline.bucket, Prefix=prefix)
        return [pipeline.read(found["Key"]) for found in listed.get("Contents", [])]

    return contents


def begin_slow_upload(visit, person):
    visit.sign_in(person)
    visit.limit_line(upload=SLOW)
    visit.choose({"large.jpg": LARGE})
    expect(visit.upload_row("large.jpg")).to_contain_text(IN_ITS_MIDDLE)
    return visit


@pytest.fixture
def slow(visit, person):
    """A visit with a slow upload in its middle."""
    return begin_slow_upload(visit, person)


@pytest.fixture
def photos(pipeline, person):
    """The photos of this test's person, as the API lists them."""
    return lambda visit: visit.call("GET", "photos")[1]["photos"]


@pytest.fixture
def sending(make_visit, person, line):
    """As `slow`, where errors are expected; the line is restored afterwards."""
    yield begin_slow_upload(make_visit(), person)
    line.restore()


def test_upload_with_a_cut_connection_is_repeated_and_stored_whole(sending, line, stored_files):
    line.cut()
    expect(sending.upload_row("large.jpg")).to_contain_text("Trying again in a moment")
    assert stored_files() == []
    sending.limit_line()
    line.restore()
    expect(sending.upload_row("large.jpg")).to_contain_text("Uploaded")
    assert stored_files() == [LARGE]


def test_upload_waits_while_the_browser_is_offline(sending, line):
    sending.context.set_offline(True)
    line.cut()
    expect(sending.upload_row("large.jpg")).to_contain_text("Waiting for a connection")
    line.restore()
    sending.limit_line()
    sending.context.set_offline(False)
    expect(sending.tile("large.jpg").locator("img")).to_be_visible()


def test_broken_connection_is_repeated_automatically(make_visit, person):
    visit = make_visit()
    visit.sign_in(person)
    visit.page.route(visit.bucket, lambda route: route.abort("connectionreset"), times=1)
    visit.choose({"red.jpg": pictures.plain("red")})
    expect(visit.tile("red.jpg").locator("img")).to_be_visible()


def test_rejected_upload_shows_the_reason(make_visit, person):
    visit = make_visit()
    visit.sign_in(person)
    refusal = "<Error><Code>InvalidPolicyDocument</Code></Error>"
    answer = {"status": 400, "body": refusal, "content_type": "application/xml"}
    visit.page.route(visit.bucket, lambda route: route.fulfill(**answer, headers={"Access-Control-Allow-Origin": "*"}))
    visit.choose({"red.jpg": pictures.plain("red")})
    expect(visit.upload_row("red.jpg")).to_contain_text("did not take the file (InvalidPolicyDocument). Try again")


@pytest.fixture
def failed(make_visit, person):
    """A visit in which an upload has failed after all attempts, since the bucket could not be reached."""
    visit = make_visit()
    visit.page.clock.install()
    visit.sign_in(person)
    visit.page.route(visit.bucket, lambda route: route.abort("connectionreset"))
    visit.choose({"red.jpg": pictures.plain("red")})

    def is_failed():
        visit.page.clock.fast_forward(15_000)
        return visit.button("Retry red.jpg").is_visible()

    wait_for(is_failed)
    visit.page.unroute(visit.bucket)
    return visit


def test_upload_that_gave_up_names_the_remedy_and_is_repeated(failed, photos):
    expect(failed.upload_row("red.jpg")).to_contain_text("The connection broke. Try again when it is back.")
    failed.button("Retry red.jpg").click()
    expect(failed.heading("1 upload done")).to_be_visible()
    assert [photo["is_uploaded"] for photo in photos(failed)] == [True]


def test_upload_above_the_daily_allowance_names_the_time_to_try_again(make_visit, pipeline, person):
    day = table_keys.allowance_key(person.owner, daily_counts.day_of(records.now()))
    used = {**{name: {"S": value} for name, value in day.items()}, "uploads": {"N": "500"}}
    pipeline.client("dynamodb").put_item(TableName=pipeline.table, Item=used)
    visit = make_visit()
    visit.sign_in(person)
    visit.choose({"red.jpg": pictures.plain("red")})
    expect(visit.upload_row("red.jpg")).to_contain_text(re.compile(r"500 photos .* after \d{4}-\d\d-\d\d 00:00 UTC"))
    expect(visit.button("Retry red.jpg")).to_be_visible()


def test_upload_continues_after_a_reload_as_the_same_photo(slow, photos):
    slow.page.reload()
    slow.limit_line()
    expect(slow.tile("large.jpg").locator("img")).to_be_visible()
    assert len(photos(slow)) == 1


def test_upload_continues_in_a_new_tab_after_its_tab_was_closed(slow, person):
    slow.page.close()
    slow.page = slow.open_tab()
    slow.sign_in(person)
    expect(slow.tile("large.jpg").locator("img")).to_be_visible()


def test_second_tab_leaves_an_upload_to_the_first(slow, person):
    second = slow.sign_in(person, page=slow.open_tab())
    expect(second.locator("li.tile")).to_have_count(1)
    expect(second.locator(".uploads")).to_be_hidden()


def test_upload_does_not_continue_for_another_person_at_the_same_browser(slow, pipeline, operator):
    slow.page.close()
    slow.page = slow.open_tab()
    slow.sign_in(operator)
    expect(slow.page.get_by_role("link", name="Inspections")).to_be_visible()
    assert slow.stored_uploads() == 1
    expect(slow.page.locator(".uploads")).to_be_hidden()


def test_uploaded_file_is_stored_whole_and_not_kept_in_the_browser(visit, person, stored_files):
    visit.sign_in(person)
    visit.choose({"large.jpg": LARGE})
    expect(visit.upload_row("large.jpg")).to_contain_text("Uploaded")
    assert stored_files() == [LARGE]
    wait_for(lambda: visit.stored_uploads() == 0)


def test_upload_shows_its_progress_and_leaves_no_photo_when_it_is_cancelled(slow, photos):
    progress = slow.upload_row("large.jpg").get_by_role("progressbar")
    assert 0 < progress.evaluate("bar => bar.value / bar.max") < 1
    with slow.page.expect_response(lambda answer: answer.request.method == "DELETE"):
        slow.button("Cancel large.jpg").click()
    assert photos(slow) == []
    wait_for(lambda: slow.stored_uploads() == 0)
    slow.page.reload()
    expect(slow.heading("No photos yet")).to_be_visible()


def test_sign_out_during_an_upload_asks_for_confirmation(slow):
    slow.button("Sign out").click()
    expect(slow.page.get_by_role("dialog", name="Sign out?")).to_contain_text("Signing out cancels them.")
