"""The stages in `samconfig.toml`, and the arguments of their deployments."""

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


def own_model_arguments(samconfig):
    """Return the arguments that deploy an own model for the stage `blue`."""
    return deploy.own_model_arguments(stages.read("blue", samconfig), "one", "arn:aws:s3:::images", IMAGE, None)


def test_parameters_are_text_with_quoted_values_or_a_list(samconfig):
    blue, green = stages.read("blue", samconfig), stages.read("green", samconfig)
    assert blue.parameters == {"Level": "WARN", "Rules": '[{"a": 1}, 2]', "GradualDeployments": "true"}
    assert green.parameters == {"Level": "INFO", "Days": "7"}
    assert green.tags == {}


def test_unknown_stage_is_refused_with_the_known_ones(samconfig, capsys):
    for name in ("red", "default"):
        with pytest.raises(KeyError, match=rf"no stage {name} .* it has blue, green"):
            stages.read(name, samconfig)
    assert deploy.main(["nowhere"]) == 1
    assert "samconfig.toml has no stage nowhere" in capsys.readouterr().out


def test_deployment_has_parameters_release_and_an_optional_role(samconfig, tmp_path):
    stage, template = stages.read("blue", samconfig), tmp_path / "template.yaml"
    given = deploy.arguments(stage, template, stage.parameters | {"Release": "one"}, None)
    assert given[given.index("--template-file") + 1] == str(template)
    assert given[given.index("--parameter-overrides") + 1 :] == [
        'Level="WARN"',
        'Rules="[{\\"a\\": 1}, 2]"',
        'GradualDeployments="true"',
        'Release="one"',
    ]
    assert "--role-arn" not in given
    given = deploy.arguments(stage, template, {}, "arn:role")
    assert given[given.index("--role-arn") + 1] == "arn:role"


def test_own_model_is_deployed_beside_the_stack_from_its_release(samconfig):
    given = own_model_arguments(samconfig)
    assert given[given.index("--stack-name") + 1] == "stack-blue-model"
    assert given[given.index("--image-repository") + 1] == IMAGE.partition("@")[0]
    assert given[given.index("--template-file") + 1] == str(publish.OWN_MODEL.release / "template.yaml")
    assert {'ImageBucketArns="arn:aws:s3:::images"', 'Release="one"'} <= set(given)
    stage = stages.read("blue", samconfig)
    stage.parameters.update(LogLevel="WARN", PermissionsBoundaryArn="arn:boundary")
    # Parameters of both templates.
    kept = {"LogLevel": "WARN", "PermissionsBoundaryArn": "arn:boundary", "GradualDeployments": "true"}
    assert stage.own_model_parameters() == {"ModelFolder": "model", "MemorySize": "2048", **kept}


def test_release_name_matches_the_parameter_and_has_the_time():
    assert re.fullmatch(r"\d{8}T\d{6}Z(-[0-9a-f]{4,40})?", deploy.release())


# A team's own model: named once for build, check, publication and deployment


@pytest.fixture
def with_mine(samconfig, tmp_path, monkeypatch):
    """The settings of a team with its own model, and the folder of that model."""
    samconfig.write_text(SAMCONFIG + '[default.delivery.parameters]\nmodel = "mine"\nmemory_size = 3072\n')
    folder = tmp_path / "functions/classify_image/mine"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    monkeypatch.setattr(build_image, "REPOSITORY", tmp_path)
    monkeypatch.setattr(stages.model_folder, "__defaults__", (samconfig,))
    return samconfig


@pytest.fixture
def calls(monkeypatch):
    """The commands that would be run."""
    made = []
    monkeypatch.setattr(subprocess, "run", lambda call, **_: made.append(call))
    return made


def test_image_is_built_from_the_named_model_if_it_has_a_manifest(samconfig, with_mine, calls, capsys):
    assert build_image.main(["--architecture", "x86_64"]) == 0
    [call] = calls
    assert call[call.index("--parameter-overrides") + 1 :] == ["ModelFolder=mine", "LambdaArchitecture=x86_64"]
    with_mine.write_text(SAMCONFIG + '[default.delivery.parameters]\nmodel = "theirs"\n')
    assert build_image.main([]) == 1
    assert "make model-manifest MODEL=theirs" in capsys.readouterr().out
    samconfig.write_text(SAMCONFIG)
    assert stages.model_folder(samconfig) == "model"


def test_deployment_and_release_have_the_named_model_and_its_memory(with_mine, calls, tmp_path, monkeypatch):
    assert {'ModelFolder="mine"', 'MemorySize="3072"'} <= set(own_model_arguments(with_mine))
    build = publish.Build(tmp_path / "build", tmp_path / "bill.json", tmp_path / "release", is_own_model=True)
    build.folder.mkdir()
    for file in (build.folder / "template.yaml", build.bill):
        file.touch()
    monkeypatch.setattr(publish, "STAGES", ("blue",))
    monkeypatch.setattr(stages.read, "__defaults__", (with_mine,))
    publish.publish(build, None, "uri")
    parameters = json.loads((build.release / "blue.json").read_text())["Parameters"]
    assert (parameters["ModelFolder"], parameters["MemorySize"]) == ("mine", "3072")


def test_memory_is_accepted_within_the_limits_only(samconfig):
    def memory_of(size):
        samconfig.write_text(SAMCONFIG + f"[default.delivery.parameters]\nmemory_size = {size}\n")
        return stages.read("blue", samconfig).memory_size

    assert [memory_of(size) for size in (1024, 10_240)] == [1024, 10_240]
    for size in ("1023", "10241", "2048.5", '"2048"', "true"):
        with pytest.raises(ValueError, match=r"from 1024 to 10240 MB; `make model-check`"):
            memory_of(size)
