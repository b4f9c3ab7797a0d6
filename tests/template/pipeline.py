"""The template of the pipeline, pipeline.yaml, by its parts."""

from tests.template.cloudformation import REPOSITORY, load

TEXT = (REPOSITORY / "pipeline.yaml").read_text()
TEMPLATE = load(TEXT)
RESOURCES = TEMPLATE["Resources"]
PROJECTS = {name: one["Properties"] for name, one in RESOURCES.items() if one["Type"] == "AWS::CodeBuild::Project"}
ROLES = {name: one["Properties"] for name, one in RESOURCES.items() if one["Type"] == "AWS::IAM::Role"}
PIPELINE = RESOURCES["Pipeline"]["Properties"]


def actions(stage):
    """Return the actions of a stage by their names, conditional ones too."""
    (found,) = [one for one in PIPELINE["Stages"] if one["Name"] == stage]
    chosen = [one["Fn::If"][1] if "Fn::If" in one else one for one in found["Actions"]]
    return {one["Name"]: one for one in chosen}


EVERY_ACTION = {
    f"{stage['Name']}-{name}": action for stage in PIPELINE["Stages"] for name, action in actions(stage["Name"]).items()
}
DEPLOYING = {name: one for name, one in EVERY_ACTION.items() if one["ActionTypeId"]["Provider"] == "CloudFormation"}
