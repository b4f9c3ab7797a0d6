"""Inspect one image, in an order of steps that is safe to repeat from any point."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from vision.adapters import notifications, storage
from vision.adapters.table import Table
from vision.domain import display, events, records
from vision.domain.envelopes import Envelope
from vision.domain.errors import AccessDenied, ObjectNotFound, Permanent, ServiceUnavailable, Transient, VisionError
from vision.domain.failures import CAUSE_LIMIT, Failure
from vision.domain.inspection import results, rules
from vision.domain.inspection.rules import Rule
from vision.domain.inspection.verdicts import Judgement, judge
from vision.domain.objects import ObjectVersion
from vision.domain.records import Record
from vision.services.detectors import InspectionDetector
from vision.services.examination import examine
from vision.settings import InspectionSettings

# Between claim and message there is one call to SNS, and the SDK times out sooner than this.
_CLAIM_SECONDS = 120

_JUDGEMENTS_OF = {
    "all": frozenset(Judgement),
    "failures": frozenset({Judgement.FAILURE}),
    "off": frozenset[Judgement](),
}


def _ignore(_: str) -> None:
    """Ignore the outcome."""


@dataclass(frozen=True, slots=True)
class Inspector:
    """Inspects images with one detector and one set of rules.

    Attributes
    ----------
    detector
        Finds the labels.
    image_bucket
        The bucket whose images are inspected; a message about another bucket is refused.
    moves
        Whether an inspected image moves to the results bucket, or stays where it is.
    notifies_of
        The judgements that a notification is sent for.
    claim_seconds
        How long a claim lasts: a delivery that has not sent the claimed notification by then counts as dead.
    """

    table: Table
    rules: tuple[Rule, ...]
    detector: InspectionDetector
    image_bucket: str
    results_bucket: str
    topic_arn: str
    moves: bool
    notifies_of: frozenset[Judgement]
    claim_seconds: int = _CLAIM_SECONDS

    @classmethod
    def from_settings(
        cls,
        settings: InspectionSettings,
        detector: InspectionDetector,
        claim_seconds: int = _CLAIM_SECONDS,
    ) -> Inspector:
        """Return the inspector that the template's parameters describe.

        Raises
        ------
        InvalidRule
            The rules cannot be read. The deployment checks them, but the variable can be changed by hand.
        """
        return cls(
            table=Table(settings.image_table_name),
            rules=rules.parse(settings.inspection_rules),
            detector=detector,
            image_bucket=settings.image_bucket_name,
            results_bucket=settings.results_bucket_name,
            topic_arn=settings.quality_topic_arn,
            moves=settings.inspected_images == "move",
            notifies_of=_JUDGEMENTS_OF[settings.notifications],
            claim_seconds=claim_seconds,
        )

    def inspect_message(
        self, body: str, is_last_receive: bool = False, report: Callable[[str], None] = _ignore
    ) -> None:
        """Inspect the images that a message announces, and ignore other objects.

        Parameters
        ----------
        is_last_receive
            Whether the message moves to the dead-letter queue if this fails: then the record has the reason.
        report
            Receives each outcome, see :meth:`inspect`.

        Raises
        ------
        InvalidEvent
            The message is not an S3 event, or announces an object of another bucket.
        """
        for version in events.created_objects(body, self.image_bucket):
            if results.is_inspected(version.key):
                self.inspect(version, is_last_receive, report)

    def inspect(
        self, version: ObjectVersion, is_last_receive: bool = False, report: Callable[[str], None] = _ignore
    ) -> str:
        """Judge an image, record the verdict, write the result file, move the image, send the notification.

        Each step checks whether it has been done. A message that is delivered again after a crash therefore continues
        where the first delivery stopped, with the recorded verdict.

        Parameters
        ----------
        report
            Receives the outcome as soon as it is recorded; a verdict is reported only by the delivery that found it.

        Returns
        -------
        str
            ``SUCCESS`` or ``FAILURE``; the name of the error of an image that cannot be inspected; or ``GONE`` for an
            image that was deleted before.

        Raises
        ------
        Transient
            A service is busy; the message should be delivered again.
        AccessDenied
            A policy must change before the message is delivered again; the record says so meanwhile.
        """
        envelope = Envelope.of(version)
        try:
            return self._inspect(version, envelope, report)
        except Transient as error:
            if is_last_receive:
                self._give_up(envelope, error, "it waits in the dead-letter queue")
            raise
        except Permanent:
            raise
        except Exception as error:
            # An unexpected error: the record has it, wherever the message ends.
            self._give_up(envelope, error, "it is tried again, and then waits in the dead-letter queue")
            raise

    def _inspect(self, version: ObjectVersion, envelope: Envelope, report: Callable[[str], None]) -> str:
        self.table.register(envelope, records.now())
        record = self.table.image(envelope) or {}
        is_new = False
        if "verdict" not in record:
            try:
                judged = self._judge(version)
                is_new = self.table.record_verdict(envelope, judged, records.now())
                if is_new:
                    report(str(judged["verdict"]))
            except AccessDenied as error:
                self._refuse(envelope, error)
                raise
            except Permanent as error:
                if self._refuse(envelope, error):
                    outcome = "GONE" if isinstance(error, ObjectNotFound) else type(error).__name__
                    report(outcome)
                    return outcome
                # Another delivery recorded a verdict meanwhile, and may have moved the image. Continue from there:
                # this message may be the only one left.
            record = self.table.image(envelope) or {}
        self._deliver(envelope, record, is_new)
        return str(record["verdict"])

    def _judge(self, version: ObjectVersion) -> Record:
        rule = rules.rule_for(self.rules, version.key)
        metadata = examine(version, self.detector.type.limits)
        detection = self.detector.detect_for_rule(version, rule)
        found = self.detector.type.displayed(detection.labels, metadata.format, metadata.orientation)
        verdict = judge(rule, found)
        outputs = {"result": {"bucket": self.results_bucket, "key": results.result_key(version)}}
        if self.moves:
            key = results.analyzed_key(version, verdict.judgement)
            outputs["moved_to"] = {"bucket": self.results_bucket, "key": key}
        labels = self.detector.labels_to_store(found, rules.named(self.rules))
        return results.inspection_attributes(verdict, labels, detection.detector, metadata, outputs, records.now())

    def _deliver(self, envelope: Envelope, record: Record, is_new: bool) -> None:
        """Write the result file, move the image and send the notification, as the record says."""
        if is_new or not storage.exists(**record["result"]):
            storage.write(**record["result"], content=results.result_file(record), content_type="application/json")
        if "moved_to" in record:
            # A missing version was moved before, and the copy of a newer version has taken its place; or it was
            # deleted. In both cases there is nothing to move.
            with suppress(ObjectNotFound):
                storage.move(
                    envelope.object,
                    **record["moved_to"],
                    content_type=display.content_type(record.get("format")),
                    is_newest=lambda: self.table.is_newest(envelope),
                )
        if record["verdict"] in self.notifies_of and "notified_at" not in record:
            self._notify(envelope, record)

    def _notify(self, envelope: Envelope, record: Record) -> None:
        """Send the notification, unless another delivery of the same message has sent it meanwhile.

        The first delivery to claim the notification sends it. If that delivery dies before sending, its claim expires.
        """
        if not self.table.claim_notification(envelope, records.now(), records.seconds_ago(self.claim_seconds)):
            if "notified_at" in (self.table.image(envelope) or {}):
                return
            raise ServiceUnavailable("notification: another delivery is sending it; a later one checks that")
        subject = f"Inspection {record['verdict']}: rule {record['rule']}"
        attributes = {"verdict": record["verdict"], "rule": record["rule"]}
        try:
            notifications.publish(
                self.topic_arn, subject, results.message(envelope, record), results.sentence(record), attributes
            )
        except VisionError:
            self.table.give_up_notification(envelope, records.now())
            raise
        self.table.mark_notified(envelope, records.now())

    def _refuse(self, envelope: Envelope, error: Permanent) -> bool:
        failure = Failure(type(error).__name__, str(error))
        return self.table.record_refusal(envelope, results.refusal_attributes(failure), records.now())

    def _give_up(self, envelope: Envelope, error: Exception, then: str) -> None:
        failure = Failure(type(error).__name__, f"{str(error)[: CAUSE_LIMIT - 100]}; {then}")
        self.table.record_refusal(envelope, results.refusal_attributes(failure), records.now())
