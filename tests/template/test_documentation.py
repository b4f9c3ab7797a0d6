"""What is written for people: it names what exists, and says of it what is true."""

import fnmatch
import functools
import importlib
import inspect
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import boto3
import pytest
import yaml
from botocore import xform_name

from local.docs import workflows
from tests.template.cloudformation import REPOSITORY, TEMPLATE, generated_name, load
from tests.template.pages import examples, named, page, rows, section
from tests.workflows.definition import tasks
from vision.adapters.lease import LeaseState
from vision.domain import errors, keys, records, table_keys
from vision.domain.envelopes import Envelope
from vision.domain.failures import Failure
from vision.domain.image_file import jpeg, pixels
from vision.domain.image_file.gps import Location
from vision.domain.image_file.limits import REKOGNITION_LIMITS
from vision.domain.image_file.metadata import Metadata, read_metadata
from vision.domain.image_file.sparse import SparseFile
from vision.domain.inspection.rules import Rule
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


def _attributes_of_an_image():
    envelope = Envelope.from_dict(json.loads(page("events/detect_labels.json")))
    place = Location(latitude=48.9, longitude=2.3, altitude_m=35)
    metadata = Metadata("PNG", 640, 480, 6, False, "2026-11-11T16:04:05", "Apple", "iPhone 15", place)
    parts = {"metadata": metadata.as_dict(), "labels": [], "detector": {}, "thumbnail": {}}
    outcome = records.outcome(parts, [Failure("Throttled", "wait")])
    opened = records.opened(envelope, records.now())
    more = ("execution_arn", "run_started_at", table_keys.COUNTED, table_keys.EARLIER_LABELS)
    return {*records.pending(envelope, records.now()), *opened, *more, *outcome}


# The item has called the holder of the lease its owner since the first release.
LEASE = {"pk", "sk", "record_type", "updated_at", "owner", *LeaseState.__dataclass_fields__} - {"holder"}
MANIFEST = {
    *(name for name in manifests._FIELDS if name not in ("input", "output")),
    *(f"input.{name}" for name in manifests._INPUT_FIELDS),
    *(f"output.{name}" for name in manifests._OUTPUT_FIELDS),
}


@pytest.mark.parametrize(
    ("name", "heading", "expected"),
    [
        ("deploy", "## After the deployment", DESCRIBED["Outputs"]),
        ("record", "## Status", Status),
        ("record", "## An image record", _attributes_of_an_image()),
        ("record", "## The session of a model", LEASE),
        ("inspection", "## Rules", Rule.__dataclass_fields__),
        ("inspection", "## What an inspection leaves behind", examples("docs/inspection.md")[1]),
        ("custom-labels", "## The model's statuses", custom_model.STATUSES),
        ("own-model", "## The manifest", MANIFEST),
    ],
)
def test_table_has_each_name_of_the_code_once_and_no_other(name, heading, expected):
    table = rows(section(page(f"docs/{name}.md"), heading))
    width = len(table[0])
    written = [one for cells in table if len(cells) == width for one in named(cells[0])]
    assert sorted(written) == sorted(expected)


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


def test_table_of_errors_has_every_error_of_the_code_and_says_which_are_retried():
    expected = [name for name in vars(errors) if name in ERRORS]
    assert [(name, cells[4]) for name, cells in _error_rows().items()] == [
        (name, "yes" if issubclass(ERRORS[name], errors.Transient) else "no") for name in expected
    ]


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


def test_writers_of_a_status_are_functions():
    writers = {name for cells in rows(section(page("docs/record.md"), "## Status")) for name in named(cells[2])}
    assert writers <= {path.parent.name for path in (REPOSITORY / "functions").glob("*/app.py")}


def test_example_of_a_record_has_no_attribute_that_the_table_lacks():
    table = rows(section(page("docs/record.md"), "## An image record"))
    assert set(examples()[0]) <= {name for cells in table for name in named(cells[0])}


def test_examples_have_the_keys_that_the_code_makes():
    image, photo = examples()
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
