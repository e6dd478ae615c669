"""What mail servers send back by mail: that a message came to nothing, is late, has arrived, was complained of. Pure.

Formats: delivery status notifications (RFC 3464; RFC 6533 for international addresses), and complaints in the abuse
reporting format (RFC 5965), both parts of a multipart/report (RFC 6522) or, as OpenSMTPD writes it, multipart/mixed.
Which message it is about says the Message-ID of what is returned with it: its left half is our key (`Message.key`).

Anybody can write such a mail. It is believed only as far as it knows two things that nobody but the reader of a message
and the servers on its way have: the key, and the address that the message went to (`events.event`).

Every other mail is left alone: answers of people and of machines, receipts, bounces in a server's own prose.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from email.message import Message
from email.parser import HeaderParser

from firedoor.campaign import Channel, MessageState
from firedoor.errors import UsageError
from firedoor.outbox.feedback import Feedback, canonical, without_addresses
from firedoor.outbox.preparing import KEY

#: Bytes of a mail that are looked at: what a report says stands before what it returns, which may be long.
MOST_READ = 256_000
#: Multiparts inside one another, and parts of each, in which a report is looked for. A report is the second of three.
DEEPEST, MOST_PARTS = 3, 20
#: Characters of a Content-Type: what takes more is nobody's, and would take long.
LONGEST_TYPE = 2_000
#: Recipients of one report that are heard. A message of ours has one.
MOST_RECIPIENTS = 20

_STATUS = frozenset({"message/delivery-status", "message/global-delivery-status"})
_ABUSE = "message/feedback-report"
_RECEIPT = frozenset({"message/disposition-notification", "message/global-disposition-notification"})
_RETURNED = frozenset(
    {"message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global", "message/global-headers"}
)
#: Of what a reader has complained; the others are about how a message was signed, or take a complaint back.
_COMPLAINTS = frozenset({"abuse", "fraud", "virus", "other"})
_OURS = re.compile(rf"<([0-9a-f]{{{KEY}}})@[^<>@\s]{{1,255}}>")
#: How a status begins that was not good (RFC 3463). What has failed with 4 was tried for as long as its server tries.
_BAD = ("4.", "5.")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a mail says of a message, for each recipient that it names. Nothing: it is left alone, `note` says why."""

    feedback: tuple[Feedback, ...] = ()
    note: str = ""


def read(raw: bytes) -> Reading:
    """What a mail says, as it came over the wire or lies in a file. Raises `UsageError` for a report that is broken."""
    # A character for each byte: `email` would decode what is not ASCII as it likes, and lose it.
    top = HeaderParser().parsestr(raw[:MOST_READ].replace(b"\r\n", b"\n").decode("latin-1"))
    leaves = list(_leaves(top))
    told = next((part for part in leaves if part.get_content_type() in {*_STATUS, _ABUSE}), None)
    if told is None:
        return Reading(note=_kind(top, leaves))
    key = _key(top, leaves)
    if not key:
        return Reading(note="a report of a mail server about no message of firedoor's")
    groups = _groups(told)
    found = [_complaint(groups)] if told.get_content_type() == _ABUSE else _delivery(groups)
    return Reading(tuple(replace(one, key=key, channel=Channel.EMAIL.value) for one in found))


def _leaves(part: Message, depth: int = 0) -> Iterator[Message]:
    """The parts that are no multiparts, their bodies as they are.

    `email`'s own parser goes into everything, what is returned as well, at a cost that grows with each level.
    """
    if part.get_content_maintype() != "multipart":
        yield part
        return
    boundary, body = _boundary(part), part.get_payload()
    if depth == DEEPEST or not boundary or not isinstance(body, str):
        return
    line = re.compile(rf"^--{re.escape(boundary)}(?:--)?[ \t]*$\n?", re.MULTILINE)
    for piece in line.split(body, MOST_PARTS)[1:]:
        yield from _leaves(HeaderParser().parsestr(piece), depth + 1)


def _boundary(part: Message) -> str:
    if len(str(part.get("Content-Type", ""))) > LONGEST_TYPE:
        return ""
    try:
        return part.get_boundary() or ""
    except (LookupError, TypeError, ValueError):
        # `email` stumbles over parameters that are given in several of the forms of RFC 2231.
        return ""


def _groups(part: Message) -> list[Message]:
    """The groups of fields that a report consists of. Raises `UsageError` where there is none."""
    texts = [one for one in re.split(r"\n(?:[ \t]*\n)+", _text(part).strip("\n")) if one.strip()]
    groups = [HeaderParser().parsestr(one) for one in texts[: MOST_RECIPIENTS + 1]]
    if not any(group.keys() for group in groups):
        raise _broken("it holds no fields")
    return groups


def _delivery(groups: Sequence[Message]) -> list[Feedback]:
    """What a delivery status notification says of each recipient."""
    found = [_recipient(group) for group in groups]
    if not any(one.to for one in found):
        raise _broken("it names no recipient")
    # The first group is about the message as a whole.
    return [one for one in found if one.to]


def _recipient(group: Message) -> Feedback:
    """`failed` is the last word: the server has given up (RFC 3464, 2.3.3). What is `delayed` it still tries."""
    action, status = _field(group, "Action").lower(), _field(group, "Status").partition(" ")[0]
    state = None
    if action == "failed" and status.startswith(_BAD):
        state = MessageState.BOUNCED
    elif action == "delivered":
        state = MessageState.DELIVERED
    detail = _field(group, "Diagnostic-Code").partition(";")[2].strip()
    reason = without_addresses(": ".join(filter(None, [f"{action or 'no action'} {status}".strip(), detail])))
    named = (_field(group, name).rpartition(";")[2] for name in ("Final-Recipient", "Original-Recipient"))
    return Feedback(state=state, reason=reason, to=_addresses(named))


def _complaint(groups: Sequence[Message]) -> Feedback:
    """What an abuse report says. Who complains is often left out of it: then its message has to do."""
    kind = _field(groups[0], "Feedback-Type").lower()
    if not kind:
        raise _broken("it has no Feedback-Type")
    state = MessageState.COMPLAINED if kind in _COMPLAINTS else None
    named = [str(one) for one in groups[0].get_all("Original-Rcpt-To", [])][:MOST_RECIPIENTS]
    return Feedback(state=state, reason=without_addresses(f"complaint {kind}"), to=_addresses(named))


def _key(top: Message, leaves: Sequence[Message]) -> str:
    """Of which message it is: by what is returned of it, else by what the report says that it answers."""
    for part in leaves:
        if part.get_content_type() in _RETURNED:
            returned = HeaderParser().parsestr(_text(part).lstrip("\n"))
            found = _OURS.search(_field(returned, "Message-ID"))
            return found[1] if found else ""
    found = _OURS.search(_field(top, "In-Reply-To"))
    return found[1] if found else ""


def _kind(top: Message, leaves: Sequence[Message]) -> str:
    """What a mail is that is no report, for a person."""
    if any(part.get_content_type() in _RECEIPT for part in leaves):
        return "a receipt that somebody has read something"
    automatic = _field(top, "Auto-Submitted").lower().startswith("auto-replied")
    if automatic or "X-Autoreply" in top or _field(top, "Precedence").lower() == "auto_reply":
        return "an automatic answer"
    return "no report of a mail server"


def _addresses(named: Iterator[str] | Sequence[str]) -> frozenset[str]:
    every = (canonical(one.strip().strip("<>")) for one in named)
    return frozenset(one for one in every if "@" in one)


def _field(group: Message, name: str) -> str:
    """A field on one line; empty where there is none."""
    return " ".join(str(group.get(name, "")).split())


def _text(part: Message) -> str:
    """The body of a part, decoded."""
    body = part.get_payload(decode=True)
    return body.decode("utf-8", "replace").replace("\r\n", "\n") if isinstance(body, bytes) else ""


def _broken(why: str) -> UsageError:
    return UsageError(
        f"This report of a mail server cannot be read: {why}.",
        changed="Nothing was changed.",
        next="Look at the message itself: what it tells of a customer, `firedoor campaign` does not know.",
    )
