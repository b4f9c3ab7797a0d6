"""Distributed Map: batches, inventories, result files, early end, JSONata fields and limits given as paths."""

from __future__ import annotations

import contextvars
import csv
import gzip
import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError
from ministack.services import stepfunctions as sf

from local.engine.step_functions import integrations
from local.engine.step_functions.branches import (
    POLL_SECONDS,
    end_when_closed,
    map_field,
    map_items,
    selected_item,
    state_output,
    stop_signal,
)
from local.engine.step_functions.references import uses_jsonata

# https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itembatcher.html
MAX_BATCH_BYTES = 256 * 1024

_LIMITS = ("MaxConcurrency", "ToleratedFailurePercentage", "ToleratedFailureCount")

# Fields that are handled here; the engine gets a state without them.
_HANDLED = (
    *("ItemReader", "ItemSelector", "Parameters", "ItemBatcher", "ItemsPath", "Items", "ResultWriter"),
    *("ResultSelector", "ResultPath", "OutputPath", "Output", "Assign", "QueryLanguage"),
    *(f"{limit}Path" for limit in _LIMITS),
)


def install() -> None:
    """Patch the engine's Distributed Map."""
    complete_the_distributed_map()


def complete_the_distributed_map() -> None:
    """Apply `ItemBatcher`, `ResultWriter`, inventories, JSONata fields and limits given as paths; end early.

    The engine ignores them. Items are read, selected and batched here, the engine runs one child
    execution for each, and the results are written here. Once its execution is stopped, or more children have
    failed than the state tolerates, no further child starts and running ones are aborted; the engine runs them all.
    https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_MapRunExecutionCounts.html
    """
    run = sf._run_distributed_map

    def run_distributed_map(
        state: dict[str, Any],
        raw_input: object,
        effective: object,
        processor: dict[str, Any],
        execution: dict[str, Any],
        ctx: dict[str, Any],
    ) -> tuple[object, str | None]:
        jsonata = uses_jsonata(state, ctx)
        data = raw_input if jsonata else effective
        items = _children_inputs(state, raw_input, effective, ctx)
        plain = {key: value for key, value in state.items() if key not in _HANDLED}
        plain.update(QueryLanguage="JSONPath", ItemsPath="$")
        for limit in _LIMITS:
            value = map_field(state, limit, raw_input, effective, ctx)
            if value is not None:
                plain[limit] = value
        runs_before = set(sf._map_runs)
        try:
            with _ending_early(plain, runs_before, execution):
                result, _ = run(plain, items, items, processor, execution, ctx)
        finally:
            # Also when too many children failed: the files then list them.
            map_run = _new_map_run(runs_before, execution)
            if map_run:
                _abort_children(map_run, execution)
            if state.get("ResultWriter") and map_run:
                result = write_results(state["ResultWriter"], map_run, data, jsonata, ctx)
        end_when_closed(execution)
        return state_output(state, raw_input, ctx, result)

    sf._run_distributed_map = run_distributed_map


def _children_inputs(state: dict[str, Any], raw_input: object, effective: object, ctx: dict[str, Any]) -> list[object]:
    jsonata = uses_jsonata(state, ctx)
    data = raw_input if jsonata else effective
    if reader := state.get("ItemReader"):
        if jsonata and "Arguments" in reader:
            arguments = sf._apply_jsonata_template(reader["Arguments"], raw_input, ctx)
            reader = {**reader, "Parameters": arguments}
        if (reader.get("ReaderConfig") or {}).get("InputType") == "MANIFEST":
            items = _inventory(sf._resolve_params_obj(reader["Parameters"], data, ctx))
        else:
            items = sf._read_map_items(reader, data, ctx)
    else:
        items = map_items(state, raw_input, effective, ctx)
    inputs = [
        selected_item(state, item, raw_input, effective, {**ctx, "Map": {"Item": {"Index": i, "Value": item}}})
        for i, item in enumerate(items)
    ]
    if batcher := state.get("ItemBatcher"):
        return batches(inputs, _batcher_fields(batcher, data, jsonata, ctx))
    return inputs


@contextmanager
def _ending_early(limits: dict[str, Any], runs_before: set[str], execution: dict[str, Any]) -> Iterator[None]:
    """Start no child after the execution has been closed, or once too many have failed."""
    over = threading.Event()

    def look(stop: threading.Event) -> None:
        while not over.wait(POLL_SECONDS):
            map_run = _new_map_run(runs_before, execution)
            if execution["status"] != "RUNNING" or (map_run and _is_exceeded(limits, map_run["executionCounts"])):
                stop.set()

    with stop_signal() as stop:
        # In this context, since the engine keeps its executions by account and Region.
        threading.Thread(target=contextvars.copy_context().run, args=(look, stop), daemon=True).start()
        try:
            yield
        finally:
            over.set()


def _is_exceeded(limits: dict[str, Any], counts: dict[str, int]) -> bool:
    # By the same rule as the engine's at the end of the Map Run.
    failed, exceeded = counts["failed"], []
    if "ToleratedFailureCount" in limits:
        exceeded.append(failed > limits["ToleratedFailureCount"])
    if "ToleratedFailurePercentage" in limits:
        exceeded.append(failed * 100 > limits["ToleratedFailurePercentage"] * counts["total"])
    return failed > 0 and (any(exceeded) or not exceeded)


def _abort_children(map_run: dict[str, Any], execution: dict[str, Any]) -> None:
    running = [child for child in _children(map_run) if child["status"] == "RUNNING"]
    for child in running:
        child.update(status="ABORTED", stopDate=sf.now_iso())
    for counts in (map_run["itemCounts"], map_run["executionCounts"]):
        counts["running"] -= len(running)
        counts["aborted"] += len(running)
    if execution["status"] != "RUNNING":
        map_run["status"] = "ABORTED"


def _children(map_run: dict[str, Any]) -> list[dict[str, Any]]:
    return [child for child in sf._executions.values() if child.get("mapRunArn") == map_run["mapRunArn"]]


def _inventory(place: dict[str, Any]) -> list[object]:
    """Read the rows of an S3 Inventory in CSV by its manifest; keys stay URL-encoded, as on AWS.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html
    """
    s3 = integrations.client("s3", sf.get_region())
    try:
        manifest = json.loads(s3.get_object(Bucket=place["Bucket"], Key=place["Key"])["Body"].read())
        columns = [column.strip() for column in manifest["fileSchema"].split(",")]
        bucket = manifest["destinationBucket"].rpartition(":")[2]
        files = [s3.get_object(Bucket=bucket, Key=file["key"])["Body"].read() for file in manifest["files"]]
        rows = [row for file in files for row in csv.reader(io.StringIO(gzip.decompress(file).decode()))]
    except (ClientError, KeyError, ValueError, OSError) as error:
        raise sf._ExecutionError("States.ItemReaderFailed", f"The manifest could not be read: {error}") from error
    return [dict(zip(columns, row, strict=False)) for row in rows if row]


def _batcher_fields(batcher: dict[str, Any], data: object, jsonata: bool, ctx: dict[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if jsonata:
        return {name: sf._apply_jsonata_template(value, data, ctx) for name, value in batcher.items()}
    for name, value in batcher.items():
        if name.endswith("Path"):
            fields[name.removesuffix("Path")] = sf._resolve_path_or_ctx(value, data, ctx)
        else:
            fields[name] = sf._resolve_params_obj(value, data, ctx)
    return fields


def batches(items: list[object], fields: dict[str, Any]) -> list[object]:
    """Group items into the inputs of child executions.

    Parameters
    ----------
    items
        The selected items.
    fields
        `MaxItemsPerBatch`, `MaxInputBytesPerBatch` and `BatchInput`, all optional.

    Returns
    -------
    list
        Objects of the shape `{"BatchInput": …, "Items": […]}`; `BatchInput` only when given.
    """
    shared = {"BatchInput": fields["BatchInput"]} if "BatchInput" in fields else {}
    most_items = int(fields.get("MaxItemsPerBatch") or 0) or max(1, len(items))
    most_bytes = int(fields.get("MaxInputBytesPerBatch") or MAX_BATCH_BYTES)
    grouped: list[list[object]] = []
    for item in items:
        current = [*grouped[-1], item] if grouped else [item]
        size_bytes = len(json.dumps({**shared, "Items": current}))
        if grouped and len(current) <= most_items and size_bytes <= most_bytes:
            grouped[-1] = current
        else:
            grouped.append([item])
    return [{**shared, "Items": group} for group in grouped]


def _new_map_run(runs_before: set[str], execution: dict[str, Any]) -> dict[str, Any] | None:
    for arn in sf._map_runs:
        run: dict[str, Any] = sf._map_runs[arn]
        if arn not in runs_before and run["executionArn"] == execution["executionArn"]:
            return run
    return None


def write_results(
    writer: dict[str, Any], map_run: dict[str, Any], data: object, jsonata: bool, ctx: dict[str, Any]
) -> dict[str, Any]:
    """Write the result files and the manifest of a Map Run, and return the output of the state.

    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
    """
    if jsonata:
        target = sf._apply_jsonata_template(writer.get("Arguments") or {}, data, ctx)
    else:
        target = sf._resolve_params_obj(writer.get("Parameters") or {}, data, ctx)
    config = writer.get("WriterConfig") or {}
    prefix = (target.get("Prefix") or "").rstrip("/")
    folder = "/".join(filter(None, [prefix, map_run["mapRunArn"].rpartition(":")[2]]))
    files: dict[str, list[dict[str, Any]]] = {"FAILED": [], "PENDING": [], "SUCCEEDED": []}
    children = _children(map_run)
    for status in ("SUCCEEDED", "FAILED"):
        of_status = [child for child in children if child["status"] == status]
        if not of_status:
            continue
        rows = _result_rows(of_status, config.get("Transformation", "NONE"))
        lines = config.get("OutputType", "JSON") == "JSONL"
        body = ("\n".join(map(json.dumps, rows)) if lines else json.dumps(rows)).encode()
        key = f"{folder}/{status}_0.json{'l' if lines else ''}"
        _put(target["Bucket"], key, body)
        files[status].append({"Key": key, "Size": len(body)})
    manifest = {
        "DestinationBucket": target["Bucket"],
        "MapRunArn": map_run["mapRunArn"],
        "ResultFiles": files,
    }
    key = f"{folder}/manifest.json"
    _put(target["Bucket"], key, json.dumps(manifest).encode())
    map_run["itemCounts"]["resultsWritten"] = map_run["itemCounts"]["succeeded"]
    details = {"Bucket": target["Bucket"], "Key": key}
    return {"MapRunArn": map_run["mapRunArn"], "ResultWriterDetails": details}


def _result_rows(children: list[dict[str, Any]], transformation: str) -> list[object]:
    if transformation == "NONE":
        return [_child_row(child) for child in children]
    rows: list[object] = []
    for child in children:
        if child["status"] == "FAILED":
            rows.append({"Input": child["input"], "Error": child.get("error"), "Cause": child.get("cause")})
            continue
        output = json.loads(child["output"])
        flatten = transformation == "FLATTEN" and isinstance(output, list)
        rows += output if flatten else [output]
    return rows


def _child_row(child: dict[str, Any]) -> dict[str, Any]:
    row = {
        "ExecutionArn": child["executionArn"],
        "Input": child["input"],
        "InputDetails": {"Included": True},
        "Name": child["name"],
        "Output": child.get("output"),
        "OutputDetails": {"Included": True},
        "StartDate": child["startDate"],
        "StateMachineArn": child["stateMachineArn"],
        "Status": child["status"],
        "StopDate": child["stopDate"],
    }
    if child["status"] == "FAILED":
        row.update(Error=child.get("error"), Cause=child.get("cause"))
    return row


def _put(bucket: str, key: str, body: bytes) -> None:
    # Through the API of S3, so that the bucket sends its notifications as on AWS.
    integrations.client("s3", sf.get_region()).put_object(Bucket=bucket, Key=key, Body=body)
