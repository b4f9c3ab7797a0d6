"""Settings of the functions: read once from the environment, complete or refused by name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar, TypeVar

from vision.domain.gallery.daily_allowance import Allowance
from vision.domain.session.decisions import Terms

NONE = "none"
"""What a variable says that may stay without a value: an empty one counts as forgotten."""

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
            Naming the variable.
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
    """Which bucket's uploads are taken, where they are recorded, and how much a person may add in a day."""

    image_bucket_name: str
    image_table_name: str
    process_image_state_machine_arn: str
    daily_uploads: int
    daily_megabytes: int
    allowance_covers: str

    @property
    def allowance(self) -> Allowance:
        """What a person may upload in a day without an announcement; the API counts announcements."""
        if self.allowance_covers == "announced":
            return Allowance(0, 0)
        return Allowance(self.daily_uploads, self.daily_megabytes)


@dataclass(frozen=True, slots=True)
class ImageTableSettings(_FromEnvironment):
    """Where image records are."""

    image_table_name: str


@dataclass(frozen=True, slots=True)
class DetectLabelsSettings(_FromEnvironment):
    """How many labels, how certain (0 to 100), and whose: of an own model's function, or of Rekognition if ``none``."""

    max_labels: int
    min_confidence: float
    own_model_function_arn: str


@dataclass(frozen=True, slots=True)
class ClassifyImageSettings(_FromEnvironment):
    """The folder of the function's code, which has the model beside it, and its memory in MB; Lambda sets both."""

    lambda_task_root: str
    aws_lambda_function_memory_size: int


@dataclass(frozen=True, slots=True)
class GenerateThumbnailSettings(_FromEnvironment):
    """The side of the square, in pixels, that a thumbnail fits into."""

    thumbnail_size: int


@dataclass(frozen=True, slots=True)
class TrackExecutionSettings(_FromEnvironment):
    """Where image records are, and after how many seconds a silent execution is asked how it is."""

    image_table_name: str
    silent_after_seconds: int


@dataclass(frozen=True, slots=True)
class InspectionSettings(_FromEnvironment):
    """Which bucket's images are inspected, how they are judged, where results go, and who is told.

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
class InspectImagesSettings(_FromEnvironment):
    """Who inspects, and which labels a record keeps beside those that rules name.

    Attributes
    ----------
    max_labels, min_confidence
        How many, and how certain, 0 to 100.
    own_model_function_arn
        The function of the own model; ``none`` for Rekognition.
    """

    max_labels: int
    min_confidence: float
    own_model_function_arn: str


@dataclass(frozen=True, slots=True)
class DrainQueueSettings(_FromEnvironment):
    """The queue of a session, its model, and how sure the model must be of a label (0 to 100) for the record.

    Attributes
    ----------
    poll_seconds, hidden_seconds
        How long a look at the queue waits for a message, and how long a received one is hidden from the others.
    """

    inspection_queue_url: str
    model_version_arn: str
    custom_min_confidence: float
    poll_seconds: int
    hidden_seconds: int


@dataclass(frozen=True, slots=True)
class ModelSettings(_FromEnvironment):
    """The Custom Labels model, where its lease is, and how many seconds a look of the watchdog stands for."""

    image_table_name: str
    project_arn: str
    model_version_arn: str
    watchdog_period_seconds: int


@dataclass(frozen=True, slots=True)
class ReleaseModelSettings(_FromEnvironment):
    """For how many seconds a model that starts is waited for, and how often it is looked at."""

    poll_seconds: int
    patience_seconds: int


@dataclass(frozen=True, slots=True)
class SessionSettings(_FromEnvironment):
    """When a session starts and how large it is, see :class:`vision.domain.session.decisions.Terms`."""

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
    def terms(self) -> Terms:
        """The same for the domain."""
        return Terms(
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
    """Where runs are recorded, and what they may do.

    Attributes
    ----------
    bulk_buckets
        The ARNs of the buckets that they may read, separated by commas; the first is the image bucket.
    bulk_reads_photos
        ``true`` where they may read what people upload to it.
    bulk_batch_size
        The largest number of images in a batch.
    aws_region
        Where the function runs; Lambda sets it.
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
        """The name of the bucket that people upload to."""
        return self.buckets[0]

    @property
    def reads_photos(self) -> bool:
        """Whether runs may read what people upload."""
        return self.bulk_reads_photos == "true"


@dataclass(frozen=True, slots=True)
class ProcessBatchSettings(_FromEnvironment):
    """Where records and thumbnails go, what is asked of whom, and how often in a second.

    Attributes
    ----------
    own_model_function_arn
        ``none`` asks Rekognition.
    """

    image_table_name: str
    results_bucket_name: str
    inspection_rules: str
    max_labels: int
    min_confidence: float
    thumbnail_size: int
    bulk_calls_per_second: float
    own_model_function_arn: str


@dataclass(frozen=True, slots=True)
class SummarizeRunSettings(_FromEnvironment):
    """Where runs and their results are, and the bus that hears of their end."""

    image_table_name: str
    results_bucket_name: str
    vision_event_bus_name: str


@dataclass(frozen=True, slots=True)
class ApiSettings(_FromEnvironment):
    """Where photos, runs and sessions are, where the page is, and where people sign in.

    Attributes
    ----------
    custom_model_session_state_machine_arn
        ``none`` where no Custom Labels model is used.
    app_url, sign_in_url, user_pool_url
        Without a slash at the end; the last one is the endpoint of the user pool's API.
    execution_links
        Whom the page links to the executions of their photos: ``operators``, or all ``owners``.
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
        """What a person may upload in a day."""
        return Allowance(self.daily_uploads, self.daily_megabytes)
