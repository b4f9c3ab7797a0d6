"""Custom Labels models: describe, start and stop a project version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vision.adapters.aws_sdk import client, domain_errors
from vision.domain.errors import ModelNotUsable


@dataclass(frozen=True, slots=True)
class Description:
    """The status and the status message of a model."""

    status: str
    message: str


@dataclass(frozen=True, slots=True)
class Model:
    """A project version. DescribeProjectVersions needs the project ARN, which the version ARN does not contain."""

    project_arn: str
    version_arn: str

    def describe(self) -> Description:
        """Return the status of the model.

        Raises
        ------
        ModelNotUsable
            The project or the version does not exist.
        AccessDenied, Throttled, ServiceUnavailable
        """
        rekognition = client("rekognition")
        # arn:aws:rekognition:region:account:project/NAME/version/VERSION/timestamp
        name = self.version_arn.split("/")[3]
        try:
            with domain_errors("DescribeProjectVersions"):
                found = rekognition.describe_project_versions(ProjectArn=self.project_arn, VersionNames=[name])
        except (
            rekognition.exceptions.ResourceNotFoundException,
            rekognition.exceptions.InvalidParameterException,
        ) as error:
            raise ModelNotUsable("model: no such project; check the parameter ProjectArn") from error
        for version in found["ProjectVersionDescriptions"]:
            if version["ProjectVersionArn"] == self.version_arn:
                return Description(version["Status"], version.get("StatusMessage", ""))
        raise ModelNotUsable("model: the project has no such version; check the parameter ModelVersionArn")

    def start(self, minimum_units: int, maximum_units: int) -> None:
        """Start the model; starting it again while it starts is a no-op.

        Raises
        ------
        ModelNotUsable
            Rekognition rejected the inference units, or the version is gone.
        Throttled
            Rekognition lacks capacity, or the inference units exceed the quota of the account.
        AccessDenied, ServiceUnavailable
        """
        rekognition = client("rekognition")
        units: dict[str, Any] = {"MinInferenceUnits": minimum_units}
        if maximum_units > minimum_units:
            units["MaxInferenceUnits"] = maximum_units
        try:
            with domain_errors("StartProjectVersion"):
                rekognition.start_project_version(ProjectVersionArn=self.version_arn, **units)
        except rekognition.exceptions.ResourceInUseException:
            return
        except rekognition.exceptions.InvalidParameterException as error:
            raise ModelNotUsable(
                f"model: {minimum_units} to {maximum_units} inference units were refused; check the parameters"
            ) from error
        except rekognition.exceptions.ResourceNotFoundException as error:
            raise ModelNotUsable("model: it is gone; check the parameter ModelVersionArn") from error

    def stop(self) -> None:
        """Stop the model; this is a no-op if the model is not running, or is gone.

        Raises
        ------
        AccessDenied, Throttled, ServiceUnavailable
        """
        rekognition = client("rekognition")
        try:
            with domain_errors("StopProjectVersion"):
                rekognition.stop_project_version(ProjectVersionArn=self.version_arn)
        except (rekognition.exceptions.ResourceInUseException, rekognition.exceptions.ResourceNotFoundException):
            return
