"""Check whether the queue has enough work to start the model, and with how many inference units."""

from typing import Any

from vision import entry
from vision.adapters import aws_sdk, queue
from vision.adapters.lease import LEASE_SECONDS, Lease, expiry
from vision.adapters.session_log import SessionLog
from vision.domain import records
from vision.domain.errors import LeaseLost
from vision.domain.session import decisions
from vision.domain.session.decisions import Round
from vision.settings import SessionSettings

settings = SessionSettings.read()
aws_sdk.make_clients("dynamodb", "sqs")
lease = Lease(settings.image_table_name, settings.model_version_arn)
log = SessionLog(settings.image_table_name)


@entry.task
def handler(event: entry.Event) -> dict[str, Any]:
    """Acquire the lease, count the messages, and decide; release the lease if no session starts."""
    holder, now = event["execution_arn"], records.now()
    if event["phase"] == "session":
        if not lease.extend(holder, now, expiry(LEASE_SECONDS)):
            raise LeaseLost("session: another one holds the lease; this session ends and leaves the model alone")
    elif not lease.acquire(holder, now, expiry(LEASE_SECONDS)):
        return {"decision": "BUSY"}
    backlog = queue.backlog(settings.inspection_queue_url)
    # In a session, the images that waited before have already had their turn. Waiting images start to wait now.
    known = "" if event["phase"] == "session" else lease.read().waiting_since
    since = decisions.waiting_since(known, backlog, now)
    lease.note_waiting(since, now)
    if event["phase"] == "session":
        last = Round(**event["round"]) if event["round"] else None
        return {"decision": decisions.next_step(backlog, last), "messages": backlog.messages}
    if not decisions.is_worth_starting(backlog, decisions.seconds_between(since, now), settings.policy):
        lease.release(holder, now)
        return {"decision": "WAIT", "messages": backlog.messages}
    units = decisions.inference_units(backlog, settings.policy)
    log.open(holder, units, now)
    return {
        "decision": "START",
        "messages": backlog.messages,
        "units": units,
        "workers": decisions.workers(units, settings.workers_per_unit),
        "seconds": settings.maximum_session_seconds,
    }
