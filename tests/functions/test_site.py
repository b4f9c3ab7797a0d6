"""What a browser may do with the page, to the letter: whoever widens it sees here how far."""

from vision.api.site import Place


def test_the_policy_of_the_page_allows_this_and_nothing_else():
    place = Place(
        app_url="https://app.example",
        sign_in_url="https://login.example",
        client_id="client",
        image_origins=("https://images.example", "https://bulk.example"),
    )
    assert place.policy.split("; ") == [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' https://images.example https://bulk.example",
        "connect-src 'self' https://images.example https://bulk.example https://login.example",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
