"""Uploads that something comes between: what was said to be stored is stored, and what was not goes on."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser import pictures
from tests.browser.lines import Line
from tests.local.stack.pipeline import wait_for
from vision.domain import records, table_keys
from vision.domain.gallery import daily_counts

# At 40 KB a second it takes five seconds: time enough to come in between.
LARGE = pictures.noise()
SLOW = 40_000
IN_ITS_MIDDLE = re.compile(r"[1-9]\d* KB of \d+ KB")


@pytest.fixture(scope="module")
def line(pipeline):
    """What the browser of these tests reaches the stack over."""
    opened = Line(urlsplit(pipeline.stack.endpoint_url).port)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def browser(open_browser, pipeline, line):
    with open_browser(pipeline, line) as opened:
        yield opened


@pytest.fixture
def stored_files(pipeline, person):
    """The content of every file of this test's person in the bucket."""

    def contents():
        prefix = f"private/{person.owner}/uploads/"
        listed = pipeline.client("s3").list_objects_v2(Bucket=pipeline.bucket, Prefix=prefix)
        return [pipeline.read(found["Key"]) for found in listed.get("Contents", [])]

    return contents


@pytest.fixture
def slow(visit, person):
    """A visit in which an upload has begun and takes its time."""
    visit.sign_in(person)
    visit.limit_line(upload=SLOW)
    visit.choose({"large.jpg": LARGE})
    expect(visit.upload_row("large.jpg")).to_contain_text(IN_ITS_MIDDLE)
    return visit


@pytest.fixture
def photos(pipeline, person):
    """The photos of this test's person, as the API lists them."""
    return lambda visit: visit.call("GET", "photos")[1]["photos"]


def test_an_upload_shows_how_much_has_left(slow):
    shown = slow.upload_row("large.jpg").get_by_role("progressbar")
    wait_for(lambda: 0 < shown.evaluate("bar => bar.value / bar.max") < 1)


@pytest.fixture
def sending(make_visit, person, line):
    """As `slow`, where trouble is expected; the line is whole again afterwards."""
    visit = make_visit()
    visit.sign_in(person)
    visit.limit_line(upload=SLOW)
    visit.choose({"large.jpg": LARGE})
    expect(visit.upload_row("large.jpg")).to_contain_text(IN_ITS_MIDDLE)
    yield visit
    line.mend()


def test_an_upload_whose_connection_is_cut_in_its_middle_says_that_it_tries_again(sending, line):
    line.cut()
    expect(sending.upload_row("large.jpg")).to_contain_text("Trying again in a moment")


def test_an_upload_whose_connection_was_cut_in_its_middle_is_stored_whole(sending, line, stored_files):
    line.cut()
    expect(sending.upload_row("large.jpg")).to_contain_text("Trying again in a moment")
    assert stored_files() == []
    sending.limit_line()
    line.mend()
    expect(sending.upload_row("large.jpg")).to_contain_text("Uploaded")
    assert stored_files() == [LARGE]


def test_an_upload_waits_while_the_browser_is_offline_and_goes_on_when_it_is_not(sending, line):
    sending.context.set_offline(True)
    line.cut()
    expect(sending.upload_row("large.jpg")).to_contain_text("Waiting for a connection")
    line.mend()
    sending.limit_line()
    sending.context.set_offline(False)
    expect(sending.tile("large.jpg").locator("img")).to_be_visible()


def test_a_broken_connection_is_tried_again_by_itself(make_visit, person):
    visit = make_visit()
    visit.sign_in(person)
    visit.page.route(visit.bucket, lambda route: route.abort("connectionreset"), times=1)
    visit.choose({"red.jpg": pictures.plain("red")})
    expect(visit.tile("red.jpg").locator("img")).to_be_visible()


def test_an_upload_that_failed_for_good_says_why(make_visit, person):
    visit = make_visit()
    visit.sign_in(person)
    refusal = "<Error><Code>InvalidPolicyDocument</Code></Error>"
    answer = {"status": 400, "body": refusal, "content_type": "application/xml"}
    visit.page.route(visit.bucket, lambda route: route.fulfill(**answer, headers={"Access-Control-Allow-Origin": "*"}))
    visit.choose({"red.jpg": pictures.plain("red")})
    expect(visit.upload_row("red.jpg")).to_contain_text("did not take the file (InvalidPolicyDocument). Try again")


@pytest.fixture
def failed(make_visit, person):
    """A visit in which an upload has failed for good: the bucket could not be reached, however often it was tried."""
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


def test_an_upload_that_gave_up_says_so_and_what_to_do(failed):
    expect(failed.upload_row("red.jpg")).to_contain_text("The connection broke. Try again when it is back.")


def test_retry_uploads_what_had_failed(failed, photos):
    failed.button("Retry red.jpg").click()
    expect(failed.page.get_by_role("heading", name="1 upload done")).to_be_visible()
    assert [photo["is_uploaded"] for photo in photos(failed)] == [True]


def test_file_past_the_allowance_of_the_day_is_named_with_the_time_to_add_it_again(make_visit, pipeline, person):
    day = table_keys.allowance_key(person.owner, daily_counts.day_of(records.now()))
    used = {**{name: {"S": value} for name, value in day.items()}, "uploads": {"N": "500"}}
    pipeline.client("dynamodb").put_item(TableName=pipeline.table, Item=used)
    visit = make_visit()
    visit.sign_in(person)
    visit.choose({"red.jpg": pictures.plain("red")})
    expect(visit.upload_row("red.jpg")).to_contain_text(re.compile(r"500 photos .* after \d{4}-\d\d-\d\d 00:00 UTC"))
    expect(visit.button("Retry red.jpg")).to_be_visible()


def test_an_upload_goes_on_after_a_reload_in_its_middle(slow):
    slow.page.reload()
    slow.limit_line()
    expect(slow.tile("large.jpg").locator("img")).to_be_visible()


def test_going_on_after_a_reload_makes_no_second_photo(slow, photos):
    slow.page.reload()
    slow.limit_line()
    expect(slow.tile("large.jpg").locator("img")).to_be_visible()
    assert len(photos(slow)) == 1


def test_an_upload_goes_on_in_a_new_tab_after_its_tab_was_closed(slow, person):
    slow.page.close()
    slow.page = slow.open_tab()
    slow.sign_in(person)
    expect(slow.tile("large.jpg").locator("img")).to_be_visible()


def test_a_second_tab_leaves_an_upload_to_the_first(slow, person):
    second = slow.sign_in(person, page=slow.open_tab())
    expect(second.locator("li.tile")).to_have_count(1)
    expect(second.locator(".uploads")).to_be_hidden()


def test_another_person_at_the_same_browser_does_not_send_my_files(slow, pipeline, operator):
    slow.page.close()
    slow.page = slow.open_tab()
    slow.sign_in(operator)
    expect(slow.page.get_by_role("link", name="Inspections")).to_be_visible()
    assert slow.stored_uploads() == 1
    expect(slow.page.locator(".uploads")).to_be_hidden()


def test_a_file_that_is_said_to_be_uploaded_is_in_the_bucket_whole(visit, person, stored_files):
    visit.sign_in(person)
    visit.choose({"large.jpg": LARGE})
    expect(visit.upload_row("large.jpg")).to_contain_text("Uploaded")
    visit.page.close()
    assert stored_files() == [LARGE]


def test_the_browser_keeps_no_copy_of_a_file_that_is_uploaded(visit, person):
    visit.sign_in(person)
    visit.choose({"red.jpg": pictures.plain("red")})
    expect(visit.upload_row("red.jpg")).to_contain_text("Uploaded")
    wait_for(lambda: visit.stored_uploads() == 0)


def test_a_cancelled_upload_leaves_no_photo(slow, photos):
    with slow.page.expect_response(lambda answer: answer.request.method == "DELETE"):
        slow.button("Cancel large.jpg").click()
    assert photos(slow) == []


def test_a_cancelled_upload_does_not_come_back_after_a_reload(slow):
    slow.button("Cancel large.jpg").click()
    wait_for(lambda: slow.stored_uploads() == 0)
    slow.page.reload()
    expect(slow.page.get_by_role("heading", name="No photos yet")).to_be_visible()


def test_somebody_who_signs_out_in_the_middle_is_asked_first(slow):
    slow.button("Sign out").click()
    expect(slow.page.get_by_role("dialog", name="Sign out?")).to_contain_text("Signing out cancels them.")
