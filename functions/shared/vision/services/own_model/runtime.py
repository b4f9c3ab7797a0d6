"""Run an own model with ONNX Runtime and numpy; no other module imports them.

Only the container image of `classify_image` contains them. `python -m vision.services.own_model.runtime FOLDER` checks
a model as the function does when it starts; the Dockerfile runs it at the end of the build.
"""

from __future__ import annotations

import hashlib
import math
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from vision.domain.errors import InvalidModel, UnusableAnswer
from vision.domain.image_file.limits import MEGABYTE
from vision.domain.image_file.model_input import Input
from vision.domain.own_model import manifests, scores
from vision.domain.own_model.manifests import Manifest

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_TYPES: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}
TRY_SECONDS = 600
"""Time limit of the trial run in a build or check, on a machine that may be ten times slower than the function."""
AT_ONCE_LIMIT = 8
"""Most images in one run of the model: more of them are hardly faster."""
# The size of the model's input. Its intermediate values are often several times as large.
_INPUT_BYTES = 32 * MEGABYTE
# This path is below a file, so nothing can exist there, and ONNX Runtime reads no weights outside the model file, which
# the digest in the manifest would not cover. By default it looks for them below the current folder.
# https://github.com/microsoft/onnxruntime/blob/main/include/onnxruntime/core/session/onnxruntime_session_options_config_keys.h
_NO_WEIGHTS_BESIDE = ("session.model_external_initializers_file_folder_path", f"{os.devnull}/external-data")

_Result = TypeVar("_Result")


class Classifier:
    """A model whose manifest, file and answers fit together.

    Attributes
    ----------
    manifest
        The input of the model and the meaning of its output.
    takes_many
        Whether the model takes any number of images at once, or exactly one.
    at_once
        How many images the model gets at once: fewer if they are large, to limit the memory.
    """

    def __init__(self, manifest: Manifest, content: bytes) -> None:
        """Load a model and try it once.

        Parameters
        ----------
        content
            The ONNX file.

        Raises
        ------
        InvalidModel
            The digest, an input or output, the number of classes, or an answer does not fit; the message says which.
        """
        self.manifest = manifest
        found = hashlib.sha256(content).hexdigest()
        if found != manifest.sha256:
            raise InvalidModel(
                f"{manifest.file}: SHA-256 is {found}, the manifest says {manifest.sha256}; fetch the right file, or "
                "write the new digest and a new version into the manifest"
            )
        self._session = load_session(manifest.file, content)
        self._input, self._type, self.takes_many = self._checked_input()
        self._check_numbers()
        self._output = self._checked_output()
        image_bytes = math.prod(manifest.input.shape) * np.dtype(self._type).itemsize
        self.at_once = max(1, min(AT_ONCE_LIMIT, _INPUT_BYTES // image_bytes)) if self.takes_many else 1
        self._try()

    @classmethod
    def load(cls, folder: Path) -> Classifier:
        """Load the model of a folder.

        Raises
        ------
        InvalidModel
        """
        manifest = read_manifest(folder)
        return cls(manifest, _content(folder / manifest.file))

    def answers(self, images: Sequence[bytes]) -> list[list[float]]:
        """Return the model's numbers for each image, one for each class.

        Parameters
        ----------
        images
            The pixels of each image, as :func:`vision.domain.image_file.pixels.input_pixels` returns them.

        Raises
        ------
        InvalidModel
            The model cannot be run, whatever the image.
        """
        found: list[list[float]] = []
        for start in range(0, len(images), self.at_once):
            found += self._run(images[start : start + self.at_once])
        return found

    def _run(self, images: Sequence[bytes]) -> list[list[float]]:
        batch = np.empty((len(images), *self.manifest.input.shape), self._type)
        for image, pixels in zip(batch, images, strict=True):
            prepare(pixels, self.manifest.input, image)
        try:
            answer = np.asarray(self._session.run([self._output], {self._input: batch})[0], dtype=np.float64)
        except Exception as error:  # ONNX Runtime has a class for each reason, and no common base.
            raise InvalidModel(
                f"{self.manifest.file}: cannot be run ({_first_line(error)}); export it again"
            ) from error
        if answer.shape[:1] != (len(images),) or answer.size != len(images) * len(self.manifest.labels):
            raise InvalidModel(
                f"{self.manifest.file}: answers {len(images)} images with the shape {answer.shape}, where the manifest "
                f"has {len(self.manifest.labels):,} labels; give it the labels that it was trained with"
            )
        rows: list[list[float]] = answer.reshape(len(images), -1).tolist()
        return rows

    def _checked_input(self) -> tuple[str, type[np.generic], bool]:
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            names = ", ".join(one.name for one in inputs)
            raise InvalidModel(
                f"{self.manifest.file}: takes {len(inputs)} inputs ({names}); export it with one, images"
            )
        (one,) = inputs
        wanted = self.manifest.input.shape
        shape = [side if isinstance(side, int) else None for side in one.shape]
        if len(shape) != 4 or any(side not in (None, fits) for side, fits in zip(shape[1:], wanted, strict=True)):
            shown = " × ".join("any" if side is None else str(side) for side in shape)
            raise InvalidModel(
                f"{self.manifest.file}: takes {shown}, the manifest says any × {' × '.join(map(str, wanted))} "
                f"({self.manifest.input.layout}); set input.width, input.height and input.layout to what it was "
                "exported with"
            )
        if shape[0] not in (None, 1):
            raise InvalidModel(
                f"{self.manifest.file}: takes exactly {shape[0]} images; export it for one, or for any number"
            )
        if one.type not in _TYPES:
            raise InvalidModel(f"{self.manifest.file}: takes {one.type}; export it with one of {', '.join(_TYPES)}")
        return one.name, _TYPES[one.type], shape[0] is None

    def _check_numbers(self) -> None:
        """Refuse numbers that do not fit an integer input: their conversion would depend on the processor."""
        if not issubclass(self._type, np.integer):
            return
        taken = np.iinfo(self._type)
        for channel, colour in enumerate(("red", "green", "blue")):
            with np.errstate(over="ignore", invalid="ignore"):
                numbers = _numbers(self.manifest.input, channel)
            wrong = ~((numbers >= taken.min) & (numbers <= taken.max) & (numbers == np.rint(numbers)))
            if wrong.any():
                value = int(wrong.argmax())
                raise InvalidModel(
                    f"{self.manifest.file}: takes whole numbers from {taken.min} to {taken.max}, the manifest makes "
                    f"{numbers[value]:.17g} of {colour} {value}; set input.scale 1, input.mean 0 and input.std 1"
                )

    def _checked_output(self) -> str:
        names = [one.name for one in self._session.get_outputs()]
        wanted = self.manifest.output_name or (names[0] if len(names) == 1 else "")
        if wanted not in names:
            raise InvalidModel(
                f"{self.manifest.file}: has the outputs {', '.join(names)}; name that of the classes as output.name"
            )
        return wanted

    def _try(self) -> None:
        """Find errors that only a run of the model shows; the run also makes the first image as fast as the others."""
        size = self.manifest.input.width * self.manifest.input.height * 3
        noise = np.random.default_rng(0).integers(0, 256, size, np.uint8).tobytes()
        pictures = {"grey": b"\x7f" * size, "noise": noise, "black": b"\x00" * size, "white": b"\xff" * size}
        answers = self.answers(list(pictures.values()))
        for name, answer in zip(pictures, answers, strict=True):
            try:
                scores.probabilities(self.manifest, answer)
            except UnusableAnswer as error:
                raise InvalidModel(f"{self.manifest.file}: tried with a picture of {name}: {error}") from error


def load_session(file: str, content: bytes) -> Any:
    """Load a model that is complete in its file.

    Parameters
    ----------
    file
        The name of the file.
    content
        The ONNX file.

    Raises
    ------
    InvalidModel
        The file is not a model, needs a newer ONNX, or has its weights in another file (external data).
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.add_session_config_entry(*_NO_WEIGHTS_BESIDE)
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has a class for each reason, and no common base.
        raise InvalidModel(
            f"{file}: ONNX Runtime {onnxruntime.__version__} cannot load it ({_first_line(error)}); export it again "
            "with an opset that it knows and without external data: torch.onnx.export(..., external_data=False) or "
            "onnx.save_model(..., save_as_external_data=False)"
        ) from error


def prepare(pixels: bytes, wanted: Input, image: NDArray[np.generic]) -> None:
    """Write the model input for one image: ``(value * scale - mean) / std`` of each value.

    Parameters
    ----------
    pixels
        Rows of red, green and blue, as :func:`vision.domain.image_file.pixels.input_pixels` returns them.
    image
        The array to fill, of shape ``wanted.shape`` and in the model's type. No other array of that size is made.
    """
    values = np.frombuffer(pixels, np.uint8).reshape(wanted.height, wanted.width, 3)
    for channel in range(3):
        position = 2 - channel if wanted.channels == "BGR" else channel
        plane = image[position] if wanted.layout == "NCHW" else image[..., position]
        plane[...] = _numbers(wanted, channel).astype(image.dtype)[values[..., channel]]


def _numbers(wanted: Input, channel: int) -> NDArray[np.floating[Any]]:
    """Return the input number of each of the 256 pixel values, computed once in full precision."""
    return (np.arange(256) * wanted.scale[channel] - wanted.mean[channel]) / wanted.std[channel]


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a folder.

    Raises
    ------
    InvalidModel
    """
    path = folder / manifests.FILE_NAME
    try:
        # Accept the byte order mark that editors on Windows write.
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidModel(
            f"{manifests.FILE_NAME}: cannot be read ({type(error).__name__}); put it beside the model file, UTF-8"
        ) from error
    return manifests.parse(text, lambda name: (folder / name).read_text(encoding="utf-8-sig"))


def within_limit(work: Callable[..., _Result], *arguments: Any) -> _Result:
    """Run work with a model in a separate process, and kill it after :data:`TRY_SECONDS`: a model may never end.

    Raises
    ------
    InvalidModel
        The work has not ended in time, or the process died. Errors of the work are raised as they are.
    """
    # Imported here, so that cold starts of the function do not pay for it.
    import multiprocessing

    spawn = multiprocessing.get_context("spawn")
    receiver, sender = spawn.Pipe(duplex=False)
    child = spawn.Process(target=_work, args=(sender, work, arguments))
    child.start()
    sender.close()
    try:
        if not receiver.poll(TRY_SECONDS):
            raise InvalidModel(
                f"the model has not ended within {TRY_SECONDS} s; look for a loop in it that never ends, or export it "
                "smaller"
            )
        result = receiver.recv()
    except EOFError as error:
        child.join()
        raise InvalidModel(
            f"the process that tried the model died (exit code {child.exitcode}); free some memory and try again"
        ) from error
    finally:
        # Kill the child's process group too, which exists once the child has made it.
        with suppress(ProcessLookupError):
            os.killpg(cast(int, child.pid), signal.SIGKILL)
        child.kill()
        child.join()
    if isinstance(result, Exception):
        raise result
    return cast(_Result, result)


def _work(sender: Connection, work: Callable[..., Any], arguments: Sequence[Any]) -> None:
    os.setpgrp()
    try:
        sender.send(work(*arguments))
    except Exception as error:
        sender.send(error)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidModel(
            f"{path.name}: cannot be read ({type(error).__name__}); put it beside the manifest, or a fetch.py that "
            "the build runs to bring it"
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _main(arguments: Sequence[Any]) -> int:
    try:
        sys.stdout.write(within_limit(_checked, Path(arguments[0])))
    except InvalidModel as error:
        sys.stderr.write(f"InvalidModel: {error}\n")
        return 1
    return 0


def _checked(folder: Path) -> str:
    manifest = Classifier.load(folder).manifest
    return f"{manifest.name} {manifest.version}: {len(manifest.labels):,} classes, checked\n"


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
