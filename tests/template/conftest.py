"""The template, read once."""

import pytest

from tests.template import cloudformation


@pytest.fixture(scope="session")
def text():
    return cloudformation.TEMPLATE.read_text()


@pytest.fixture(scope="session")
def template(text):
    return cloudformation.load(text)


@pytest.fixture(scope="session")
def resources(template):
    return template["Resources"]


@pytest.fixture(scope="session")
def expanded_template(template):
    """The template that CloudFormation gets to see."""
    return cloudformation.expand(template)


@pytest.fixture(scope="session")
def expanded(expanded_template):
    """Every resource that CloudFormation gets to see."""
    return expanded_template["Resources"]


@pytest.fixture(scope="session")
def of_type(expanded):
    def find(resource_type):
        found = {name: one["Properties"] for name, one in expanded.items() if one["Type"] == resource_type}
        assert found, f"the template has no {resource_type}"
        return found

    return find
