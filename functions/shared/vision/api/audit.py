"""Who changed what: two lines in the log for each change that an operator makes, before and after it.

They carry ids and nothing else: no name, no key of an object, no address.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter as Router

from vision.api.caller import Caller, require_operator

CHANGES = "operator changes"
CHANGED = "operator changed"
FAILED = "operator failed to change"

# Of its own level: LogLevel=ERROR must not silence it. Its lines go through the handler of the function's logger, which
# adds the request's id.
_logger = Logger(child=True, level="INFO")


@contextmanager
def operator_changing(router: Router, *known: str) -> Iterator[tuple[Caller, list[str]]]:
    """Let an operator change something; the only way for a route that does not read.

    The first line is there even if the function ends in the middle.

    Parameters
    ----------
    known
        Ids that the address names.

    Yields
    ------
    tuple
        The operator, and the list of ids, to which each id is added before that thing changes.

    Raises
    ------
    Unauthorized
    Forbidden
        The caller is not an operator.
    """
    requester, ids = require_operator(router), list(known)
    event = router.current_event
    who = {"subject": requester.owner, "route": f"{event.http_method} {event.path}"}
    _logger.info(CHANGES, extra={**who, "ids": list(ids)})
    try:
        yield requester, ids
    except BaseException as error:
        _logger.info(FAILED, extra={**who, "ids": ids, "error": type(error).__name__})
        raise
    _logger.info(CHANGED, extra={**who, "ids": ids})
