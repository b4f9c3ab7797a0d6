"""People: who they are, what is theirs alone, and where they are when they come back."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser import pictures
from tests.browser.people import make_person
from tests.browser.visits import ADDRESS

NEVER_VALID = {"access_token": "ended", "refresh_token": "ended", "issued_at": 0, "expires_at": 0}
CHANGE_TOKENS = """changes => {
    const tokens = { ...JSON.parse(sessionStorage.getItem("tokens")), ...changes };
    sessionStorage.setItem("tokens", JSON.stringify(tokens));
}"""


@pytest.fixture
def stranger(pipeline):
    """Somebody else with an account."""
    return make_person(pipeline)


def test_somebody_with_an_account_signs_in_on_the_pages_of_the_sign_in(visit, person):
    visit.page.goto("/")
    visit.button("Sign in").click()
    visit.give_password(person)
    expect(visit.page.get_by_role("heading", name="No photos yet")).to_be_visible()


def test_the_address_holds_no_code_after_the_sign_in(visit, person):
    visit.page.goto("/")
    visit.button("Sign in").click()
    visit.give_password(person)
    expect(visit.page.get_by_role("heading", name="No photos yet")).to_be_visible()
    assert visit.page.evaluate("location.search") == ""


def test_the_page_says_who_is_signed_in(visit, person):
    visit.page.goto("/")
    visit.button("Sign in").click()
    visit.give_password(person)
    expect(visit.page.get_by_role("banner")).to_contain_text(person.email)


def test_a_wrong_password_is_refused_in_words(make_visit, person):
    visit = make_visit()
    visit.page.goto("/")
    visit.button("Sign in").click()
    visit.page.get_by_label("Email").fill(person.email)
    visit.page.get_by_label("Password").fill("Not-the-password-1")
    visit.button("Sign in").click()
    expect(visit.page.get_by_text("Incorrect username or password.")).to_be_visible()


def test_an_answer_to_another_sign_in_is_not_taken(visit):
    visit.page.goto("/?code=stolen&state=of-another-tab")
    expect(visit.page.get_by_role("alert")).to_contain_text("was not begun in this tab")


def test_a_second_person_sees_no_photo_of_the_first(visit, stored, stranger):
    stored(red=pictures.plain("red"))
    visit.sign_in(stranger)
    expect(visit.page.get_by_role("heading", name="No photos yet")).to_be_visible()


def test_a_second_person_sees_no_album_of_the_first(visit, person, stranger):
    visit.sign_in(person)
    assert visit.call("POST", "albums", {"name": "Mine"})[0] == 201
    visit.sign_in(stranger, "albums")
    expect(visit.page.get_by_role("heading", name="No albums yet")).to_be_visible()


def test_a_second_person_who_knows_a_photos_address_does_not_see_it(make_visit, person, stored, stranger):
    stored(red=pictures.plain("red"))
    visit = make_visit()
    visit.sign_in(person)
    [photo] = visit.call("GET", "photos")[1]["photos"]
    visit.sign_in(stranger, f"photos/{photo['photo_id']}")
    expect(visit.page.get_by_role("alert")).to_contain_text("This photo is not here")


def test_a_second_person_is_suggested_no_label_of_the_first(visit, stored, stranger):
    stored(cat=pictures.cat_on_its_side())
    visit.sign_in(stranger)
    with visit.page.expect_response(re.compile("/api/labels")) as answer:
        visit.page.get_by_role("combobox", name="Search labels").press_sequentially("c")
    assert answer.value.json() == {"labels": []}


def test_who_signs_out_is_asked_for_the_password_again(visit, person):
    visit.page.goto("/")
    visit.button("Sign in").click()
    visit.give_password(person)
    visit.button("Sign out").click()
    visit.button("Sign in").click()
    expect(visit.page.get_by_label("Password")).to_be_visible()


def test_the_browsers_back_button_shows_nothing_after_signing_out(visit, person, stored):
    stored(red=pictures.plain("red"))
    visit.sign_in(person)
    expect(visit.tile("red.jpg")).to_be_visible()
    visit.button("Sign out").click()
    expect(visit.button("Sign in")).to_be_visible()
    visit.page.go_back()
    expect(visit.button("Sign in")).to_be_visible()
    expect(visit.tiles).to_have_count(0)


def test_an_ended_session_leads_through_the_sign_in_back_to_the_same_place(make_visit, person, stored):
    stored(red=pictures.plain("red"))
    visit = make_visit()
    visit.sign_in(person)
    [photo] = visit.call("GET", "photos")[1]["photos"]
    visit.page.evaluate(CHANGE_TOKENS, NEVER_VALID)
    visit.page.goto(f"/#/photos/{photo['photo_id']}")
    visit.give_password(person)
    expect(visit.page.get_by_role("heading", name="red.jpg")).to_be_visible()
    assert visit.page.url == f"{ADDRESS}/#/photos/{photo['photo_id']}"


def test_a_token_that_ends_is_renewed_without_a_word(visit, person, stored):
    stored(red=pictures.plain("red"))
    visit.sign_in(person)
    visit.page.evaluate(CHANGE_TOKENS, {"expires_at": 0})
    before = visit.page.evaluate("JSON.parse(sessionStorage.getItem('tokens')).access_token")
    visit.page.reload()
    expect(visit.tile("red.jpg")).to_be_visible()
    assert visit.page.evaluate("JSON.parse(sessionStorage.getItem('tokens')).access_token") != before


def test_a_text_in_the_address_is_not_shown_as_the_pages_own(visit):
    visit.page.goto("/?error=access_denied&error_description=Call+0900+now&state=of-another-tab")
    expect(visit.page.get_by_role("alert")).to_contain_text("was not begun in this tab")
    expect(visit.page.get_by_role("main")).not_to_contain_text("0900")


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("access_denied", "was not let in"),
        ("temporarily_unavailable", "is busy"),
        ("made_up", "The sign-in was refused"),
    ],
)
def test_a_refused_sign_in_is_explained_in_the_pages_own_words(visit, code, sentence):
    visit.page.goto("/")
    visit.button("Sign in").click()
    expect(visit.page.get_by_label("Password")).to_be_visible()
    [state] = parse_qs(urlsplit(visit.page.url).query)["state"]
    visit.page.goto(f"{ADDRESS}/?error={code}&error_description=Call+0900+now&state={state}")
    expect(visit.page.get_by_role("alert")).to_contain_text(sentence)
    expect(visit.page.get_by_role("main")).not_to_contain_text("0900")


def test_settings_that_did_not_load_are_asked_for_again(make_visit):
    visit = make_visit()
    visit.page.route("**/config.json", lambda route: route.abort("connectionreset"))
    visit.page.goto("/")
    visit.button("Sign in").click()
    expect(visit.page.get_by_role("alert")).to_have_text(
        "The settings of this page did not load. Check your connection and try again."
    )
    visit.page.unroute_all()
    visit.button("Sign in").click()
    expect(visit.page.get_by_label("Password")).to_be_visible()


def test_a_photos_address_in_a_new_tab_leads_straight_to_the_sign_in_and_to_the_photo(visit, person, stored):
    stored(red=pictures.plain("red"))
    visit.sign_in(person)
    address = visit.tile("red.jpg").get_by_role("link").first.get_attribute("href")
    visit.page = visit.open_tab()
    visit.page.goto(f"/{address}")
    visit.give_password(person)
    expect(visit.page.get_by_role("heading", name="red.jpg")).to_be_visible()


def test_the_bare_address_says_what_this_is_before_it_asks_for_a_password(visit):
    visit.page.goto("/")
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("Find your photos by what is in them")


def test_who_signs_out_leaves_no_token_that_can_be_renewed(visit, pipeline, person):
    visit.sign_in(person)
    token = visit.page.evaluate("JSON.parse(sessionStorage.getItem('tokens')).refresh_token")
    visit.button("Sign out").click()
    expect(visit.button("Sign in")).to_be_visible()
    cognito = pipeline.client("cognito-idp")
    asked = {"ClientId": pipeline.stack.outputs["UserPoolClientId"], "AuthFlow": "REFRESH_TOKEN_AUTH"}
    with pytest.raises(cognito.exceptions.NotAuthorizedException):
        cognito.initiate_auth(**asked, AuthParameters={"REFRESH_TOKEN": token})


def test_a_sign_in_service_that_does_not_answer_keeps_nobody_from_signing_out(make_visit, person):
    visit = make_visit()
    visit.sign_in(person)
    visit.page.route("**/oauth2/revoke", lambda route: route.abort("connectionreset"))
    visit.button("Sign out").click()
    expect(visit.button("Sign in")).to_be_visible()


def test_somebody_who_signs_out_is_not_sent_back_in_by_a_view_that_looks_again(make_visit, person):
    visit = make_visit()
    visit.sign_in(person)
    asked, held = [], []
    visit.page.on("request", lambda request: "/oauth2/authorize" in request.url and asked.append(request.url))
    visit.page.route(re.compile("/oauth2/revoke"), lambda route: held.append(route))
    with visit.page.expect_request(re.compile("/oauth2/revoke")):
        visit.button("Sign out").click()
    # The albums are asked for while the revocation is under way, without a token.
    visit.page.evaluate("location.hash = '#/albums'")
    visit.page.wait_for_timeout(500)
    held[0].continue_()
    expect(visit.button("Sign in").first).to_be_visible()
    assert asked == []
