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
from tests.local.rekognition.conftest import error_of, no_object

pytestmark = pytest.mark.local

COLOURS = ("black", "navy", "darkgreen", "maroon")
MEGABYTE = 1024 * 1024


def picture(shape="disc", colour="navy", size=(120, 120), file_format="PNG", **options):
    """Draw a disc or a grid: enough to tell two labels apart without a download."""
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
            (folder / "pictures" / shape / f"{colour}.png").write_bytes(picture(shape, colour))
    learned = read_folder(folder / "pictures", Embedder(models_dir / CLASSIFIER.name))
    train_version("shapes", folder / "pictures", learned, Projects(folder / "projects"))
    return folder / "projects"


@pytest.fixture(scope="module")
def arn(projects_dir):
    [version] = Projects(projects_dir).versions("shapes")
    return version.arn


@pytest.fixture(scope="module")
def warm(models_dir, projects_dir):
    return Rekognition(models_dir, projects_dir=projects_dir)


@pytest.fixture
def call(warm):
    """Call an operation of the service."""
    return lambda operation, request, read=no_object: warm.handle(operation, request, read)


@pytest.fixture(autouse=True)
def _running(call, arn):
    """Reset the version to running and fast enough, without faults, and the counters to zero."""
    control = {"ProjectVersionArn": arn, "status": "RUNNING", "capacity": {"calls_per_second_per_unit": 1000}}
    assert call("LocalRekognition.SetProjectVersion", control) == (200, {})
    call("LocalRekognition.SetFaults", {})
    call("LocalRekognition.Counters", {"reset": True})


@pytest.fixture
def detect(call, arn):
    """Call DetectCustomLabels on an object with these bytes; keyword arguments are members of the request."""
    request = {"ProjectVersionArn": arn, "Image": {"S3Object": {"Bucket": "photo-bucket", "Name": "photo.jpg"}}}
    return lambda data, **members: call("DetectCustomLabels", request | members, lambda *_: data)


@pytest.fixture
def detect_bytes(detect):
    return lambda data: detect(b"", Image={"Bytes": base64.b64encode(data).decode()})


def names(answer):
    return [label["Name"] for label in answer[1]["CustomLabels"]]


@pytest.mark.parametrize("shape", ["disc", "grid"])
def test_unseen_picture_gets_its_label_alone_and_at_a_minimum_of_zero_all_labels_best_first(shape, detect):
    unseen = picture(shape, COLOURS[3])
    assert names(detect(unseen)) == [shape]
    answer = detect(unseen, MinConfidence=0)
    assert names(answer) == sorted(("disc", "grid"), key=lambda name: name != shape)
    assert sum(label["Confidence"] for label in answer[1]["CustomLabels"]) == pytest.approx(100)


def test_min_confidence_and_max_results_limit_the_labels(detect):
    confidence = detect(picture(), MinConfidence=0)[1]["CustomLabels"][1]["Confidence"]
    assert names(detect(picture(), MinConfidence=confidence)) == ["disc", "grid"]
    assert names(detect(picture(), MinConfidence=confidence + 0.01)) == ["disc"]
    assert names(detect(picture(), MinConfidence=0, MaxResults=1)) == ["disc"]


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_jpeg_with_a_broken_exif_block_is_accepted(detect):
    assert detect(picture(file_format="JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"))[0] == 200


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"text", "InvalidImageFormatException"),
        (picture()[:200], "InvalidImageFormatException"),
        (picture(size=(63, 120)), "InvalidParameterException"),
        (picture(size=(64, 1300)), "InvalidParameterException"),
        (picture(size=(4097, 300)), "ImageTooLargeException"),
        (picture().ljust(15 * MEGABYTE + 1, b"\0"), "ImageTooLargeException"),
    ],
    ids=["text", "truncated", "narrow", "long", "wide", "heavy"],
)
def test_image_beyond_the_limits_is_refused(data, code, detect):
    assert error_of(detect(data)) == (400, code)


def test_image_at_the_limits_and_png_of_each_mode_is_accepted(detect, detect_bytes):
    for size in ((64, 64), (64, 1280), (4096, 300)):
        assert detect(picture(size=size))[0] == 200
    for mode in ("RGBA", "LA", "P", "I;16", "L"):
        data = io.BytesIO()
        Image.new(mode, (100, 100)).save(data, "PNG")
        assert detect(data.getvalue())[0] == 200
    assert names(detect_bytes(picture().ljust(4 * MEGABYTE, b"\0"))) == ["disc"]
    assert detect_bytes(picture().ljust(4 * MEGABYTE + 1, b"\0"))[0] == 400


def test_setting_outside_the_service_model_is_refused_by_each_operation(call, detect):
    for members in ({"MinConfidence": 101}, {"MinConfidence": -1}, {"MaxResults": -1}, {"Image": None}):
        assert error_of(detect(picture(), **members)) == (400, "ValidationException"), members
    for operation in (
        *("CreateProject", "DescribeProjects", "DescribeProjectVersions", "StartProjectVersion"),
        *("StopProjectVersion", "DeleteProjectVersion", "DeleteProject", "DetectCustomLabels"),
    ):
        assert error_of(call(operation, {"MaxResults": -1})) == (400, "ValidationException"), operation


def test_stopped_model_is_not_ready_and_a_call_above_the_rate_is_throttled_and_counted(call, arn, detect):
    call("LocalRekognition.SetProjectVersion", {"ProjectVersionArn": arn, "status": "STOPPED"})
    assert error_of(detect(picture())) == (400, "ResourceNotReadyException")
    none = {"ProjectVersionArn": arn, "status": "RUNNING", "capacity": {"calls_per_second_per_unit": 0}}
    call("LocalRekognition.SetProjectVersion", none)
    assert error_of(detect(picture())) == (400, "ProvisionedThroughputExceededException")
    counters = call("LocalRekognition.Counters", {})[1]
    assert (counters["throttled"], counters["custom_labels_answered"]) == (1, 0)


def test_answers_and_counts_are_exact_under_threads(call, detect):
    pictures = [picture("disc"), picture("grid"), b"text"] * 20
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(detect, pictures))
    assert [names(answer) for answer in answers if answer[0] == 200] == [["disc"], ["grid"]] * 20
    counters = call("LocalRekognition.Counters", {})[1]
    assert counters["calls"]["DetectCustomLabels"] == 60
    assert counters["custom_labels_answered"] == 40
    # A model is paid for by the hour and not by the image.
    assert counters["paid"] == 0


def test_fault_of_the_whole_service_hits_custom_labels_by_key(call, detect):
    call("LocalRekognition.SetFaults", {"error": {"code": "InternalServerError", "key_contains": "photo"}})
    assert error_of(detect(picture())) == (500, "InternalServerError")
