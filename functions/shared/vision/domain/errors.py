"""Errors whose class name is the error name that state machines match.

Every error is either :class:`Permanent` (the same input fails again, so it goes straight to the record)
or :class:`Transient` (waiting can heal it, so the state machine retries). A message names the thing,
the limit and the remedy: it is what the owner of the image reads in the record.
"""


class VisionError(Exception):
    """Base of every error that the domain and the adapters raise on purpose."""


class Permanent(VisionError):
    """Retrying cannot help."""


class Transient(VisionError):
    """Waiting can help."""


class InvalidEvent(Permanent):
    """The event or envelope is not what the handler was promised."""


class ObjectNotFound(Permanent):
    """The object version is gone: deleted or expired between the event and now."""


class ObjectNotAccessible(Transient):
    """Rekognition cannot read an object that is there: a Region, a policy, or trouble between the two services."""


class AccessDenied(Permanent):
    """A policy forbids the call: the template, a bucket policy or a key policy must change."""


class NotSupportedImageType(Permanent):
    """The content is neither JPEG nor PNG, whatever the name says."""


class CorruptImage(Permanent):
    """The content starts like an image and cannot be decoded."""


class ImageTooLarge(Permanent):
    """More bytes or longer sides than Rekognition takes."""


class ImageTooSmall(Permanent):
    """Shorter sides than Rekognition takes."""


class TooManyPixels(Permanent):
    """Decoding would need more memory than the function has."""


class InvalidImage(Permanent):
    """Rekognition refused the image although our own checks passed."""


class Throttled(Transient):
    """A service asks for fewer calls per second."""


class ServiceUnavailable(Transient):
    """A service failed on its side, or did not answer in time."""


class AllowanceExceeded(Permanent):
    """A person has uploaded as much on this day as the allowance of a day lets them."""


class InvalidRule(Permanent):
    """An inspection rule cannot be read, or contradicts itself."""


class NoRule(Permanent):
    """No inspection rule covers the image's prefix."""


class ModelFailed(Permanent):
    """The Custom Labels model could not be trained or started; Rekognition says why."""


class ModelNotUsable(Permanent):
    """The Custom Labels model is in a state from which nothing can start it, or is not there."""


class ModelNotReady(Transient):
    """The Custom Labels model is not running yet, or not any more."""


class LeaseLost(Permanent):
    """Another session, or the watchdog, holds the model now."""


class InvalidRun(Permanent):
    """What a bulk run is asked for cannot be read, or its bucket may not be read or is of another Region."""


class InvalidModel(Permanent):
    """The own model cannot be used: its manifest, its file or its function is not what it has to be."""


class UnusableAnswer(Permanent):
    """The own model answered an image with what is no probability."""
