"""A stack for bulk runs, with buckets that they may label and a high rate of calls."""

from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree

import pytest

from local.stack import local_stack
from local.stack.local_stack import StackFiles
from tests.local.bulk.bulk_runs import DENIED, MISSING, OLDER, OWN, SEALED, Bulk
from tests.local.stack.conftest import ADDRESSES, WAIT_SCALE, aws_cli, deploy_once, free_port, no_word, stop_engines
from tests.local.stack.pipeline import Pipeline
from tests.local.stack.roles import without_statement

__all__ = ["aws_cli"]

PARAMETERS = ADDRESSES | {
    "BulkBucketArns": ",".join(f"arn:aws:s3:::{name}" for name in (OWN, DENIED, SEALED, MISSING, OLDER)),
    # For a run over photos that the photo workflow has labelled.
    "BulkReadsPhotos": "true",
    # Two concurrent workers, so that a run over three batches can be stopped in the middle.
    "BulkCallsPerSecond": "25",
}


@pytest.fixture(scope="session")
def deployed_bulk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deploy_once(tmp_path_factory.getbasetemp(), "bulk", lambda: PARAMETERS)


@pytest.fixture(scope="session")
def shared_pipeline(deployed_bulk: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    folder = tmp_path_factory.mktemp("bulk") / "stack"
    copytree(deployed_bulk, folder)
    files = StackFiles(folder)
    running = Pipeline(local_stack.up(no_word, files, PARAMETERS, port=free_port(), wait_scale=WAIT_SCALE), files)
    for bucket in (OWN, DENIED, SEALED, OLDER):
        running.client("s3").create_bucket(Bucket=bucket)
    yield running
    stop_engines(files)


@pytest.fixture
def pipeline(shared_pipeline: Pipeline) -> Iterator[Pipeline]:
    """The running stack that the tests of a process share; faults that a test switches on end with it."""
    yield shared_pipeline
    shared_pipeline.set_faults()


@pytest.fixture
def bulk(pipeline: Pipeline) -> Bulk:
    runs = Bulk.of(pipeline)
    runs.calls()
    return runs


@pytest.fixture
def slow(pipeline: Pipeline) -> None:
    """Slow calls of Rekognition, so that a test can act in the middle of a run."""
    pipeline.set_faults(latency_seconds=2)


@pytest.fixture
def without(pipeline: Pipeline) -> Iterator[Callable[[str, str], None]]:
    yield from without_statement(pipeline)
