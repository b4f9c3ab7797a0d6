"""Tiny models of three colours, made on the spot: none is the default one, and each can be broken in one way."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, external_data_helper, helper, numpy_helper

COLOURS = ("Red", "Green", "Blue")
SIDE = 8
# The brightest channel wins clearly: scores are its mean, 0 to 1, times this.
GAIN = 12.0


def colour_model(
    *,
    sides: tuple[Any, Any] = (SIDE, SIDE),
    layout: str = "NCHW",
    batch: Any = "images",
    softmax: bool = False,
    kind: int = TensorProto.FLOAT,
    divisor: float = 1.0,
    outputs: Sequence[str] = ("scores",),
    inputs: Sequence[str] = ("image",),
    classes: int = 3,
) -> bytes:
    """Return an ONNX model that answers with the mean of each channel.

    Parameters
    ----------
    divisor
        What the means are divided by: 0 gives what is no number.
    classes
        Beyond three, further classes have the scores of the first three.
    """
    shape = [batch, 3, *sides] if layout == "NCHW" else [batch, *sides, 3]
    given = [helper.make_tensor_value_info(name, kind, shape) for name in inputs]
    answers = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, classes]) for name in outputs]
    constants = [
        numpy_helper.from_array(np.array(GAIN / (divisor or 1), np.float32), "gain"),
        numpy_helper.from_array(np.array(0, np.float32), "zero"),
        numpy_helper.from_array(np.eye(3, classes, dtype=np.float32), "spread"),
    ]
    nodes = [helper.make_node("Cast", [inputs[0]], ["float"], to=TensorProto.FLOAT)]
    if layout == "NHWC":
        nodes.append(helper.make_node("Transpose", ["float"], ["planes"], perm=[0, 3, 1, 2]))
    else:
        nodes.append(helper.make_node("Identity", ["float"], ["planes"]))
    nodes += [
        helper.make_node("GlobalAveragePool", ["planes"], ["means"]),
        helper.make_node("Flatten", ["means"], ["flat"]),
        helper.make_node("Mul", ["flat", "gain"], ["scaled"]),
    ]
    # Nothing divided by nothing.
    nodes += [helper.make_node("Mul", ["scaled", "zero"], ["nothing"])] if not divisor else []
    last = "scaled"
    if not divisor:
        nodes.append(helper.make_node("Div", ["nothing", "zero"], ["broken"]))
        last = "broken"
    nodes.append(helper.make_node("MatMul", [last, "spread"], ["answer"]))
    for name in outputs:
        nodes.append(helper.make_node("Softmax" if softmax else "Identity", ["answer"], [name]))
    graph = helper.make_graph(nodes, "colours", given, answers, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def endless_model() -> bytes:
    """Return an ONNX model of colours that loops for ever: nothing in the file itself shows it."""
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("Identity", ["goes_on"], ["still"]), helper.make_node("Identity", ["state"], ["next"])],
        "body",
        [value("turn", TensorProto.INT64, []), value("goes_on", TensorProto.BOOL, []), value("state", 1, None)],
        [value("still", TensorProto.BOOL, []), value("next", 1, None)],
    )
    model = onnx.load_from_string(colour_model())
    # In place of what hands the last numbers on.
    *nodes, last = model.graph.node
    loop = helper.make_node("Loop", ["", "for_ever", *last.input], list(last.output), body=body)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, loop])
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "for_ever"))
    onnx.checker.check_model(model)
    return model.SerializeToString()


def with_weights_elsewhere(content: bytes, location: str, *, as_node: bool = False) -> tuple[bytes, bytes]:
    """Return a model whose weights are in another file, and what belongs into that file.

    Parameters
    ----------
    location
        Where the model says that the file is.
    as_node
        Whether the weights are those of a Constant node; otherwise of an initializer.
    """
    model = onnx.load_from_string(content)
    [weights] = [one for one in model.graph.initializer if one.name == "spread"]
    data = weights.raw_data
    external_data_helper.set_external_data(weights, location, offset=0, length=len(data))
    weights.ClearField("raw_data")
    if as_node:
        model.graph.node.insert(0, helper.make_node("Constant", [], ["spread"], value=weights))
        model.graph.initializer.remove(weights)
    return model.SerializeToString(), data


def manifest(content: bytes, **changes: Any) -> dict[str, Any]:
    """Return the manifest of a model of three colours; a change whose value is None leaves the field out."""
    fields = {
        "name": "colours",
        "version": "7",
        "file": "colours.onnx",
        "sha256": hashlib.sha256(content).hexdigest(),
        "input": {
            "width": SIDE,
            "height": SIDE,
            "layout": "NCHW",
            "channels": "RGB",
            "resize": "stretch",
            "scale": 1 / 255,
        },
        "labels": list(COLOURS),
        "output": {"softmax": True},
        "threshold": 60,
        "top_k": 2,
    } | changes
    return {name: value for name, value in fields.items() if value is not None}


def write_model(folder: Path, content: bytes | None = None, **changes: Any) -> Path:
    """Put a model and its manifest into a folder, and return it."""
    content = colour_model() if content is None else content
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "colours.onnx").write_bytes(content)
    (folder / "manifest.json").write_text(json.dumps(manifest(content, **changes)), encoding="utf-8")
    return folder
