"""Check whether the queue has enough work to start the model, and with how many inference units."""

from typing import Any

from vision import entry
from vision.adapters import aws_sdk
from vision.domain.session.decisions import Round
from vision.services.session_admission import SessionAdmission
from vision.settings import SessionSettings

aws_sdk.make_clients("dynamodb", "sqs")
admission = SessionAdmission.from_settings(SessionSettings.read())


@entry.task
def handler(event: entry.Event) -> dict[str, Any]:
    """Decide whether a session starts, or what the running session does next."""
    if event["phase"] != "session":
        return admission.start_session(event["execution_arn"])
    last = Round(**event["round"]) if event["round"] else None
    return admission.continue_session(event["execution_arn"], last)
