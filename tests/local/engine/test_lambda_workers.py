"""Functions run as they do in Lambda: what they see, what their failures are called, how many run at once."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.local.engine.account import CONCURRENCY, archive, unique
from tests.local.engine.language import caught, invoke, jsonata, machine, names, succeeds_with

pytestmark = pytest.mark.local

PROCESS_ID = "import os\ndef handler(event, context): return os.getpid()"
SUICIDE = """
import os, signal
def handler(event, context):
    if event.get("die"):
        os.kill(os.getpid(), signal.SIGKILL)
    return "alive"
"""

# Says how the Runtime API answers with these headers, and without.
ANSWER_AS_A_PAGE = """
import http.client, os
def handler(event, context):
    statuses = []
    for headers in (event, {}):
        api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
        api.request("GET", "/somewhere", headers=headers)
        statuses.append(api.getresponse().status)
    return statuses
"""


DEATH_IN_AN_ANSWER = """
import os, signal, socket
def handler(event, context):
    host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
    path = f"/2018-06-01/runtime/invocation/{context.aws_request_id}/response"
    head = f"POST {path} HTTP/1.1\\r\\nHost: {host}\\r\\nContent-Length: 100\\r\\n\\r\\n"
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall((head + event["sent"]).encode())
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_an_exception_reaches_the_caller_with_class_message_and_trace(account):
    answer = account.invoke(account.function("def handler(event, context): raise KeyError('photo')"))
    assert (answer["errorType"], answer["errorMessage"]) == ("KeyError", "'photo'")
    assert "app.py" in answer["stackTrace"][0]


def test_a_module_that_cannot_be_imported_is_named(account):
    answer = account.invoke(account.function("import nothing_like_this"))
    assert answer["errorType"] == "Runtime.ImportModuleError"
    assert "nothing_like_this" in answer["errorMessage"]


def test_an_environment_is_used_again(account):
    function = account.function(PROCESS_ID)
    assert account.invoke(function) == account.invoke(function)


def test_a_killed_process_is_an_exit_error_for_the_state_machine(account):
    function = account.function(SUICIDE)
    task = invoke({"die": True})
    task["Parameters"]["FunctionName"] = function
    execution = account.run(caught("Runtime.ExitError", task))
    assert names("Runtime.ExitError")(execution), execution


def test_an_invocation_after_a_killed_process_gets_a_new_one(account):
    function = account.function(SUICIDE)
    error = account.invoke(function, {"die": True})
    assert error["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
    assert account.invoke(function) == "alive"


def test_a_process_killed_from_outside_fails_its_invocation_at_once(account):
    function = account.function(
        "import os, time\ndef handler(e, c):\n  time.sleep(e.get('s', 0))\n  return os.getpid()"
    )
    process_id = account.invoke(function)
    with ThreadPoolExecutor() as pool:
        running = pool.submit(account.invoke, function, {"s": 15})
        time.sleep(0.3)
        os.kill(process_id, signal.SIGKILL)
        assert running.result(timeout=12)["errorType"] == "Runtime.ExitError"


@pytest.mark.parametrize("sent", ["", '{"statusCode": 200}'])
def test_process_killed_in_the_middle_of_its_answer_is_an_exit_error(account, sent):
    answer = account.invoke(account.function(DEATH_IN_AN_ANSWER), {"sent": sent})
    assert answer["errorType"] == "Runtime.ExitError"


def test_a_function_that_runs_too_long_is_a_sandbox_timeout(account):
    function = account.function("import time\ndef handler(event, context): time.sleep(10)", Timeout=1)
    assert account.invoke(function)["errorType"] == "Sandbox.Timedout"


def test_a_failed_start_leaves_other_environments_of_the_function_alone(account, tmp_path):
    code = f"""
import pathlib, time
lock = pathlib.Path({str(tmp_path / "started")!r})
if lock.exists():
    raise ValueError("a second environment")
lock.touch()
def handler(event, context):
    time.sleep(1)
    return "done"
"""
    function = account.function(code)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(account.invoke, function)
        time.sleep(0.6)
        second = account.invoke(function)
        assert second["errorMessage"] == "a second environment"
        assert first.result() == "done"


def test_the_last_layer_wins(account):
    def layer(word: str) -> str:
        content = {"ZipFile": archive({"python/words.py": f"WORD = {word!r}"})}
        return account.client("lambda").publish_layer_version(LayerName=unique("layer"), Content=content)[
            "LayerVersionArn"
        ]

    code = "import words\ndef handler(event, context): return words.WORD"
    function = account.function(code, Layers=[layer("first"), layer("last")])
    assert account.invoke(function) == "last"


def test_a_function_sees_no_package_of_the_engine(account):
    function = account.function("import jsonpath_ng\ndef handler(event, context): return None")
    assert account.invoke(function)["errorType"] == "Runtime.ImportModuleError"


def test_a_function_sees_the_variables_of_lambda_and_its_own(account):
    code = "import os\ndef handler(event, context): return dict(os.environ)"
    variables = account.invoke(account.function(code, Environment={"Variables": {"TABLE": "photos"}}))
    assert variables["TABLE"] == "photos"
    assert variables["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.11"
    assert variables["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    assert not variables.keys() & {"HOME", "USER", "VIRTUAL_ENV", "STATE_DIR", "AUTH", "AWS_PROFILE"}


def test_what_a_function_prints_is_in_its_log_group(account):
    function = account.function("def handler(event, context): print('looking at photo 7')")
    account.invoke(function)
    group = "/aws/lambda/" + function.rpartition(":")[2]
    events = account.client("logs").filter_log_events(logGroupName=group)["events"]
    assert "looking at photo 7" in [event["message"].strip() for event in events]


def test_more_invocations_than_places_wait_and_all_end(account):
    code = "import time\ndef handler(event, context):\n  s = time.time()\n  time.sleep(0.3)\n  return [s, time.time()]"
    function = account.function(code)
    with ThreadPoolExecutor(12) as pool:
        spans = list(pool.map(lambda _: account.invoke(function), range(12)))
    most = max(sum(start <= moment < end for start, end in spans) for moment, _ in spans)
    assert most <= CONCURRENCY


def test_waiting_for_a_place_is_not_running_time_of_the_task(account):
    function = account.function("import time\ndef handler(event, context): time.sleep(0.6)")
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": function},
        "TimeoutSeconds": 2,
        "Output": "{% $states.result.StatusCode %}",
        "End": True,
    }
    branches = {"Type": "Parallel", "Branches": [machine(Call=task)] * (6 * CONCURRENCY), "End": True}
    execution = account.run(jsonata(All=branches))
    assert succeeds_with([200] * (6 * CONCURRENCY))(execution), execution


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "same-site"}, {"Host": "evil.example"}]
)
def test_the_runtime_api_refuses_a_page(account, headers):
    answer = account.invoke(account.function(ANSWER_AS_A_PAGE), headers)
    assert answer == [403, 404]
