"""The limits of Custom Labels, each with its source.

Sources: [quotas] "Guidelines and quotas in Amazon Rekognition Custom Labels", developer guide. [model] the service
model that botocore ships (``rekognition/2016-06-27/service-2.json``).
"""

MAX_INLINE_IMAGE_BYTES = 4 * 1024 * 1024
"""[quotas] "Maximum size of images passed as raw bytes is 4 MB"."""

MIN_SIDE_PIXELS = 64
"""[quotas] "Minimum image dimension of an input image file … is 64 pixels x 64 pixels"."""

MAX_SIDE_PIXELS = 4096
"""[quotas] "Maximum image dimension of an input image file … is 4096 pixels x 4096 pixels"."""

MAX_ASPECT_RATIO = 20
"""[quotas] "Maximum image aspect ratio is 20:1"."""

MIN_LABELS = 2
"""[quotas] "Minimum number of unique labels per Objects, Scenes, and Concepts (classification) dataset is 2"."""

MIN_PICTURES_PER_LABEL = 3
"""Local: each picture is left out once to calibrate the confidence, and one other picture is not enough. AWS: 1."""

MAX_PAGE = 100
"""[model] ``ProjectsPageSize`` and ``ProjectVersionsPageSize`` have ``max`` 100."""

MAX_NAMES = 10
"""[model] ``ProjectNames`` and ``VersionNames`` have ``max`` 10."""

CALLS_PER_SECOND_AND_UNIT = 5
"""Rate of one inference unit: "can support up to 5 Transactions per second" (StartProjectVersion as of 2019, quoted in
aws-samples/amazon-rekognition-custom-labels-demo#6). Today's guide gives no number: it depends on the model and the
images."""

ASSUMED_THRESHOLD = 50.0
"""Local: the minimum confidence of a request without MinConfidence. AWS determines one for each label."""
