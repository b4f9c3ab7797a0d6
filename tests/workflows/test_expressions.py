"""Single expressions of the state machines: the causes of failures, and what the local engine cannot run."""

import pytest

from tests.workflows.definition import STATES, expressions
from tests.workflows.expressions import evaluate
from vision.domain.failures import CAUSE_LIMIT
from vision.domain.session.decisions import WORKERS_LIMIT

NO_CAUSE = "Step Functions gave no cause; the history of the execution shows what happened."
SESSION_FAILED = STATES["custom_model_session / Session Failed"]["Cause"]
RUN_REFUSED = STATES["process_bucket / Run Refused"]["Cause"]
[NOT_RECORDED] = STATES["process_image / Store Metadata After Failure"]["Catch"]
WORKER_LOST = STATES["custom_model_session / Worker Lost"]["Output"]["error"]["Cause"]


@pytest.mark.parametrize("redrive", [{}, {"RedriveTime": "2026-01-01T00:10:00.000Z", "RedriveCount": 1}])
@pytest.mark.parametrize(
    "state", ["Extract Metadata", "Detect Labels", "Store Metadata", "Store Metadata After Failure"]
)
def test_steps_that_write_the_record_receive_the_time_of_a_redrive(state, redrive):
    # The local engine cannot redrive.
    execution = {"Id": "arn", "StartTime": "2026-01-01T00:00:00.000Z"}
    payload = evaluate(
        STATES[f"process_image / {state}"]["Arguments"]["Payload"],
        states={
            "input": {"photo_id": "p"},
            "context": {"Execution": {**execution, **redrive, "Name": "n", "Input": {}}},
        },
        envelope={"photo_id": "p"},
        metadata={"format": "PNG"},
        parts={"label_count": 0},
        errors=[],
    )
    redriven = {name: value for name, value in redrive.items() if name == "RedriveTime"}
    stored = {"envelope": {"photo_id": "p"}, "parts": {"label_count": 0}, "errors": []}
    more = {"Extract Metadata": {"photo_id": "p"}, "Detect Labels": {"photo_id": "p", "metadata": {"format": "PNG"}}}
    assert payload == {**more.get(state, stored), "execution": {**execution, **redriven}}


@pytest.mark.parametrize("name", [name for name, state in STATES.items() if "Catch" in state])
def test_catch_has_a_value_when_an_error_has_no_cause(name):
    # Cause is optional, and an expression without a value would fail the state under another name.
    # https://docs.aws.amazon.com/step-functions/latest/apireference/API_TaskTimedOutEventDetails.html
    error = {"Error": "States.Timeout"}
    variables = {"states": {"input": {}, "errorOutput": error}, "errors": [error], "metadata": {}, "envelope": {}}
    values = {one: evaluate(one, error=None, **variables) for one in expressions(STATES[name]["Catch"])}
    assert not [expression for expression, value in values.items() if value is None]


def test_record_keeps_less_of_a_cause_than_a_fail_state():
    # https://docs.aws.amazon.com/step-functions/latest/apireference/API_ExecutionFailedEventDetails.html
    assert CAUSE_LIMIT <= 32_768


MESSAGES = [
    ('{"errorMessage": "model: EXPIRED", "errorType": "ModelNotUsable"}', "model: EXPIRED"),
    ('{"errorType":"KeyError","errorMessage":"\'a \\"b\\" \\u00d7\\n\'"}', "'a \"b\" ×\n'"),
    # Step Functions truncates a cause at 32,768 characters, anywhere.
    ('{"errorMessage": "model: EXPIRED", "stackTrace": ["cut in the mid', "model: EXPIRED"),
    ("", NO_CAUSE),
    (None, NO_CAUSE),
]
WITHOUT_MESSAGE = [
    *('{"errorMessage": "cut in the mid', '{"errorType": "Runtime.ExitError"}', "no answer in time", "null", "{}"),
    *("{like this}", '{"errorMessage": }', '{"errorMessage": "no \\q escape"}', '{"errorMessage": ""}'),
]


@pytest.mark.parametrize(("cause", "expected"), [*MESSAGES, *((cause, cause) for cause in WITHOUT_MESSAGE)])
def test_failed_execution_has_the_message_of_its_error_or_its_whole_cause(cause, expected):
    error = {"Error": "E"} if cause is None else {"Error": "E", "Cause": cause}
    assert evaluate(SESSION_FAILED, error=error) == expected
    assert evaluate(RUN_REFUSED, states={"input": error}) == expected
    assert evaluate(NOT_RECORDED["Output"]["error"]["cause"], errors=[error]) == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"Cause": '{"errorMessage": "model: gone", "stackTrace": ["' + "x" * 20_000 + '"]}'}, "model: gone"),
        ({"Cause": '{"errorType": "Runtime.ExitError"}'}, '{"errorType": "Runtime.ExitError"}'),
        ({"Cause": "{like this}"}, "{like this}"),
        ({"Cause": "x" * 32_768}, "x" * 1_000),
        ({"Cause": ""}, NO_CAUSE),
        ({}, NO_CAUSE),
    ],
)
def test_causes_of_all_lost_workers_fit_into_a_state(error, expected):
    cause = evaluate(WORKER_LOST, states={"input": {"error": {"Error": "E", **error}}})
    assert evaluate(SESSION_FAILED, error={"Error": "E", "Cause": cause}) == expected
    # A character takes at most six bytes of JSON, or four of UTF-8.
    # https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    assert 6 * len(cause) * WORKERS_LIMIT < 262_144
