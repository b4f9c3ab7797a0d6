"""Errors. State machines match them by class name.

Every error is either :class:`Permanent` (the same input fails again, so the workflow records the error directly)
or :class:`Transient` (waiting can help, so the state machine retries). A message names the thing, the limit and the
remedy, because the owner of the image reads it in the record.
"""


class VisionError(Exception):
    """Base class of every error that the domain and the adapters raise on purpose."""


class Permanent(VisionError):
    """Retrying cannot help."""


class Transient(VisionError):
    """Waiting can help."""


class InvalidEvent(Permanent):
    """The event or envelope does not have the form that the handler requires."""


class ObjectNotFound(Permanent):
    """The object version is gone: deleted or expired between the event and now."""


class ObjectNotAccessible(Transient):
    """Rekognition cannot read an existing object, because of a Region, a policy, or a problem between the services."""


class AccessDenied(Permanent):
    """A policy denies the call. The template, a bucket policy or a key policy must change."""


class NotSupportedImageType(Permanent):
    """The content is neither JPEG nor PNG, independent of the file name."""


class CorruptImage(Permanent):
    """The content starts like an image, but cannot be decoded."""


class ImageTooLarge(Permanent):
    """The image has more bytes or longer sides than Rekognition accepts."""


class ImageTooSmall(Permanent):
    """The image has shorter sides than Rekognition accepts."""


class TooManyPixels(Permanent):
    """Decoding would need more memory than the function has."""


class InvalidImage(Permanent):
    """Rekognition rejected the image although the checks before the call passed."""


class ImageFailed(Permanent):
    """Nothing was found in an image, and its record says why; the execution must fail with the same cause."""


class Throttled(Transient):
    """A service throttles the calls."""


class ServiceUnavailable(Transient):
    """A service failed on its side, or did not answer in time."""


class AllowanceExceeded(Permanent):
    """A person has used up the allowance of the day."""


class InvalidRule(Permanent):
    """An inspection rule cannot be read, or contradicts itself."""


class NoRule(Permanent):
    """No inspection rule covers the image's prefix."""


class ModelFailed(Permanent):
    """The Custom Labels model could not be trained or started; Rekognition says why."""


class ModelNotUsable(Permanent):
    """The Custom Labels model has a status from which it cannot be started, or does not exist."""


class ModelNotReady(Transient):
    """The Custom Labels model is not running yet, or no longer running."""


class LeaseLost(Permanent):
    """Another session, or the watchdog, holds the lease of the model now."""


class InvalidRun(Permanent):
    """The request for a bulk run cannot be parsed, or its bucket may not be read or is in another Region."""


class InvalidModel(Permanent):
    """The own model cannot be used, because its manifest, its file or its function is invalid."""


class UnusableAnswer(Permanent):
    """The own model returned an invalid probability for an image."""
