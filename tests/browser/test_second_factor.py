"""A second factor: set up, replaced and removed on the page, and what it is to operators."""

import json
import re
import time
from base64 import urlsafe_b64decode
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from local import totp
from tests.browser import axe
from tests.browser.people import make_person, next_code, tokens_of

USER_POOL = re.compile(r"^http://localhost(:\d+)?/$")
STORED = "JSON.parse(sessionStorage.getItem('tokens'))"
ADMIN = "aws.cognito.signin.user.admin"


def claims(token):
    return json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))


@pytest.fixture
def promoted(pipeline, person):
    """Somebody in the group operators without a second factor."""
    pool = pipeline.stack.outputs["UserPoolId"]
    pipeline.client("cognito-idp").admin_add_user_to_group(
        UserPoolId=pool, Username=person.email, GroupName="operators"
    )
    return person


def begin(visit, person):
    """Open the view, and give the password that it asks for, and the code where there is one."""
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
    """Set up with the key that is shown, by the code of the half minute before; return the key."""
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


def test_person_sets_up_a_second_factor_and_signs_in_with_it(visit, person):
    visit.sign_in(person)
    begin(visit, person)
    key = set_up(visit)
    sign_in_again(visit, person, key)
    expect(visit.page.get_by_role("heading", name="No photos yet")).to_be_visible()


def test_member_of_the_group_becomes_an_operator_by_a_second_factor(visit, promoted):
    visit.sign_in(promoted)
    expect(visit.notice).to_contain_text("have no second factor")
    expect(visit.link("Bulk runs")).to_be_hidden()
    visit.button("Set up").click()
    visit.button("Continue").click()
    visit.give_password(promoted)
    key = set_up(visit)
    sign_in_again(visit, promoted, key)
    expect(visit.link("Bulk runs")).to_be_visible()


def test_view_of_operators_tells_a_member_without_a_second_factor_what_to_do(make_visit, promoted):
    visit = make_visit()
    visit.sign_in(promoted, "bulk-runs")
    expect(visit.page.get_by_role("alert")).to_contain_text("set one up on the page, under Second factor")


def test_wrong_code_is_refused_in_words_and_another_one_is_taken(make_visit, person):
    visit = make_visit()
    visit.sign_in(person)
    begin(visit, person)
    key = key_of(visit)
    enter(visit, "000000" if totp.step_of(key, "000000", time.time(), drift=3) is None else "111111")
    expect(visit.page.get_by_role("alert")).to_contain_text("This is not the code that the app shows now")
    set_up(visit)


def test_link_adds_the_key_to_an_app_on_this_device(visit, person):
    visit.sign_in(person)
    begin(visit, person)
    address = urlsplit(visit.link("Add it to an app on this device").get_attribute("href"))
    assert (address.scheme, address.netloc) == ("otpauth", "totp")
    assert parse_qs(address.query) == {"secret": [key_of(visit)], "issuer": ["Image recognition"]}


def test_token_that_changes_the_account_is_in_no_storage(visit, person):
    visit.sign_in(person)
    before = visit.page.evaluate(STORED)
    begin(visit, person)
    expect(visit.page.get_by_label("Key")).to_be_visible()
    assert visit.page.evaluate(STORED) == before
    kept = visit.page.evaluate("JSON.stringify([{ ...sessionStorage }, { ...localStorage }])")
    tokens = [token for token in re.findall(r"[\w-]+\.[\w-]+\.[\w-]+", kept) if token.startswith("ey")]
    assert tokens
    assert [token for token in tokens if "access" in str(claims(token)) and "refresh_token" in str(claims(token))] == []
    visit.page.reload()
    expect(visit.button("Continue")).to_be_visible()


def test_ordinary_sign_in_asks_for_no_right_over_the_account(visit, person):
    visit.page.goto("/")
    with visit.page.expect_request(re.compile("/oauth2/authorize")) as asked:
        visit.button("Sign in").click()
    query = parse_qs(urlsplit(asked.value.url).query)
    assert (query["scope"], "prompt" in query) == (["openid email"], False)
    visit.give_password(person)
    expect(visit.page.get_by_role("heading", name="No photos yet")).to_be_visible()
    assert ADMIN not in claims(visit.page.evaluate(f"{STORED}.access_token"))["scope"]


def test_right_over_the_account_takes_the_password_once_more(visit, person):
    visit.sign_in(person, "second-factor")
    with visit.page.expect_request(re.compile("/oauth2/authorize")) as asked:
        visit.button("Continue").click()
    query = parse_qs(urlsplit(asked.value.url).query)
    assert (query["scope"], query["prompt"]) == ([f"openid email {ADMIN}"], ["login"])


def test_right_over_the_account_is_given_up_with_the_view(visit, person, pipeline):
    visit.sign_in(person)
    with visit.page.expect_response(re.compile("/oauth2/token")) as answer:
        begin(visit, person)
    token = answer.value.json()["refresh_token"]
    expect(visit.page.get_by_label("Key")).to_be_visible()
    with visit.page.expect_response(re.compile("/oauth2/revoke")):
        visit.open("photos")
    cognito = pipeline.client("cognito-idp")
    asked = {"ClientId": pipeline.stack.outputs["UserPoolClientId"], "AuthFlow": "REFRESH_TOKEN_AUTH"}
    with pytest.raises(cognito.exceptions.NotAuthorizedException):
        cognito.initiate_auth(**asked, AuthParameters={"REFRESH_TOKEN": token})


def test_sessions_elsewhere_end_when_a_second_factor_is_set(make_visit, person, pipeline):
    elsewhere = tokens_of(pipeline, person)["refresh_token"]
    visit = make_visit()
    visit.sign_in(person)
    begin(visit, person)
    set_up(visit)
    cognito = pipeline.client("cognito-idp")
    asked = {"ClientId": pipeline.stack.outputs["UserPoolClientId"], "AuthFlow": "REFRESH_TOKEN_AUTH"}
    with pytest.raises(cognito.exceptions.NotAuthorizedException):
        cognito.initiate_auth(**asked, AuthParameters={"REFRESH_TOKEN": elsewhere})


def test_operator_replaces_the_second_factor(visit, operator):
    visit.sign_in(operator)
    begin(visit, operator)
    visit.button("Replace it").click()
    key = set_up(visit)
    assert key != operator.secret
    sign_in_again(visit, operator, key)
    expect(visit.link("Bulk runs")).to_be_visible()


def test_operator_who_removes_the_second_factor_is_none(visit, operator):
    visit.sign_in(operator)
    begin(visit, operator)
    visit.button("Remove it").click()
    visit.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(visit.page.get_by_role("main").get_by_text("Your second factor is removed.")).to_be_visible()
    sign_in_again(visit, operator)
    expect(visit.notice).to_contain_text("have no second factor")
    expect(visit.link("Bulk runs")).to_be_hidden()


def test_another_account_changes_nothing_here(make_visit, person, pipeline):
    visit = make_visit()
    visit.sign_in(person)
    visit.open("second-factor")
    visit.button("Continue").click()
    visit.give_password(make_person(pipeline))
    expect(visit.page.get_by_role("alert")).to_contain_text("not the account that is signed in here")


def test_user_pool_that_does_not_answer_is_asked_again(make_visit, person):
    visit = make_visit()
    visit.page.route(USER_POOL, lambda route: route.abort("connectionreset"))
    visit.sign_in(person)
    begin(visit, person)
    expect(visit.page.get_by_role("alert")).to_contain_text("The sign-in service did not answer")
    visit.page.unroute(USER_POOL)
    visit.button("Try again").click()
    expect(visit.page.get_by_label("Key")).to_be_visible()


def test_user_pool_that_is_asked_too_much_says_so(make_visit, person):
    visit = make_visit()
    visit.sign_in(person)
    begin(visit, person)
    key = key_of(visit)
    answer = {"__type": "com.amazonaws.cognito.identity.idp.model#TooManyRequestsException", "message": "Rate exceeded"}
    headers = {"Access-Control-Allow-Origin": "*"}
    visit.page.route(USER_POOL, lambda route: route.fulfill(status=400, headers=headers, json=answer))
    enter(visit, totp.code(key, totp.step(time.time())))
    expect(visit.page.get_by_role("alert")).to_contain_text("The sign-in service is busy")


def test_session_that_ended_meanwhile_begins_again(make_visit, person, pipeline):
    visit = make_visit()
    visit.sign_in(person)
    begin(visit, person)
    key = key_of(visit)
    pool = pipeline.stack.outputs["UserPoolId"]
    pipeline.client("cognito-idp").admin_user_global_sign_out(UserPoolId=pool, Username=person.email)
    enter(visit, totp.code(key, totp.step(time.time())))
    expect(visit.page.get_by_role("alert")).to_contain_text("This took too long. Begin again.")
    expect(visit.button("Continue")).to_be_visible()


def test_code_is_taken_once_on_the_pages_of_the_sign_in(make_visit, operator):
    code = next_code(operator.secret)
    for visit in (make_visit(), make_visit()):
        visit.page.goto("/")
        visit.button("Sign in").click()
        visit.give_password(operator)
        visit.page.get_by_label("Code").fill(code)
        visit.button("Sign in").click()
    expect(visit.page.get_by_role("alert")).to_be_visible()
    expect(visit.page.get_by_label("Code")).to_be_visible()


def test_sign_in_that_the_trigger_fails_is_explained_and_works_afterwards(make_visit, person, pipeline):
    functions, name = pipeline.client("lambda"), pipeline.resource_name("PreTokenGenerationFunction")
    visit = make_visit()
    visit.page.goto("/")
    visit.button("Sign in").click()
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        visit.give_password(person)
        expect(visit.page.get_by_role("alert")).to_contain_text("The sign-in service has failed. Try again in a minute")
    finally:
        functions.delete_function_concurrency(FunctionName=name)
    visit.button("Sign in").click()
    visit.give_password(person)
    expect(visit.page.get_by_role("heading", name="No photos yet")).to_be_visible()


def test_key_and_code_have_no_barrier(visit, operator):
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


def test_key_fits_a_phone(make_visit, person):
    visit = make_visit(viewport={"width": 320, "height": 640}, has_touch=True, is_mobile=True)
    visit.sign_in(person)
    begin(visit, person)
    expect(visit.page.get_by_label("Key")).to_be_visible()
    assert visit.page.evaluate("document.documentElement.scrollWidth") == 320
