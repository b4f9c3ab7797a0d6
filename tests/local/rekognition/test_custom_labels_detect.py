"""DetectCustomLabels with the real backbone, through the service as the engine calls it."""

import base64
import io
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image, ImageDraw

from local.rekognition.custom_labels.embedding import Embedder
from local.rekognition.custom_labels.projects import Projects
from local.rekognition.custom_labels.training import read_folder, train_version
from local.rekognition.fetch import CLASSIFIER
from local.rekognition.service import Rekognition

pytestmark = pytest.mark.local

COLOURS = ("black", "navy", "darkgreen", "maroon")


def _picture(shape, colour, size=(120, 120), file_format="PNG", **options):
    """A disc or a grid: enough to tell two labels apart without a download."""
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    if shape == "disc":
        pen.ellipse((20, 20, 100, 100), fill=colour)
    else:
        for at in range(0, 120, 12):
            pen.line((at, 0, at, 120), fill=colour, width=3)
            pen.line((0, at, 120, at), fill=colour, width=3)
    data = io.BytesIO()
    image.save(data, file_format, **options)
    return data.getvalue()


@pytest.fixture(scope="module")
def projects_dir(models_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shapes")
    for shape in ("disc", "grid"):
        (folder / "pictures" / shape).mkdir(parents=True)
        for colour in COLOURS[:3]:
            (folder / "pictures" / shape / f"{colour}.png").write_bytes(_picture(shape, colour))
    learned = read_folder(folder / "pictures", Embedder(models_dir / CLASSIFIER.name))
    train_version("shapes", folder / "pictures", learned, Projects(folder / "projects"))
    return folder / "projects"


@pytest.fixture(scope="module")
def arn(projects_dir):
    (version,) = Projects(projects_dir).versions("shapes")
    return version.arn


@pytest.fixture(scope="module")
def warm(models_dir, projects_dir):
    return Rekognition(models_dir, projects_dir=projects_dir)


@pytest.fixture
def service(warm, arn):
    """The service with its version running, unfaulted, and its counters at zero."""
    control = {"ProjectVersionArn": arn, "status": "RUNNING", "capacity": {"calls_per_second_per_unit": 1000}}
    assert warm.handle("LocalRekognition.SetProjectVersion", control, _no_object) == (200, {})
    warm.handle("LocalRekognition.Counters", {"reset": True}, _no_object)
    return warm


@pytest.fixture
def detect(service, arn):
    def call(data, **members):
        image = {"S3Object": {"Bucket": "photo-bucket", "Name": "photo.jpg"}}
        request = {"ProjectVersionArn": arn, "Image": image, **members}
        return service.handle("DetectCustomLabels", request, lambda *_: data)

    return call


def _no_object(bucket, key, version):
    raise LookupError(key)


def _error(answer):
    status, body = answer
    return status, body["__type"]


@pytest.mark.parametrize("shape", ["disc", "grid"])
def test_an_unseen_picture_gets_its_label(shape, detect):
    status, body = detect(_picture(shape, COLOURS[3]))

    assert (status, body["CustomLabels"][0]["Name"]) == (200, shape)


def test_without_a_minimum_only_likely_labels_are_told(detect):
    assert [label["Name"] for label in detect(_picture("disc", "navy"))[1]["CustomLabels"]] == ["disc"]


def test_a_minimum_of_zero_gives_all_labels_best_first(detect):
    labels = detect(_picture("grid", "navy"), MinConfidence=0)[1]["CustomLabels"]

    assert [label["Name"] for label in labels] == ["grid", "disc"]
    assert sum(label["Confidence"] for label in labels) == pytest.approx(100)


def test_a_label_is_told_at_its_confidence_and_not_above(detect):
    second = detect(_picture("disc", "navy"), MinConfidence=0)[1]["CustomLabels"][1]
    at, above = (
        detect(_picture("disc", "navy"), MinConfidence=minimum)[1]["CustomLabels"]
        for minimum in (second["Confidence"], second["Confidence"] + 0.01)
    )

    assert ([label["Name"] for label in at], [label["Name"] for label in above]) == (["disc", "grid"], ["disc"])


def test_the_number_of_results_is_limited(detect):
    assert len(detect(_picture("disc", "navy"), MinConfidence=0, MaxResults=1)[1]["CustomLabels"]) == 1


def test_bytes_are_taken_as_well(service, arn):
    image = {"Bytes": base64.b64encode(_picture("disc", "navy")).decode()}
    answer = service.handle("DetectCustomLabels", {"ProjectVersionArn": arn, "Image": image}, _no_object)

    assert answer[1]["CustomLabels"][0]["Name"] == "disc"


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_a_jpeg_is_taken_with_a_broken_exif_block(detect):
    assert detect(_picture("disc", "navy", file_format="JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"))[0] == 200


def test_the_object_is_read_by_bucket_key_and_version(service, arn):
    asked = []

    def read_object(*reference):
        asked.append(reference)
        return _picture("disc", "navy")

    reference = {"Bucket": "bucket", "Name": "a+b %20é.jpg", "Version": "v1"}
    service.handle("DetectCustomLabels", {"ProjectVersionArn": arn, "Image": {"S3Object": reference}}, read_object)

    assert asked == [("bucket", "a+b %20é.jpg", "v1")]


@pytest.mark.parametrize("refusal", [KeyError, PermissionError])
def test_an_object_that_can_not_be_read_is_an_invalid_s3_object(refusal, service, arn):
    def read_object(*_):
        raise refusal("photo.jpg")

    request = {"ProjectVersionArn": arn, "Image": {"S3Object": {"Bucket": "bucket", "Name": "photo.jpg"}}}

    assert _error(service.handle("DetectCustomLabels", request, read_object)) == (400, "InvalidS3ObjectException")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"text", "InvalidImageFormatException"),
        (_picture("disc", "navy")[:200], "InvalidImageFormatException"),
        (_picture("disc", "navy", size=(63, 120)), "InvalidParameterException"),
        (_picture("disc", "navy", size=(64, 1300)), "InvalidParameterException"),
        (_picture("disc", "navy", size=(4097, 300)), "ImageTooLargeException"),
        (_picture("disc", "navy").ljust(15 * 1024 * 1024 + 1, b"\0"), "ImageTooLargeException"),
    ],
    ids=["text", "truncated", "narrow", "long", "wide", "heavy"],
)
def test_an_image_beyond_the_limits_is_refused(data, code, detect):
    assert _error(detect(data)) == (400, code)


@pytest.mark.parametrize("size", [(64, 64), (64, 1280), (4096, 300)])
def test_an_image_at_the_limits_is_taken(size, detect):
    assert detect(_picture("disc", "navy", size=size))[0] == 200


@pytest.mark.parametrize(("length", "status"), [(4 * 1024 * 1024, 200), (4 * 1024 * 1024 + 1, 400)])
def test_bytes_are_taken_up_to_4_mb(length, status, service, arn):
    image = {"Bytes": base64.b64encode(_picture("disc", "navy").ljust(length, b"\0")).decode()}

    assert service.handle("DetectCustomLabels", {"ProjectVersionArn": arn, "Image": image}, _no_object)[0] == status


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "I;16", "L"])
def test_pngs_of_every_mode_are_taken(mode, detect):
    data = io.BytesIO()
    Image.new(mode, (100, 100)).save(data, "PNG")

    assert detect(data.getvalue())[0] == 200


@pytest.mark.parametrize(
    "members", [{"MinConfidence": 101}, {"MinConfidence": -1}, {"MaxResults": -1}, {"Image": None}]
)
def test_settings_outside_the_service_model_are_refused(members, detect):
    assert _error(detect(_picture("disc", "navy"), **members)) == (400, "ValidationException")


def test_a_model_that_does_not_run_is_not_ready(service, arn, detect):
    service.handle("LocalRekognition.SetProjectVersion", {"ProjectVersionArn": arn, "status": "STOPPED"}, _no_object)

    assert _error(detect(_picture("disc", "navy"))) == (400, "ResourceNotReadyException")


def test_calls_above_the_rate_are_refused_and_counted(service, arn, detect):
    capacity = {"ProjectVersionArn": arn, "capacity": {"calls_per_second_per_unit": 0}}
    service.handle("LocalRekognition.SetProjectVersion", capacity, _no_object)

    answer = detect(_picture("disc", "navy"))
    counters = service.handle("LocalRekognition.Counters", {}, _no_object)[1]

    assert _error(answer) == (400, "ProvisionedThroughputExceededException")
    assert (counters["throttled"], counters["custom_labels_answered"]) == (1, 0)


def test_what_was_answered_is_counted_and_not_paid_by_the_image(service, detect):
    detect(_picture("disc", "navy"))
    detect(b"text")

    counters = service.handle("LocalRekognition.Counters", {}, _no_object)[1]

    assert (counters["calls"]["DetectCustomLabels"], counters["custom_labels_answered"], counters["paid"]) == (2, 1, 0)


def test_answers_and_counts_are_exact_under_threads(service, detect):
    pictures = [_picture(shape, COLOURS[3]) for shape in ("disc", "grid")] * 20
    with ThreadPoolExecutor(8) as pool:
        names = [body["CustomLabels"][0]["Name"] for _, body in pool.map(detect, pictures)]

    counters = service.handle("LocalRekognition.Counters", {}, _no_object)[1]
    assert (names, counters["custom_labels_answered"]) == (["disc", "grid"] * 20, 40)


def test_a_fault_of_the_whole_service_hits_custom_labels_by_key(service, detect):
    fault = {"error": {"code": "InternalServerError", "key_contains": "photo"}}
    service.handle("LocalRekognition.SetFaults", fault, _no_object)
    refused = _error(detect(_picture("disc", "navy")))
    service.handle("LocalRekognition.SetFaults", {}, _no_object)

    assert refused == (500, "InternalServerError")


@pytest.mark.parametrize(
    "operation",
    [
        "CreateProject",
        "DescribeProjects",
        "DescribeProjectVersions",
        "StartProjectVersion",
        "StopProjectVersion",
        "DeleteProjectVersion",
        "DeleteProject",
        "DetectCustomLabels",
    ],
)
def test_every_operation_is_on_the_wire(operation, service):
    _, body = service.handle(operation, {"MaxResults": -1}, _no_object)

    assert body["__type"] == "ValidationException"
