import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.strategies import json_values
from vision.domain.failures import CAUSE_LIMIT, Failure, combined, first_cause


def _of_lambda(message: str) -> dict[str, str]:
    cause = {"errorMessage": message, "errorType": "CorruptImage", "requestId": "r", "stackTrace": ["  File ..."]}
    return {"Error": "CorruptImage", "Cause": json.dumps(cause)}


def test_the_cause_of_a_function_is_its_message_and_not_its_stack() -> None:
    assert Failure.from_error_output(_of_lambda("the file is empty; upload it again")) == Failure(
        "CorruptImage", "the file is empty; upload it again"
    )


def test_a_cause_in_plain_text_is_taken_as_it_is() -> None:
    failure = Failure.from_error_output({"Error": "Lambda.TooManyRequestsException", "Cause": "Rate Exceeded."})
    assert failure == Failure("Lambda.TooManyRequestsException", "Rate Exceeded.")


def test_a_cause_in_other_json_is_taken_as_it_is() -> None:
    assert Failure.from_error_output({"Error": "E", "Cause": '{"code": 7}'}).cause == '{"code": 7}'


@pytest.mark.parametrize("name", ["States.Timeout", "States.DataLimitExceeded", "Runtime.ExitError"])
def test_without_a_cause_the_name_is_explained(name: str) -> None:
    assert len(Failure.from_error_output({"Error": name, "Cause": None}).cause) > 20


def test_a_function_that_gave_no_message_is_explained_too() -> None:
    assert Failure.from_error_output(_of_lambda("")).cause != ""


def test_an_error_without_a_name_is_called_unknown() -> None:
    assert Failure.from_error_output({}).name == "States.Unknown"


@given(st.dictionaries(st.sampled_from(("Error", "Cause")), json_values | json_values.map(json.dumps) | st.text()))
@example({"Error": "E", "Cause": "[" * 10_000})
@example({"Error": "E" * 1000, "Cause": "c" * 32_768})
def test_any_error_output_becomes_a_name_and_a_sentence_of_bounded_length(error_output: dict[str, object]) -> None:
    failure = Failure.from_error_output(error_output)
    assert 0 < len(failure.name) <= 256
    assert 0 < len(failure.cause) <= CAUSE_LIMIT


def test_no_failures_are_no_failure() -> None:
    assert combined([]) is None


def test_one_failure_stays_as_it_is() -> None:
    failure = Failure("Throttled", "DetectLabels: slow down")
    assert combined([failure]) == failure


def test_several_failures_keep_the_first_name_and_every_cause() -> None:
    both = combined([Failure("InvalidImage", "no labels"), Failure("CorruptImage", "no thumbnail")])
    assert both == Failure("InvalidImage", "no labels; also CorruptImage: no thumbnail")


def test_several_long_causes_are_cut_to_a_sentence() -> None:
    both = combined([Failure("A", "a" * CAUSE_LIMIT), Failure("B", "b" * CAUSE_LIMIT)])
    assert both is not None
    assert len(both.cause) == CAUSE_LIMIT


def test_a_person_is_told_the_first_of_several_causes() -> None:
    both = combined([Failure("InvalidImage", "no labels; try again"), Failure("CorruptImage", "no thumbnail")])
    assert both is not None
    assert first_cause(both.cause) == "no labels; try again"
