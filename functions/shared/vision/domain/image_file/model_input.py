"""The pixels that a model takes: how an image of any size becomes the tensor of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Layout = Literal["NCHW", "NHWC"]
Channels = Literal["RGB", "BGR"]
Resize = Literal["stretch", "crop", "pad"]
Filter = Literal["bilinear", "bicubic", "lanczos", "nearest"]
Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Input:
    """What the model takes: of each pixel value, 0 to 255, it gets ``(value * scale - mean) / std``.

    Attributes
    ----------
    width, height
        Pixels.
    layout
        ``NCHW`` as PyTorch exports it, ``NHWC`` as TensorFlow does.
    channels
        The order of the colours; BGR for models that were trained with OpenCV.
    resize
        How an image of other proportions becomes one of these: ``stretch`` it, ``crop`` its middle, or ``pad`` it.
    crop_fraction
        The part of the shorter side that is kept, above 0 to 1.
    pad_color
        Red, green and blue of what is added, 0 to 255.
    filter
        How pixels are made fewer or more.
    scale, mean, std
        For red, green and blue.
    """

    width: int
    height: int
    layout: Layout
    channels: Channels
    resize: Resize
    crop_fraction: float
    pad_color: tuple[int, int, int]
    filter: Filter
    scale: Triple
    mean: Triple
    std: Triple

    @property
    def shape(self) -> tuple[int, int, int]:
        """The dimensions of one image in the order of the layout."""
        if self.layout == "NCHW":
            return 3, self.height, self.width
        return self.height, self.width, 3
