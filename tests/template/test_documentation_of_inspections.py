"""The pages of inspections, of sessions and of own models: their tables and examples are those of the code."""

import json
import re
import tomllib

import pytest

from tests.template.cloudformation import TEMPLATE, load
from tests.template.pages import examples, named, page, rows, section
from vision.domain import errors, keys, records
from vision.domain.envelopes import Envelope
from vision.domain.image_file.metadata import Metadata
from vision.domain.inspection import results, rules
from vision.domain.inspection.verdicts import Judgement, Verdict, judge
from vision.domain.objects import ObjectVersion
from vision.domain.own_model import manifests
from vision.domain.session import custom_model

DESCRIBED = load(TEMPLATE.read_text())


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


def test_example_rules_are_read_by_the_code():
    assert len(rules.parse(json.dumps(examples("docs/inspection.md")[0]))) == 3


def test_rules_of_the_settings_file_are_read_by_the_code():
    (block,) = re.findall(r"```toml\n(.*?)```", page("docs/inspection.md"), re.DOTALL)
    (value,) = [
        one.removeprefix("InspectionRules=")
        for one in tomllib.loads(block)["parameter_overrides"]
        if one.startswith("InspectionRules=")
    ]
    assert value[0] == value[-1] == "'"
    assert rules.parse(value[1:-1])


def test_example_of_a_result_file_has_the_form_that_the_code_writes():
    result = examples("docs/inspection.md")[1]
    assert result["schema"] == results.RESULT_SCHEMA
    assert list(result) == list(json.loads(results.result_file(_inspected_record()[1])))


def test_example_of_a_message_is_of_the_example_of_a_result_file():
    _, result, message = examples("docs/inspection.md")
    assert list(message) == list(results.message(*_inspected_record()))
    assert {name: message[name] for name in ("verdict", "rule", "reasons", "image", "inspected_at")} == {
        name: result[name] for name in ("verdict", "rule", "reasons", "image", "inspected_at")
    }


def test_examples_of_an_inspection_have_the_keys_and_the_verdict_that_the_code_makes():
    example, result, message = examples("docs/inspection.md")
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


def test_example_manifest_is_read_by_the_code():
    (example,) = examples("docs/own-model.md")
    found = manifests.parse(json.dumps(example), lambda _: "Fine\nScratched\nBent\n")
    assert json.dumps(found.detector) in page("docs/own-model.md")
