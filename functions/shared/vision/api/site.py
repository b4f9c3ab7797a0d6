"""The page, served from the same origin as the API: its files, its configuration, and its security headers."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path as File
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter as Router

from vision.api.problems import HEADERS, problem
from vision.domain.gallery.pending_uploads import CONTENT_TYPES, UPLOAD_LIMIT_BYTES

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_INDEX = "index.html"
# Users choose photos, they do not take them here; the location comes from the photo.
_NO_USE_FOR = ("camera", "display-capture", "geolocation", "microphone", "midi", "payment", "usb")


@dataclass(frozen=True, slots=True)
class SiteConfig:
    """The URLs of the page, of the sign-in and of the second factor, and the origins of images.

    Attributes
    ----------
    app_url, sign_in_url, user_pool_url
        Without a trailing slash; the last one is the endpoint of the user pool's API.
    image_origins
        Returns the origins of presigned URLs; called when the page is requested.
    """

    app_url: str
    sign_in_url: str
    user_pool_url: str
    client_id: str
    image_origins: Callable[[], Iterable[str]]

    @property
    def config(self) -> dict[str, Any]:
        """The configuration that the page needs before sign-in."""
        return {
            "client_id": self.client_id,
            "sign_in_url": self.sign_in_url,
            "user_pool_url": self.user_pool_url,
            "redirect_uri": f"{self.app_url}/",
            "upload_limit_bytes": UPLOAD_LIMIT_BYTES,
            "upload_types": list(CONTENT_TYPES),
        }

    @property
    def policy(self) -> str:
        """The Content-Security-Policy: scripts and other content only from this origin, images from their buckets."""
        images = " ".join(dict.fromkeys(self.image_origins()))
        people = " ".join(dict.fromkeys([self.sign_in_url, self.user_pool_url]))
        return "; ".join(
            [
                "default-src 'none'",
                "script-src 'self'",
                "style-src 'self'",
                f"img-src 'self' {images}",
                f"connect-src 'self' {images} {people}",
                "form-action 'self'",
                "frame-ancestors 'none'",
                "base-uri 'none'",
                # Text never becomes a script or HTML, even if code of the page inserts it by mistake.
                "require-trusted-types-for 'script'",
                "trusted-types 'none'",
            ]
        )


@dataclass(frozen=True, slots=True)
class _Asset:
    content: bytes
    compressed: bytes
    content_type: str
    tag: str


def routes(folder: File, site_config: SiteConfig) -> Router:
    """Return the routes over a folder of files, which are read on the first request for one of them."""
    router = Router()
    assets: dict[str, _Asset] = {}

    def show(name: str) -> Response[Any]:
        if not assets:
            assets.update(_read(folder))
        asset = assets.get(name)
        if asset is None:
            return problem(HTTPStatus.NOT_FOUND, "The page has no such file.")
        headers = _headers(site_config) | {"ETag": asset.tag}
        asked = router.current_event.headers
        if asset.tag in asked.get("if-none-match", ""):
            return Response(HTTPStatus.NOT_MODIFIED.value, headers=headers)
        if "gzip" in asked.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(HTTPStatus.OK.value, asset.content_type, asset.compressed, headers=headers)
        return Response(HTTPStatus.OK.value, asset.content_type, asset.content, headers=headers)

    @router.get("/", include_in_schema=False, enable_validation=False)
    def index() -> Response[Any]:
        return show(_INDEX)

    @router.get("/config.json", include_in_schema=False, enable_validation=False)
    def config() -> Response[Any]:
        return Response(
            HTTPStatus.OK.value, "application/json", json.dumps(site_config.config), headers=_headers(site_config)
        )

    @router.get("/static/<name>", include_in_schema=False, enable_validation=False)
    def static(name: str) -> Response[Any]:
        return show(name)

    return router


def _read(folder: File) -> dict[str, _Asset]:
    found = {}
    for file in folder.iterdir():
        if file.suffix in _TYPES:
            content = file.read_bytes()
            tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
            found[file.name] = _Asset(content, gzip.compress(content, mtime=0), _TYPES[file.suffix], tag)
    return found


def _headers(site_config: SiteConfig) -> dict[str, str]:
    # A new deployment is visible at once: browsers revalidate files each time, and download only changed ones.
    return HEADERS | {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": site_config.policy,
        # Pages that open this page, or that it opens, get no reference to its window.
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _NO_USE_FOR),
        "Vary": "Accept-Encoding",
    }
