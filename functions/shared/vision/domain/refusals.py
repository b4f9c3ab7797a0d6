"""Why the API refuses what it was asked for; none of these leaves a function."""


class NotFound(Exception):
    """There is no such thing of this owner, and nothing tells whether anybody else has it."""


class Conflict(Exception):
    """What is asked for contradicts what is there; the message says how."""


class InvalidDays(Exception):
    """The days of a list contradict each other, or are too many; the message says how."""
