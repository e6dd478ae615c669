"""What Amazon SES tells of a message after it has taken it. Pure.

Format: https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html. A message is known by
the tag `firedoor` that it was sent with, its key, and by SES's own id. `notificationType` instead of `eventType` is an
identity's own feedback, which carries no tags: SES's id has to do.
"""

from collections.abc import Callable, Mapping
from typing import Any

from firedoor.alerts._reading import Reader, at, objects, part
from firedoor.campaign import MessageState
from firedoor.outbox.feedback import LONGEST, Feedback, without_addresses
from firedoor.plain import plain

#: The message tag, as `activities.transports.ses` writes it.
TAG = "firedoor"
READER = Reader("an event of Amazon SES", "Send the events of a configuration set here, by an SNS topic of their own.")
#: What SES says once, when the topic is chosen: no JSON.
GREETING = "Successfully validated SNS topic"
#: Of transient bounces those after which SES has given up. `General` may be an answer of somebody who is away.
GIVEN_UP = frozenset({
    "AttachmentRejected", "ContentRejected", "CustomTimeoutExceeded", "MailboxFull", "MessageTooLarge",
})  # fmt: skip


def read(event: Any) -> Feedback:
    """What an event says. Raises `UsageError` for what is none."""
    if not isinstance(event, dict):
        READER.wrong("it is not a JSON object")
    kind = READER.text(event, "eventType") or READER.needed(event, "notificationType")
    identity = plain(READER.needed(event, "mail", "messageId"))[:LONGEST]
    tagged = at(event, "mail", "tags", TAG)
    key = plain(str(tagged[0]))[:LONGEST] if isinstance(tagged, list) and tagged else ""
    state, reason = _KINDS.get(kind, _nothing)(event)
    return Feedback(key, identity, state, without_addresses(reason))


Told = tuple[MessageState | None, str]


def _sent(event: Mapping[str, Any]) -> Told:
    return MessageState.SENT, ""


def _delivered(event: Mapping[str, Any]) -> Told:
    return MessageState.DELIVERED, READER.text(event, "delivery", "smtpResponse")


def _bounced(event: Mapping[str, Any]) -> Told:
    kind, detail = READER.text(event, "bounce", "bounceType"), READER.text(event, "bounce", "bounceSubType")
    codes = [READER.text(one, "diagnosticCode") for one in objects(event, "bounce", "bouncedRecipients")]
    said = ": ".join(filter(None, [f"{kind} bounce ({detail})", *codes[:1]]))
    final = kind != "Transient" or detail in GIVEN_UP
    return (MessageState.BOUNCED if final else None), said


def _complained(event: Mapping[str, Any]) -> Told:
    kind = READER.text(event, "complaint", "complaintFeedbackType")
    # `not-spam` takes a complaint back.
    return (None if kind == "not-spam" else MessageState.COMPLAINED), f"complaint {kind}".strip()


def _rejected(event: Mapping[str, Any]) -> Told:
    return MessageState.BOUNCED, f"SES refused it: {READER.text(event, 'reject', 'reason')}"


def _unrendered(event: Mapping[str, Any]) -> Told:
    return MessageState.BOUNCED, f"SES could not render it: {READER.text(event, 'failure', 'errorMessage')}"


def _delayed(event: Mapping[str, Any]) -> Told:
    return None, f"delayed ({READER.text(part(event, 'deliveryDelay'), 'delayType')})"


def _nothing(event: Mapping[str, Any]) -> Told:
    return None, ""


_KINDS: Mapping[str, Callable[[Mapping[str, Any]], Told]] = {
    "Send": _sent,
    "Delivery": _delivered,
    "Bounce": _bounced,
    "Complaint": _complained,
    "Reject": _rejected,
    "Rendering Failure": _unrendered,
    "DeliveryDelay": _delayed,
}
