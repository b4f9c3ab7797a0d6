"""Versions of one image that move to one key at the same time: the newest is current, in any order of calls."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision.adapters import storage
from vision.domain.errors import ObjectNotFound
from vision.domain.objects import ObjectVersion

RESULTS, TARGET = "amzn-s3-demo-results", "analyzed/success/rose.jpg"
VERSIONS = [ObjectVersion("amzn-s3-demo-bucket", "images/rose.jpg", f"v{at}", f"e{at}", str(at), 5) for at in range(3)]


class Crash(BaseException):
    """The execution environment ends: no code can catch it."""


class Delivery(threading.Thread):
    """Does its work one step at a time, when the test advances it; after a crash it is delivered again."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self._go, self._waits = threading.Semaphore(0), threading.Semaphore(0)
        self._crashes_now = self.is_done = False

    def run(self) -> None:
        while not self.is_done:
            with suppress(Crash):
                self.step()
                self._work()
                self.is_done = True
        self._waits.release()

    def step(self) -> None:
        self._waits.release()
        self._go.acquire()
        if self._crashes_now:
            self._crashes_now = False
            raise Crash

    def advance(self, crashes_now: bool) -> None:
        self._waits.acquire()
        self._crashes_now = crashes_now
        self._go.release()
        # Until it waits again: two at the same time would not be deterministic.
        self._waits.acquire()
        self._waits.release()


def step() -> None:
    """Wait, before a call to AWS, until the test advances this delivery."""
    delivery = threading.current_thread()
    assert isinstance(delivery, Delivery)
    delivery.step()


@dataclass
class S3:
    """The part of S3 that a move needs: the uploads, and the copies under one key, the current one last."""

    uploads: dict[str, ObjectVersion] = field(default_factory=lambda: {one.version_id: one for one in VERSIONS})
    copies: list[dict[str, Any]] = field(default_factory=list)

    def head_object(self, **params: str) -> dict[str, Any]:
        step()
        version_id = params.get("VersionId", "")
        if params["Bucket"] == RESULTS:
            found = [one for one in self.copies if version_id in ("", one["VersionId"])]
        else:
            found = [
                {"VersionId": one.version_id, "ETag": one.etag, "ContentType": "image/jpeg", "Metadata": {}}
                for one in self.uploads.values()
                if one.version_id == version_id or f'"{one.etag}"' == params.get("IfMatch")
            ]
        if not found:
            raise ObjectNotFound(version_id)
        return found[-1]

    def copy_object(self, **params: Any) -> dict[str, Any]:
        step()
        source = params["CopySource"]
        if source["Bucket"] == RESULTS:
            [copied] = [one for one in self.copies if one["VersionId"] == source["VersionId"]]
        else:
            upload = self.uploads[source["VersionId"]]
            copied = {"Metadata": params["Metadata"], "ContentLength": upload.size_bytes}
        self.copies.append({**copied, "VersionId": str(len(self.copies))})
        return self.copies[-1]

    def delete_object(self, **params: str) -> None:
        step()
        self.uploads.pop(params["VersionId"], None)

    def get_paginator(self, _: str) -> "S3":
        return self

    def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
        step()
        yield {"Versions": [{"Key": TARGET, "VersionId": one["VersionId"]} for one in reversed(self.copies)]}


@given(
    # Which delivery continues, and for how many steps.
    order=st.lists(st.tuples(st.integers(0, len(VERSIONS) - 1), st.integers(1, 15)), max_size=12),
    crashes=st.sets(st.integers(0, 40), max_size=2),
)
@settings(max_examples=300)
def test_newest_version_is_current_and_none_is_lost(order: list[tuple[int, int]], crashes: set[int]) -> None:
    s3, registered = S3(), set[str]()

    def is_newest(version: ObjectVersion) -> bool:
        step()
        return version.sequencer == max(registered)

    def deliver(version: ObjectVersion) -> None:
        step()
        registered.add(version.sequencer)
        with suppress(ObjectNotFound):
            storage.move(version, RESULTS, TARGET, content_type="image/jpeg", is_newest=lambda: is_newest(version))

    deliveries = [Delivery(lambda version=version: deliver(version)) for version in VERSIONS]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage, "client", lambda _: s3)
        for delivery in deliveries:
            delivery.start()
        turns, at = iter([who for who, steps in order for _ in range(steps)]), 0
        while left := [delivery for delivery in deliveries if not delivery.is_done]:
            left[next(turns, 0) % len(left)].advance(crashes_now=at in crashes)
            at += 1
        for delivery in deliveries:
            delivery.join()
    assert s3.uploads == {}
    kept = [one["Metadata"]["source-sequencer"] for one in s3.copies]
    assert (kept[-1], set(kept)) == (VERSIONS[-1].sequencer, {one.sequencer for one in VERSIONS})
