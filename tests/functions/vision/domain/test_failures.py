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
        (
            _of_lambda("the file is empty; upload it again"),
            Failure("CorruptImage", "the file is empty; upload it again"),
        ),
        (
            {"Error": "Lambda.TooManyRequestsException", "Cause": "Rate Exceeded."},
            Failure("Lambda.TooManyRequestsException", "Rate Exceeded."),
        ),
        ({"Error": "E", "Cause": '{"code": 7}'}, Failure("E", '{"code": 7}')),
    ],
    ids=["a message without its stack trace", "plain text", "other JSON"],
)
def test_cause_is_the_message_of_the_function_or_the_text(output: dict[str, str], failure: Failure) -> None:
    assert Failure.from_error_output(output) == failure


@pytest.mark.parametrize(
    "output",
    [
        *(
            {"Error": name, "Cause": None}
            for name in ("States.Timeout", "States.DataLimitExceeded", "Runtime.ExitError")
        ),
        _of_lambda(""),
    ],
)
def test_error_without_a_cause_is_explained_by_its_name(output: dict[str, str | None]) -> None:
    assert len(Failure.from_error_output(output).cause) > 20


def test_error_without_a_name_is_unknown() -> None:
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


def test_combined_cause_has_a_bounded_length() -> None:
    both = combined([Failure("A", "a" * CAUSE_LIMIT), Failure("B", "b" * CAUSE_LIMIT)])
    assert both is not None
    assert len(both.cause) == CAUSE_LIMIT
