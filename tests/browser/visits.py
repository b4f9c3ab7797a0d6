"""A person's browser, and what the person does in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from playwright.sync_api import (
    Browser,
    CDPSession,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    Request,
    Response,
    Route,
    expect,
)

from tests.browser.people import Person, next_code, tokens_of
from tests.local.stack.pipeline import PATIENCE_SECONDS, Pipeline, wait_for

ADDRESS = "http://app.localhost"
_KEEP_TOKENS = "tokens => sessionStorage.setItem('tokens', JSON.stringify(tokens))"


class Visit:
    """One tab in a browser of its own, and a list of the errors in it.

    Attributes
    ----------
    troubles
        Errors and warnings of the console, answers of 400 and more, and requests without an answer.
    """

    def __init__(self, browser: Browser, pipeline: Pipeline, **options: Any) -> None:
        settings = {"base_url": ADDRESS, "locale": "en-GB", "viewport": {"width": 1280, "height": 850}} | options
        self.pipeline = pipeline
        self.context = browser.new_context(**settings)
        self.context.set_default_timeout(PATIENCE_SECONDS * 1000)
        self.troubles: list[str] = []
        # The addresses of presigned forms and images.
        self.bucket = re.compile(re.escape(pipeline.stack.endpoint_url))
        self.page = self.open_tab()
        self._devtools: CDPSession | None = None

    def open_tab(self) -> Page:
        page = self._empty_tab()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        page.on("response", self._see)
        page.on("requestfailed", self._miss)
        return page

    def _empty_tab(self) -> Page:
        try:
            return self.context.new_page()
        except Error:
            # On an overloaded machine, Chromium discards empty tabs.
            return self.context.new_page()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.troubles.append(f"console: {message.text} ({message.location['url']})")

    def _see(self, response: Response) -> None:
        if response.status >= 400:
            self.troubles.append(f"{response.status} {response.request.method} {response.url.partition('?')[0]}")

    def _miss(self, request: Request) -> None:
        # Requests that the page itself aborted are no errors.
        if request.failure != "net::ERR_ABORTED":
            self.troubles.append(f"{request.failure} {request.method} {request.url.partition('?')[0]}")

    # Sign-in and navigation

    def sign_in(self, person: Person, view: str = "photos", page: Page | None = None) -> Page:
        """Open a view as a person who has just signed in, without the sign-in pages."""
        page = page or self.page
        page.route("**/empty", _fulfill_empty)
        page.goto("/empty")
        page.evaluate(_KEEP_TOKENS, tokens_of(self.pipeline, person))
        page.goto(f"/#/{view}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        return page

    def begin_sign_in(self) -> None:
        """Go from the welcome page to the page that asks for the password."""
        self.page.goto("/")
        self.button("Sign in").click()

    def give_password(self, person: Person) -> None:
        """Sign in on the page that asks for the password."""
        self.page.get_by_label("Email").fill(person.email)
        self.page.get_by_label("Password").fill(person.password)
        self.button("Sign in").click()

    def give_code(self, secret: str) -> None:
        """Enter the code of a second factor on the page that asks for it."""
        self.page.get_by_label("Code").fill(next_code(secret))
        self.button("Sign in").click()

    def open(self, view: str) -> None:
        self.page.goto(f"/#/{view}")

    def open_photo(self, name: str) -> None:
        """Open a photo of the gallery."""
        self.tile(name).get_by_role("link").first.click()

    # Elements of the page

    @property
    def alert(self) -> Locator:
        return self.page.get_by_role("alert")

    @property
    def status(self) -> Locator:
        """The live region that screen readers read."""
        return self.page.get_by_role("status")

    def heading(self, name: str) -> Locator:
        return self.page.get_by_role("heading", name=name)

    def button(self, name: str | re.Pattern[str]) -> Locator:
        return self.page.get_by_role("button", name=name, exact=isinstance(name, str))

    def link(self, name: str | re.Pattern[str]) -> Locator:
        return self.page.get_by_role("link", name=name, exact=isinstance(name, str))

    def tile(self, name: str) -> Locator:
        """The photo of that file name in a gallery."""
        return self.page.locator("li.tile").filter(has=self.page.get_by_text(name, exact=True))

    def chip(self, name: str, label: str) -> Locator:
        """A label of a photo in a gallery."""
        return self.tile(name).locator(".chip").filter(has_text=label)

    @property
    def tiles(self) -> Locator:
        return self.page.locator("li.tile")

    def upload_row(self, name: str) -> Locator:
        return self.page.locator(".uploads li").filter(has=self.page.get_by_text(name, exact=True))

    @property
    def cards(self) -> Locator:
        """Cards of operators' views: inspections, bulk runs or sessions."""
        return self.page.get_by_role("main").locator("li .card, li.card")

    def card(self, name: str) -> Locator:
        return self.cards.filter(has=self.page.get_by_role("heading", name=name))

    @property
    def notice(self) -> Locator:
        """The text of a message in the corner."""
        return self.page.locator(".notice p")

    # Actions

    def choose(self, files: Mapping[str, bytes]) -> None:
        """Press "Add photos" and choose files; their names and contents."""
        with self.page.expect_file_chooser() as chooser:
            self.button("Add photos").first.click()
        chooser.value.set_files(
            [{"name": name, "mimeType": _media_type(name), "buffer": content} for name, content in files.items()]
        )

    def drop(self, *paths: Path) -> None:
        """Drag files and folders from another program onto the page."""
        session = self.context.new_cdp_session(self.page)
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}

        def move(kind: str) -> None:
            session.send("Input.dispatchDragEvent", {"type": kind, "x": 400, "y": 400, "data": data})

        # The page accepts files once it knows the person, and shows this curtain then.
        curtain = self.page.get_by_text("Drop the photos to add them")
        move("dragEnter")
        wait_for(lambda: move("dragOver") or curtain.is_visible())
        move("drop")
        session.detach()

    def limit_line(self, *, upload: int = -1, download: int = -1, latency: int = 0, is_offline: bool = False) -> None:
        """Limit the network: bytes a second (-1 is no limit), milliseconds; without arguments, remove the limits."""
        conditions = {"downloadThroughput": download, "uploadThroughput": upload, "latency": latency}
        self.devtools.send("Network.emulateNetworkConditions", conditions | {"offline": is_offline})

    def forget_cache(self) -> None:
        self.devtools.send("Network.clearBrowserCache")

    @property
    def devtools(self) -> CDPSession:
        """A session of Chromium's developer tools for the tab."""
        if self._devtools is None:
            self._devtools = self.context.new_cdp_session(self.page)
        return self._devtools

    def stored_uploads(self) -> int:
        """Number of files that the browser keeps for unfinished uploads."""
        return self.page.evaluate(
            """() => new Promise((resolve, reject) => {
                const request = indexedDB.open("image-recognition");
                request.onerror = () => reject(request.error);
                request.onsuccess = () => {
                    const database = request.result;
                    const count = database.transaction("uploads").objectStore("uploads").count();
                    count.onsuccess = () => (database.close(), resolve(count.result));
                };
            })"""
        )

    def wait_until(self, condition: Callable[[], Any]) -> None:
        """Wait for a condition that needs requests of the page to be handled in the meantime."""
        wait_for(lambda: self.page.wait_for_timeout(10) or condition())

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Call the API as the signed-in person, without the page."""
        answer = self.page.evaluate(
            """async ([method, path, body]) => {
                const { access_token: token } = JSON.parse(sessionStorage.getItem("tokens"));
                const headers = { Authorization: `Bearer ${token}`, "Idempotency-Key": crypto.randomUUID() };
                if (body) headers["Content-Type"] = "application/json";
                const response = await fetch(`/api/${path}`, { method, headers, body });
                return [response.status, await response.text()];
            }""",
            [method, path, None if body is None else json.dumps(body)],
        )
        status, text = answer
        return status, json.loads(text) if text else None


def _fulfill_empty(route: Route) -> None:
    # With an icon, so that the browser does not request one.
    route.fulfill(content_type="text/html", body='<link rel="icon" href="data:,">')


def _media_type(name: str) -> str:
    types = {"jpg": "image/jpeg", "png": "image/png", "gif": "image/gif", "txt": "text/plain"}
    return types[name.rpartition(".")[2]]
