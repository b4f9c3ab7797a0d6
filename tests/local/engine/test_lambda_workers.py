"""Functions run as in Lambda: their environment, the names of their failures, and how many run at once."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.local.engine.account import CONCURRENCY, archive, unique
from tests.local.engine.language import INVOKE, catches, invoke, jsonata, machine, succeeds_with

pytestmark = pytest.mark.local

KILLED = """
import os, signal
def handler(event, context):
    if event.get("kill"):
        os.kill(os.getpid(), signal.SIGKILL)
    return "alive"
"""
KILLED_IN_ITS_ANSWER = """
import os, signal, socket
def handler(event, context):
    host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
    path = f"/2018-06-01/runtime/invocation/{context.aws_request_id}/response"
    head = f"POST {path} HTTP/1.1\\r\\nHost: {host}\\r\\nContent-Length: 100\\r\\n\\r\\n"
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall((head + event["sent"]).encode())
        os.kill(os.getpid(), signal.SIGKILL)
"""
# Returns how the Runtime API answers with the headers of the event, and without.
REQUESTS_AS_A_PAGE = """
import http.client, os
def handler(event, context):
    statuses = []
    for headers in (event, {}):
        api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
        api.request("GET", "/somewhere", headers=headers)
        statuses.append(api.getresponse().status)
    return statuses
"""


def test_exception_or_failed_import_reaches_the_caller_with_its_class(account):
    answer = account.invoke(account.function("def handler(event, context): raise KeyError('photo')"))
    assert (answer["errorType"], answer["errorMessage"]) == ("KeyError", "'photo'")
    assert "app.py" in answer["stackTrace"][0]
    # `jsonpath_ng` is a package of the engine.
    for module in ("nothing_like_this", "jsonpath_ng"):
        answer = account.invoke(account.function(f"import {module}\ndef handler(event, context): return None"))
        assert answer["errorType"] == "Runtime.ImportModuleError"
        assert module in answer["errorMessage"]


def test_killed_process_is_an_exit_error_and_is_replaced(account):
    function = account.function(KILLED)
    task = invoke({"kill": True})
    task["Parameters"]["FunctionName"] = function
    definition, is_caught = catches("Runtime.ExitError", task)
    execution = account.run(definition)
    assert is_caught(execution), execution
    error = account.invoke(function, {"kill": True})
    assert error["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
    assert account.invoke(function) == "alive"


def test_process_killed_from_outside_fails_its_invocation_at_once(account):
    function = account.function(
        "import os, time\ndef handler(e, c):\n  time.sleep(e.get('s', 0))\n  return os.getpid()"
    )
    process_id = account.invoke(function)
    # An environment is used again.
    assert account.invoke(function) == process_id
    with ThreadPoolExecutor() as pool:
        running = pool.submit(account.invoke, function, {"s": 15})
        time.sleep(0.3)
        os.kill(process_id, signal.SIGKILL)
        assert running.result(timeout=12)["errorType"] == "Runtime.ExitError"


def test_process_killed_in_the_middle_of_its_answer_is_an_exit_error_and_a_slow_one_a_timeout(account):
    for sent in ("", '{"statusCode": 200}'):
        answer = account.invoke(account.function(KILLED_IN_ITS_ANSWER), {"sent": sent})
        assert answer["errorType"] == "Runtime.ExitError"
    function = account.function("import time\ndef handler(event, context): time.sleep(10)", Timeout=1)
    assert account.invoke(function)["errorType"] == "Sandbox.Timedout"


def test_failed_start_leaves_other_environments_of_the_function_running(account, tmp_path):
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
        assert account.invoke(function)["errorMessage"] == "a second environment"
        assert first.result() == "done"


def test_last_layer_overrides_the_first(account):
    def layer(word: str) -> str:
        content = {"ZipFile": archive({"python/words.py": f"WORD = {word!r}"})}
        published = account.client("lambda").publish_layer_version(LayerName=unique("layer"), Content=content)
        return published["LayerVersionArn"]

    code = "import words\ndef handler(event, context): return words.WORD"
    assert account.invoke(account.function(code, Layers=[layer("first"), layer("last")])) == "last"


def test_function_has_the_variables_of_lambda_and_its_own_and_a_log_group(account):
    code = "import os\ndef handler(event, context):\n  print('looking at photo 7')\n  return dict(os.environ)"
    function = account.function(code, Environment={"Variables": {"TABLE": "photos"}})
    variables = account.invoke(function)
    assert variables["TABLE"] == "photos"
    assert variables["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.11"
    assert variables["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    assert not variables.keys() & {"HOME", "USER", "VIRTUAL_ENV", "STATE_DIR", "AUTH", "AWS_PROFILE"}
    group = "/aws/lambda/" + function.rpartition(":")[2]
    events = account.client("logs").filter_log_events(logGroupName=group)["events"]
    assert "looking at photo 7" in [event["message"].strip() for event in events]


def test_runtime_api_refuses_requests_of_a_page(account):
    function = account.function(REQUESTS_AS_A_PAGE)
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "same-site"}, {"Host": "evil.example"}):
        assert account.invoke(function, headers) == [403, 404]


def test_invocations_above_the_concurrency_wait_and_all_end(account):
    code = "import time\ndef handler(event, context):\n  s = time.time()\n  time.sleep(0.3)\n  return [s, time.time()]"
    function = account.function(code)
    with ThreadPoolExecutor(12) as pool:
        spans = list(pool.map(lambda _: account.invoke(function), range(12)))
    assert max(sum(start <= moment < end for start, end in spans) for moment, _ in spans) <= CONCURRENCY


def test_waiting_for_concurrency_does_not_count_as_running_time_of_the_task(account):
    function = account.function("import time\ndef handler(event, context): time.sleep(0.6)")
    task = {"Type": "Task", "Resource": INVOKE, "Arguments": {"FunctionName": function}, "TimeoutSeconds": 2}
    task |= {"Output": "{% $states.result.StatusCode %}", "End": True}
    branches = {"Type": "Parallel", "Branches": [machine(Call=task)] * (6 * CONCURRENCY), "End": True}
    execution = account.run(jsonata(All=branches))
    assert succeeds_with([200] * (6 * CONCURRENCY))(execution), execution
