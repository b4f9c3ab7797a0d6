"""Settings of the functions, read once from the environment; an error names the variable that is missing or wrong."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, ClassVar, TypeVar

from vision.domain.gallery.daily_allowance import Allowance

if TYPE_CHECKING:
    from vision.domain.session.decisions import SessionPolicy

NONE = "none"
"""The value of an optional variable that is not used: an empty variable counts as missing."""

_Settings = TypeVar("_Settings", bound="_FromEnvironment")


class MissingSetting(Exception):
    """A variable of the function's environment is missing or has the wrong form: the template must set it."""


@dataclass(frozen=True, slots=True)
class _FromEnvironment:
    _TYPES: ClassVar[dict[str, type]] = {"str": str, "int": int, "float": float}

    @classmethod
    def read(cls: type[_Settings], environment: Mapping[str, str] = os.environ) -> _Settings:
        """Read each field from the variable of the same name in capitals.

        Raises
        ------
        MissingSetting
            The message names the variable.
        """
        values: dict[str, object] = {}
        for field in fields(cls):
            variable = field.name.upper()
            text = environment.get(variable, "")
            if not text:
                raise MissingSetting(f"{variable} is not set; the function's Environment in the template sets it")
            try:
                values[field.name] = cls._TYPES[str(field.type)](text)
            except ValueError as error:
                raise MissingSetting(f"{variable} is {text!r}; expected {field.type}") from error
        return cls(**values)


@dataclass(frozen=True, slots=True)
class StartProcessingSettings(_FromEnvironment):
    """The bucket whose uploads are processed, the table that records them, and the daily allowance of an owner."""

    image_bucket_name: str
    image_table_name: str
    process_image_state_machine_arn: str
    daily_uploads: int
    daily_megabytes: int
    allowance_covers: str

    @property
    def allowance(self) -> Allowance:
        """The daily allowance of uploads without an announcement; the API counts announcements."""
        if self.allowance_covers == "announced":
            return Allowance(0, 0)
        return Allowance(self.daily_uploads, self.daily_megabytes)


@dataclass(frozen=True, slots=True)
class ImageTableSettings(_FromEnvironment):
    """The table of image records."""

    image_table_name: str


@dataclass(frozen=True, slots=True)
class DetectorSettings(_FromEnvironment):
    """The detector of photos, bulk runs or inspections.

    Attributes
    ----------
    max_labels, min_confidence
        Most labels that a record keeps, besides those that rules name, and their lowest confidence, 0 to 100.
    own_model_function_arn
        ARN of the own model's function; ``none`` for Rekognition.
    """

    max_labels: int
    min_confidence: float
    own_model_function_arn: str


@dataclass(frozen=True, slots=True)
class ClassifyImageSettings(_FromEnvironment):
    """The folder of the function's code and model, and the function's memory in MB; Lambda sets both."""

    lambda_task_root: str
    aws_lambda_function_memory_size: int


@dataclass(frozen=True, slots=True)
class GenerateThumbnailSettings(_FromEnvironment):
    """The side in pixels of the square that a thumbnail fits into."""

    thumbnail_size: int


@dataclass(frozen=True, slots=True)
class TrackExecutionSettings(_FromEnvironment):
    """The table of image records, the state machine of photos, and after how many seconds of silence it is asked."""

    image_table_name: str
    process_image_state_machine_arn: str
    silent_after_seconds: int


@dataclass(frozen=True, slots=True)
class InspectionSettings(_FromEnvironment):
    """The bucket whose images are inspected, the rules, the destinations of results, and the notifications.

    Attributes
    ----------
    inspection_rules
        JSON, see :mod:`vision.domain.inspection.rules`.
    inspected_images
        ``move`` or ``keep``.
    notifications
        ``all``, ``failures`` or ``off``.
    """

    image_bucket_name: str
    image_table_name: str
    results_bucket_name: str
    quality_topic_arn: str
    inspection_rules: str
    inspected_images: str
    notifications: str


@dataclass(frozen=True, slots=True)
class DrainQueueSettings(_FromEnvironment):
    """The queue of a session, its model, and the lowest confidence of a label in a record, 0 to 100.

    Attributes
    ----------
    poll_seconds, hidden_seconds
        How long one poll of the queue waits for a message, and the visibility timeout of a received message.
    """

    inspection_queue_url: str
    model_version_arn: str
    custom_min_confidence: float
    poll_seconds: int
    hidden_seconds: int


@dataclass(frozen=True, slots=True)
class ModelSettings(_FromEnvironment):
    """The Custom Labels model, the table of its lease, and the period of the watchdog in seconds."""

    image_table_name: str
    project_arn: str
    model_version_arn: str
    watchdog_period_seconds: int


@dataclass(frozen=True, slots=True)
class ReleaseModelSettings(_FromEnvironment):
    """How often the status of a starting model is polled, and how long, in seconds."""

    poll_seconds: int
    patience_seconds: int


@dataclass(frozen=True, slots=True)
class SessionSettings(_FromEnvironment):
    """When a session starts and how large it is, see :class:`vision.domain.session.decisions.SessionPolicy`."""

    image_table_name: str
    model_version_arn: str
    inspection_queue_url: str
    minimum_batch: int
    maximum_age_seconds: int
    minimum_inference_units: int
    maximum_inference_units: int
    drain_seconds: int
    maximum_session_seconds: int
    workers_per_unit: int

    @property
    def policy(self) -> SessionPolicy:
        """The settings that the domain needs."""
        # Imported here: only the functions of a session need it.
        from vision.domain.session.decisions import SessionPolicy

        return SessionPolicy(
            self.minimum_batch,
            self.maximum_age_seconds,
            self.minimum_inference_units,
            self.maximum_inference_units,
            self.drain_seconds,
            self.maximum_session_seconds,
        )


@dataclass(frozen=True, slots=True)
class ValidateRulesSettings(_FromEnvironment):
    """The topic that people subscribe to."""

    quality_topic_arn: str


@dataclass(frozen=True, slots=True)
class OpenRunSettings(_FromEnvironment):
    """The table that records bulk runs, and the limits of a run.

    Attributes
    ----------
    bulk_buckets
        The ARNs of the buckets that runs may read, separated by commas; the first is the image bucket.
    bulk_reads_photos
        ``true`` if runs may read the photos in the image bucket.
    bulk_batch_size
        Most images in a batch.
    aws_region
        The Region of the function; Lambda sets it.
    """

    image_table_name: str
    bulk_buckets: str
    bulk_reads_photos: str
    bulk_calls_per_second: float
    bulk_batch_size: int
    aws_region: str

    @property
    def buckets(self) -> list[str]:
        """The names of the buckets, from their ARNs."""
        return [arn.rsplit(":", 1)[-1] for arn in self.bulk_buckets.split(",") if arn]

    @property
    def image_bucket(self) -> str:
        """The name of the bucket that owners upload to."""
        return self.buckets[0]

    @property
    def reads_photos(self) -> bool:
        """Whether runs may read the photos that owners upload."""
        return self.bulk_reads_photos == "true"


@dataclass(frozen=True, slots=True)
class ProcessBatchSettings(_FromEnvironment):
    """The destinations of records and thumbnails, the rules, and the detector's calls per second."""

    image_table_name: str
    results_bucket_name: str
    inspection_rules: str
    thumbnail_size: int
    bulk_calls_per_second: float


@dataclass(frozen=True, slots=True)
class SummarizeRunSettings(_FromEnvironment):
    """The table of runs, the bucket of their results, and the event bus that receives their end."""

    image_table_name: str
    results_bucket_name: str
    vision_event_bus_name: str


@dataclass(frozen=True, slots=True)
class ApiSettings(_FromEnvironment):
    """The resources of photos, runs and sessions, and the URLs of the page and of the sign-in.

    Attributes
    ----------
    custom_model_session_state_machine_arn
        ``none`` if no Custom Labels model is used.
    app_url, sign_in_url, user_pool_url
        Without a trailing slash; the last one is the endpoint of the user pool's API.
    execution_links
        Who gets links to the executions of their photos: ``operators``, or all ``owners``.
    """

    image_table_name: str
    image_bucket_name: str
    results_bucket_name: str
    process_bucket_state_machine_arn: str
    custom_model_session_state_machine_arn: str
    app_url: str
    sign_in_url: str
    user_pool_url: str
    user_pool_client_id: str
    execution_links: str
    daily_uploads: int
    daily_megabytes: int

    @property
    def allowance(self) -> Allowance:
        """The daily allowance of an owner."""
        return Allowance(self.daily_uploads, self.daily_megabytes)
