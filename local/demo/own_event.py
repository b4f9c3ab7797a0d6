"""Make the event of an image of yours, to invoke one function with it."""

from __future__ import annotations

import json
from pathlib import Path

from local.demo.photo_demo import DemoFailed, upload
from local.stack.local_stack import Stack
from vision.domain.envelopes import Envelope


def check(image: Path) -> None:
    """Refuse a missing image before anything is started.

    Raises
    ------
    DemoFailed
    """
    if not image.is_file():
        raise DemoFailed(f"{image} is not a file; name one of your pictures: make event IMAGE=photo.jpg")


def write(stack: Stack, image: Path, owner: str, file: Path) -> Envelope:
    """Upload an image below an owner's uploads, and write the event of its workflow.

    The event is the input of `extract_metadata`, `detect_labels` and `generate_thumbnail`, and of an execution of
    ProcessImage. The upload starts an execution of its own, as each upload does.

    Raises
    ------
    DemoFailed
        There is no such image.
    """
    check(image)
    [uploaded] = upload(stack, [image], f"private/{owner}/uploads")
    envelope = Envelope.of(uploaded.version)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(envelope.as_dict(), indent=2) + "\n", encoding="utf-8")
    return envelope
