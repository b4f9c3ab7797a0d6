"""``LocalRekognition.SetProjectVersion``: set the behaviour of one version by a request.

Everything that the request does not name is reset to its default; only a missing ``status`` changes nothing::

    {"ProjectVersionArn": "arn:aws:rekognition:…",
     "durations": {"start_seconds": 3, "stop_seconds": 2},
     "starts_into": "RUNNING" | "FAILED" | …,
     "capacity": {"calls_per_second_per_unit": 5, "max_inference_units": 2},
     "faults": {"StopProjectVersion": {"code": "InternalServerError", "first": 3}},
     "status": "EXPIRED", "status_message": "…"}

``faults`` refuse an operation with any code: the first calls or, without ``first``, all. A status that was set
stays until the version is started or stopped. ``starts_into`` is the status after STARTING.
"""

from typing import Any

from local.rekognition import errors
from local.rekognition.custom_labels.life_cycle import STATUSES, Behaviour, Fault, LifeCycle

_DURATIONS = {"start_seconds", "stop_seconds"}
_CAPACITY = {"calls_per_second_per_unit", "max_inference_units"}
_FAULTY = {
    "DescribeProjectVersions",
    "StartProjectVersion",
    "StopProjectVersion",
    "DeleteProjectVersion",
    "DetectCustomLabels",
}
_MEMBERS = {"ProjectVersionArn", "durations", "starts_into", "capacity", "faults", "status", "status_message"}


def apply(request: dict[str, Any], life_cycle: LifeCycle) -> None:
    """Set the behaviour of a version, and its status when the request has one.

    Raises
    ------
    RekognitionError
        ``InvalidParameterException`` that names the unknown member; nothing was changed.
    """
    _require_known(request, _MEMBERS)
    durations, capacity = request.get("durations", {}), request.get("capacity", {})
    _require_known(durations, _DURATIONS)
    _require_known(capacity, _CAPACITY)
    usual = Behaviour()
    units = capacity.get("max_inference_units")
    behaviour = Behaviour(
        start_seconds=_number(durations, "start_seconds", usual.start_seconds),
        stop_seconds=_number(durations, "stop_seconds", usual.stop_seconds),
        starts_into=_status(request.get("starts_into", usual.starts_into)),
        calls_per_second_per_unit=_number(capacity, "calls_per_second_per_unit", usual.calls_per_second_per_unit),
        max_inference_units=None if units is None else int(_number(capacity, "max_inference_units", 0)),
        faults=_faults(request.get("faults", {})),
    )
    status = request.get("status")
    if status is not None:
        _status(status)
    life_cycle.behaviour = behaviour
    if status is not None:
        life_cycle.put_into(status, str(request.get("status_message", "")))


def _faults(requested: dict[str, Any]) -> dict[str, Fault]:
    _require_known(requested, _FAULTY)
    faults = {}
    for operation, fault in requested.items():
        _require_known(fault, {"code", "first"})
        if not fault.get("code"):
            raise errors.invalid_parameters(f"The fault of {operation} needs a 'code', for example ThrottlingException")
        faults[operation] = Fault(fault["code"], fault.get("first"))
    return faults


def _require_known(given: dict[str, Any], known: set[str]) -> None:
    unknown = sorted(set(given) - known)
    if unknown:
        raise errors.invalid_parameters(f"Unknown member {unknown[0]!r}; known are {sorted(known)}")


def _number(given: dict[str, Any], name: str, usual: float) -> float:
    value = given.get(name, usual)
    if not isinstance(value, int | float) or value < 0:
        raise errors.invalid_parameters(f"{name} is {value!r}; it must be a number from 0 up")
    return float(value)


def _status(value: Any) -> str:
    if value not in STATUSES:
        raise errors.invalid_parameters(f"Unknown status {value!r}; known are {list(STATUSES)}")
    return str(value)
