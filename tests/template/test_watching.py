"""Logs, alarms and the dashboard: they show what exists, and alarms say what to do."""

import json
import re

import pytest

from tests.template.cloudformation import REPOSITORY, TEMPLATE, load, references
from vision import entry
from vision.domain.bulk.tallies import Tally
from vision.domain.statuses import OPEN, Status

ALARMS = [
    name for name, one in load(TEMPLATE.read_text())["Resources"].items() if one["Type"] == "AWS::CloudWatch::Alarm"
]
# What the services publish, by namespace: the names that dashboards and alarms may use.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
# https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
# https://docs.aws.amazon.com/rekognition/latest/dg/cloudwatch-metricsdim.html
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
PUBLISHED = {
    "AWS/SQS": {
        "ApproximateNumberOfMessagesVisible",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateAgeOfOldestMessage",
    },
    "AWS/States": {
        "ExecutionsStarted",
        "ExecutionsSucceeded",
        "ExecutionsFailed",
        "ExecutionsTimedOut",
        "ExecutionsAborted",
        "ExecutionTime",
    },
    "AWS/Rekognition": {"SuccessfulRequestCount", "ThrottledCount", "UserErrorCount", "ServerErrorCount"},
    "AWS/Lambda": {"Invocations", "Errors", "Throttles", "Duration"},
    "AWS/ApiGateway": {"Count", "4xx", "5xx", "Latency", "IntegrationLatency", "DataProcessed"},
}
FUNCTIONS = REPOSITORY / "functions"
# The own model's function counts in the name of its own stack.
APPS = [app for app in FUNCTIONS.glob("*/app.py") if app.parent.name != "classify_image"]
SOURCES = [*APPS, *(FUNCTIONS / "shared/vision").rglob("*.py")]
# The statuses that store_metadata can write, see vision.domain.records.outcome; what inspections end as; and what is
# counted by its name.
COUNTED = (
    {status.metric for status in Status if status not in OPEN}
    | set(re.findall(r"Inspections[A-Z]\w+", (FUNCTIONS / "shared/vision/entry.py").read_text()))
    | set(Tally(labelled=1, partial=1, failed=1, skipped=1).metrics())
    | {name for source in SOURCES for name in re.findall(r'\bcount\("(\w+)"', source.read_text())}
)


@pytest.fixture(params=ALARMS)
def alarm(request, resources):
    return resources[request.param]["Properties"]


@pytest.fixture
def dashboard(resources):
    body = resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    return json.loads(re.sub(r"\$\{([^}]*)\}", r"<\1>", body))


def _metrics(dashboard):
    """Yield namespace, name and dimensions of each metric, with CloudWatch's shorthands spelled out."""
    for widget in dashboard["widgets"]:
        previous = []
        for metric in widget["properties"].get("metrics", []):
            parts = [part for part in metric if isinstance(part, str)]
            if not parts:
                continue
            if parts == ["..."]:
                parts = previous
            parts = [previous[at] if part == "." else part for at, part in enumerate(parts)]
            previous = parts
            yield parts[0], parts[1], dict(zip(parts[2::2], parts[3::2], strict=True))


def test_alarm_says_why_it_sounds_and_what_to_do_and_goes_to_the_topic(alarm):
    why, *what_to_do = re.split(r"(?<=[.:;]) ", alarm["AlarmDescription"])
    assert len(why) > 30
    assert re.search(r"\b(Look at|tell which|redrive)\b", " ".join(what_to_do))
    assert alarm["AlarmActions"] == {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}
    # It is quiet when there is nothing to measure.
    assert alarm["TreatMissingData"] == "notBreaching"


def test_alarm_watches_a_metric_that_exists_of_a_resource_or_of_this_stack(alarm, resources, template):
    assert alarm["MetricName"] in {**PUBLISHED, entry.METRIC_NAMESPACE: COUNTED}[alarm["Namespace"]]
    (dimension,) = alarm["Dimensions"]
    if alarm["Namespace"] == entry.METRIC_NAMESPACE:
        service = template["Globals"]["Function"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
        assert dimension == {"Name": "service", "Value": service}
        return
    ((_, name),) = references(dimension["Value"])
    resource, _, attribute = name.partition(".")
    expected = {
        "QueueName": ("AWS::SQS::Queue", "QueueName"),
        "StateMachineArn": ("AWS::Serverless::StateMachine", ""),
        "ApiId": ("AWS::ApiGatewayV2::Api", ""),
        "FunctionName": ("AWS::Serverless::Function", ""),
    }[dimension["Name"]]
    assert (resources[resource]["Type"], attribute) == expected


def test_every_dead_letter_queue_has_an_alarm(resources):
    watched = {
        resources[name]["Properties"]["Dimensions"][0]["Value"].get("Fn::GetAtt", [""])[0]
        for name in ALARMS
        if resources[name]["Properties"]["MetricName"] == "ApproximateNumberOfMessagesVisible"
    }
    queues = {name for name, one in resources.items() if one["Type"] == "AWS::SQS::Queue"}
    assert watched == queues - {"ProcessingQueue", "InspectionQueue"}


def test_minutes_of_the_model_are_counted_between_two_runs_of_the_watchdog_and_watched_by_the_day(resources):
    # ModelMinutes is a sum over runs, each standing for the period until the next.
    stop_model = resources["StopModelFunction"]["Properties"]
    seconds = stop_model["Environment"]["Variables"]["WATCHDOG_PERIOD_SECONDS"]
    schedule = resources["StopModelWatchdogRule"]["Properties"]["ScheduleExpression"]
    assert schedule == f"rate({seconds // 60} minutes)"
    alarm = resources["ModelMinutesAlarm"]["Properties"]
    assert (alarm["Period"], alarm["Statistic"]) == (86_400, "Sum")


def test_dashboard_shows_every_outcome_that_the_code_counts_and_no_metric_that_does_not_exist(dashboard):
    shown = {}
    for namespace, name, _ in _metrics(dashboard):
        shown.setdefault(namespace, set()).add(name)
    assert shown.pop(entry.METRIC_NAMESPACE) == COUNTED
    assert [
        (namespace, names - PUBLISHED[namespace]) for namespace, names in shown.items() if names - PUBLISHED[namespace]
    ] == []


def test_code_counts_in_the_dimensions_that_the_dashboard_shows(dashboard, resources, template, capsys, monkeypatch):
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["POWERTOOLS_SERVICE_NAME"] == {"Ref": "AWS::StackName"}
    # As the fixture writes what the deployment fills in.
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "<AWS::StackName>")
    monkeypatch.delenv("POWERTOOLS_METRICS_DISABLED", raising=False)
    entry.count("ImagesSucceeded")
    written = json.loads(capsys.readouterr().out)
    (directive,) = written["_aws"]["CloudWatchMetrics"]
    (dimensions,) = directive["Dimensions"]
    shown = [dimensions for namespace, name, dimensions in _metrics(dashboard) if namespace == entry.METRIC_NAMESPACE]
    assert directive["Namespace"] == entry.METRIC_NAMESPACE
    assert len(shown) >= len(COUNTED)
    assert all({name: written[name] for name in dimensions} == one for one in shown)


def test_dashboard_groups_refusals_by_the_field_that_the_code_logs(dashboard):
    (query,) = [widget["properties"]["query"] for widget in dashboard["widgets"] if widget["type"] == "log"]
    assert "SOURCE '<FunctionLogs>'" in query
    assert "by error" in query
    assert 'extra={"error":' in (REPOSITORY / "functions/shared/vision/entry.py").read_text()


def test_widgets_do_not_overlap(dashboard):
    taken = [
        (x, y)
        for widget in dashboard["widgets"]
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24


def test_every_log_group_has_a_retention(resources):
    groups = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::Logs::LogGroup"]
    assert all(group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups)
    machines = [one for one in resources.values() if one["Type"] == "AWS::Serverless::StateMachine"]
    # One for all functions, one for the API, and one for each state machine.
    assert len(groups) == 2 + len(machines)


# What a request or a function writes into a line; the other variables are ids, numbers and names of types.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
FREE_TEXT = {"error.message", "authorizer.error", "integration.error", "integrationErrorMessage", "path"}


@pytest.mark.parametrize("message", ["-", 'no "=" in header'], ids=["nothing", "quotes"])
def test_line_of_the_access_log_is_json(resources, message):
    line_format = resources["ApiStage"]["Properties"]["AccessLogSettings"]["Format"]
    line = re.sub(r"\$context\.([\w.]+)", lambda match: message if match[1] in FREE_TEXT else "-", line_format)
    assert json.loads(line)
