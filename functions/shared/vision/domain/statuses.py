"""The status of an image, as shown to its owner."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """The processing status of an image. The last three are also the Step Functions statuses of an ended execution."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    ABORTED = "ABORTED"

    @property
    def metric(self) -> str:
        """The name of the metric that counts images that end with this status."""
        return f"Images{self.title().replace('_', '')}"


OPEN = (Status.PENDING, Status.RUNNING)
"""The statuses of an image that still waits for an execution to finish it."""
