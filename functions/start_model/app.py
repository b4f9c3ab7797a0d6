"""Start the Custom Labels model. The state machine repeats this until the model runs."""

from typing import Any

from vision import entry
from vision.adapters import aws_sdk
from vision.adapters.custom_model import Model
from vision.adapters.lease import LEASE_SECONDS, Lease, expiry
from vision.domain import records
from vision.domain.errors import LeaseLost
from vision.domain.session import custom_model
from vision.settings import ModelSettings

settings = ModelSettings.read()
aws_sdk.make_clients("dynamodb", "rekognition")
model = Model(settings.project_arn, settings.model_version_arn)
lease = Lease(settings.image_table_name, settings.model_version_arn)


@entry.task
def handler(event: entry.Event) -> dict[str, Any]:
    """Start the model unless it is running or starting; return its status, and whether it is ready."""
    holder, units = event["execution_arn"], event["units"]
    if not lease.extend(holder, records.now(), expiry(LEASE_SECONDS)):
        raise LeaseLost("session: another one holds the lease; this session ends and leaves the model alone")
    found = model.describe()
    step = custom_model.step_to_run(found.status, found.message)
    if step is custom_model.StartStep.START:
        model.start(units, units)
    if step is custom_model.StartStep.USE:
        lease.note_running(holder, records.now())
    return {"status": found.status, "ready": step is custom_model.StartStep.USE}
