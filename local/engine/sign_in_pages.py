"""The pages of managed login: sign in and sign up."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any
from urllib.parse import urlencode

# The parameters of an authorize request that each page passes to the next.
REQUEST_FIELDS = (
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
)

_STYLE = """
:root { color-scheme: light dark; font-family: system-ui, sans-serif; --edge: #70787f; --accent: #0a5c8a; }
@media (prefers-color-scheme: dark) { :root { --accent: #7cc4ee; } }
body { background: light-dark(#fff, #16181d); color: light-dark(#1d1e23, #ededf1); line-height: 1.5; }
body { display: grid; justify-content: center; margin: 0; padding: 2rem 1rem; }
main { width: min(24rem, 100vw - 2rem); }
h1 { font-size: 1.5rem; }
label { display: block; margin-top: 1rem; font-weight: 600; }
input, button { box-sizing: border-box; width: 100%; padding: .6rem; font: inherit; border-radius: .3rem; }
input { border: 1px solid var(--edge); }
button { margin-top: 1.5rem; border: 1px solid transparent; background: #0a5c8a; color: #fff; cursor: pointer; }
a { color: var(--accent); }
.error { padding: .6rem; border: 1px solid currentcolor; border-radius: .3rem; color: light-dark(#a11, #ff9c9c); }
.note { font-size: .875rem; }
"""


def page(title: str, heading: str, content: str) -> str:
    """Return a whole page around a form; the arguments are HTML."""
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        # An empty icon: without one the browser requests /favicon.ico, which is a bucket here.
        f'<link rel="icon" href="data:,">\n<title>{title}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{heading}</h1>\n{content}\n"
        '<p class="note">This page stands in for Amazon Cognito’s on this computer.</p>\n</main>\n</body>\n</html>\n'
    )


def sign_in_page(request: Mapping[str, str], name_label: str, may_sign_up: bool, error: str = "") -> str:
    """Return the page that asks for a name and a password."""
    sign_up = f'<p>New here? <a href="/signup?{_query(request)}">Create an account</a></p>' if may_sign_up else ""
    content = f"""{_error(error)}
<form method="post" action="/login">
{_hidden(request)}
<label for="username">{escape(name_label)}</label>
<input id="username" name="username" autocomplete="username" autocapitalize="none" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button type="submit">Sign in</button>
</form>
{sign_up}"""
    return page("Sign in", "Sign in", content)


def sign_up_page(request: Mapping[str, str], policy: Mapping[str, Any], email: str = "", error: str = "") -> str:
    """Return the sign-up page; `policy` is the password policy of the user pool."""
    content = f"""{_error(error)}
<form method="post" action="/signup">
{_hidden(request)}
<label for="email">Email</label>
<input id="email" name="email" type="email" autocomplete="username" value="{escape(email)}" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="new-password" aria-describedby="policy" required>
<p class="note" id="policy">{escape(policy_sentence(policy))}</p>
<button type="submit">Sign up</button>
</form>
<p class="note">No email is sent on this computer: the address counts as confirmed at once.</p>
<p>Have an account? <a href="/login?{_query(request)}">Sign in</a></p>"""
    return page("Sign up", "Create an account", content)


def code_page(session_field: str, session: str, code_field: str, error: str = "") -> str:
    """Return the page that asks for the code of an authenticator app."""
    content = f"""{_error(error)}
<form method="post" action="/login">
<input type="hidden" name="{session_field}" value="{escape(session)}">
<label for="code">Code</label>
<input id="code" name="{code_field}" inputmode="numeric" autocomplete="one-time-code" aria-describedby="where" required
 autofocus>
<p class="note" id="where">The six digits that your authenticator app shows; <code>make code</code> has those of the
demo’s person.</p>
<button type="submit">Sign in</button>
</form>"""
    return page("Enter your code", "Enter your code", content)


def policy_sentence(policy: Mapping[str, Any]) -> str:
    """Return the requirements for a password.

    Examples
    --------
    >>> policy_sentence({"MinimumLength": 12, "RequireSymbols": False, "RequireUppercase": False})
    'At least 12 characters, with a lower-case letter and a digit.'
    """
    parts = {
        "RequireUppercase": "an upper-case letter",
        "RequireLowercase": "a lower-case letter",
        "RequireNumbers": "a digit",
        "RequireSymbols": "a symbol",
    }
    required = [text for name, text in parts.items() if policy.get(name, True)]
    listed = " and ".join(filter(None, [", ".join(required[:-1]), *required[-1:]]))
    return f"At least {policy.get('MinimumLength', 8)} characters{', with ' if listed else ''}{listed}."


def _error(text: str) -> str:
    return f'<p class="error" role="alert">{escape(text)}</p>' if text else ""


def _hidden(request: Mapping[str, str]) -> str:
    fields = (f'<input type="hidden" name="{name}" value="{escape(request.get(name, ""))}">' for name in REQUEST_FIELDS)
    return "\n".join(fields)


def _query(request: Mapping[str, str]) -> str:
    return escape(urlencode({name: request[name] for name in REQUEST_FIELDS if request.get(name)}))
