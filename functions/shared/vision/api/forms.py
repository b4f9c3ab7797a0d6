"""What the API takes and gives; the OpenAPI document is made of these."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from vision.api.parameters import Cursor
from vision.domain.bulk.bulk_run import Request
from vision.domain.display import UNSEEN
from vision.domain.gallery.pending_uploads import UPLOAD_LIMIT_BYTES

# At least one visible character, and none that changes how the surrounding text reads: names are shown and stored.
PRINTABLE = rf"^[^{UNSEEN}]*[^\s{UNSEEN}][^{UNSEEN}]*$"
AlbumName = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=PRINTABLE)]
FileName = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=PRINTABLE)]
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z2-7]{26}$")]
Confidence = Annotated[float, Field(ge=0, le=100)]
Verdict = Literal["SUCCESS", "FAILURE"]
# The name of an execution, as Step Functions accepts it.
RunName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,80}$")]
Status = Literal["PENDING", "RUNNING", "SUCCEEDED", "PARTIAL", "FAILED", "TIMED_OUT", "ABORTED"]


class _Form(BaseModel):
    """What a client sends: a field that is not known is a mistake, and not ignored; nor is text taken for a number."""

    model_config = ConfigDict(extra="forbid", strict=True)


def _whole(number: object) -> object:
    # 5.0 is an integer in JSON, and therefore in the OpenAPI document.
    return int(number) if isinstance(number, float) and number.is_integer() else number


class AlbumForm(_Form):
    """The name of an album."""

    name: AlbumName


class PhotoForm(_Form):
    """A file that is to be uploaded."""

    name: FileName
    content_type: Literal["image/jpeg", "image/png"]
    size_bytes: Annotated[int, Field(ge=1, le=UPLOAD_LIMIT_BYTES), BeforeValidator(_whole)]
    album_id: Identifier | None = None


class RunForm(_Form):
    """A bulk run; without a bucket it is over the stack's own."""

    prefix: Annotated[str, StringConstraints(max_length=1024)]
    bucket: Annotated[str, StringConstraints(min_length=3, max_length=63)] | None = None
    force: bool = False


class Confirmation(_Form):
    """What has to be said, and where an earlier answer stopped."""

    confirm: Literal["delete all photos of everyone"]
    cursor: Cursor | None = None


class _Answer(BaseModel):
    """A response body. Its validation errors leave out the values: they are faults of the stack, and are logged."""

    model_config = ConfigDict(hide_input_in_errors=True)


class Me(_Answer):
    """Who asks."""

    owner: str
    is_operator: bool
    operators_withheld: Literal["no-second-factor", "not-checked"] | None = Field(
        description="Why somebody of the group operators is none in this token: no second factor is set, or that could "
        "not be checked."
    )


class Album(_Answer):
    """An album."""

    album_id: str
    name: str
    created_at: str


class Albums(_Answer):
    """All albums of a person, oldest first."""

    albums: list[Album]


class Label(_Answer):
    """What is in an image, and how sure that is, from 0 to 100."""

    name: str
    confidence: float


class Box(_Answer):
    """A part of the image, in fractions of its displayed width and height."""

    left: float
    top: float
    width: float
    height: float


class Instance(_Answer):
    """One of the things that a label names, and where."""

    box: Box
    confidence: float


class FullLabel(Label):
    """A label with what it is a kind of, and where it is."""

    parents: list[str]
    instances: list[Instance]


class Thumbnail(_Answer):
    """A small copy, and for how long its address works is said in the API's description."""

    url: str
    width: int
    height: int


class Failure(_Answer):
    """What went wrong."""

    name: str
    cause: str


class PhotoFailure(Failure):
    """What went wrong with a photo, and what its owner can do."""

    remedy: str


class Photo(_Answer):
    """A photo as a list shows it."""

    photo_id: str
    album_id: str | None
    name: str
    status: Status
    is_uploaded: bool
    created_at: str
    width: int | None
    height: int | None
    thumbnail: Thumbnail | None
    labels: list[Label]
    error: PhotoFailure | None


class Detector(_Answer):
    """Who found the labels."""

    name: str
    version: str


class Location(_Answer):
    """Where a photo was taken: decimal degrees, metres above the sea, and the same as people write it."""

    latitude: float
    longitude: float
    altitude_m: float | None = None
    latitude_dms: str | None = None
    longitude_dms: str | None = None


class PhotoDetail(Photo):
    """A photo with all that is known of it."""

    size_bytes: int | None
    format: str | None
    capture_time: str | None
    camera_make: str | None
    camera_model: str | None
    location: Location | None
    detector: Detector | None
    labels: list[FullLabel]  # type: ignore[assignment] # A full label is a label; pydantic reads what is declared here.
    image_url: str | None
    execution_url: str | None = Field(
        description="The execution in the AWS console: for operators, and for owners where ExecutionLinks is owners."
    )


class Photos(_Answer):
    """A page of photos, and where the next one begins; ``None`` says that this is the last."""

    photos: list[Photo]
    cursor: str | None


class Upload(_Answer):
    """A form that uploads one file: its fields first, and the file last, under the name ``file``."""

    url: str
    fields: dict[str, str]
    expires_at: str


class Announced(_Answer):
    """A photo that waits for its file, and the form that uploads it."""

    photo: Photo
    upload: Upload


class Deleted(_Answer):
    """How many were deleted; there may be more, so send the request again until the answer is 204."""

    deleted: int
    cursor: str | None = None


class Labels(_Answer):
    """Names of labels that begin as asked for."""

    labels: list[str]


class Count(_Answer):
    """How many photos of a class came on a day."""

    day: date
    class_: str = Field(serialization_alias="class", validation_alias="class")
    count: int


class Counts(_Answer):
    """Counts, the newest day first."""

    counts: list[Count]


class Inspection(_Answer):
    """An inspected image and its verdict."""

    photo_id: str
    bucket: str
    key: str
    verdict: str
    rule: str
    reasons: list[str]
    labels: list[Label]
    inspected_at: str
    image_url: str | None


class Inspections(_Answer):
    """A page of inspections, and where the next one begins."""

    inspections: list[Inspection]
    cursor: str | None


class RunCounts(_Answer):
    """How far a bulk run is, in images."""

    seen: int
    labelled: int
    partial: int
    skipped: int
    failed: int


class RunFailure(_Answer):
    """How many images failed for a reason."""

    name: str
    images: int


class Run(_Answer):
    """A bulk run."""

    run_id: str
    status: str
    bucket: str
    prefix: str
    started_at: str
    ended_at: str | None
    counts: RunCounts
    failures: list[RunFailure]
    estimated_cost_dollars: float | None
    error: Failure | None
    execution_url: str


class Runs(_Answer):
    """The latest bulk runs, newest first."""

    runs: list[Run]


class Moment(_Answer):
    """When a session came to a state."""

    at: str
    state: str


class Session(_Answer):
    """A session of the Custom Labels model."""

    session_id: str
    status: str
    started_at: str
    ended_at: str | None
    images: int | None
    model_minutes: float | None
    cost_dollars: float | None
    timeline: list[Moment]
    error: Failure | None
    execution_url: str


class Sessions(_Answer):
    """The latest sessions, newest first."""

    sessions: list[Session]


class FieldProblem(_Answer):
    """What is wrong with one field."""

    field: str
    message: str


class Problem(_Answer):
    """Why a request was refused, as RFC 9457 has it."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] | None = None


class Message(_Answer):
    """Why API Gateway itself refused a request."""

    message: str


def bulk_request(form: RunForm, own_bucket: str) -> Request:
    """Return the run that a form asks for.

    Raises
    ------
    InvalidRun
        Naming the field.
    """
    return Request.from_dict({"bucket": form.bucket or own_bucket, "prefix": form.prefix, "force": form.force})
