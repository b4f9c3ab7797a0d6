"""Reasons to refuse an API request; none of these errors leaves a function."""


class NotFound(Exception):
    """The owner has no such resource. The response does not reveal whether another owner has it."""


class Conflict(Exception):
    """The request conflicts with the existing resource; the message says how."""


class InvalidDays(Exception):
    """The days of a list contradict each other, or there are too many; the message says how."""
