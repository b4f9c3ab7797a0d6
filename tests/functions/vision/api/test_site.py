"""What a browser may do with the page and with answers, exactly: a change that allows more fails here."""

from typing import Any

import pytest

from tests.functions.http_api import Caller
from vision.api.site import SiteConfig


def test_content_security_policy_of_the_page_is_exact() -> None:
    config = SiteConfig(
        app_url="https://app.example",
        sign_in_url="https://login.example",
        user_pool_url="https://cognito.example",
        client_id="client",
        image_origins=lambda: ("https://images.example", "https://bulk.example"),
    )
    assert config.policy.split("; ") == [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' https://images.example https://bulk.example",
        "connect-src 'self' https://images.example https://bulk.example https://login.example https://cognito.example",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]


EVERYWHERE = {
    "referrer-policy": "no-referrer",
    # Without includeSubDomains: a team's domain may have subdomains outside this stack.
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
}


@pytest.mark.parametrize("path", ["/", "/static/app.js", "/config.json"])
def test_page_shares_no_window_and_uses_no_device(ann: Caller, path: str) -> None:
    headers = ann.get(path).headers
    assert {name: headers[name] for name in EVERYWHERE} == EVERYWHERE
    assert headers["cross-origin-opener-policy"] == "same-origin"
    denied = headers["permissions-policy"].split(", ")
    assert {"camera=()", "geolocation=()", "microphone=()"} <= set(denied)
    assert all(one.endswith("=()") for one in denied)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/me", None, 200),
        ("GET", "/api/openapi.json", None, 200),
        ("GET", "/api/photos/none", None, 422),
        ("GET", "/api/nowhere", None, 404),
        ("PUT", "/api/me", None, 405),
        ("GET", "/api/bulk-runs", None, 403),
        ("GET", "/static/nowhere.js", None, 404),
        ("POST", "/api/albums", {"name": "a" * 20_000}, 413),
        ("DELETE", "/api/albums/" + "a" * 26, None, 404),
    ],
)
def test_answer_of_the_api_is_not_rendered_or_cached(
    ann: Caller, method: str, path: str, body: Any, status: int
) -> None:
    answered = ann(method, path, body)
    expected = EVERYWHERE | {
        "cache-control": "no-store",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    }
    assert answered.status == status
    assert {name: answered.headers.get(name) for name in expected} == expected
