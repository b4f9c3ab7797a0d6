"""ImageMagick's commands, one process per call, as in the Lambda functions of the photo-sharing backend.

The arguments are the commands for ``identify`` and ``convert`` on this machine: ``identify convert`` or
``magick identify`` and ``magick``, found by :mod:`benchmarks.peers`.
"""

import resource
import shlex
import subprocess
import sys

from benchmarks.contenders.worker import Photo, serve


def _thumbnail(photo: Photo) -> bytes:
    return _run(sys.argv[2], str(photo.path), "-resize", f"{photo.box}x{photo.box}", "-quality", "80", "jpeg:-")


def _metadata_and_thumbnail(photo: Photo) -> bytes:
    _run(sys.argv[1], "-ping", "-verbose", str(photo.path))
    return _thumbnail(photo)


def _run(command: str, *arguments: str) -> bytes:
    return subprocess.run([*shlex.split(command), *arguments], check=True, capture_output=True).stdout


if __name__ == "__main__":
    first_line = _run(sys.argv[2], "-version").decode().splitlines()[0]
    serve(
        " ".join(first_line.removeprefix("Version: ").split()[:2]),
        {"thumbnail": _thumbnail, "metadata_and_thumbnail": _metadata_and_thumbnail},
        who=resource.RUSAGE_CHILDREN,
    )
