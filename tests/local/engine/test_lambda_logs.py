"""Which lines of a function reach CloudWatch Logs, by the rules of Lambda and at each log level of the product."""

import importlib.util
import io
import json
import sys
import zipfile
from pathlib import Path

import pytest

from local.engine.lambda_logs import kept
from local.stack.deployment import REPOSITORY
from tests.local.engine.account import Account, unique
from tests.template.cloudformation import load

pytestmark = pytest.mark.local

MOMENT = "2026-11-30T16:36:12.542Z"
LEVELS = load((REPOSITORY / "template.yaml").read_text())["Parameters"]["LogLevel"]["AllowedValues"]
PRODUCT = """
from vision import entry

@entry.task
def handler(event):
    entry.count("ModelMinutes", 3)
    entry.warn("look here")
    raise KeyError("lost")
"""


def lines_of(account: Account, function_arn: str) -> list[str]:
    """Invoke a function and return the lines of its log."""
    account.invoke(function_arn)
    group = "/aws/lambda/" + function_arn.rpartition(":")[2]
    events = account.client("logs").filter_log_events(logGroupName=group)["events"]
    return [event["message"] for event in events]


def line(**fields: str) -> str:
    return json.dumps({"timestamp": MOMENT, **fields})


@pytest.mark.parametrize(
    ("written", "lowest_level"),
    [
        *((line(level=level), level) for level in ("DEBUG", "WARN", "ERROR")),
        (line(level="info"), "INFO"),
        (line(level="WARNING"), "WARN"),
        (line(level="loud"), "INFO"),
        (line(message="no level"), "INFO"),
        (line(level="ERROR", timestamp="2026-11-30 16:36:12,542+0000"), "INFO"),
        (json.dumps({"level": "ERROR"}), "INFO"),
        ('{"_aws": {}, "ModelMinutes": [3.0]}', "INFO"),
        ("a sentence", "INFO"),
        ("17", "INFO"),
    ],
)
def test_line_is_kept_up_to_its_level(written, lowest_level):
    levels = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]
    keeping = [one for one in levels if kept({"LogFormat": "JSON", "ApplicationLogLevel": one}, [written])]
    assert keeping == levels[: levels.index(lowest_level) + 1]
    assert kept({"LogFormat": "Text"}, [written]) == [written]


def test_json_log_has_only_lines_of_the_functions_level(account):
    code = """
import logging, os
def handler(event, context):
    logging.getLogger().info("an info")
    logging.getLogger().warning("a warning")
    print("[printed]")
    return [os.environ["AWS_LAMBDA_LOG_FORMAT"], os.environ["AWS_LAMBDA_LOG_LEVEL"]]
"""
    function = account.function(code, LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "WARN"})
    log = lines_of(account, function)
    assert [json.loads(one)["message"] for one in log if one.startswith("{")] == ["a warning"]
    # A printed line counts as INFO.
    assert not [one for one in log if one.startswith("[")]
    assert account.invoke(function) == ["JSON", "WARN"]


def test_log_has_the_lines_before_a_failed_start(account):
    function = account.function("print('reading settings')\nraise RuntimeError('no table')")
    written = "\n".join(lines_of(account, function))
    assert "reading settings" in written
    assert "no table" in written


@pytest.fixture(scope="module")
def layer(account: Account) -> str:
    """The package `vision` with the packages that its log needs."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in ("vision", "aws_lambda_powertools", "jmespath"):
            package = Path(importlib.util.find_spec(name).origin).parent
            for file in package.rglob("*.py"):
                archive.write(file, Path("python", name, file.relative_to(package)))
        archive.write(sys.modules["typing_extensions"].__file__, "python/typing_extensions.py")
    published = account.client("lambda").publish_layer_version(
        LayerName=unique("layer"), Content={"ZipFile": content.getvalue()}
    )
    return published["LayerVersionArn"]


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=["template.yaml", "own-model.yaml"])
def settings(request: pytest.FixtureRequest, layer: str, level: str) -> dict:
    """The log settings of a template's functions."""
    template = load((REPOSITORY / request.param).read_text().replace("!Ref LogLevel", level))
    own_model = template["Resources"].get("ClassifyImageFunction", {}).get("Properties")
    function = own_model or template["Globals"]["Function"]
    logging_config = {name: value for name, value in function["LoggingConfig"].items() if name != "LogGroup"}
    variables = {**function["Environment"]["Variables"], "POWERTOOLS_SERVICE_NAME": "image-recognition"}
    texts = {name: value for name, value in variables.items() if isinstance(value, str)}
    return {"LoggingConfig": logging_config, "Environment": {"Variables": texts}, "Layers": [layer]}


def test_metrics_and_errors_are_logged_at_each_level_and_warnings_at_theirs(account, settings, level):
    written = lines_of(account, account.function(PRODUCT, **settings))
    assert [json.loads(one)["ModelMinutes"] for one in written if '"_aws"' in one] == [[3.0]]
    # By the runtime, too, and not only by the line of the handler.
    assert any("KeyError" in one and "unexpected error" not in one for one in written)
    assert any("look here" in one for one in written) is (level != "ERROR")
    at_the_start = lines_of(account, account.function("raise RuntimeError('no table')", **settings))
    assert any("no table" in one for one in at_the_start)
