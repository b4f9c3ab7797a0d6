"""The visitors of the page: readers, who browse their photos, and uploaders, who add photos in sequence."""

from __future__ import annotations

import json
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import urllib3
from urllib3.util import Timeout

# A person looks at the page before the next request.
THINKING_SECONDS = 1.0
_OPEN = ("PENDING", "RUNNING")
_LABELS = ("Person", "Vehicle", "Animal", "Plant", "Food")


@dataclass
class Log:
    """The results, by the name of the request.

    Attributes
    ----------
    seconds
        Durations of the successful requests.
    errors
        Unexpected responses, and errors without a response.
    """

    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    processed: int = 0

    def note(self, name: str, seconds: float, error: str = "") -> None:
        """Record one request."""
        self.seconds.setdefault(name, []).append(seconds)
        if error:
            self.errors.append(f"{name}: {error}")


@dataclass
class Visitor:
    """One person with a browser: persistent connections, one request at a time."""

    app_url: str
    host: str
    token: str
    log: Log
    ends_at: float
    pool: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(maxsize=4, retries=False, timeout=Timeout(30.0))
    )

    @property
    def has_time(self) -> bool:
        """Whether the test continues."""
        return time.monotonic() < self.ends_at

    def ask(self, name: str, method: str, path: str, body: Any = None, expected: int = 200) -> dict[str, Any]:
        """Send a request to the API and return its JSON; ``{}`` for an unexpected response."""
        headers = {"Host": self.host, "Authorization": f"Bearer {self.token}", "Accept-Encoding": "gzip"}
        content = None
        if body is not None:
            headers |= {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
            content = json.dumps(body).encode()
        return self._send(name, expected, lambda: self._request(method, path, content, headers))

    def send_file(self, name: str, form: dict[str, Any], content: bytes) -> None:
        """Send a presigned form with its file to S3."""
        fields = {**form["fields"], "file": ("load.jpg", content, "image/jpeg")}
        self._send(name, 204, lambda: self.pool.request("POST", form["url"], fields=fields))

    def _request(self, method: str, path: str, content: bytes | None, headers: dict[str, str]) -> Any:
        return self.pool.request(method, f"{self.app_url}{path}", body=content, headers=headers)

    def _send(self, name: str, expected: int, send: Callable[[], Any]) -> dict[str, Any]:
        began = time.monotonic()
        try:
            answer = send()
        except urllib3.exceptions.HTTPError as error:
            self.log.note(name, time.monotonic() - began, type(error).__name__)
            return {}
        seconds = time.monotonic() - began
        if answer.status != expected:
            self.log.note(name, seconds, f"{answer.status} {answer.data[:200]!r}")
            return {}
        self.log.note(name, seconds)
        is_json = "json" in answer.headers.get("Content-Type", "")
        return dict(json.loads(answer.data)) if is_json and answer.data else {}


def read(visitor: Visitor) -> None:
    """Browse photos until the time is over: the gallery, a photo, a search, the page's files."""
    # Fifty people do not begin in the same instant.
    time.sleep(random.random() * THINKING_SECONDS)
    while visitor.has_time:
        visitor.ask("page", "GET", "/")
        gallery = visitor.ask("list photos", "GET", "/api/photos?limit=24")
        time.sleep(THINKING_SECONDS)
        if photos := gallery.get("photos"):
            visitor.ask("photo", "GET", f"/api/photos/{random.choice(photos)['photo_id']}")
        time.sleep(THINKING_SECONDS)
        label = random.choice(_LABELS)
        visitor.ask("labels", "GET", f"/api/labels?prefix={label[:2]}")
        visitor.ask("search", "GET", f"/api/photos?label={label}")
        time.sleep(THINKING_SECONDS)


def upload(visitor: Visitor, picture: Callable[[], bytes]) -> None:
    """Add photos in sequence until the time is over, and poll each until it is processed."""
    time.sleep(random.random() * THINKING_SECONDS)
    album = visitor.ask("make album", "POST", "/api/albums", {"name": "Load"}, expected=201)
    while visitor.has_time:
        add(visitor, album.get("album_id"), picture())


def add(visitor: Visitor, album_id: str | None, content: bytes) -> None:
    """Add one photo, and poll it until it is processed."""
    form = {"name": "load.jpg", "content_type": "image/jpeg", "size_bytes": len(content), "album_id": album_id}
    announced = visitor.ask("announce photo", "POST", "/api/photos", form, expected=201)
    if announced:
        visitor.send_file("upload", announced["upload"], content)
        _watch(visitor, announced["photo"]["photo_id"])


def _watch(visitor: Visitor, photo_id: str) -> None:
    began = time.monotonic()
    while time.monotonic() < visitor.ends_at + 60:
        time.sleep(THINKING_SECONDS)
        photo = visitor.ask("watch", "GET", f"/api/photos/{photo_id}")
        status = photo.get("status", "PENDING")
        if status in _OPEN:
            continue
        if status == "SUCCEEDED":
            visitor.log.note("upload to result", time.monotonic() - began)
            visitor.log.processed += 1
        else:
            visitor.log.note("upload to result", time.monotonic() - began, status)
        return
    visitor.log.note("upload to result", time.monotonic() - began, "never processed")
