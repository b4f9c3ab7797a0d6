"""A stack for bulk runs: with further buckets that they may label, and a rate at which tests are quick."""

import fcntl
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree

import pytest

from local.demo.sample_photos import fetch_photos
from local.engine.process import stop_process
from local.rekognition.fetch import fetch_models
from local.stack import local_stack
from local.stack.local_stack import StackFiles
from tests.local.bulk.bulk_runs import DENIED, MISSING, OLDER, OWN, SEALED, Bulk
from tests.local.sessions.driver import stack_folder
from tests.local.stack.conftest import WAIT_SCALE, aws_cli, engine_processes, free_port, no_word
from tests.local.stack.pipeline import Pipeline
from tests.local.stack.roles import without_statement

__all__ = ["aws_cli"]

PARAMETERS = {
    "BulkBucketArns": ",".join(f"arn:aws:s3:::{name}" for name in (OWN, DENIED, SEALED, MISSING, OLDER)),
    # A run over photos that the photo workflow has labelled.
    "BulkReadsPhotos": "true",
    # Two workers at a time, so that a run over three batches can be stopped in the middle.
    "BulkCallsPerSecond": "25",
}


@pytest.fixture(scope="session")
def deployed_bulk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a deployed stack that is not running, made by the first of the test processes that asks."""
    shared = stack_folder(tmp_path_factory.getbasetemp())
    folder = shared / "bulk"
    with (shared / "bulk.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            fetch_models(say=no_word)
            fetch_photos(say=no_word)
            files = StackFiles(folder)
            try:
                local_stack.up(no_word, files, PARAMETERS, port=free_port(), wait_scale=WAIT_SCALE)
                local_stack.down(no_word, files)
            finally:
                _end(files)
            (folder / "complete").touch()
    return folder


@pytest.fixture(scope="session")
def shared_pipeline(deployed_bulk: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    folder = tmp_path_factory.mktemp("bulk") / "stack"
    copytree(deployed_bulk, folder)
    files = StackFiles(folder)
    running = Pipeline(local_stack.up(no_word, files, PARAMETERS, port=free_port(), wait_scale=WAIT_SCALE), files)
    for bucket in (OWN, DENIED, SEALED, OLDER):
        running.client("s3").create_bucket(Bucket=bucket)
    yield running
    _end(files)


def _end(files: StackFiles) -> None:
    for pid in engine_processes(files):
        stop_process(pid)


@pytest.fixture
def pipeline(shared_pipeline: Pipeline) -> Iterator[Pipeline]:
    """The running stack that the tests of a process share; whatever fault a test switches on is off for the next."""
    yield shared_pipeline
    shared_pipeline.set_faults()


@pytest.fixture
def bulk(pipeline: Pipeline) -> Bulk:
    runs = Bulk.of(pipeline)
    runs.calls()
    return runs


@pytest.fixture
def slow(pipeline: Pipeline) -> None:
    """Each call of Rekognition takes a while, so that a run can be met in the middle."""
    pipeline.set_faults(latency_seconds=2)


@pytest.fixture
def without(pipeline: Pipeline) -> Iterator[Callable[[str, str], None]]:
    yield from without_statement(pipeline)
