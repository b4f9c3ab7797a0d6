"""What the unit tests and the tests of the functions share: events, a world of moto, and the real table."""

import json
from collections.abc import Callable, Generator, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import settings

from tests.schedule import StacksFirst

# The same examples in each run, however busy the machine: a red test is then about the change that made it red.
# `pytest --hypothesis-profile explore tests/functions` looks for new ones.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=2_000)
settings.load_profile("repeatable")

ROOT = Path(__file__).parent.parent
EVENTS = ROOT / "events"
REGION = "eu-west-1"
BUCKET = "amzn-s3-demo-bucket"
TABLE = "image-table"


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> Generator[None, int, int]:
    """Run two processes on each core if there may be whole stacks: their tests wait more than they compute."""
    cores = yield
    return 2 * cores if config.option.dist == "loadfile" else cores


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of a stack in one process."""
    return StacksFirst(config, log) if config.option.dist == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests of real processes more time: their set-up may deploy a stack, and their waits end with a message."""
    for item in items:
        if {marker.name for marker in item.iter_markers()} & {"local", "browser"}:
            item.add_marker(pytest.mark.timeout(900))


class _Template(yaml.CSafeLoader):
    """Reads a template with libyaml; its intrinsic functions become None, since nothing here looks at them."""


_Template.add_multi_constructor("!", lambda loader, suffix, node: None)


@pytest.fixture
def event() -> Callable[[str], dict[str, Any]]:
    """Read a file of ``events/`` by its name without ``.json``."""
    return lambda name: json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty AWS account in this process, and adapters that have not met it yet."""
    from moto import mock_aws

    from vision.adapters import aws_sdk

    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setattr(aws_sdk, "_session", _Session)

    aws_sdk.client.cache_clear()
    with mock_aws():
        yield
    aws_sdk.client.cache_clear()


class _Session:
    """Makes each client once for all tests: moto's account is new in each test, and making clients is slow.

    Its clients know the operations and parameters of the oldest SDK that a Lambda runtime may carry, and no others.
    """

    @staticmethod
    @cache
    def create_client(service: str, config: Any) -> Any:
        import botocore.loaders
        import botocore.session

        [oldest] = ROOT.glob(".local/lambda/lib/python*/site-packages/botocore/data")
        session = botocore.session.Session()
        session.register_component("data_loader", botocore.loaders.Loader(extra_search_paths=[str(oldest)]))
        credentials = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        return session.create_client(service, region_name=REGION, config=config, **credentials)


@pytest.fixture
def bucket(aws: None) -> str:
    """A versioned bucket."""
    from vision.adapters.aws_sdk import client

    client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return BUCKET


@pytest.fixture
def table_name(aws: None) -> str:
    """The table as the template describes it, so that its keys, indexes and projections are under test too."""
    from vision.adapters.aws_sdk import client

    client("dynamodb").create_table(TableName=TABLE, **_table_of_the_template())
    return TABLE


@pytest.fixture
def state_machine_arn(aws: None) -> str:
    """A state machine with the name that the events carry; moto leaves its executions RUNNING."""
    from vision.adapters.aws_sdk import client

    machine = client("stepfunctions").create_state_machine(
        name="image-recognition-ProcessImage",
        definition='{"StartAt": "Wait", "States": {"Wait": {"Type": "Succeed"}}}',
        roleArn="arn:aws:iam::123456789012:role/process-image",
    )
    return machine["stateMachineArn"]


@cache
def _table_of_the_template() -> dict[str, Any]:
    template = yaml.load((ROOT / "template.yaml").read_text(encoding="utf-8"), Loader=_Template)
    described = template["Resources"]["ImageTable"]["Properties"]
    return {
        name: described[name] for name in ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    }
