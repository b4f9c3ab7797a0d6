"""A page of another origin in a browser on the same machine cannot read from the engine or change it.

Another server on loopback serves the page; browsers let such a page send requests to the engine.
"""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Page, Playwright

from local.engine.process import EngineProcess
from tests.local.engine.account import Account, free_port, unique

# With a signature in the query, a POST of text is a request without a CORS preflight.
CREATE_ROLE = """
async ([endpoint, accessKeyId, secret, role]) => {
    const text = new TextEncoder();
    const hex = bytes => [...new Uint8Array(bytes)].map(byte => byte.toString(16).padStart(2, "0")).join("");
    const sha256 = async value => hex(await crypto.subtle.digest("SHA-256", text.encode(value)));
    const hmac = async (key, value) => {
        const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
        return crypto.subtle.sign("HMAC", imported, text.encode(value));
    };
    const date = new Date().toISOString().replace(/[-:]|\\.\\d+/g, "");
    const scope = `${date.slice(0, 8)}/us-east-1/iam/aws4_request`;
    const query = new URLSearchParams({
        "Action": "CreateRole",
        "AssumeRolePolicyDocument": "{}",
        "RoleName": role,
        "Version": "2010-05-08",
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": `${accessKeyId}/${scope}`,
        "X-Amz-Date": date,
        "X-Amz-Expires": "60",
        "X-Amz-SignedHeaders": "host",
    }).toString();
    const request = ["POST", "/", query, `host:${new URL(endpoint).host}`, "", "host", await sha256("")].join("\\n");
    const toSign = ["AWS4-HMAC-SHA256", date, scope, await sha256(request)].join("\\n");
    let key = text.encode("AWS4" + secret);
    for (const part of scope.split("/")) key = await hmac(key, part);
    const url = `${endpoint}/?${query}&X-Amz-Signature=${hex(await hmac(key, toSign))}`;
    const answer = await fetch(url, { method: "POST", headers: { "Content-Type": "text/plain" }, body: "" })
        .catch(error => error);
    return answer.status ?? String(answer);
}
"""
FETCH = """
async url => {
    const headers = { "Content-Type": "text/plain" };
    const answer = await fetch(url, { method: "POST", headers }).catch(error => error);
    return answer.status ?? String(answer);
}
"""
SUBMIT = """
url => new Promise(resolve => {
    document.body.innerHTML = '<iframe name="x"></iframe><form method="post" enctype="text/plain" target="x">';
    document.querySelector("iframe").onload = resolve;
    document.querySelector("form").action = url;
    document.querySelector("form").submit();
})
"""
READ = "async url => (await fetch(url).catch(error => error)).status ?? null"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    """An engine that an attack may wipe."""
    folder = tmp_path_factory.mktemp("attacked")
    with EngineProcess(free_port(), folder / "state", folder / "engine.log") as process:
        yield process


@pytest.fixture(scope="module")
def account(engine: EngineProcess) -> Account:
    return Account(engine.client_arguments)


@pytest.fixture(scope="module")
def foreign_port() -> Iterator[int]:
    """Port of another server on this machine, which serves an empty page."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!DOCTYPE html><body>")

        def log_message(self, *_arguments: Any) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def tab(playwright: Playwright, chromium: str) -> Iterator[Page]:
    """A tab of a browser that resolves one name to this machine, as the name server of an attacker can do."""
    arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--host-resolver-rules=MAP rebound.example 127.0.0.1"]
    browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
    yield browser.new_page()
    browser.close()


@pytest.fixture(params=["localhost", "127.0.0.1", "app.localhost"])
def foreign_page(request: pytest.FixtureRequest, tab: Page, foreign_port: int) -> Page:
    tab.goto(f"http://{request.param}:{foreign_port}/")
    return tab


def role_names(account: Account) -> list[str]:
    return [role["RoleName"] for role in account.client("iam").list_roles()["Roles"]]


def test_signed_call_of_a_foreign_page_is_refused(engine, account, foreign_page):
    known, role = engine.client_arguments, unique("foreign")
    key = known["aws_access_key_id"], known["aws_secret_access_key"]
    answer = foreign_page.evaluate(CREATE_ROLE, [engine.endpoint_url, *key, role])
    assert role not in role_names(account)
    assert answer == "TypeError: Failed to fetch"


@pytest.mark.parametrize("attack", [FETCH, SUBMIT], ids=["by script", "by form"])
def test_reset_by_a_foreign_page_is_refused(engine, account, foreign_page, attack):
    bucket = account.bucket()
    foreign_page.evaluate(attack, f"{engine.endpoint_url}/_ministack/reset")
    assert bucket in [found["Name"] for found in account.client("s3").list_buckets()["Buckets"]]


def test_foreign_page_cannot_read_answers(engine, foreign_page):
    assert foreign_page.evaluate(READ, f"{engine.endpoint_url}/oauth2/token") is None


def test_host_rebound_to_loopback_is_refused(engine, tab):
    address = f"http://rebound.example:{engine.port}/_ministack/health"
    opened = tab.goto(address)
    assert opened.status == 403
    assert tab.evaluate(READ, address) == 403
