from collections.abc import Callable

import pytest
from botocore.stub import Stubber

from vision.adapters import event_bus
from vision.domain.errors import ServiceUnavailable


def test_event_that_the_bus_rejects_is_a_transient_error(stubbed: Callable[[str], Stubber]) -> None:
    rejected = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}]}
    stubbed("events").add_response("put_events", rejected)
    with pytest.raises(ServiceUnavailable, match="InternalFailure"):
        event_bus.put("bus", "Bulk Run Ended", {"run_id": "one"})
