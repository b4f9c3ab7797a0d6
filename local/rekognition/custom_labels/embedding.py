"""The features of a picture: the input of the last layer of EfficientNet-Lite3.

The model file has only its thousand classes as output. The layer before them becomes an output in memory, so that
the file on disk keeps its pinned hash.
"""

import threading
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from PIL import Image

from local.rekognition.models import Classifier

_THREADS = 2
_FILE_IDENTIFIER = b"TFL3"


class Embedder:
    """EfficientNet-Lite3 without its classes. Safe for any number of threads, which take turns."""

    input_side_pixels = Classifier.input_side_pixels

    def __init__(self, model_path: Path) -> None:
        self._interpreter = Interpreter(model_content=_with_features(model_path.read_bytes()), num_threads=_THREADS)
        self._interpreter.allocate_tensors()
        self._lock = threading.Lock()

    def embed(self, image: Image.Image) -> NDArray[np.float64]:
        """Return 1,280 features of an RGB image, scaled to length 1."""
        entry = self._interpreter.get_input_details()[0]
        side = self.input_side_pixels
        pixels = np.asarray(image.resize((side, side), Image.Resampling.BILINEAR))
        with self._lock:
            self._interpreter.set_tensor(entry["index"], pixels[np.newaxis])
            self._interpreter.invoke()
            output = self._interpreter.get_output_details()[-1]
            quantized = self._interpreter.get_tensor(output["index"]).reshape(-1).astype(np.float64)
        features: NDArray[np.float64] = quantized - float(output["quantization"][1])
        # All features are zero only for a model without any response; they stay zero instead of becoming NaN.
        return features / max(float(np.linalg.norm(features)), 1e-9)


def _with_features(model_bytes: bytes) -> bytes:
    """Add the input of the last fully connected layer to the outputs of the model."""
    model: Any = schema.ModelT.InitFromPackedBuf(model_bytes, 0)
    graph = model.subgraphs[0]
    fully_connected = [
        operator for operator in graph.operators if _is_fully_connected(model.operatorCodes[operator.opcodeIndex])
    ]
    graph.outputs = [*graph.outputs, int(fully_connected[-1].inputs[0])]
    # Signatures refer to outputs by position and would contradict the new list.
    model.signatureDefs = None
    builder = schema.flatbuffers.Builder(len(model_bytes))
    builder.Finish(model.Pack(builder), _FILE_IDENTIFIER)
    return bytes(builder.Output())


def _is_fully_connected(code: Any) -> bool:
    # Files from before 2020 have the operator only in the deprecated field.
    return bool(max(code.builtinCode, code.deprecatedBuiltinCode) == schema.BuiltinOperator.FULLY_CONNECTED)
