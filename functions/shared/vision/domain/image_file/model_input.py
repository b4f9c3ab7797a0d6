"""Model input: how an image of any size becomes the input tensor of a model."""

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
    """The input of a model. Each pixel value, 0 to 255, is passed as ``(value * scale - mean) / std``.

    Attributes
    ----------
    width, height
        Pixels.
    layout
        ``NCHW`` as PyTorch exports it, ``NHWC`` as TensorFlow does.
    channels
        The order of the colours; BGR for models trained with OpenCV.
    resize
        How to fit an image with another aspect ratio: ``stretch`` it, ``crop`` its middle, or ``pad`` it.
    crop_fraction
        Fraction of the shorter side to keep, greater than 0, up to 1.
    pad_color
        Red, green and blue of the padding, 0 to 255.
    filter
        Resampling filter.
    scale, mean, std
        Values for red, green and blue.
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
