"""Sign-in, sign-out, sessions, and separation of people."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.people import is_revoked
from tests.browser.visits import ADDRESS

NEVER_VALID = {"access_token": "ended", "refresh_token": "ended", "issued_at": 0, "expires_at": 0}
CHANGE_TOKENS = """changes => {
    const tokens = { ...JSON.parse(sessionStorage.getItem("tokens")), ...changes };
    sessionStorage.setItem("tokens", JSON.stringify(tokens));
}"""


def test_sign_out_revokes_the_refresh_token_and_the_password_is_asked_again(visit, person, pipeline):
    visit.begin_sign_in()
    visit.give_password(person)
    expect(visit.heading("No photos yet")).to_be_visible()
    expect(visit.page.get_by_role("banner")).to_contain_text(person.email)
    assert visit.page.evaluate("location.search") == ""
    token = visit.page.evaluate("JSON.parse(sessionStorage.getItem('tokens')).refresh_token")
    visit.button("Sign out").click()
    visit.button("Sign in").click()
    expect(visit.page.get_by_label("Password")).to_be_visible()
    assert is_revoked(pipeline, token)


@pytest.mark.parametrize("answer", ["code=stolen", "error=access_denied&error_description=Call+0900+now"])
def test_answer_to_another_sign_in_is_refused_and_its_text_not_shown(visit, answer):
    visit.page.goto(f"/?{answer}&state=of-another-tab")
    expect(visit.alert).to_contain_text("was not begun in this tab")
    expect(visit.page.get_by_role("main")).not_to_contain_text("0900")


def test_second_person_sees_no_photo_album_or_label_of_the_first(make_visit, collector, person):
    visit = make_visit()
    visit.sign_in(collector)
    assert visit.call("POST", "albums", {"name": "Mine"})[0] == 201
    photo = visit.call("GET", "photos")[1]["photos"][0]
    visit.sign_in(person)
    expect(visit.heading("No photos yet")).to_be_visible()
    with visit.page.expect_response(re.compile("/api/labels")) as answer:
        visit.page.get_by_role("combobox", name="Search labels").press_sequentially("c")
    assert answer.value.json() == {"labels": []}
    visit.open("albums")
    expect(visit.heading("No albums yet")).to_be_visible()
    assert visit.troubles == []
    visit.open(f"photos/{photo['photo_id']}")
    expect(visit.alert).to_contain_text("This photo is not here")


def test_back_button_shows_nothing_after_sign_out(visit, collector):
    visit.sign_in(collector)
    expect(visit.tile("red.jpg")).to_be_visible()
    visit.button("Sign out").click()
    expect(visit.button("Sign in")).to_be_visible()
    visit.page.go_back()
    expect(visit.button("Sign in")).to_be_visible()
    expect(visit.tiles).to_have_count(0)


def test_ended_session_returns_to_the_same_view_after_sign_in(make_visit, collector):
    visit = make_visit()
    visit.sign_in(collector)
    [photo] = [one for one in visit.call("GET", "photos")[1]["photos"] if one["name"] == "red.jpg"]
    visit.page.evaluate(CHANGE_TOKENS, NEVER_VALID)
    visit.page.goto(f"/#/photos/{photo['photo_id']}")
    visit.give_password(collector)
    expect(visit.page.get_by_role("heading", name="red.jpg")).to_be_visible()
    assert visit.page.url == f"{ADDRESS}/#/photos/{photo['photo_id']}"


def test_expired_token_is_renewed_silently(visit, collector):
    visit.sign_in(collector)
    visit.page.evaluate(CHANGE_TOKENS, {"expires_at": 0})
    before = visit.page.evaluate("JSON.parse(sessionStorage.getItem('tokens')).access_token")
    visit.page.reload()
    expect(visit.tile("red.jpg")).to_be_visible()
    assert visit.page.evaluate("JSON.parse(sessionStorage.getItem('tokens')).access_token") != before


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("access_denied", "was not let in"),
        ("temporarily_unavailable", "is busy"),
        ("made_up", "The sign-in was refused"),
    ],
)
def test_refused_sign_in_is_explained_in_the_pages_own_words(visit, code, sentence):
    visit.begin_sign_in()
    expect(visit.page.get_by_label("Password")).to_be_visible()
    [state] = parse_qs(urlsplit(visit.page.url).query)["state"]
    visit.page.goto(f"{ADDRESS}/?error={code}&error_description=Call+0900+now&state={state}")
    expect(visit.alert).to_contain_text(sentence)
    expect(visit.page.get_by_role("main")).not_to_contain_text("0900")


def test_settings_that_failed_to_load_are_requested_again(make_visit):
    visit = make_visit()
    visit.page.route("**/config.json", lambda route: route.abort("connectionreset"))
    visit.begin_sign_in()
    expect(visit.alert).to_have_text("The settings of this page did not load. Check your connection and try again.")
    visit.page.unroute_all()
    visit.button("Sign in").click()
    expect(visit.page.get_by_label("Password")).to_be_visible()


def test_address_of_a_photo_leads_through_the_sign_in_to_the_photo(visit, collector):
    visit.sign_in(collector)
    address = visit.tile("red.jpg").get_by_role("link").first.get_attribute("href")
    visit.page = visit.open_tab()
    visit.page.goto(f"/{address}")
    visit.give_password(collector)
    expect(visit.page.get_by_role("heading", name="red.jpg")).to_be_visible()


def test_sign_out_works_without_the_sign_in_service(make_visit, person):
    visit = make_visit()
    visit.sign_in(person)
    visit.page.route("**/oauth2/revoke", lambda route: route.abort("connectionreset"))
    visit.button("Sign out").click()
    expect(visit.button("Sign in")).to_be_visible()


def test_view_that_loads_during_sign_out_starts_no_sign_in(make_visit, person):
    visit = make_visit()
    visit.sign_in(person)
    asked, held = [], []
    visit.page.on("request", lambda request: "/oauth2/authorize" in request.url and asked.append(request.url))
    visit.page.route(re.compile("/oauth2/revoke"), lambda route: held.append(route))
    with visit.page.expect_request(re.compile("/oauth2/revoke")):
        visit.button("Sign out").click()
    # The page requests the albums during the revocation, without a token.
    visit.page.evaluate("location.hash = '#/albums'")
    visit.page.wait_for_timeout(500)
    held[0].continue_()
    expect(visit.button("Sign in").first).to_be_visible()
    assert asked == []
