"""Errors of the Custom Labels operations. AWS documents the codes; the messages are local."""

from local.rekognition.errors import RekognitionError


def not_found(arn: str) -> RekognitionError:
    """Return the error for an ARN without a project or version."""
    return RekognitionError(
        "ResourceNotFoundException",
        f"There is no {arn}. Compare it with DescribeProjects and DescribeProjectVersions; "
        "`python -m local.rekognition.train` makes a version.",
    )


def in_use(sentence: str) -> RekognitionError:
    """Return the error for an operation that the current status does not allow."""
    return RekognitionError("ResourceInUseException", sentence)


def not_ready(arn: str, status: str) -> RekognitionError:
    """Return the error for an image when the model is not running."""
    return RekognitionError("ResourceNotReadyException", f"{arn} is {status}, not RUNNING; call StartProjectVersion")


def limit_exceeded(asked: int, limit: int) -> RekognitionError:
    """Return the error for more inference units than the quota of the account."""
    return RekognitionError(
        "LimitExceededException",
        f"{asked} inference units were asked for, the account has {limit}; ask for fewer or for a higher quota",
    )


def invalid_page(token: str) -> RekognitionError:
    """Return the error for a page token that was in no response."""
    return RekognitionError("InvalidPaginationTokenException", f"{token!r} is not a NextToken of this operation")
