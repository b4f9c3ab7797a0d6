"""Executions of process_bucket: the real state machine in the local AWS, with scripted functions."""

import copy
import json
from dataclasses import replace
from functools import cached_property

import pytest

from tests.local.engine.account import unique
from tests.local.inventories import write_inventory
from tests.workflows.definition import PROCESS_BUCKET, function_folder, load, states, tasks
from tests.workflows.execution import SLEEP_SECONDS, Run, Scenario, Workflow, message, raising
from tests.workflows.second_opinion.opinions import ending, second_endings
from tests.workflows.task_errors import TaskErrors, failure
from vision.domain.bulk.tallies import Tally

pytestmark = pytest.mark.local

DEFINITION = load(PROCESS_BUCKET)
TASKS = tasks(DEFINITION)
OBJECTS = 7
BATCH_SIZE = 2
SUMMARY = {"status": "SUCCEEDED", "seen": OBJECTS}
FAILED = {"status": "FAILED", "error": {"name": "TooManyImagesFailed", "cause": "7 of 7 images failed"}}
DONE = {"seen": 2, "labelled": 2, "reasons": {}, "failures": [], "in_vain": False}
IN_VAIN = {
    **Tally(seen=2, failed=2, batches=1).as_dict(),
    "reasons": {"AccessDenied": 2},
    "failures": [{"key": "in/0.jpg", "error": "AccessDenied", "cause": "no"}],
    "in_vain": True,
}
MAPS = {"Process Batch": "listing", "Process Batch From Inventory": "inventory"}
INSIDE = {
    "listing": ["Process Batch", "Was It In Vain?", "Batch Done"],
    "inventory": ["Process Batch From Inventory", "Was Inventory Batch In Vain?", "Inventory Batch Done"],
}
OUTSIDE = {"listing": "Process Objects", "inventory": "Process Inventory"}


class BulkRun(Run):
    """A bulk run, with its batches, which are executions of their own."""

    @cached_property
    def batches(self):
        assert self.status
        states_client = self._account.client("stepfunctions")
        runs = states_client.list_map_runs(executionArn=self.arn)["mapRuns"]
        return [
            states_client.describe_execution(executionArn=child["executionArn"])
            for run in runs
            for child in states_client.list_executions(mapRunArn=run["mapRunArn"])["executions"]
        ]

    def entered_by(self, batch):
        events = self._account.history(batch["executionArn"])
        return [one["stateEnteredEventDetails"]["name"] for one in events if "stateEnteredEventDetails" in one]


def _scenario(task, error, attempts):
    steps = {function_folder(TASKS[task]): raising(error, attempts)}
    return Scenario(steps, state_input={"from": MAPS.get(task, "listing")})


ERRORS = TaskErrors(TASKS)
SLOW = ("Sandbox.Timedout", "States.Timeout")
OPENED = {"workers": 1, "batch_size": BATCH_SIZE}
SCENARIOS = {
    "a listing": Scenario(state_input={"from": "listing"}),
    "an inventory": Scenario(state_input={"from": "inventory"}),
    "under way": Scenario(answers={"open_run": {"decision": "BUSY", "execution_arn": "another"}}),
    "nothing": Scenario(state_input={"from": "nothing"}),
    "no bucket": Scenario(state_input={"from": "no bucket"}),
    "no manifest": Scenario(state_input={"from": "no manifest"}),
    "in vain": Scenario(answers={"process_batch": IN_VAIN, "summarize_run": FAILED}),
    "an inventory in vain": Scenario(
        answers={"process_batch": IN_VAIN, "summarize_run": FAILED}, state_input={"from": "inventory"}
    ),
    "one in vain": Scenario({"process_batch": [{"return": IN_VAIN}]}),
    "too many images failed": Scenario(answers={"summarize_run": FAILED}),
    **{failure(*one): _scenario(*one) for one in ERRORS.failures if one[1] not in SLOW},
    "a slow opening": Scenario({"open_run": [{"sleep": SLEEP_SECONDS}]}),
}


class Bulk:
    """The objects of all runs, and the result of Open Run for them."""

    def __init__(self, account):
        self.bucket, self.results, s3 = account.bucket(), account.bucket(), account.client("s3")
        for number in range(OBJECTS):
            s3.put_object(Bucket=self.bucket, Key=f"in/{number} é+.jpg", Body=b"x" * number)
        rows = [
            {"Bucket": self.bucket, "Key": f"in/{number}+%C3%A9%2B.jpg", "Size": str(number), "ETag": f"e{number}"}
            for number in range(OBJECTS)
        ]
        write_inventory(s3, self.bucket, "inventory/", rows)

    def opened(self, name, kind):
        """Return the result of Open Run, which says what names the objects of a scenario."""
        named = {"bucket": self.bucket, "key": f"inventory/{'manifest' if kind == 'inventory' else 'missing'}.json"}
        request = {
            "bucket": "no-such-bucket" if kind == "no bucket" else self.bucket,
            "prefix": "none/" if kind == "nothing" else "in/",
            "inventory": named if kind in ("inventory", "no manifest") else None,
            "tolerated_failure_percentage": 50,
        }
        run = {"run_id": name, "request": request, "execution": {"Id": f"a:{name}", "StartTime": "2026-01-01"}}
        decision = "EMPTY" if kind == "nothing" else "RUN"
        return {"decision": decision, "run": run, **OPENED, "results_prefix": f"imageLabelJobs/{name}/"}


@pytest.fixture(scope="module")
def bulk(engine):
    return Bulk(engine)


@pytest.fixture(scope="module")
def runs(engine, bulk, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bulk")
    workflow = Workflow(engine, folder, DEFINITION, {"ResultsBucketName": bulk.results}, 2)
    found = {}
    for name, scenario in SCENARIOS.items():
        run_name = unique("run")
        given = scenario.state_input or {"from": "listing"}
        answers = {"open_run": bulk.opened(run_name, given["from"]), "process_batch": DONE, "summarize_run": SUMMARY}
        run = workflow.start(run_name, scenario, given, answers)
        found[name] = BulkRun(engine, run.arn, folder)
    return found


@pytest.mark.parametrize(("name", "kind"), [("a listing", "listing"), ("an inventory", "inventory")])
def test_run_opens_processes_each_batch_in_an_execution_and_summarizes(runs, name, kind):
    run = runs[name]
    assert run.output == SUMMARY
    assert [one for one in run.entered if one in DEFINITION["States"]] == [
        "Open Run",
        "Is It Under Way?",
        "What Names The Objects?",
        OUTSIDE[kind],
        "Summarize Run",
        "Did Too Many Fail?",
        "Run Done",
    ]
    assert len(run.batches) == -(-OBJECTS // BATCH_SIZE)
    assert {batch["status"] for batch in run.batches} == {"SUCCEEDED"}
    assert {tuple(run.entered_by(batch)) for batch in run.batches} == {tuple(INSIDE[kind])}


def test_batches_of_a_listing_receive_the_run_and_the_listed_objects(runs, bulk):
    run = runs["a listing"]
    batches = run.given("process_batch")
    assert all(one["BatchInput"] == bulk.opened(run.name, "listing")["run"] for one in batches)
    items = sorted((item for one in batches for item in one["Items"]), key=lambda item: item["key"])
    assert [(item["key"], item["size_bytes"]) for item in items] == [(f"in/{n} é+.jpg", n) for n in range(OBJECTS)]
    assert all(item.keys() == {"key", "etag", "size_bytes"} and item["etag"] for item in items)


def test_inventory_may_lack_the_columns_of_versions(runs, bulk):
    items = [item for one in runs["an inventory"].given("process_batch") for item in one["Items"]]
    expected = {"bucket": bulk.bucket, "is_latest": "true", "is_delete_marker": "false"}
    rows = [{"key": f"in/{n}+%C3%A9%2B.jpg", "etag": f"e{n}", "size_bytes": str(n), **expected} for n in range(OBJECTS)]
    assert sorted(items, key=lambda item: item["key"]) == rows


def test_open_run_receives_the_input_and_the_execution(runs):
    run = runs["a listing"]
    [payload] = run.given("open_run")
    assert payload["request"] == {"from": "listing"}
    assert payload["execution"]["Id"] == run.arn


def test_second_run_of_a_prefix_names_the_first_and_does_nothing(runs):
    run = runs["under way"]
    assert run.output["execution_arn"] == "another"
    assert run.given("process_batch") == run.given("summarize_run") == []
    assert run.entered[-1] == "Already Under Way"


def test_prefix_without_objects_is_summarized(runs):
    run = runs["nothing"]
    assert run.output == SUMMARY
    assert not {*OUTSIDE.values()} & {*run.entered}
    assert [payload["error"] for payload in run.given("summarize_run")] == [None]


@pytest.mark.parametrize("name", ["no bucket", "no manifest"])
def test_summary_receives_the_error_of_a_failed_listing(runs, name):
    run = runs[name]
    assert run.status == "SUCCEEDED"
    [payload] = run.given("summarize_run")
    assert payload["error"]["Error"].startswith("States.")


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("in vain", "States.ExceedToleratedFailureThreshold"),
        ("an inventory in vain", "States.ExceedToleratedFailureThreshold"),
        ("too many images failed", None),
    ],
)
def test_run_with_too_many_failures_fails_with_the_error_of_its_summary(runs, name, error):
    run = runs[name]
    assert (run.status, run.error, run.cause) == ("FAILED", "TooManyImagesFailed", FAILED["error"]["cause"])
    [payload] = run.given("summarize_run")
    assert (payload["error"] or {"Error": None})["Error"] == error


def test_cause_of_a_batch_in_vain_is_its_tally_without_the_keys(runs):
    failed = [batch for batch in runs["in vain"].batches if batch["status"] == "FAILED"]
    assert failed
    for batch in failed:
        assert batch["error"] == "BatchFailed"
        assert json.loads(batch["cause"]) == {**IN_VAIN, "failures": []}


def test_result_files_add_up_to_the_run(runs, engine, bulk):
    run, s3, tally = runs["one in vain"], engine.client("s3"), Tally()
    assert run.status == "SUCCEEDED"
    for listed in s3.list_objects_v2(Bucket=bulk.results, Prefix=f"imageLabelJobs/{run.name}/")["Contents"]:
        if "FAILED_" in listed["Key"]:
            body = s3.get_object(Bucket=bulk.results, Key=listed["Key"])["Body"].read()
            for line in body.splitlines():
                tally.add(json.loads(line))
    assert (tally.seen, tally.failed, dict(tally.reasons)) == (2, 2, {"AccessDenied": 2})


def _in_tasks(errors, *names):
    return [one for one in errors if one[0] in names]


@pytest.mark.parametrize(("task", "error"), [one for one in ERRORS.retried if one[1] not in SLOW])
def test_transient_error_is_retried_once_and_heals(runs, task, error):
    run = runs[failure(task, error)]
    assert run.status == "SUCCEEDED"
    calls = len(run.batches) if task in MAPS else 1
    assert len(run.given(function_folder(TASKS[task]))) == calls + 1


@pytest.mark.parametrize(("task", "error"), _in_tasks(ERRORS.not_retried, "Open Run"))
def test_refused_run_fails_with_the_message_of_its_error_and_does_nothing(runs, task, error):
    run = runs[failure(task, error)]
    assert (run.status, run.error, run.cause) == ("FAILED", error, message(error))
    assert len(run.given("open_run")) == 1
    assert run.given("process_batch") == run.given("summarize_run") == []


@pytest.mark.parametrize(("task", "error"), _in_tasks(ERRORS.not_retried, "Summarize Run"))
def test_summary_that_cannot_be_written_fails_the_run(runs, task, error):
    run = runs[failure(task, error)]
    assert (run.status, run.error) == ("FAILED", error)
    assert len(run.given("summarize_run")) == 1


@pytest.mark.parametrize(
    ("task", "error", "attempts"),
    [*((*one, 1) for one in _in_tasks(ERRORS.not_retried, *MAPS)), *_in_tasks(ERRORS.exhausted, *MAPS)],
)
def test_error_of_a_batch_fails_only_this_batch(runs, task, error, attempts):
    run = runs[failure(task, error, attempts)]
    assert run.status == "SUCCEEDED"
    assert [batch["error"] for batch in run.batches if batch["status"] == "FAILED"] == [error]
    assert len(run.given("process_batch")) == len(run.batches) + attempts - 1


@pytest.mark.parametrize(("task", "error", "attempts"), _in_tasks(ERRORS.exhausted, "Open Run", "Summarize Run"))
def test_lasting_error_exhausts_its_retries_and_fails_the_run(runs, task, error, attempts):
    run = runs[failure(task, error, attempts)]
    assert (run.status, run.error) == ("FAILED", error)
    assert len(run.given(function_folder(TASKS[task]))) == attempts


def test_function_that_times_out_is_retried(runs):
    run = runs["a slow opening"]
    assert run.status == "SUCCEEDED"
    assert len(run.given("open_run")) == 2


def test_every_state_is_entered(runs):
    entered = {state for run in runs.values() if run.status for state in run.entered}
    for name in ("a listing", "an inventory", "in vain", "an inventory in vain"):
        entered |= {state for batch in runs[name].batches for state in runs[name].entered_by(batch)}
    assert entered == states(DEFINITION).keys()


def test_both_maps_process_batches_alike():
    # The names of states are unique in a state machine, so the states of the second Map have other names.
    listing, inventory = (DEFINITION["States"][name] for name in OUTSIDE.values())
    assert listing.keys() == inventory.keys()
    assert {name for name in listing if listing[name] != inventory[name]} == {
        "Comment",
        "Label",
        "ItemReader",
        "ItemSelector",
        "ItemProcessor",
    }
    text = json.dumps(inventory["ItemProcessor"])
    for one, other in zip(INSIDE["listing"], INSIDE["inventory"], strict=True):
        text = text.replace(json.dumps(other), json.dumps(one))
    text = text.replace('"Inventory Batch Failed"', '"Batch Failed"')
    assert json.loads(text) == listing["ItemProcessor"]


def test_batch_has_time_for_its_function_within_an_express_execution():
    # Five minutes. https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html
    assert all(TASKS[name]["TimeoutSeconds"] < 300 for name in MAPS)


# LocalStack lacks ItemBatcher, Express children, ResultWriter in JSONata and the manifests of inventories, and does not
# count failed children.
WITHOUT_MANIFEST = {
    name: scenario
    for name, scenario in SCENARIOS.items()
    if scenario.state_input is None or scenario.state_input["from"] not in ("inventory", "no manifest")
}
OTHER_ERROR = ("no bucket", "in vain")


def _for_localstack(definition):
    """Return the machine with batches of one, each a Standard execution, and without result files and inventories."""
    changed = copy.deepcopy(definition)
    changed["States"]["Process Inventory"] = {"Type": "Fail"}
    listing = changed["States"]["Process Objects"]
    batch_input = listing.pop("ItemBatcher")["BatchInput"]
    listing["ItemSelector"] = {"BatchInput": batch_input, "Items": [listing["ItemSelector"]]}
    listing["ItemProcessor"]["ProcessorConfig"]["ExecutionType"] = "STANDARD"
    del listing["ResultWriter"]
    return changed


def _in_any_batch(end):
    """Return an end with the processed keys instead of their batches."""
    keys = sorted({item["key"] for batch in end.given["process_batch"] for item in batch["Items"]})
    return replace(end, given={**end.given, "process_batch": keys})


@pytest.fixture(scope="module")
def opinions(runs, bulk, tmp_path_factory):
    """The same executions under LocalStack's interpreter."""
    objects = [{"Key": f"in/{number} é+.jpg", "Etag": f'"{number}"', "Size": number} for number in range(OBJECTS)]
    return second_endings(
        _for_localstack(DEFINITION),
        {"ResultsBucketName": bulk.results},
        {name: runs[name] for name in WITHOUT_MANIFEST},
        WITHOUT_MANIFEST,
        tmp_path_factory.mktemp("opinions"),
        {bulk.bucket: objects},
    )


@pytest.mark.parametrize("name", [name for name in WITHOUT_MANIFEST if name not in OTHER_ERROR])
def test_localstack_agrees_on_the_run(runs, opinions, name):
    assert _in_any_batch(opinions[name]) == _in_any_batch(ending(runs[name], DEFINITION))


@pytest.mark.parametrize("name", OTHER_ERROR)
def test_localstack_agrees_on_the_states_of_a_failed_map(runs, opinions, name):
    run, opinion = ending(runs[name], DEFINITION), opinions[name]
    assert replace(opinion, given={}) == replace(run, given={})
