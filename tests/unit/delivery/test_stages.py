"""Stages, as `samconfig.toml` has them."""

import re

import pytest

from local.delivery import deploy, stages

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
    given = deploy.own_model_arguments(stages.read("blue", samconfig), "arn:aws:s3:::images", "uri", None)
    assert given[given.index("--stack-name") + 1] == "stack-blue-model"
    assert given[given.index("--image-repository") + 1] == "uri"
    assert given[-1] == 'ImageBucketArns="arn:aws:s3:::images"'


def test_a_release_fits_the_parameter_and_tells_when_it_was():
    assert re.fullmatch(r"\d{8}T\d{6}Z(-[0-9a-f]{4,40})?", deploy.release())


def test_an_unknown_stage_ends_a_deployment_with_a_sentence(capsys):
    assert deploy.main(["nowhere"]) == 1
    assert "samconfig.toml has no stage nowhere" in capsys.readouterr().out
