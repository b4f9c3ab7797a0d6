import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.strategies import json_values
from vision.domain.failures import CAUSE_LIMIT, Failure, combined, first_cause


def _of_lambda(message: str) -> dict[str, str]:
    cause = {"errorMessage": message, "errorType": "CorruptImage", "requestId": "r", "stackTrace": ["  File ..."]}
    return {"Error": "CorruptImage", "Cause": json.dumps(cause)}


@pytest.mark.parametrize(
    ("output", "failure"),
    [
        (_of_lambda("the file is empty; try again"), Failure("CorruptImage", "the file is empty; try again")),
        ({"Error": "Lambda.Unknown", "Cause": "Rate Exceeded."}, Failure("Lambda.Unknown", "Rate Exceeded.")),
        ({"Error": "E", "Cause": '{"code": 7}'}, Failure("E", '{"code": 7}')),
    ],
    ids=["a message without its stack trace", "plain text", "other JSON"],
)
def test_cause_is_the_message_of_the_function_or_the_text(output: dict[str, str], failure: Failure) -> None:
    assert Failure.from_error_output(output) == failure


@pytest.mark.parametrize("name", ["States.Timeout", "States.DataLimitExceeded", "Runtime.ExitError"])
def test_error_without_a_cause_is_explained_by_its_name(name: str) -> None:
    for output in ({"Error": name, "Cause": None}, _of_lambda("")):
        assert len(Failure.from_error_output(output).cause) > 20
    assert Failure.from_error_output({}).name == "States.Unknown"


@given(st.dictionaries(st.sampled_from(("Error", "Cause")), json_values | json_values.map(json.dumps) | st.text()))
@example({"Error": "E", "Cause": "[" * 10_000})
@example({"Error": "E" * 1000, "Cause": "c" * 32_768})
def test_name_and_cause_of_any_error_output_have_a_bounded_length(error_output: dict[str, object]) -> None:
    failure = Failure.from_error_output(error_output)
    assert 0 < len(failure.name) <= 256
    assert 0 < len(failure.cause) <= CAUSE_LIMIT


def test_failures_are_combined_under_the_first_name_with_every_cause() -> None:
    first, second = Failure("InvalidImage", "no labels; try again"), Failure("CorruptImage", "no thumbnail")
    assert combined([]) is None
    assert combined([first]) == first
    both = combined([first, second])
    assert both == Failure("InvalidImage", "no labels; try again; also CorruptImage: no thumbnail")
    # The API shows the first one only.
    assert first_cause(both.cause) == "no labels; try again"
    long = combined([Failure("A", "a" * CAUSE_LIMIT), Failure("B", "b" * CAUSE_LIMIT)])
    assert long is not None
    assert len(long.cause) == CAUSE_LIMIT
