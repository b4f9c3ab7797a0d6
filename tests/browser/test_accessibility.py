"""axe-core finds no accessibility barrier on desktop and phone, light and dark; test_views.py has the other views."""

from dataclasses import replace

from playwright.sync_api import expect

from tests.browser import axe, pictures

DESKTOP, PHONE = {"width": 1280, "height": 850}, {"width": 390, "height": 844}
LOOKS = {
    "light": ("light", DESKTOP),
    "dark": ("dark", DESKTOP),
    "phone": ("light", PHONE),
    "dark phone": ("dark", PHONE),
}


def barriers(visit):
    """Violations by the look of the page."""
    found = {}
    for look, (scheme, size) in LOOKS.items():
        visit.page.emulate_media(color_scheme=scheme)
        visit.page.set_viewport_size(size)
        found[look] = axe.violations(visit.page)
    return {look: violations for look, violations in found.items() if violations}


def test_pages_before_sign_in_have_no_barrier(make_visit, person):
    visit = make_visit()
    visit.page.goto("/")
    expect(visit.button("Create account")).to_be_visible()
    assert barriers(visit) == {}
    visit.button("Create account").click()
    expect(visit.button("Sign up")).to_be_visible()
    assert barriers(visit) == {}
    visit.begin_sign_in()
    expect(visit.page.get_by_label("Password")).to_be_visible()
    assert barriers(visit) == {}
    visit.give_password(replace(person, password="Not-the-password-1"))
    expect(visit.page.get_by_text("Incorrect username or password.")).to_be_visible()
    assert barriers(visit) == {}


def test_empty_views_and_the_confirmation_of_a_deletion_have_no_barrier(visit, person):
    visit.sign_in(person)
    expect(visit.heading("No photos yet")).to_be_visible()
    assert barriers(visit) == {}
    visit.open("albums")
    expect(visit.heading("No albums yet")).to_be_visible()
    assert barriers(visit) == {}
    visit.call("POST", "albums", {"name": "Harbour"})
    visit.page.reload()
    visit.button("Delete Harbour").click()
    expect(visit.page.get_by_role("dialog", name="Delete Harbour?")).to_be_visible()
    assert barriers(visit) == {}


def test_failed_and_running_uploads_have_no_barrier(make_visit, person):
    visit = make_visit()
    visit.sign_in(person)
    refusal = {"status": 400, "headers": {"Access-Control-Allow-Origin": "*"}}
    visit.page.route(visit.bucket, lambda route: route.fulfill(**refusal), times=1)
    visit.choose({"red.jpg": pictures.plain("red")})
    expect(visit.button("Retry red.jpg")).to_be_visible()
    assert barriers(visit) == {}
    visit.limit_line(upload=2000)
    visit.choose({"large.jpg": pictures.noise(), "small.jpg": pictures.plain("red")})
    expect(visit.button("Cancel large.jpg")).to_be_visible()
    assert barriers(visit) == {}


def test_undo_of_a_deletion_has_no_barrier(visit, person, stored):
    stored(red=pictures.plain("red"))
    visit.sign_in(person)
    visit.button("Delete red.jpg").click()
    visit.button("Undo").hover()
    assert barriers(visit) == {}
