"""The limits of Rekognition, each with its source.

Sources: [quotas] "Guidelines and quotas in Amazon Rekognition", developer guide. [model] the service model that
botocore ships (``rekognition/2016-06-27/service-2.json``). [guide] "Error handling", developer guide.
"""

MAX_S3_IMAGE_BYTES = 15 * 1024 * 1024
"""[quotas] "Maximum image size stored as an Amazon S3 object is limited to 15 MB"."""

MAX_INLINE_IMAGE_BYTES = 5 * 1024 * 1024
"""[model] ``ImageBlob`` has ``max`` 5,242,880."""

MIN_SIDE_PIXELS = 80
"""[quotas] "The minimum image dimensions is 80 pixels for both height and width"."""

MAX_SIDE_PIXELS = 10_000
"""[quotas] "The maximum image dimensions for DetectLabels is 10K pixels for both width and height"."""

MAX_LABELS = 1000
"""[model] DetectLabels: "The default and upper limit is 1000 labels"."""

DEFAULT_MIN_CONFIDENCE = 55.0
"""[model] DetectLabels: without MinConfidence, labels of at least 55 percent."""

MAX_FILTER_VALUES = 100
"""[model] ``GeneralLabelsFilterList`` has ``max`` 100."""
