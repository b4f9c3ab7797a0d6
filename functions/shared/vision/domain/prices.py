"""What AWS asks for what a bulk run uses: list prices of us-east-1, on demand, in US dollars, without free tiers.

As of 2026-11; the pages are https://aws.amazon.com/{rekognition,s3,dynamodb,lambda,step-functions}/pricing/
"""

DATE = "2026-11"

DETECT_LABELS = 0.001
"""Of the first million calls a month; more cost less."""
CUSTOM_LABELS_UNIT_HOUR = 4.0
"""Of inference, for each unit."""
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
# What only the older systems use, and logs and traces; benchmarks/bulk.md compares.
LAMBDA_GB_SECOND_X86 = 0.0000166667
SQS_REQUEST = 0.0000004
APPSYNC_REQUEST = 0.000004
DYNAMODB_WRITE_CAPACITY_HOUR = 0.00065
LOGS_GB = 0.5
XRAY_TRACE = 0.000005
