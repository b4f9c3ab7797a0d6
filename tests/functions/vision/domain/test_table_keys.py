"""Keys of the image table: built by one module, in the forms of deployed stacks."""

import ast
import inspect
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.strategies import api_owners, labels, tokens, versions
from vision.domain import keys, table_keys
from vision.domain.objects import ObjectVersion

REPOSITORY = Path(__file__).resolve().parents[4]
HOME = Path(inspect.getfile(table_keys)).resolve()
SOURCES = [file for file in (REPOSITORY / "functions").rglob("*.py") if file.resolve() != HOME]
SOURCES.append(REPOSITORY / "local/older_rows.py")

MODEL = "arn:aws:rekognition:eu-west-1:123456789012:project/cars/version/cars.1/1700000000000"
PHOTO_ID = "wp6flvgan5vqv6thw2ory4e3ms"


def _version(version_id: str) -> ObjectVersion:
    return ObjectVersion("amzn-s3-demo-bucket", "private/ann/uploads/rose.jpg", version_id, "e1", "", 7)


VERSION = _version("v1")
DIGEST = "o2rg6o5v3y7qkdwkspx6eappj7"
SHARD = 10
# The command that imports the rows of older systems.
IMPORT = "local.older_rows"
OLDER = "none"
# The tables of deployed stacks have these keys.
RECORDED = [
    ("photo_key", (PHOTO_ID,), {"pk": "PHOTO#wp6flvgan5vqv6thw2ory4e3ms", "sk": "CURRENT"}),
    ("image_key", (_version("v1"),), {"pk": "PHOTO#wp6flvgan5vqv6thw2ory4e3ms", "sk": "VERSION#v1"}),
    ("image_key", (_version(""),), {"pk": "PHOTO#wp6flvgan5vqv6thw2ory4e3ms", "sk": "VERSION#e1"}),
    ("album_key", ("ann", "rome"), {"pk": "OWNER#ann", "sk": "ALBUM#rome"}),
    ("album_key", ("ann", ""), {"pk": "OWNER#ann", "sk": "ALBUM#"}),
    ("album_count_key", ("ann",), {"pk": "OWNER#ann", "sk": "ALBUMS"}),
    ("album_entry_key", (PHOTO_ID,), {"pk": "PHOTO#wp6flvgan5vqv6thw2ory4e3ms", "sk": "ALBUM"}),
    ("label_entry_key", ("ann", "Straße", "2026"), {"pk": "OWNER#ann#LABEL#strasse", "sk": "2026"}),
    ("older_label_entry_key", (PHOTO_ID, "Straße"), {"pk": "PHOTO#wp6flvgan5vqv6thw2ory4e3ms", "sk": "LABEL#strasse"}),
    ("label_name_key", ("ann", "Straße"), {"pk": "OWNER#ann", "sk": "LABEL#strasse"}),
    ("older_row_key", ("ann", "tok"), {"pk": "OWNER#ann", "sk": "OLDER#tok"}),
    ("count_key", ("ann", "2026-11-21", "Rose", VERSION), {"pk": "COUNTS#ann", "sk": f"DAY#2026-11-21#Rose#{DIGEST}"}),
    ("counts_bound", ("ann", "2026-11-21"), {"pk": "COUNTS#ann", "sk": "DAY#2026-11-21"}),
    ("day_counts_key", ("ann", "2026-11-21"), {"pk": "COUNTS#ann", "sk": "DAYS#2026-11-21"}),
    ("allowance_key", ("ann", "2026-11-21"), {"pk": "ALLOWANCE#ann", "sk": "DAY#2026-11-21"}),
    ("bulk_run_key", ("nightly",), {"pk": "RUN#nightly", "sk": "SUMMARY"}),
    ("bulk_lease_key", ("amzn-s3-demo-bucket", "2026/"), {"pk": "PREFIX#thqiaj6hob47e6prvk67o3drpn", "sk": "LEASE"}),
    ("pace_key", ("DetectLabels",), {"pk": "PACE#DetectLabels", "sk": "NEXT"}),
    ("model_lease_key", (MODEL,), {"pk": "SESSION#qm623kz5hmaykmfplde4ovxb25", "sk": "LEASE"}),
    ("model_session_key", ("evening",), {"pk": "MODEL-SESSION#evening", "sk": "SESSION"}),
    ("owner_listing", ("ann",), "OWNER#ann"),
    ("album_listing", ("ann", "rome"), "OWNER#ann#ALBUM#rome"),
    ("label_listing", ("ann", "Straße"), "OWNER#ann#LABEL#strasse"),
    ("verdict_listing", ("FAILURE", "2026-11-21"), "VERDICT#FAILURE#2026-11-21"),
    ("shard_of", (PHOTO_ID,), SHARD),
    ("open_listing", (7,), "OPEN#7"),
    ("deleting_listing", (7,), "DELETING#7"),
    ("listing_sort_key", ("2026-11-21T09:30:01.000Z", PHOTO_ID), f"2026-11-21T09:30:01.000Z#{PHOTO_ID}"),
]
CONSTANTS = {
    "PHOTO_SORT_KEY": "CURRENT",
    "REFUSED_LISTING": "REFUSED",
    "RUN_LISTING": "RUNS",
    "SESSION_LISTING": "SESSIONS",
    "OPEN_SHARDS": 16,
    "OPEN_PK": "open_pk",
    "OPEN_SINCE": "open_since",
    "LISTED_AS": "listed_as",
    "EXPIRES": "forget_after",
    "FORM_VERSION": "form_version",
    "ERASED": "erased_at",
    "GONE": "gone_at",
    "DELETING": "DELETING",
    "CONTENT_DELETED": "content_deleted_at",
    "COUNTED": "counted_as",
    "COUNTED_BEFORE": "counted_at",
    "EARLIER_LABELS": "earlier_labels",
    "CLOSED": "closed_at",
    "UNCOUNTED": "uncounted_at",
}


@pytest.mark.parametrize(("name", "arguments", "recorded"), RECORDED)
def test_key_has_the_form_of_deployed_stacks(name: str, arguments: tuple, recorded: dict[str, str] | str | int) -> None:
    assert getattr(table_keys, name)(*arguments) == recorded


def test_every_function_and_constant_is_recorded() -> None:
    functions = {
        name
        for name, one in inspect.getmembers(table_keys, inspect.isfunction)
        if one.__module__ == "vision.domain.table_keys"
    }
    assert functions == {name for name, _, _ in RECORDED}
    assert {name: value for name, value in vars(table_keys).items() if name.isupper()} == CONSTANTS


# Documentation


def _rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in lines]


def _described() -> list[list[str]]:
    """Return the first five cells of each row in the module's docstring."""
    return [cells[:5] for cells in _rows(inspect.getdoc(table_keys) or "")[2:]]


def _built() -> list[list[str]]:
    """Return the same table, built from placeholders by the functions."""
    photo = table_keys.photo_key("{photo_id}")
    image = table_keys.image_key(_version("{version_id}"))
    album, label, run, session = ("{owner}", "{album_id}"), ("{owner}", "{label}"), "{run_id}", "{execution_name}"
    created = table_keys.listing_sort_key("{created_at}", "{photo_id}")
    count = table_keys.count_key("{owner}", "{day}", "{class}", VERSION)
    older_count = table_keys.counts_bound("{owner}", "{day}#{class}")
    items: list[tuple[str, dict[str, str], str, str]] = [
        ("photo", photo, table_keys.owner_listing("{owner}"), created),
        ("image", image, "", ""),
        ("image, inspected", image, table_keys.verdict_listing("{verdict}", "{day}"), "{inspected_at}"),
        ("image, refused", image, "REFUSED", table_keys.listing_sort_key("{refused_at}", "{photo_id}")),
        ("album", table_keys.album_key(*album), "", ""),
        ("album_count", table_keys.album_count_key("{owner}"), "", ""),
        ("album_entry", table_keys.album_entry_key("{photo_id}"), table_keys.album_listing(*album), created),
        ("label_entry", table_keys.label_entry_key(*label, created), "", ""),
        (
            "label_entry, older",
            table_keys.older_label_entry_key("{photo_id}", "{label}"),
            table_keys.label_listing(*label),
            created,
        ),
        ("label_name", table_keys.label_name_key(*label), "", ""),
        ("older_row", table_keys.older_row_key("{owner}", "{token}"), "", ""),
        ("count", count | {"sk": count["sk"].replace(DIGEST, "{version_digest}")}, "", ""),
        ("count, older", older_count, "", ""),
        ("day_counts", table_keys.day_counts_key("{owner}", "{day}"), "", ""),
        ("allowance", table_keys.allowance_key("{owner}", "{day}"), "", ""),
        ("bulk_run", table_keys.bulk_run_key(run), "RUNS", table_keys.listing_sort_key("{started_at}", run)),
        ("lease", table_keys.bulk_lease_key("amzn-s3-demo-bucket", "2026/"), "", ""),
        ("pace", table_keys.pace_key("{operation}"), "", ""),
        ("session", table_keys.model_lease_key(MODEL), "", ""),
        (
            "model_session",
            table_keys.model_session_key(session),
            "SESSIONS",
            table_keys.listing_sort_key("{started_at}", session),
        ),
    ]
    digests = {
        PHOTO_ID: "{photo_id}",
        keys.photo_id("amzn-s3-demo-bucket", "2026/"): "{prefix_digest}",
        keys.model_digest(MODEL): "{model_digest}",
    }
    return [[item, _named(key["pk"], digests), key["sk"], *listing] for item, key, *listing in items]


def _named(pk: str, digests: dict[str, str]) -> str:
    kind, _, name = pk.partition("#")
    return f"{kind}#{digests.get(name, name)}"


def test_docstring_and_record_page_have_the_keys_that_the_functions_build() -> None:
    assert _described() == _built()
    assert [cells[:5] for cells in _record_page()] == _described()


def _record_page() -> list[list[str]]:
    """Return the rows of the table in docs/record.md."""
    _, _, after = (REPOSITORY / "docs/record.md").read_text().partition("\n## All items of the table\n")
    return _rows(after.partition("\n## ")[0])[2:]


def test_writers_are_adapters_in_the_docstring_and_functions_on_the_record_page() -> None:
    writers = {name for cells in _rows(inspect.getdoc(table_keys) or "")[2:] for name in cells[5].split(", ")}
    adapters = "\n".join(file.read_text() for file in (HOME.parents[1] / "adapters").glob("*.py"))
    assert writers - set(re.findall(r"^class (\w+)", adapters, re.MULTILINE)) == {IMPORT, OLDER}
    writers = {name for cells in _record_page() for name in cells[5].split(", ")}
    assert {name for name in writers if not (REPOSITORY / "functions" / name / "app.py").exists()} == {IMPORT, OLDER}


# Distinct keys


# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
@given(versions)
def test_image_key_depends_on_the_version_only_and_fits_dynamodb(version: ObjectVersion) -> None:
    key = table_keys.image_key(version)
    again = ObjectVersion.from_dict({**version.as_dict(), "sequencer": "", "size_bytes": 0})
    assert key == table_keys.image_key(again)
    assert key["sk"] != table_keys.photo_key("any")["sk"]
    assert len(key["pk"].encode()) <= 2048
    assert len(key["sk"].encode()) <= 1024


@given(st.text("abc123", min_size=1), st.text("abc123", min_size=1))
def test_two_versions_of_a_photo_are_two_items_of_one_partition(a: str, b: str) -> None:
    assume(a != b)
    one, other = table_keys.image_key(_version(a)), table_keys.image_key(_version(b))
    assert one["pk"] == other["pk"]
    assert one["sk"] != other["sk"]


def _listings(owner: str, album_id: str, label: str) -> set[str]:
    return {
        table_keys.owner_listing(owner),
        table_keys.album_listing(owner, album_id),
        table_keys.label_listing(owner, label),
    }


@given(api_owners, api_owners, tokens, labels, labels)
def test_listings_of_one_or_two_owners_are_distinct(
    owner: str, other: str, album_id: str, label: str, other_label: str
) -> None:
    assume(owner != other)
    assert len(_listings(owner, album_id, label)) == 3
    assert _listings(owner, album_id, label).isdisjoint(_listings(other, album_id, other_label))


@given(api_owners, labels, tokens)
def test_label_has_one_listing_in_any_case_and_no_key_of_an_album(owner: str, label: str, album_id: str) -> None:
    assert table_keys.label_listing(owner, label.casefold()) == table_keys.label_listing(owner, label)
    assert table_keys.label_name_key(owner, label)["sk"] != table_keys.album_key(owner, album_id)["sk"]


@given(api_owners, api_owners, labels, labels, st.text("0123456789-TZ", min_size=1))
def test_label_entries_of_two_owners_or_labels_are_in_different_partitions(
    owner: str, other: str, label: str, other_label: str, listing_sk: str
) -> None:
    one, two = (table_keys.label_entry_key(*each, listing_sk) for each in ((owner, label), (other, other_label)))
    assert (one == two) == ((owner, label.casefold()) == (other, other_label.casefold()))
    # No partition of another item of these owners.
    assert one["pk"] not in {table_keys.album_key(who, "a")["pk"] for who in (owner, other)}


@given(st.tuples(api_owners, st.dates().map(str), labels, versions), st.sets(versions, min_size=2, max_size=2))
def test_count_is_an_item_for_each_version_between_the_bounds_of_its_day(
    counted: tuple[str, str, str, ObjectVersion], two: set[ObjectVersion]
) -> None:
    owner, day, name, version = counted
    key = table_keys.count_key(*counted)
    again = ObjectVersion.from_dict({**version.as_dict(), "sequencer": "", "size_bytes": 0})
    assert key == table_keys.count_key(owner, day, name, again)
    bounds = [table_keys.counts_bound(owner, bound)["sk"] for bound in (day, f"{day}~")]
    assert bounds[0] < key["sk"] < bounds[1] < table_keys.day_counts_key(owner, day)["sk"]
    identities = {(one.bucket, one.key, one.identity) for one in two}
    assert len({table_keys.count_key(owner, day, name, one)["sk"] for one in two}) == len(identities)


def test_shards_share_photos_evenly() -> None:
    photos = [keys.photo_id("amzn-s3-demo-bucket", f"private/ann/uploads/{number}.jpg") for number in range(8_000)]
    shares = Counter(map(table_keys.shard_of, photos))
    assert set(shares) == set(range(table_keys.OPEN_SHARDS))
    assert max(shares.values()) < 1.25 * len(photos) / table_keys.OPEN_SHARDS


# One module

ATTRIBUTES = {"pk", "sk", "listing_pk", "listing_sk", "open_pk", "open_since"}
NO_MARKERS = {"CURRENT", "REFUSED", "RUNS", "SESSIONS", "DELETING"}
MARKERS = sorted(value for value in CONSTANTS.values() if isinstance(value, str) and value not in NO_MARKERS)


def _built_keys(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the literals and f-strings that are assigned to, or compared with, an attribute of a key."""
    for node in ast.walk(tree):
        pairs: list[tuple[ast.AST | None, ast.AST]] = []
        if isinstance(node, ast.Dict):
            pairs = list(zip(node.keys, node.values, strict=True))
        if isinstance(node, ast.Assign):
            pairs = [(one.slice, node.value) for one in node.targets if isinstance(one, ast.Subscript)]
        if isinstance(node, ast.Call):
            pairs = [(ast.Constant(one.arg), one.value) for one in node.keywords]
        for name, value in pairs:
            if isinstance(name, ast.Constant) and str(name.value).lstrip(":") in ATTRIBUTES:
                yield from (one for one in ast.walk(value) if _is_text(one))


def _is_text(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and node.value not in ATTRIBUTES
    return isinstance(node, ast.JoinedStr)


def _texts(tree: ast.AST) -> Iterator[ast.Constant]:
    """Yield every string and every piece of an f-string, except docstrings."""
    documented = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented:
            yield node


def _violations(source: str) -> list[int]:
    """Return the lines of a module that build a key of the table or contain the name of a marker."""
    tree = ast.parse(source)
    found: list[ast.AST] = list(_built_keys(tree))
    found += [one for one in _texts(tree) if re.match(r"[A-Z][A-Z-]*#", one.value)]
    found += [one for one in _texts(tree) if re.search(rf"\b({'|'.join(MARKERS)})\b", one.value)]
    return sorted({one.lineno for one in found})  # type: ignore[attr-defined]


def test_no_other_module_builds_a_key_of_the_table() -> None:
    found = {str(file.relative_to(REPOSITORY)): _violations(file.read_text()) for file in SOURCES}
    assert {file: lines for file, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "line",
    [
        'key = {"pk": f"OWNER#{owner}", "sk": sort_key}',
        'key = {"pk": partition, "sk": "LEASE"}',
        'item["listing_pk"] = "RUNS"',
        'item["listing_sk"] = f"{now}#{photo_id}"',
        'values = {":pk": "OWNER#" + owner}',
        "key = dict(pk=f'{kind}#{owner}')",
        'start = f"DAY#{day}"',
        'condition = "attribute_not_exists(erased_at)"',
        'item = {"forget_after": seconds}',
    ],
)
def test_line_with_a_key_or_marker_is_found(line: str) -> None:
    assert _violations(line) == [1]


@pytest.mark.parametrize(
    "line",
    [
        'key = {"pk": item["pk"], "sk": position.sk}',
        'names = {"#status": "status"}',
        'condition = "pk = :pk AND begins_with(sk, :start)"',
        'key = table_keys.album_key(owner, "rome")',
        '"""An OWNER# in a docstring, with erased_at."""',
    ],
)
def test_line_without_a_key_or_marker_is_not_found(line: str) -> None:
    assert _violations(line) == []
