"""The API operations of Custom Labels: projects, the life cycle of their versions, and the labels of running ones."""

import base64
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.rekognition import errors
from local.rekognition.custom_labels import controls, limits, refusals
from local.rekognition.custom_labels.embedding import Embedder
from local.rekognition.custom_labels.life_cycle import LifeCycle
from local.rekognition.custom_labels.projects import NAME_PATTERN, PROJECTS_DIR, Project, Projects, ProjectVersion
from local.rekognition.decoder import Decoder

Json = dict[str, Any]

# The patterns of ProjectArn and ProjectVersionArn in the service model.
_PROJECT_ARN = rf"arn:[a-z\d-]+:rekognition:[a-z\d-]+:\d{{12}}:project/{NAME_PATTERN}/\d+"
_VERSION_ARN = rf"arn:[a-z\d-]+:rekognition:[a-z\d-]+:\d{{12}}:project/{NAME_PATTERN}/version/{NAME_PATTERN}/\d+"


class CustomLabels:
    """The projects of the account and their running models. Safe for any number of threads.

    Parameters
    ----------
    backbone_path
        Model file of the classifier, read for the first image.
    projects_dir
        The folder of the projects.
    clock
        Seconds, for the life cycle and the billing.
    decoder
        Decodes the images; None for a new one.
    """

    def __init__(
        self,
        backbone_path: Path,
        projects_dir: Path = PROJECTS_DIR,
        clock: Callable[[], float] = time.monotonic,
        decoder: Decoder | None = None,
    ) -> None:
        self._decoder = decoder or Decoder()
        self._backbone_path = backbone_path
        self._projects = Projects(projects_dir)
        self._clock = clock
        self._lock = threading.RLock()
        self._life_cycles: dict[str, LifeCycle] = {}
        self._ended_billed_seconds = 0.0
        self._answered = 0
        self._embedder: Embedder | None = None

    def create_project(self, request: Json) -> Json:
        """CreateProject: a name, and only the feature Custom Labels."""
        name = request.get("ProjectName")
        _require_pattern(name, NAME_PATTERN, "projectName")
        if request.get("Feature", "CUSTOM_LABELS") != "CUSTOM_LABELS" or request.get("AutoUpdate") == "ENABLED":
            raise errors.invalid_parameters("The local Rekognition has projects of CUSTOM_LABELS only")
        with self._lock:
            try:
                return {"ProjectArn": self._projects.create(str(name)).arn}
            except FileExistsError as exists:
                raise refusals.in_use(f"{exists}; choose another name") from None
            except ValueError as invalid:
                raise errors.invalid_parameters(str(invalid)) from None

    def describe_projects(self, request: Json) -> Json:
        """DescribeProjects: newest first, in pages, optionally by name."""
        names = _names(request, "ProjectNames")
        found = [project for project in self._projects.all() if names is None or project.name in names]
        page, token = _page(found, request)
        descriptions = [
            {
                "ProjectArn": project.arn,
                "CreationTimestamp": project.created_milliseconds / 1000,
                "Status": "CREATED",
                "Feature": "CUSTOM_LABELS",
            }
            for project in page
        ]
        return {"ProjectDescriptions": descriptions} | token

    def delete_project(self, request: Json) -> Json:
        """DeleteProject: only without versions. On AWS this takes time, here it is done with the response."""
        with self._lock:
            project = self._project(request)
            if self._projects.versions(project.name):
                raise refusals.in_use(f"{project.arn} has versions; delete them first with DeleteProjectVersion")
            self._projects.delete(project)
        return {"Status": "DELETING"}

    def describe_project_versions(self, request: Json) -> Json:
        """DescribeProjectVersions: newest first, in pages, optionally by name."""
        with self._lock:
            names = _names(request, "VersionNames")
            versions = self._projects.versions(self._project(request).name)
            found = [version for version in versions if names is None or version.name in names]
            for version in found:
                self._life_cycle(version).refuse("DescribeProjectVersions")
            page, token = _page(found, request)
            return {"ProjectVersionDescriptions": [self._description(version) for version in page]} | token

    def start_project_version(self, request: Json) -> Json:
        """StartProjectVersion: at the rate of ``MinInferenceUnits``, without auto-scaling."""
        units, max_units = request.get("MinInferenceUnits"), request.get("MaxInferenceUnits")
        _require_units(units, "minInferenceUnits")
        if max_units is not None:
            _require_units(max_units, "maxInferenceUnits")
        with self._lock:
            life_cycle = self._life_cycle(self._version(request))
            life_cycle.refuse("StartProjectVersion")
            if max_units is not None and max_units < int(units or 0):
                raise errors.invalid_parameters(f"MaxInferenceUnits {max_units} is below MinInferenceUnits {units}")
            return {"Status": life_cycle.start(int(units or 0), max_units)}

    def stop_project_version(self, request: Json) -> Json:
        """StopProjectVersion: from RUNNING."""
        with self._lock:
            life_cycle = self._life_cycle(self._version(request))
            life_cycle.refuse("StopProjectVersion")
            return {"Status": life_cycle.stop()}

    def delete_project_version(self, request: Json) -> Json:
        """DeleteProjectVersion: not while it runs. On AWS this takes time, here it is done with the response."""
        with self._lock:
            version = self._version(request)
            life_cycle = self._life_cycle(version)
            life_cycle.refuse("DeleteProjectVersion")
            life_cycle.require_deletable()
            self._projects.delete_version(version)
            self._ended_billed_seconds += self._life_cycles.pop(version.arn).billed_seconds(reset=False)
        return {"Status": "DELETING"}

    def detect_custom_labels(self, request: Json, image_bytes: Callable[[], bytes]) -> Json:
        """DetectCustomLabels: the labels of the whole image, best first; ``image_bytes`` reads it for the caller.

        Each call to a running model counts towards its rate, since it takes time of the model on AWS.
        """
        max_results, min_confidence = _result_settings(request)
        with self._lock:
            version = self._version(request)
            life_cycle = self._life_cycle(version)
            life_cycle.refuse("DetectCustomLabels")
            life_cycle.admit()

        def read() -> bytes:
            data = image_bytes()
            if request["Image"].get("Bytes") is not None and len(data) > limits.MAX_INLINE_IMAGE_BYTES:
                raise errors.image_too_large()
            return data

        [view] = self._decoder.views("DetectCustomLabels", read, [Embedder.input_side_pixels])
        confidences = version.head.confidences(self._backbone().embed(view))
        with self._lock:
            self._answered += 1
        found = [{"Name": name, "Confidence": value} for name, value in confidences.items() if value >= min_confidence]
        return {"CustomLabels": found[:max_results]}

    def set_project_version(self, request: Json) -> Json:
        """``LocalRekognition.SetProjectVersion``, see :mod:`local.rekognition.custom_labels.controls`."""
        with self._lock:
            controls.apply(request, self._life_cycle(self._version(request)))
        return {}

    def counters(self, reset: bool) -> Json:
        """Return model seconds (RUNNING × units) and answered images; empty until a version is used."""
        with self._lock:
            if not self._life_cycles and not self._ended_billed_seconds:
                return {}
            running = sum(life_cycle.billed_seconds(reset) for life_cycle in self._life_cycles.values())
            counted = {
                "model_seconds": round(running + self._ended_billed_seconds, 3),
                "custom_labels_answered": self._answered,
            }
            if reset:
                self._ended_billed_seconds, self._answered = 0.0, 0
            return counted

    def _project(self, request: Json) -> Project:
        arn = request.get("ProjectArn")
        _require_pattern(arn, _PROJECT_ARN, "projectArn")
        for project in self._projects.all():
            if project.arn == arn:
                return project
        raise refusals.not_found(str(arn))

    def _version(self, request: Json) -> ProjectVersion:
        arn = str(request.get("ProjectVersionArn"))
        _require_pattern(request.get("ProjectVersionArn"), _VERSION_ARN, "projectVersionArn")
        for version in self._projects.versions(arn.split("/")[1]):
            if version.arn == arn:
                return version
        raise refusals.not_found(arn)

    def _life_cycle(self, version: ProjectVersion) -> LifeCycle:
        return self._life_cycles.setdefault(version.arn, LifeCycle(version.arn, self._clock))

    def _description(self, version: ProjectVersion) -> Json:
        created = version.created_milliseconds / 1000
        return {
            "ProjectVersionArn": version.arn,
            "CreationTimestamp": created,
            "TrainingEndTimestamp": created,
            "VersionDescription": version.description,
            "Feature": "CUSTOM_LABELS",
        } | self._life_cycle(version).describe()

    def _backbone(self) -> Embedder:
        with self._lock:
            if self._embedder is None:
                self._embedder = Embedder(self._backbone_path)
            return self._embedder


def _require_pattern(value: Any, pattern: str, member: str) -> None:
    if value is None:
        raise errors.violated_constraint("null", member, "Member must not be null")
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise errors.violated_constraint(value, member, f"Member must satisfy regular expression pattern: {pattern}")


def _require_units(value: Any, member: str) -> None:
    if value is None:
        raise errors.violated_constraint("null", member, "Member must not be null")
    if not isinstance(value, int) or value < 1:
        raise errors.violated_constraint(value, member, "Member must have value greater than or equal to 1")


def _names(request: Json, member: str) -> set[str] | None:
    names = request.get(member)
    if names is None:
        return None
    if not 1 <= len(names) <= limits.MAX_NAMES:
        path = member[:1].lower() + member[1:]
        raise errors.violated_constraint(names, path, f"Member must have length from 1 to {limits.MAX_NAMES}")
    return set(names)


def _page(found: list[Any], request: Json) -> tuple[list[Any], Json]:
    """Return a page of a list; the token is the position of the next page."""
    size = request.get("MaxResults", limits.MAX_PAGE)
    if not isinstance(size, int) or not 1 <= size <= limits.MAX_PAGE:
        raise errors.violated_constraint(size, "maxResults", f"Member must have value from 1 to {limits.MAX_PAGE}")
    token, begin = request.get("NextToken"), 0
    if token is not None:
        try:
            begin = int(base64.b64decode(token, validate=True))
        except ValueError:
            raise refusals.invalid_page(token) from None
        if not 0 < begin <= len(found):
            raise refusals.invalid_page(token)
    following = {"NextToken": base64.b64encode(str(begin + size).encode()).decode()}
    return found[begin : begin + size], following if begin + size < len(found) else {}


def _result_settings(request: Json) -> tuple[int | None, float]:
    max_results = request.get("MaxResults")
    if max_results is not None and (not isinstance(max_results, int) or max_results < 0):
        raise errors.violated_constraint(max_results, "maxResults", "Member must have value greater than or equal to 0")
    min_confidence = request.get("MinConfidence", limits.ASSUMED_THRESHOLD)
    if not isinstance(min_confidence, int | float) or not 0 <= min_confidence <= 100:
        raise errors.violated_constraint(min_confidence, "minConfidence", "Member must have value from 0 to 100")
    return max_results, float(min_confidence)
