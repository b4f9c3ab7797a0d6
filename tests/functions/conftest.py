"""Fixtures of the handlers: what is in the table, the queue, the topic and the results bucket; and those beside it."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import REGION
from tests.functions.cold_start import Handler, Start, api, function, task_root
from tests.functions.environment import ENVIRONMENT, RESULTS, TOPIC_ARN
from tests.functions.faults import Answer, Hook, Refuse, answer, hook, refuse
from tests.functions.sample_events import Event, Listing, answered, drive, inspected, model, photo, stored, world
from vision.adapters.aws_sdk import client
from vision.adapters.bulk_runs import BulkRuns
from vision.adapters.lease import Lease, expiry
from vision.adapters.table import Table
from vision.domain import records
from vision.services import gallery

Metrics = Callable[[], dict[str, float]]
NOTHING_FAILED: dict[str, list[Any]] = {"batchItemFailures": []}
STATE_MACHINE_ARN = ENVIRONMENT["PROCESS_IMAGE_STATE_MACHINE_ARN"]


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for indexes: those of moto are updated at once."""
    monkeypatch.setattr(gallery, "_SETTLE_SECONDS", 0.0)


@pytest.fixture
def table(table_name: str) -> Table:
    return Table(table_name)


@pytest.fixture
def runs(table_name: str) -> BulkRuns:
    return BulkRuns(table_name)


@pytest.fixture
def items(table_name: str) -> Callable[[], list[dict[str, Any]]]:
    """Return all items of the table."""
    return lambda: client("dynamodb").scan(TableName=table_name)["Items"]


@pytest.fixture
def executions(state_machine_arn: str) -> Callable[[], list[dict[str, Any]]]:
    """Return all executions that were started."""
    return lambda: client("stepfunctions").list_executions(stateMachineArn=state_machine_arn)["executions"]


@pytest.fixture
def metrics(capsys: pytest.CaptureFixture[str]) -> Metrics:
    """The sums of the metrics that were written since the last call, by name."""

    def read() -> dict[str, float]:
        sums: Counter[str] = Counter()
        for line in capsys.readouterr().out.splitlines():
            written = json.loads(line) if line.startswith("{") else {}
            for directive in written.get("_aws", {}).get("CloudWatchMetrics", []):
                for metric in directive["Metrics"]:
                    sums[metric["Name"]] += sum(written[metric["Name"]])
        return dict(sums)

    return read


@pytest.fixture
def lease(table_name: str) -> Lease:
    return Lease(table_name, ENVIRONMENT["MODEL_VERSION_ARN"])


@pytest.fixture
def execution_arn(event: Event) -> str:
    """The session of the sample events."""
    return str(event("start_model")["execution_arn"])


@pytest.fixture
def held(lease: Lease, execution_arn: str) -> Lease:
    """The lease, held by the session of the sample events."""
    assert lease.acquire(execution_arn, records.now(), expiry(60))
    return lease


@pytest.fixture
def inspection_queue(aws: None) -> str:
    """The empty queue of images."""
    return str(client("sqs").create_queue(QueueName="InspectionQueue")["QueueUrl"])


@pytest.fixture
def notified(aws: None) -> Callable[[], list[dict[str, Any]]]:
    """Return the messages that were published to the topic."""
    from moto.sns.models import sns_backends

    client("sns").create_topic(Name="QualityTopic")
    topic = sns_backends["123456789012"][REGION].topics[TOPIC_ARN]
    return lambda: [json.loads(json.loads(sent[1])["default"]) for sent in topic.sent_notifications]


@pytest.fixture
def results(bucket: str) -> Callable[[], list[str]]:
    """Return the keys of all versions of all objects in the results bucket."""
    client("s3").create_bucket(Bucket=RESULTS, CreateBucketConfiguration={"LocationConstraint": REGION})
    client("s3").put_bucket_versioning(Bucket=RESULTS, VersioningConfiguration={"Status": "Enabled"})
    return lambda: [one["Key"] for one in client("s3").list_object_versions(Bucket=RESULTS).get("Versions", [])]
