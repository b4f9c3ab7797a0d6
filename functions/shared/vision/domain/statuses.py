"""The status of an image, as its owner sees it."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Where an image is on its way. The last three are also what Step Functions calls the end of an execution."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    ABORTED = "ABORTED"

    @property
    def metric(self) -> str:
        """The name of the metric that counts the images which end like this."""
        return f"Images{self.title().replace('_', '')}"


OPEN = (Status.PENDING, Status.RUNNING)
"""An image with one of these still expects an execution to finish it."""
