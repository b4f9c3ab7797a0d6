"""What is written for people: it names what exists, and says of it what is true."""

import fnmatch
import functools
import importlib
import inspect
import json
import re
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import boto3
import pytest
import yaml
from botocore import xform_name

from local.docs import workflows
from tests.template.cloudformation import REPOSITORY, TEMPLATE, generated_name, load
from tests.workflows.definition import tasks
from vision.adapters.lease import LeaseState
from vision.domain import errors, keys, records, table_keys
from vision.domain.envelopes import Envelope
from vision.domain.failures import CAUSE_LIMIT, Failure
from vision.domain.image_file import jpeg, pixels
from vision.domain.image_file.gps import Location
from vision.domain.image_file.limits import REKOGNITION_LIMITS
from vision.domain.image_file.metadata import Metadata, read_metadata
from vision.domain.image_file.sparse import SparseFile
from vision.domain.inspection import results, rules
from vision.domain.inspection.rules import Rule
from vision.domain.inspection.verdicts import Judgement, Verdict, judge
from vision.domain.objects import ObjectVersion
from vision.domain.own_model import manifests
from vision.domain.session import custom_model
from vision.domain.statuses import Status

PAGES = [REPOSITORY / f"{name}.md" for name in ("README", "CHANGELOG", "CONTRIBUTING", "SECURITY", "events/README")]
PAGES += sorted((REPOSITORY / "docs").rglob("*.md"))
DESCRIBED = load(TEMPLATE.read_text())
ERRORS = {
    name: one
    for name, one in inspect.getmembers(errors, inspect.isclass)
    if issubclass(one, errors.VisionError) and not one.__subclasses__()
}
# What the AWS CLI takes with every operation, and what it adds to those that answer in pages.
# https://docs.aws.amazon.com/cli/latest/reference/#options
COMMON_OPTIONS = {"query", "output", "no-paginate", "max-items", "endpoint-url"}
# Its commands that are more than one operation: https://docs.aws.amazon.com/cli/latest/reference/s3/
S3_COMMANDS = {"cp", "mv", "rm", "rb", "ls"}
# What the AWS CLI calls otherwise than its service, since the name is taken by a common option.
# https://docs.aws.amazon.com/cli/latest/reference/sns/subscribe.html
RENAMED = {("sns", "subscribe", "notification-endpoint"): "endpoint"}


def page(name):
    return (REPOSITORY / name).read_text(encoding="utf-8")


def section(text, heading):
    """Return what is below a heading, up to the next of its level or above."""
    level = heading.index(" ")
    below = text.partition(f"\n{heading}\n")[2]
    assert below, f"there is no section {heading}"
    return re.split(rf"\n#{{1,{level}}} ", below)[0]


def rows(text):
    """Return the tables of a text as lists of cells, without headings."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    table = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    rules = [at for at, cells in enumerate(table) if set(cells[0]) <= set("- |")]
    headings = {at - 1 for at in rules} | set(rules)
    return [cells for at, cells in enumerate(table) if at not in headings]


def named(cell):
    """Return the names in code spans."""
    return re.findall(r"`([^`]+)`", cell)


def anchors(text):
    """Return what GitHub calls the headings of a page in links."""
    plain = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", plain, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(path):
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]


@functools.cache
def client(name):
    """Return the client of a service by its name in the AWS CLI."""
    return boto3.client({"s3api": "s3"}.get(name, name), region_name="us-east-1")


def commands(path):
    """Yield service, operation and options of each call of the AWS CLI in a page's examples."""
    for block in re.findall(r"```bash\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL):
        for call in re.split(r"(?<![\w.-])aws (?=[a-z])", block.replace("\\\n", " "))[1:]:
            words, options = call.splitlines()[0].split(), re.findall(r"(?<=\s)--([a-z][a-z-]+)", call.splitlines()[0])
            yield words[0], words[1], words[2], set(options)


COMMANDS = [(path.name, *command) for path in PAGES for command in commands(path)]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_relative_link_leads_somewhere(path):
    broken = []
    for target in links(path):
        name, _, anchor = target.partition("#")
        file = path.parent / name if name else path
        if not file.exists() or (anchor and anchor not in anchors(file.read_text(encoding="utf-8"))):
            broken.append(target)
    assert not broken


@pytest.mark.parametrize("path", sorted((REPOSITORY / "docs").glob("*.md")), ids=lambda path: path.name)
def test_every_page_is_found_from_the_first(path):
    readme = page("README.md") + page("CONTRIBUTING.md")
    assert f"docs/{path.name}" in readme


@pytest.mark.parametrize("path", sorted((REPOSITORY / "docs/images").iterdir()), ids=lambda path: path.name)
def test_picture_is_on_a_page(path):
    assert any(f"images/{path.name}" in page.read_text(encoding="utf-8") for page in PAGES)


def test_pictures_of_the_architecture_differ_in_their_colours_alone():
    light, dark = (page(f"docs/images/architecture-{scheme}.svg") for scheme in ("light", "dark"))
    assert light != dark
    assert len({re.sub(r"#[0-9a-f]{6}", "", picture) for picture in (light, dark)}) == 1


def test_picture_of_the_architecture_describes_itself_and_names_states_that_exist():
    picture = ElementTree.fromstring(page("docs/images/architecture-light.svg"))
    inside = {one.get("id"): one.text for one in picture.iter() if one.get("id")}
    assert all(inside[name] for name in picture.get("aria-labelledby").split())
    shown = {one.text for one in picture.iter() if one.get("class") == "state"}
    assert shown
    assert shown <= {name for path in workflows.FOLDER.glob("*.json") for name, _ in _states(path)}


def _states(path):
    return workflows.states(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_python_of_an_example_imports_what_exists(path):
    for module, name in re.findall(r"from (vision[\w.]+) import (\w+)", path.read_text(encoding="utf-8")):
        assert hasattr(importlib.import_module(module), name), f"{module} has no {name}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_page_names_no_place_of_one_machine(path):
    assert not re.search(r"(?<![\w.])/(home|root|Users|work)/", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("call", COMMANDS, ids=lambda call: " ".join(call[:3]))
def test_example_calls_what_the_aws_cli_has(call):
    _, name, operation, first, given = call
    options = {RENAMED.get((name, operation, option), option) for option in given}
    if name == "s3":
        assert operation in S3_COMMANDS
        return
    if operation == "wait":
        assert first.replace("-", "_") in client(name).waiter_names
        return
    model = client(name).meta.service_model
    operations = {xform_name(one, "-"): one for one in model.operation_names}
    members = {xform_name(member, "-") for member in model.operation_model(operations[operation]).input_shape.members}
    unknown = {option for option in options if not {option, option.removeprefix("no-")} & (members | COMMON_OPTIONS)}
    assert not unknown


def test_table_of_outputs_has_each_of_the_template():
    table = rows(section(page("docs/deploy.md"), "## After the deployment"))
    assert sorted(name for cells in table for name in named(cells[0])) == sorted(DESCRIBED["Outputs"])


def test_security_page_names_each_route_that_answers_without_a_token():
    public = [
        one["Properties"]["RouteKey"]
        for one in DESCRIBED["Resources"].values()
        if one["Type"] == "AWS::ApiGatewayV2::Route" and one["Properties"]["AuthorizationType"] == "NONE"
    ]
    written = " ".join(section(page("SECURITY.md"), "## What the design promises").split())
    assert sorted(name for name in named(written) if name.startswith("GET /")) == sorted(public)


def test_page_for_older_systems_names_what_there_is():
    written = [name for cells in rows(page("docs/coming-from.md")) for name in named(cells[1])]
    names = {found[1] for name in written if (found := re.fullmatch(r"([A-Z][a-z]+[A-Z]\w+)(=.*)?", name))}
    assert names <= {*DESCRIBED["Parameters"], *DESCRIBED["Outputs"], *ERRORS}
    paths = json.loads(page("docs/openapi.json"))["paths"]
    routes = {tuple(name.partition("?")[0].split()) for name in written if " /api/" in name}
    assert routes <= {(method.upper(), path) for path, methods in paths.items() for method in methods}


def _error_rows():
    return {
        named(cells[0])[0]: cells for cells in rows(section(page("docs/record.md"), "## Errors")) if len(cells) == 5
    }


def test_table_of_errors_has_every_error_of_the_code_and_no_other():
    assert list(_error_rows()) == [name for name in vars(errors) if name in ERRORS]


@pytest.mark.parametrize("name", ERRORS)
def test_table_of_errors_says_what_is_retried(name):
    assert _error_rows()[name][4] == ("yes" if issubclass(ERRORS[name], errors.Transient) else "no")


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("ImageTooLarge", [REKOGNITION_LIMITS.max_size_bytes // 1_048_576, REKOGNITION_LIMITS.max_side_px]),
        ("ImageTooSmall", [REKOGNITION_LIMITS.min_side_px]),
        ("TooManyPixels", [REKOGNITION_LIMITS.max_pixels, pixels.DECODE_BUDGET_BYTES // 1_000_000, jpeg.MAX_SCANS]),
    ],
)
def test_table_of_errors_names_the_limits_that_are_checked(name, limits):
    assert re.findall(r"[\d,]*\d", _error_rows()[name][2]) == [f"{limit:,}" for limit in limits]


def test_table_of_retries_is_that_of_the_state_machine():
    written = [cells for cells in rows(section(page("docs/record.md"), "## Errors")) if len(cells) == 3]
    expected = []
    for name, state in tasks(json.loads(page("statemachines/process_image.asl.json"))).items():
        attempts = {error: rule["MaxAttempts"] for rule in state["Retry"] for error in rule["ErrorEquals"]}
        expected.append([name, str(attempts["Throttled"]), str(attempts["ServiceUnavailable"])])
    assert sorted(written) == sorted(expected)


def test_errors_name_the_length_of_a_cause():
    assert f"{CAUSE_LIMIT:,} characters" in " ".join(section(page("docs/record.md"), "## Errors").split())


def test_table_of_statuses_has_every_status():
    assert [named(cells[0])[0] for cells in rows(section(page("docs/record.md"), "## Status"))] == list(Status)


def test_writers_of_a_status_are_functions():
    writers = {name for cells in rows(section(page("docs/record.md"), "## Status")) for name in named(cells[2])}
    assert writers == {"start_processing", "store_metadata", "track_execution", "inspect_images", "drain_queue"}
    assert all((REPOSITORY / "functions" / writer / "app.py").exists() for writer in writers)


def _examples(name="docs/record.md"):
    blocks = re.findall(r"```json\n(.*?)```", page(name), re.DOTALL)
    return [json.loads(block) for block in blocks]


def test_table_of_attributes_has_every_attribute_that_the_code_writes():
    envelope = Envelope.from_dict(json.loads(page("events/detect_labels.json")))
    place = Location(latitude=48.9, longitude=2.3, altitude_m=35)
    metadata = Metadata("PNG", 640, 480, 6, False, "2026-11-11T16:04:05", "Apple", "iPhone 15", place)
    parts = {"metadata": metadata.as_dict(), "labels": [], "detector": {}, "thumbnail": {}}
    written = set(records.pending(envelope, records.now())) | {"execution_arn", "run_started_at"}
    written |= set(records.outcome(parts, [Failure("Throttled", "wait")]))
    table = rows(section(page("docs/record.md"), "## An image record"))
    assert sorted(name for cells in table for name in named(cells[0])) == sorted(written)


def _inspected_record():
    """Return the record of an image as the code leaves it when all of an inspection is done."""
    envelope = Envelope.from_dict(json.loads(page("events/detect_labels.json")))
    places = {name: {"bucket": "results", "key": name} for name in ("result", "moved_to")}
    verdict = Verdict(Judgement.FAILURE, "cars", ("no car",))
    metadata = Metadata("PNG", 640, 480, 1, False)
    record = records.pending(envelope, records.now())
    return envelope, record | results.inspection_attributes(verdict, [], {}, metadata, places, records.now())


def test_table_of_an_inspected_image_has_every_attribute_that_only_an_inspection_writes():
    written = rows(section(page("docs/record.md"), "## An inspected image"))
    image = {name for cells in rows(section(page("docs/record.md"), "## An image record")) for name in named(cells[0])}
    names = {name for cells in written for name in named(cells[0])}
    assert names == (set(_inspected_record()[1]) | {"notified_at"}) - image


def test_table_of_a_session_has_every_attribute_of_the_lease():
    written = rows(section(page("docs/record.md"), "## The session of a model"))
    names = {name for cells in written for name in named(cells[0])}
    # The item has called the holder of the lease its owner since the first release.
    attributes = {"owner" if name == "holder" else name for name in LeaseState.__dataclass_fields__}
    assert names == {"pk", "sk", "record_type", "updated_at"} | attributes


def test_example_of_a_record_has_no_attribute_that_the_table_lacks():
    table = rows(section(page("docs/record.md"), "## An image record"))
    assert set(_examples()[0]) <= {name for cells in table for name in named(cells[0])}


def test_examples_have_the_keys_that_the_code_makes():
    image, photo = _examples()
    version = ObjectVersion.from_dict(image["object"])
    assert {
        **table_keys.image_key(version),
        "photo_id": keys.photo_id(version.bucket, version.key),
    }.items() <= image.items()
    assert image["thumbnail"]["key"] == keys.thumbnail_key(version, image["owner"])
    assert image["execution_arn"].endswith(f":{keys.execution_name(version)}")
    assert set(photo) == set(records.photo(Envelope.of(version), records.now())) | {"created_at"}


def test_table_of_indexes_is_that_of_the_template():
    table = DESCRIBED["Resources"]["ImageTable"]["Properties"]
    expected = [["the table", *(key["AttributeName"] for key in table["KeySchema"])]]
    expected += [
        [index["IndexName"], *(key["AttributeName"] for key in index["KeySchema"])]
        for index in table["GlobalSecondaryIndexes"]
    ]
    written = rows(section(page("docs/record.md"), "## Keys and indexes"))
    assert [[cell.strip("`") for cell in cells[:3]] for cells in written] == expected


def test_table_of_rule_fields_is_that_of_the_code():
    written = rows(section(page("docs/inspection.md"), "## Rules"))
    assert [named(cells[0])[0] for cells in written if len(cells) == 2] == list(Rule.__dataclass_fields__)


def test_rules_name_the_default_confidence_and_how_many_labels_a_rule_takes():
    numbers = set(re.findall(r"\d+", section(page("docs/inspection.md"), "## Rules")))
    assert {f"{rules.DEFAULT_MIN_CONFIDENCE:g}", str(rules.LABELS_LIMIT)} <= numbers


def test_example_rules_are_read_by_the_code():
    assert len(rules.parse(json.dumps(_examples("docs/inspection.md")[0]))) == 3


def test_rules_of_the_settings_file_are_read_by_the_code():
    (block,) = re.findall(r"```toml\n(.*?)```", page("docs/inspection.md"), re.DOTALL)
    (value,) = [
        one.removeprefix("InspectionRules=")
        for one in tomllib.loads(block)["parameter_overrides"]
        if one.startswith("InspectionRules=")
    ]
    assert value[0] == value[-1] == "'"
    assert rules.parse(value[1:-1])


def test_sentence_of_a_wrong_rule_is_that_of_the_code():
    wrong = '[{"name": "no-people", "prefix": "images/", "none-of": ["Person"]}]'
    with pytest.raises(errors.InvalidRule) as raised:
        rules.parse(wrong)
    assert f"InvalidRule: {raised.value}\n" in page("docs/inspection.md")


def test_example_of_a_result_file_has_the_form_that_the_code_writes():
    result = _examples("docs/inspection.md")[1]
    assert result["schema"] == results.RESULT_SCHEMA
    assert list(result) == list(json.loads(results.result_file(_inspected_record()[1])))


def test_table_of_a_result_file_has_each_of_its_fields():
    written = rows(section(page("docs/inspection.md"), "## What an inspection leaves behind"))
    assert {name for cells in written for name in named(cells[0])} == set(_examples("docs/inspection.md")[1])


def test_example_of_a_message_is_of_the_example_of_a_result_file():
    _, result, message = _examples("docs/inspection.md")
    assert list(message) == list(results.message(*_inspected_record()))
    assert {name: message[name] for name in ("verdict", "rule", "reasons", "image", "inspected_at")} == {
        name: result[name] for name in ("verdict", "rule", "reasons", "image", "inspected_at")
    }


def test_examples_of_an_inspection_have_the_keys_and_the_verdict_that_the_code_makes():
    example, result, message = _examples("docs/inspection.md")
    version = ObjectVersion.from_dict(result["object"])
    token = keys.version_digest(version)
    verdict = judge(rules.rule_for(rules.parse(json.dumps(example)), version.key), result["labels"])
    assert result["image"]["key"] == results.analyzed_key(version, verdict.judgement)
    assert message["result"]["key"] == results.result_key(version)
    assert message["id"] == f"{keys.photo_id(version.bucket, version.key)}-{token}"
    assert (result["verdict"], result["rule"], tuple(result["reasons"])) == (
        verdict.judgement,
        verdict.rule,
        verdict.reasons,
    )


def _model_step(status):
    """Return what the code does to run a model of a status: a step, or the name of the error and its sentence."""
    try:
        return custom_model.step_to_run(status), ""
    except errors.VisionError as error:
        return type(error).__name__, str(error)


def _model_rows():
    table = rows(section(page("docs/custom-labels.md"), "## The model's statuses"))
    return {named(cells[0])[0]: cells for cells in table}


def test_table_of_model_statuses_has_every_status():
    assert set(_model_rows()) == custom_model.STATUSES


@pytest.mark.parametrize("status", sorted(custom_model.STATUSES))
def test_table_of_model_statuses_says_what_the_code_does(status):
    step, sentence = _model_step(status)
    paid = "yes" if custom_model.is_paid_for(status) else "no"
    _, run, rest, paid_as_written, written = _model_rows()[status]
    assert [run, rest, paid_as_written] == [f"`{step}`", f"`{custom_model.step_to_stop(status)}`", paid]
    assert not sentence or written in sentence


def test_table_of_a_sessions_settings_is_that_of_the_template():
    groups = DESCRIBED["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    (group,) = [one["Parameters"] for one in groups if "SessionSchedule" in one["Parameters"]]
    expected = [[name, str(DESCRIBED["Parameters"][name]["Default"])] for name in group if not name.endswith("Arn")]
    table = rows(section(page("docs/custom-labels.md"), "## What it costs"))
    assert [[cell.strip("`") for cell in cells[:2]] for cells in table] == expected


def test_arns_of_the_examples_are_taken_by_the_template():
    table = rows(section(page("docs/custom-labels.md"), "## The two ARNs"))
    assert [named(cells[0])[0] for cells in table] == ["ProjectArn", "ModelVersionArn"]
    for name, example in ((named(cells[0])[0], named(cells[1])[0]) for cells in table):
        assert re.fullmatch(DESCRIBED["Parameters"][name]["AllowedPattern"], example)


@pytest.mark.parametrize("name", ["ModelFailed", "ModelNotUsable", "ModelNotReady", "LeaseLost", "ModelNotStopped"])
def test_faults_of_a_session_name_each_error_that_it_ends_with(name):
    assert f"`{name}`" in section(page("docs/custom-labels.md"), "## Faults")


def test_table_of_manifest_fields_is_that_of_the_code():
    written = {
        name for cells in rows(section(page("docs/own-model.md"), "## The manifest")) for name in named(cells[0])
    }
    single = [name for name in manifests._FIELDS if name not in ("input", "output")]
    assert written == {
        *single,
        *(f"input.{name}" for name in manifests._INPUT_FIELDS),
        *(f"output.{name}" for name in manifests._OUTPUT_FIELDS),
    }


def test_example_manifest_is_read_by_the_code():
    (example,) = _examples("docs/own-model.md")
    found = manifests.parse(json.dumps(example), lambda _: "Fine\nScratched\nBent\n")
    assert json.dumps(found.detector) in page("docs/own-model.md")


def test_decisions_are_listed_with_their_dates():
    text = page("docs/decisions.md")
    sections = re.findall(r"^## (.+)$", text, re.MULTILINE)
    listed = re.findall(r"^\| \d{4}-\d\d-\d\d \| \[(.+)\]\(", text, re.MULTILINE)
    assert listed == sections


def test_local_page_names_every_patch_of_the_engine():
    engine = REPOSITORY / "local/engine"
    patches = {
        path.stem for path in engine.glob("*.py") if re.search(r"^def install\(", path.read_text(), re.MULTILINE)
    }
    patches |= {f"{path.parent.name}/" for path in engine.glob("*/__init__.py")}
    table = rows(section(page("docs/local.md"), "## What is patched, and why"))
    assert {name for cells in table for name in named(cells[0])} == patches | {"lambda_environment"}


def test_hooks_run_tools_of_this_project_without_a_network():
    repositories = yaml.safe_load(page(".pre-commit-config.yaml"))["repos"]
    assert [one["repo"] for one in repositories] == ["local"]
    tools = {hook["entry"].split()[0] for hook in repositories[0]["hooks"]}
    assert {Path(tool).parent.as_posix() for tool in tools} == {".venv/bin"}
    assert {Path(tool).name for tool in tools} <= set(re.findall(r"\(VENV\)/([\w-]+)", page("Makefile")))


def test_table_of_sample_events_has_each_file_once():
    files = sorted(path.stem for path in (REPOSITORY / "events").glob("*.json"))
    table = [cells for cells in rows(page("events/README.md")) if len(cells) == 3]
    found = [file for cells in table for name in named(cells[0]) for file in fnmatch.filter(files, name)]
    assert sorted(found) == files


@pytest.mark.parametrize(
    ("name", "side", "size", "located"),
    [("lighthouse.jpg", 6, (450, 600), True), ("traffic-light.png", 1, (300, 400), False)],
)
def test_image_of_the_repository_is_small_and_has_what_its_page_says(name, side, size, located):
    content = (REPOSITORY / "events/images" / name).read_bytes()
    metadata = read_metadata(SparseFile(lambda start, end: content[start:end], len(content)), len(content))
    assert len(content) < 20_000
    assert (metadata.orientation, (metadata.width, metadata.height)) == (side, size)
    assert (metadata.location is not None) is located


def test_each_event_that_starts_a_bulk_run_is_named_where_the_bus_is():
    rule = DESCRIBED["Resources"]["BulkRunRule"]["Properties"]["EventPattern"]["$or"]
    names = {name for pattern in rule for part in pattern.values() for name in part}
    output = DESCRIBED["Outputs"]["VisionEventBusName"]["Description"]
    (policy,) = (one for one in section(page("docs/bulk.md"), "## Start one").split("\n\n") if "events:source" in one)
    assert {name for name in names if name not in output} == set()
    assert {name for name in names if f'"{name}"' not in policy} == set()


def test_functions_are_found_by_the_part_of_the_stacks_name_that_every_one_has():
    (length,) = re.findall(r"starts_with\(FunctionName, '\$\{STACK:0:(\d+)\}'", page("docs/operations/upgrade.md"))
    stack = "s" * 128
    kept = min(len(generated_name(stack, "F" * size).partition("-")[0]) for size in range(1, 65))
    assert int(length) == kept
