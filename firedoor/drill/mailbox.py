"""What a mail server on loopback has received: messages by recipient, and what is wrong with them."""

import email
import email.policy
import re
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage, Message
from functools import cached_property
from typing import Final

#: Every value that a fake mints looks like this: none of them belongs into a mail.
CANARY: Final = re.compile(rb"canary[0-9a-f]{32}")
#: What each message needs, whoever reads it.
NEEDED: Final = ("Message-ID", "Date", "From", "To", "Subject", "Auto-Submitted")


@dataclass(frozen=True)
class Mail:
    """A message as the server took it. `at` is seconds since 1970; `data` the bytes after DATA."""

    sender: str
    recipient: str
    data: bytes = field(repr=False)
    at: float = field(default_factory=time.time)

    @cached_property
    def message(self) -> EmailMessage:
        """Parsed in full, as a mail program does: slow where there are thousands."""
        return email.message_from_bytes(self.data, policy=email.policy.default)

    @cached_property
    def parts(self) -> dict[str, str]:
        """The text of each part by its type, and the headers that `NEEDED` names, under their names."""
        parsed = email.message_from_bytes(self.data)
        found = {name: str(parsed[name]) for name in NEEDED if parsed[name]}
        for part in parsed.walk():
            if not part.is_multipart():
                found[part.get_content_type()] = _decoded(part)
        return found

    @property
    def text(self) -> str:
        """What somebody reads who reads plain text."""
        return self.parts.get("text/plain", "")

    def links(self, begin: str) -> list[str]:
        """The addresses in its text that begin so."""
        return re.findall(re.escape(begin) + r"[^\s<>\"')\]]+", self.text)


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    return payload.decode(part.get_content_charset() or "utf-8", "replace") if isinstance(payload, bytes) else ""


class Mailbox:
    """Everything that was taken. `watchers` are called with each mail, in the server's thread."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.watchers: list[Callable[[Mail], None]] = []
        self._mails: list[Mail] = []
        self._of: dict[str, list[Mail]] = defaultdict(list)

    def put(self, mail: Mail) -> None:
        """Keep a mail."""
        with self.lock:
            self._mails.append(mail)
            self._of[mail.recipient.casefold()].append(mail)
        for watcher in list(self.watchers):
            watcher(mail)

    def __len__(self) -> int:
        return len(self._mails)

    def mails(self) -> list[Mail]:
        """All, in the order in which they came."""
        with self.lock:
            return list(self._mails)

    def of(self, recipient: str) -> list[Mail]:
        """Those to one address."""
        with self.lock:
            return list(self._of.get(recipient.casefold(), ()))

    def faults(self, secrets: Iterable[str] = ()) -> Iterator[str]:
        """What is wrong with what came, in sentences: each message must be whole, there once, and hold no secret."""
        mails, known = self.mails(), [one.encode() for one in secrets]
        ids = Counter(mail.parts.get("Message-ID", "") for mail in mails)
        yield from (f"{count} messages have the Message-ID {one}." for one, count in ids.items() if one and count > 1)
        for mail in mails:
            yield from (f"The message to {mail.recipient} {fault}." for fault in _faults(mail))
            decoded = "\n".join(mail.parts.values()).encode()
            if any(CANARY.search(one) for one in (mail.data, decoded)) or any(one in decoded for one in known):
                yield f"The message to {mail.recipient} holds a secret."


def _faults(mail: Mail) -> Iterator[str]:
    parts = mail.parts
    yield from (f"has no {name}" for name in NEEDED if name not in parts)
    yield from (f"has no {type} part" for type in ("text/plain", "text/html") if not parts.get(type, "").strip())
    if mail.recipient.casefold() not in parts.get("To", "").casefold():
        yield f"is addressed to {parts.get('To', 'nobody')}"
