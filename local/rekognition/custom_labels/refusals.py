"""Errors that only the operations of Custom Labels answer with. AWS documents the codes, the sentences are ours."""

from local.rekognition.errors import RekognitionError


def not_found(arn: str) -> RekognitionError:
    """No project or version has this ARN."""
    return RekognitionError(
        "ResourceNotFoundException",
        f"There is no {arn}. Compare it with DescribeProjects and DescribeProjectVersions; "
        "`python -m local.rekognition.train` makes a version.",
    )


def in_use(sentence: str) -> RekognitionError:
    """Refuse what the present status does not allow."""
    return RekognitionError("ResourceInUseException", sentence)


def not_ready(arn: str, status: str) -> RekognitionError:
    """Refuse to look at an image with a model that does not run."""
    return RekognitionError("ResourceNotReadyException", f"{arn} is {status}, not RUNNING; call StartProjectVersion")


def limit_exceeded(asked: int, limit: int) -> RekognitionError:
    """More inference units than the account may use."""
    return RekognitionError(
        "LimitExceededException",
        f"{asked} inference units were asked for, the account has {limit}; ask for fewer or for a higher quota",
    )


def invalid_page(token: str) -> RekognitionError:
    """Refuse a page token that no answer contained."""
    return RekognitionError("InvalidPaginationTokenException", f"{token!r} is not a NextToken of this operation")
