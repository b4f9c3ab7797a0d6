"""The account and the Region of the local AWS."""

REGION = "us-east-1"
ACCOUNT_ID = "000000000000"
