"""A second factor: set up, replaced and removed on the page, and its meaning for operators."""

import json
import re
import time
from base64 import urlsafe_b64decode
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from local import totp
from tests.browser import axe
from tests.browser.people import is_revoked, make_person, next_code, tokens_of

USER_POOL = re.compile(r"^http://localhost(:\d+)?/$")
STORED = "JSON.parse(sessionStorage.getItem('tokens'))"
ADMIN = "aws.cognito.signin.user.admin"


def claims(token):
    return json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))


@pytest.fixture
def operator(pipeline):
    """An operator of this test alone, whose second factor it may change."""
    return make_person(pipeline, is_operator=True)


@pytest.fixture
def promoted(pipeline, person):
    """A member of the operators group without a second factor."""
    pool = pipeline.stack.outputs["UserPoolId"]
    pipeline.client("cognito-idp").admin_add_user_to_group(
        UserPoolId=pool, Username=person.email, GroupName="operators"
    )
    return person


def begin(visit, person):
    """Open the view and give the password, and the code if there is a second factor."""
    visit.open("second-factor")
    visit.button("Continue").click()
    visit.give_password(person)
    if person.secret:
        visit.give_code(person.secret)


def key_of(visit):
    return visit.page.get_by_label("Key").inner_text().replace(" ", "")


def enter(visit, code):
    visit.page.get_by_label("Code").fill(code)
    visit.button("Set up").click()


def set_up(visit):
    """Set up the shown key with the code of the previous half minute; return the key."""
    key = key_of(visit)
    enter(visit, totp.code(key, totp.step(time.time()) - 1))
    expect(visit.page.get_by_role("main").get_by_text("Your second factor is set.")).to_be_visible()
    return key


def sign_in_again(visit, person, key=""):
    visit.button("Sign in again").click()
    visit.button("Sign in").click()
    visit.give_password(person)
    if key:
        visit.give_code(key)


def test_second_factor_that_a_person_sets_up_is_needed_to_sign_in_and_ends_sessions_elsewhere(visit, person, pipeline):
    elsewhere = tokens_of(pipeline, person)["refresh_token"]
    visit.sign_in(person)
    begin(visit, person)
    key = set_up(visit)
    assert is_revoked(pipeline, elsewhere)
    sign_in_again(visit, person, key)
    expect(visit.page.get_by_role("heading", name="No photos yet")).to_be_visible()


def test_group_member_becomes_an_operator_with_a_second_factor(make_visit, promoted):
    visit = make_visit()
    visit.sign_in(promoted, "bulk-runs")
    expect(visit.alert).to_contain_text("set one up on the page, under Second factor")
    expect(visit.notice).to_contain_text("have no second factor")
    expect(visit.link("Bulk runs")).to_be_hidden()
    visit.button("Set up").click()
    visit.button("Continue").click()
    visit.give_password(promoted)
    key = set_up(visit)
    sign_in_again(visit, promoted, key)
    expect(visit.link("Bulk runs")).to_be_visible()


def test_errors_of_the_set_up_are_named_and_the_right_code_is_accepted_after_them(make_visit, person):
    visit = make_visit()
    visit.page.route(USER_POOL, lambda route: route.abort("connectionreset"))
    visit.sign_in(person)
    begin(visit, person)
    expect(visit.alert).to_contain_text("The sign-in service did not answer")
    visit.page.unroute(USER_POOL)
    visit.button("Try again").click()
    key = key_of(visit)
    answer = {"__type": "com.amazonaws.cognito.identity.idp.model#TooManyRequestsException", "message": "Rate exceeded"}
    refusal = {"status": 400, "headers": {"Access-Control-Allow-Origin": "*"}, "json": answer}
    visit.page.route(USER_POOL, lambda route: route.fulfill(**refusal))
    enter(visit, totp.code(key, totp.step(time.time())))
    expect(visit.alert).to_contain_text("The sign-in service is busy")
    visit.page.unroute(USER_POOL)
    enter(visit, "000000" if totp.step_of(key, "000000", time.time(), drift=3) is None else "111111")
    expect(visit.alert).to_contain_text("This is not the code that the app shows now")
    set_up(visit)


def test_key_fits_a_phone_and_its_link_is_for_an_app_on_this_device(make_visit, person):
    visit = make_visit(viewport={"width": 320, "height": 640}, has_touch=True, is_mobile=True)
    visit.sign_in(person)
    begin(visit, person)
    address = urlsplit(visit.link("Add it to an app on this device").get_attribute("href"))
    assert address.scheme == "otpauth"
    assert address.netloc == "totp"
    assert parse_qs(address.query) == {"secret": [key_of(visit)], "issuer": ["Image recognition"]}
    assert visit.page.evaluate("document.documentElement.scrollWidth") == 320
    assert visit.troubles == []


def test_account_access_requires_the_password_again_and_its_token_is_not_stored(visit, person):
    visit.sign_in(person)
    before = visit.page.evaluate(STORED)
    with visit.page.expect_request(re.compile("/oauth2/authorize")) as asked:
        begin(visit, person)
    query = parse_qs(urlsplit(asked.value.url).query)
    assert query["scope"] == [f"openid email {ADMIN}"]
    assert query["prompt"] == ["login"]
    expect(visit.page.get_by_label("Key")).to_be_visible()
    assert visit.page.evaluate(STORED) == before
    kept = visit.page.evaluate("JSON.stringify([{ ...sessionStorage }, { ...localStorage }])")
    tokens = [token for token in re.findall(r"[\w-]+\.[\w-]+\.[\w-]+", kept) if token.startswith("ey")]
    assert tokens
    assert [token for token in tokens if "access" in str(claims(token)) and "refresh_token" in str(claims(token))] == []
    visit.page.reload()
    expect(visit.button("Continue")).to_be_visible()


def test_ordinary_sign_in_requests_no_account_access(visit, person):
    visit.page.goto("/")
    with visit.page.expect_request(re.compile("/oauth2/authorize")) as asked:
        visit.button("Sign in").click()
    query = parse_qs(urlsplit(asked.value.url).query)
    assert query["scope"] == ["openid email"]
    assert "prompt" not in query
    visit.give_password(person)
    expect(visit.page.get_by_role("heading", name="No photos yet")).to_be_visible()
    assert ADMIN not in claims(visit.page.evaluate(f"{STORED}.access_token"))["scope"]


def test_account_access_is_revoked_when_the_view_is_left(visit, person, pipeline):
    visit.sign_in(person)
    with visit.page.expect_response(re.compile("/oauth2/token")) as answer:
        begin(visit, person)
    token = answer.value.json()["refresh_token"]
    expect(visit.page.get_by_label("Key")).to_be_visible()
    with visit.page.expect_response(re.compile("/oauth2/revoke")):
        visit.open("photos")
    assert is_revoked(pipeline, token)


def test_operator_replaces_the_second_factor_on_views_without_barriers(visit, operator):
    visit.sign_in(operator)
    visit.open("second-factor")
    visit.button("Continue").click()
    visit.give_password(operator)
    expect(visit.page.get_by_label("Code")).to_be_visible()
    assert axe.violations(visit.page) == []
    visit.give_code(operator.secret)
    visit.button("Replace it").click()
    expect(visit.page.get_by_label("Key")).to_be_visible()
    assert axe.violations(visit.page) == []
    key = set_up(visit)
    assert key != operator.secret
    sign_in_again(visit, operator, key)
    expect(visit.link("Bulk runs")).to_be_visible()


def test_operator_without_second_factor_loses_operator_views(visit, operator):
    visit.sign_in(operator)
    begin(visit, operator)
    visit.button("Remove it").click()
    visit.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(visit.page.get_by_role("main").get_by_text("Your second factor is removed.")).to_be_visible()
    sign_in_again(visit, operator)
    expect(visit.notice).to_contain_text("have no second factor")
    expect(visit.link("Bulk runs")).to_be_hidden()


def test_another_account_is_refused(make_visit, person, pipeline):
    visit = make_visit()
    visit.sign_in(person)
    visit.open("second-factor")
    visit.button("Continue").click()
    visit.give_password(make_person(pipeline))
    expect(visit.alert).to_contain_text("not the account that is signed in here")


def test_ended_session_starts_again(make_visit, person, pipeline):
    visit = make_visit()
    visit.sign_in(person)
    begin(visit, person)
    key = key_of(visit)
    pool = pipeline.stack.outputs["UserPoolId"]
    pipeline.client("cognito-idp").admin_user_global_sign_out(UserPoolId=pool, Username=person.email)
    enter(visit, totp.code(key, totp.step(time.time())))
    expect(visit.alert).to_contain_text("This took too long. Begin again.")
    expect(visit.button("Continue")).to_be_visible()


def test_code_is_accepted_once(make_visit, operator):
    code = next_code(operator.secret)
    for visit in (make_visit(), make_visit()):
        visit.begin_sign_in()
        visit.give_password(operator)
        visit.page.get_by_label("Code").fill(code)
        visit.button("Sign in").click()
    expect(visit.alert).to_be_visible()
    expect(visit.page.get_by_label("Code")).to_be_visible()


def test_sign_in_during_a_failing_trigger_is_explained_and_works_later(make_visit, person, pipeline):
    functions, name = pipeline.client("lambda"), pipeline.resource_name("PreTokenGenerationFunction")
    visit = make_visit()
    visit.begin_sign_in()
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        visit.give_password(person)
        expect(visit.alert).to_contain_text("The sign-in service has failed. Try again in a minute")
    finally:
        functions.delete_function_concurrency(FunctionName=name)
    visit.button("Sign in").click()
    visit.give_password(person)
    expect(visit.page.get_by_role("heading", name="No photos yet")).to_be_visible()
