"""The order in which `make test` runs the test files: whole stacks first, and all tests of one stack in one process.

A stack takes a minute to deploy and about 1 GB, and its tests wait for queues and schedules most of their time. Tests
of functions use all of a core instead. They come last, so that no process is left alone with a long file.
"""

from typing import Any

from xdist.scheduler import LoadFileScheduling

# Folders whose test files share a stack, the longest first. Those of the engine start in seconds: each file is its own.
STACKS = (
    "tests/local/stack",
    "tests/browser",
    "tests/local/sessions",
    "tests/local/bulk",
    "tests/local/operations",
    "tests/local/upgrade",
    "tests/local/delivery",
    "tests/local/own_model",
    "tests/local/app",
    "tests/cloud",
)


class StacksFirst(LoadFileScheduling):
    """Distributes folders that share a stack, then the other files, those with the most tests first."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return next((folder for folder in STACKS if file.startswith(f"{folder}/")), file)

    def _assign_work_unit(self, node: Any) -> None:
        if stack := next((folder for folder in STACKS if folder in self.workqueue), None):
            self.workqueue.move_to_end(stack, last=False)
        super()._assign_work_unit(node)
