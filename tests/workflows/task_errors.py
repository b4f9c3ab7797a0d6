"""The errors of the tasks of a state machine: those that a Retry names, and those that end a task at once."""

from typing import Any

from tests.workflows.definition import function_folder

# Errors of the project that a function raises and its task does not retry; test_error_names.py compares them with the
# code. All are permanent, except those of drain_queue that its workers wait for themselves.
NOT_RETRIED = {
    "extract_metadata": "InvalidEvent ObjectNotFound AccessDenied NotSupportedImageType CorruptImage ImageTooLarge"
    " ImageTooSmall TooManyPixels",
    "detect_labels": "InvalidEvent ObjectNotFound AccessDenied NotSupportedImageType CorruptImage ImageTooLarge"
    " TooManyPixels InvalidImage InvalidModel UnusableAnswer",
    "generate_thumbnail": "InvalidEvent ObjectNotFound AccessDenied NotSupportedImageType CorruptImage TooManyPixels",
    "store_metadata": "InvalidEvent AccessDenied ImageFailed",
    "check_queue": "AccessDenied LeaseLost",
    "start_model": "AccessDenied LeaseLost ModelFailed ModelNotUsable",
    "drain_queue": "InvalidRule AccessDenied ObjectNotAccessible ModelNotReady ServiceUnavailable Throttled",
    "stop_model": "AccessDenied ModelNotUsable",
    "open_run": "AccessDenied InvalidRun",
    "process_batch": "AccessDenied InvalidEvent InvalidRun InvalidRule",
    "summarize_run": "AccessDenied InvalidEvent InvalidRun ObjectNotFound",
}


def retried(task: dict[str, Any]) -> list[str]:
    """Return the errors that the Retry of a task names."""
    return [error for retrier in task["Retry"] for error in retrier["ErrorEquals"]]


def failure(task: str, error: str, attempts: int = 1) -> str:
    """Return the name of the scenario in which a number of attempts of a task fail."""
    return f"{task}: {error} × {attempts}"


class TaskErrors:
    """Every error of every task of a state machine, as pairs of the task's and the error's name."""

    def __init__(self, tasks: dict[str, dict[str, Any]]) -> None:
        self.retried = [(name, error) for name, task in tasks.items() for error in retried(task)]
        # A KeyError stands for unexpected errors.
        self.not_retried = [
            (name, error)
            for name, task in tasks.items()
            for error in (*NOT_RETRIED[function_folder(task)].split(), "KeyError")
        ]
        # The first error of each retrier, with the number of attempts after which the task gives up.
        self.exhausted = [
            (name, retrier["ErrorEquals"][0], retrier["MaxAttempts"] + 1)
            for name, task in tasks.items()
            for retrier in task["Retry"]
        ]
        self.failures = [*((*one, 1) for one in (*self.not_retried, *self.retried)), *self.exhausted]
