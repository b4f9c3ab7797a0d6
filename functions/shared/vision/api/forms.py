"""Request and response bodies of the API; the OpenAPI document is generated from them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from vision.api.parameters import Cursor
from vision.domain.bulk.bulk_run import Request
from vision.domain.display import UNSEEN
from vision.domain.gallery.pending_uploads import UPLOAD_LIMIT_BYTES
from vision.domain.image_file.formats import MediaType

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
    """A request body. Unknown fields are refused, and text is not converted to numbers."""

    # A form is built by the first request that needs it, and not all of them when a function starts.
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


def _whole(number: object) -> object:
    # 5.0 is an integer in JSON, and therefore in the OpenAPI document.
    return int(number) if isinstance(number, float) and number.is_integer() else number


class AlbumForm(_Form):
    """The name of an album."""

    name: AlbumName


class PhotoForm(_Form):
    """A file to upload."""

    name: FileName
    content_type: MediaType
    size_bytes: Annotated[int, Field(ge=1, le=UPLOAD_LIMIT_BYTES), BeforeValidator(_whole)]
    album_id: Identifier | None = None


class RunForm(_Form):
    """A bulk run; without ``bucket``, of the image bucket of the stack."""

    prefix: Annotated[str, StringConstraints(max_length=1024)]
    bucket: Annotated[str, StringConstraints(min_length=3, max_length=63)] | None = None
    force: bool = False


class Confirmation(_Form):
    """The confirmation, and the cursor of the previous response."""

    confirm: Literal["delete all photos of everyone"]
    cursor: Cursor | None = None


class _Answer(BaseModel):
    """A response body. Its validation errors leave out the values: they are faults of the stack, and are logged."""

    model_config = ConfigDict(hide_input_in_errors=True, defer_build=True)


class Me(_Answer):
    """The signed-in person."""

    owner: str
    is_operator: bool
    operators_withheld: Literal["no-second-factor", "not-checked"] | None = Field(
        description="Why a member of the group operators is no operator with this token: no second factor is set, or "
        "this could not be checked."
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
    """A label of an image, and its confidence, 0 to 100."""

    name: str
    confidence: float


class Box(_Answer):
    """A bounding box, in fractions of the displayed width and height."""

    left: float
    top: float
    width: float
    height: float


class Instance(_Answer):
    """One instance of a label, and its bounding box."""

    box: Box
    confidence: float


class FullLabel(Label):
    """A label with its broader terms and its instances."""

    parents: list[str]
    instances: list[Instance]


class Thumbnail(_Answer):
    """A thumbnail. The URL expires; see the description of the API."""

    url: str
    width: int
    height: int


class Failure(_Answer):
    """An error."""

    name: str
    cause: str


class PhotoFailure(Failure):
    """The error of a photo, and what its owner can do."""

    remedy: str


class Photo(_Answer):
    """A photo in a list."""

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
    """The detector that found the labels, and its version."""

    name: str
    version: str


class Location(_Answer):
    """Where a photo was taken: decimal degrees, metres above sea level, and both as text."""

    latitude: float
    longitude: float
    altitude_m: float | None = None
    latitude_dms: str | None = None
    longitude_dms: str | None = None


class PhotoDetail(Photo):
    """A photo with all of its attributes."""

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
    """A page of photos, and the cursor of the next page; ``None`` on the last page."""

    photos: list[Photo]
    cursor: str | None


class Upload(_Answer):
    """A form that uploads one file: send its fields first, and the file last, under the name ``file``."""

    url: str
    fields: dict[str, str]
    expires_at: str


class Announced(_Answer):
    """A photo that waits for its upload, and the form that uploads it."""

    photo: Photo
    upload: Upload


class Deleted(_Answer):
    """The number of deleted photos; send the request again until the response is 204."""

    deleted: int
    cursor: str | None = None


class Labels(_Answer):
    """Label names with the requested prefix."""

    labels: list[str]


class Count(_Answer):
    """The number of photos of a class that were uploaded on a day."""

    day: date
    class_: str = Field(serialization_alias="class", validation_alias="class")
    count: int


class Counts(_Answer):
    """Daily counts, newest day first."""

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
    """A page of inspections, and the cursor of the next page."""

    inspections: list[Inspection]
    cursor: str | None


class RunCounts(_Answer):
    """The progress of a bulk run, in images."""

    seen: int
    labelled: int
    partial: int
    skipped: int
    failed: int


class RunFailure(_Answer):
    """The number of images that failed for a reason."""

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
    """When a session entered a state."""

    at: str
    state: str


class Session(_Answer):
    """A Custom Labels session."""

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
    """The error of one field."""

    field: str
    message: str


class Problem(_Answer):
    """Why a request was refused, in the form of RFC 9457."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] | None = None


class Message(_Answer):
    """Why API Gateway itself refused a request."""

    message: str


def bulk_request(form: RunForm, own_bucket: str) -> Request:
    """Return the requested run.

    Raises
    ------
    InvalidRun
        Naming the field.
    """
    return Request.from_dict({"bucket": form.bucket or own_bucket, "prefix": form.prefix, "force": form.force})
