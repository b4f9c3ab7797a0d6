"""The loop of every Python worker: one JSON request per line, one JSON response per line.

A request is ``{"job", "path", "box", "repeat", "output", "fresh_peak"}``, all but ``job`` optional. The response has
``cpu_seconds``, one figure per repetition: user and system time of all threads, without reading the file;
``output_bytes``; and, with ``fresh_peak``, ``resident_bytes`` before the job and ``peak_bytes`` at its peak. An
exception of a job is returned as ``{"error": ...}``.

Standard library only, since it also runs where only a peer's library is installed.
"""

import json
import resource
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Photo:
    """The input of a job: the file, its content, and the square in pixels into which the result fits."""

    path: Path
    data: bytes
    box: int


Job = Callable[[Photo], bytes]


def serve(version: str, jobs: Mapping[str, Job], who: int = resource.RUSAGE_SELF) -> None:
    """Answer requests until the input ends.

    Parameters
    ----------
    version
        Name and version of the library, for the report.
    jobs
        The jobs by name.
    who
        The measured CPU time: of this process, or of the processes that it starts.
    """
    # The output of libraries must not get into the responses.
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"version": version} if request["job"] == "version" else _answer(jobs, request, who)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


def cpu_seconds(who: int = resource.RUSAGE_SELF) -> float:
    """Return the user and system time so far."""
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def resident_bytes(field: str) -> int:
    """Return ``VmRSS``, the current memory, or ``VmHWM``, its peak since :func:`forget_peak`; Linux only."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split(f"{field}:")[1].split()[0]) * 1024


def forget_peak() -> None:
    """Reset ``VmHWM`` to the current memory."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _answer(jobs: Mapping[str, Job], request: dict[str, Any], who: int) -> dict[str, Any]:
    path = Path(request["path"])
    photo = Photo(path, path.read_bytes(), request.get("box", 250))
    job = jobs[request["job"]]
    before = resident_bytes("VmRSS")
    if request.get("fresh_peak"):
        forget_peak()
    times = []
    output = b""
    for _ in range(request.get("repeat", 1)):
        started = cpu_seconds(who)
        output = job(photo)
        times.append(cpu_seconds(who) - started)
    answer: dict[str, Any] = {"cpu_seconds": times, "output_bytes": len(output)}
    if request.get("fresh_peak"):
        answer |= {"resident_bytes": before, "peak_bytes": resident_bytes("VmHWM")}
    if request.get("output"):
        Path(request["output"]).write_bytes(output)
    return answer
