"""Stages, as `samconfig.toml` has them."""

import json
import re
import subprocess

import pytest

from local.delivery import build_image, deploy, publish, stages

IMAGE = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/model@sha256:{'0a' * 32}"

SAMCONFIG = """
version = 0.1
[default.build.parameters]
parallel = true
[blue.deploy.parameters]
stack_name = "stack-blue"
parameter_overrides = 'Level=WARN Rules="[{\\"a\\": 1}, 2]"'
tags = "project=p stage=blue"
[blue.delivery.parameters]
gradual = true
[green.deploy.parameters]
stack_name = "stack-green"
parameter_overrides = ["Level=INFO", "Days=7"]
"""


@pytest.fixture
def samconfig(tmp_path):
    file = tmp_path / "samconfig.toml"
    file.write_text(SAMCONFIG)
    return file


def test_a_value_may_hold_spaces_and_quotes(samconfig):
    assert stages.read("blue", samconfig).parameters["Rules"] == '[{"a": 1}, 2]'


def test_a_gradual_stage_is_deployed_gradually(samconfig):
    assert stages.read("blue", samconfig).parameters["GradualDeployments"] == "true"


def test_parameters_may_be_a_list(samconfig):
    assert stages.read("green", samconfig).parameters == {"Level": "INFO", "Days": "7"}


def test_a_stage_without_tags_has_none(samconfig):
    assert stages.read("green", samconfig).tags == {}


@pytest.mark.parametrize("name", ["red", "default"])
def test_a_stage_that_is_not_deployed_is_refused_with_those_that_are(samconfig, name):
    with pytest.raises(KeyError, match=rf"no stage {name} .* it has blue, green"):
        stages.read(name, samconfig)


def test_a_deployment_names_every_parameter_of_the_stage_and_the_release(samconfig):
    given = deploy.arguments(stages.read("blue", samconfig), "one", None)
    assert given[given.index("--parameter-overrides") + 1 :] == [
        'Level="WARN"',
        'Rules="[{\\"a\\": 1}, 2]"',
        'GradualDeployments="true"',
        'Release="one"',
    ]


def test_a_deployment_uses_a_role_where_it_is_given_one(samconfig):
    given = deploy.arguments(stages.read("green", samconfig), "one", "arn:role")
    assert given[given.index("--role-arn") + 1] == "arn:role"


def test_an_own_model_is_deployed_beside_the_stack_and_reads_its_images(samconfig):
    given = deploy.own_model_arguments(stages.read("blue", samconfig), "one", "arn:aws:s3:::images", IMAGE, None)
    assert given[given.index("--stack-name") + 1] == "stack-blue-model"
    assert given[given.index("--image-repository") + 1] == IMAGE.partition("@")[0]
    assert 'ImageBucketArns="arn:aws:s3:::images"' in given


def test_a_deployment_of_an_own_model_has_a_release_as_that_of_the_stack_has(samconfig):
    given = deploy.own_model_arguments(stages.read("blue", samconfig), "one", "arn:aws:s3:::images", IMAGE, None)
    assert 'Release="one"' in given


def test_an_own_model_is_deployed_from_what_was_published(samconfig):
    given = deploy.own_model_arguments(stages.read("blue", samconfig), "one", "arn:aws:s3:::images", IMAGE, None)
    assert given[given.index("--template-file") + 1] == str(publish.OWN_MODEL.release / "template.yaml")


# A team's own model: named once, and the same for whoever builds, checks, publishes and deploys


def test_the_model_is_the_one_that_comes_with_the_product_unless_another_is_named(samconfig):
    assert stages.model_folder(samconfig) == "model"


@pytest.fixture
def with_mine(samconfig, tmp_path, monkeypatch):
    """The settings of a team with a model of its own, and a copy of the repository's folder for it."""
    samconfig.write_text(SAMCONFIG + '[default.delivery.parameters]\nmodel = "mine"\nmemory_size = 3072\n')
    folder = tmp_path / "functions/classify_image/mine"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    monkeypatch.setattr(build_image, "REPOSITORY", tmp_path)
    monkeypatch.setattr(stages.model_folder, "__defaults__", (samconfig,))
    return samconfig


@pytest.fixture
def calls(monkeypatch):
    """What would be run."""
    made = []
    monkeypatch.setattr(subprocess, "run", lambda call, **_: made.append(call))
    return made


def test_the_image_is_built_of_the_model_that_is_named(with_mine, calls):
    assert build_image.main(["--architecture", "x86_64"]) == 0
    (call,) = calls
    assert call[call.index("--parameter-overrides") + 1 :] == ["ModelFolder=mine", "LambdaArchitecture=x86_64"]


def test_the_stack_of_the_own_model_is_told_which_model_it_has(with_mine):
    given = deploy.own_model_arguments(stages.read("blue", with_mine), "one", "arn:aws:s3:::images", IMAGE, None)
    assert 'ModelFolder="mine"' in given


def test_the_stack_of_the_own_model_is_told_how_much_memory_its_function_has(with_mine):
    given = deploy.own_model_arguments(stages.read("blue", with_mine), "one", "arn:aws:s3:::images", IMAGE, None)
    assert 'MemorySize="3072"' in given


@pytest.fixture
def released(with_mine, calls, tmp_path, monkeypatch):
    """The parameters that a release of the own model hands to CodePipeline."""
    build = publish.Build(tmp_path / "build", tmp_path / "bill.json", tmp_path / "release", is_own_model=True)
    build.folder.mkdir()
    for file in (build.folder / "template.yaml", build.bill):
        file.touch()
    monkeypatch.setattr(publish, "STAGES", ("blue",))
    monkeypatch.setattr(stages.read, "__defaults__", (with_mine,))
    publish.publish(build, None, "uri")
    return json.loads((build.release / "blue.json").read_text())["Parameters"]


@pytest.mark.parametrize(("name", "value"), [("ModelFolder", "mine"), ("MemorySize", "3072")])
def test_a_release_of_the_own_model_has_what_is_said_of_it_in_its_settings(released, name, value):
    assert released[name] == value


@pytest.mark.parametrize("size", ["1023", "10241", "2048.5", '"2048"', "true"])
def test_memory_that_the_template_refuses_is_refused_with_the_limits_and_the_remedy(with_mine, size):
    with_mine.write_text(SAMCONFIG + f"[default.delivery.parameters]\nmemory_size = {size}\n")
    with pytest.raises(ValueError, match=r"from 1024 to 10240 MB; `make model-check`"):
        stages.read("blue", with_mine)


@pytest.mark.parametrize("size", [1024, 10_240])
def test_memory_may_be_as_little_and_as_much_as_the_template_takes(with_mine, size):
    with_mine.write_text(SAMCONFIG + f"[default.delivery.parameters]\nmemory_size = {size}\n")
    assert stages.read("blue", with_mine).memory_size == size


def test_a_model_without_a_manifest_is_refused_with_the_remedy(with_mine, calls, capsys):
    with_mine.write_text(SAMCONFIG + '[default.delivery.parameters]\nmodel = "theirs"\n')
    assert build_image.main([]) == 1
    assert "make model-manifest MODEL=theirs" in capsys.readouterr().out


def test_an_own_model_takes_from_its_stage_what_both_templates_have(samconfig):
    stage = stages.read("blue", samconfig)
    stage.parameters.update(LogLevel="WARN", PermissionsBoundaryArn="arn:boundary")
    assert stage.own_model_parameters() == {
        "ModelFolder": "model",
        "MemorySize": "2048",
        "LogLevel": "WARN",
        "PermissionsBoundaryArn": "arn:boundary",
        "GradualDeployments": "true",
    }


def test_a_release_fits_the_parameter_and_tells_when_it_was():
    assert re.fullmatch(r"\d{8}T\d{6}Z(-[0-9a-f]{4,40})?", deploy.release())


def test_an_unknown_stage_ends_a_deployment_with_a_sentence(capsys):
    assert deploy.main(["nowhere"]) == 1
    assert "samconfig.toml has no stage nowhere" in capsys.readouterr().out
