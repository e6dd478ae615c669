"""What is told of a message after it has left: by a provider in its events, by a mail server in a mail. Pure."""

import re
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from firedoor.campaign import MessageState
from firedoor.plain import plain

#: Characters of what others say that are kept, and that are looked at.
LONGEST, LONGEST_READ = 200, 4_000
#: Characters of an address (RFC 5321, 4.5.3.1).
LONGEST_ADDRESS = 320
_ADDRESS = re.compile(r"[^\s<>\"';,]+@[^\s<>\"';,]+")


@dataclass(frozen=True, slots=True)
class Feedback:
    """What became of a message. `state` None: nothing becomes of it; `reason` says what happened, for a person.

    The message is known by its `key`, or by the provider's own id. With a `channel` it is only about one that went by
    it, with addresses in `to` (`canonical`) about one that went to one of them: whoever may say such a thing without
    proving who they are has to know that as well.
    """

    key: str = ""
    provider_id: str = ""
    state: MessageState | None = None
    reason: str = ""
    channel: str = ""
    to: frozenset[str] = frozenset()


def canonical(address: str) -> str:
    """What all spellings of an address have in common: lower case, the domain in ASCII (IDNA)."""
    if address.isascii() or len(address) > LONGEST_ADDRESS:
        return address.lower()
    try:
        found = validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return address.lower()
    return f"{found.local_part}@{found.ascii_domain}".lower()


def without_addresses(text: str) -> str:
    """On one line, short; nobody is named where reasons are kept."""
    return _ADDRESS.sub("(an address)", " ".join(plain(text[:LONGEST_READ]).split()))[:LONGEST]
