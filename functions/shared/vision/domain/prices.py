"""AWS list prices of the services that the product uses: us-east-1, on demand, in US dollars, without free tiers.

As of 2026-11; docs/costs.md has each price with its page, and who confirmed it.
"""

DATE = "2026-11"

DETECT_LABELS = 0.001
"""For each of the first million calls a month; further calls cost less."""
CUSTOM_LABELS_UNIT_HOUR = 4.0
"""For one hour of one inference unit."""
S3_GET = 0.0000004
S3_PUT = 0.000005
S3_LIST = 0.000005
DYNAMODB_WRITE_UNIT = 0.000000625
DYNAMODB_READ_UNIT = 0.000000125
LAMBDA_GB_SECOND_ARM = 0.0000133334
LAMBDA_REQUEST = 0.0000002
STANDARD_TRANSITION = 0.000025
EXPRESS_REQUEST = 0.000001
EXPRESS_GB_SECOND = 0.00001667
# Prices that only the older systems need, and those of logs and traces; benchmarks/bulk.md compares them.
LAMBDA_GB_SECOND_X86 = 0.0000166667
SQS_REQUEST = 0.0000004
APPSYNC_REQUEST = 0.000004
DYNAMODB_WRITE_CAPACITY_HOUR = 0.00065
LOGS_GB = 0.5
XRAY_TRACE = 0.000005
# Prices that the cost estimator adds.
DETECT_LABELS_TIERS = ((1_000_000, DETECT_LABELS), (5_000_000, 0.0008), (35_000_000, 0.0006), (float("inf"), 0.0004))
"""The upper limit of each tier in calls a month, and the price of a call in that tier."""
EVENT = 0.000001
"""For an S3 event on EventBridge, which a bucket sends only if enabled."""
S3_GB_MONTH = 0.023
DYNAMODB_GB_MONTH = 0.25
DYNAMODB_BACKUP_GB_MONTH = 0.2
"""For point-in-time recovery."""
ALARM_MONTH = 0.1
DASHBOARD_MONTH = 3.0
METRIC_MONTH = 0.3
"""For a custom metric of the product, in months in which it is sent."""
ECR_GB_MONTH = 0.1
"""For the compressed container image of the own model."""


def detect_labels(calls: float) -> float:
    """Return the cost of a month's calls in US dollars, if the account makes no other calls."""
    dollars, known = 0.0, 0.0
    for limit, price in DETECT_LABELS_TIERS:
        dollars += max(0.0, min(calls, limit) - known) * price
        known = limit
    return dollars
