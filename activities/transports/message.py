"""A letter as an internet message: RFC 5322 headers, and a text and an HTML part (RFC 2045, 2046).

Written here rather than by `email.message.EmailMessage`, which takes 2 ms a message and may fold a display name into
two recipients; the tests read every message back with it. What a customer calls itself stands in display names and
subjects, so nothing of it may end a header: control characters are taken out, the rest is quoted or encoded (RFC 2047).
The same letter at the same time gives the same bytes. Bodies are quoted-printable, so that a server without 8BITMIME
changes nothing under a signature.
"""

import binascii
import hashlib
import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

from activities.transports._transport import BouncedError, Letter
from firedoor.errors import UsageError
from firedoor.mailing import Mail

CRLF = "\r\n"
#: Characters of a display name that are kept.
LONGEST_NAME = 150
#: Bytes of a line without its end (RFC 5322, 2.1.1).
LONGEST_LINE = 998
#: Encoded lines that are kept.
KNOWN_LINES = 2_048

_ADDRESS = re.compile(r"""[^\s@<>"(),:;\\\x00-\x20\x7f]{1,64}@[^\s@<>"(),:;\\\x00-\x20\x7f]{1,255}""")
_NAMED = re.compile(r"([^<>]*)<([^<>]+)>")
#: A phrase of RFC 5322 that needs neither quotes nor encoding.
_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/^_`{|}~-]+)*")
_DOT_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/^_`{|}~-]+)*")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*")
_LINK = re.compile(r"https?://[!-;=?-~]{1,900}")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address that a server takes, and the name before it. The domain is in ASCII (IDNA); `local` may not be."""

    local: str
    domain: str
    name: str = ""

    @property
    def address(self) -> str:
        """As the envelope has it."""
        return f"{self.local}@{self.domain}"

    @property
    def international(self) -> bool:
        """Does it need a server with SMTPUTF8 (RFC 6531)?"""
        return not self.local.isascii()

    def header(self, field: str) -> str:
        """The line of a header that names it, and nobody else."""
        return f"{field}: {self.written(field)}"

    def written(self, field: str = "") -> str:
        """`Name <address>`, encoded as a header wants it; in the middle of a line where it is given no field."""
        phrase = _phrase(self.name, field)
        shown = f"{phrase} <{self.address}>" if phrase else self.address
        return shown if field else shown.replace(CRLF, "")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes: From and Reply-To, and who is told by mail servers what became of it (MAIL FROM)."""

    mailbox: Mailbox
    reply_to: Mailbox | None = None
    bounces: Mailbox | None = None
    """None: `mailbox`."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message and its envelope. `data` ends its lines with CRLF; nothing is dot-stuffed yet."""

    sender: Mailbox
    recipient: Mailbox
    data: bytes


def sender_of(mail: Mail) -> Sender:
    """The sender of the settings. Raises `UsageError`."""
    if not mail.sender:
        raise UsageError(
            "[mail] has no sender, so no mail can be written.",
            next='Say who writes, in firedoor.toml:\n[mail]\nsender = "Acme Security <security@acme.example>"',
        )
    return Sender(
        _own(mail.sender, "sender"),
        _own(mail.reply_to, "reply_to") if mail.reply_to else None,
        _own(mail.bounces.address, "bounces.address") if mail.bounces.address else None,
    )


def _own(text: str, setting: str) -> Mailbox:
    # Not `parseaddr`, to which the comma of `Acme, Inc. <…>` ends the name.
    found = _NAMED.fullmatch(text.strip())
    name, address = (found[1].strip().strip('"'), found[2]) if found else ("", text.strip())
    try:
        mailbox = mailbox_of(address, name)
    except BouncedError:
        mailbox = None
    if mailbox is None or mailbox.international:
        raise UsageError(
            f"[mail] {setting} is not an address that every server takes: {text}",
            next=f'Write it as {setting} = "Acme Security <security@acme.example>", ASCII before the @.',
        )
    return mailbox


def mailbox_of(address: str, name: str = "") -> Mailbox:
    """The mailbox at an address. Raises `BouncedError` for what is no address."""
    if not _ADDRESS.fullmatch(address):
        raise BouncedError("The address is not one that mail can be sent to.", changed="Nothing was sent.")
    if address.isascii():
        local, _, domain = address.rpartition("@")
        return Mailbox(local, domain, _clean(name))
    try:
        found = validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise BouncedError(f"The address is not one that mail can be sent to: {error}") from None
    return Mailbox(found.local_part, found.ascii_domain, _clean(name))


def domain_of(address: str) -> str:
    """The domain of an address, in ASCII and lower case; empty for what is no address."""
    if address.isascii():
        return address.rpartition("@")[2].lower() if _ADDRESS.fullmatch(address) else ""
    try:
        return mailbox_of(address).domain.lower()
    except BouncedError:
        return ""


def write(letter: Letter, sender: Sender, now: datetime) -> Message:
    """The message of a letter, dated `now`. Raises `BouncedError` for an address that is none."""
    recipient = mailbox_of(letter.address, letter.recipient)
    lines = [
        _from(sender),
        recipient.header("To"),
        _text("Subject", letter.rendered.subject),
        f"Date: {_date(int(now.timestamp()))}",
        f"Message-ID: {message_id(letter, sender)}",
        *(f"{name}: {value}" for name, value in extra_headers(letter)),
        "MIME-Version: 1.0",
    ]
    kind, body = _body(letter)
    return Message(sender.bounces or sender.mailbox, recipient, CRLF.join([*lines, *kind, "", ""]).encode() + body)


@lru_cache(maxsize=8)
def _from(sender: Sender) -> str:
    """From, and Reply-To where there is one."""
    reply_to = [sender.reply_to.header("Reply-To")] if sender.reply_to else []
    return CRLF.join([sender.mailbox.header("From"), *reply_to])


@lru_cache(maxsize=8)
def _date(second: int) -> str:
    return format_datetime(datetime.fromtimestamp(second, UTC))


def message_id(letter: Letter, sender: Sender) -> str:
    """The Message-ID: the same whenever this row is sent, so that a reader's server may drop the second."""
    local = letter.key if _DOT_ATOM.fullmatch(letter.key) and len(letter.key) <= LONGEST_NAME else _short(letter.key)
    return f"<{local}@{sender.mailbox.domain}>"


def extra_headers(letter: Letter) -> list[tuple[str, str]]:
    """The headers that any way of sending mail adds: name and value, ASCII.

    Auto-Submitted (RFC 3834) keeps out-of-office answers away. A security notice has no List-Unsubscribe: nobody is to
    miss it. RFC 8058 wants both of these headers, and both signed.
    """
    headers = [("Auto-Submitted", "auto-generated")]
    if _LANGUAGE.fullmatch(letter.language):
        headers.append(("Content-Language", letter.language))
    if letter.informational and _LINK.fullmatch(letter.unsubscribe):
        headers.append(("List-Unsubscribe", f"<{letter.unsubscribe}>"))
        headers.append(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    return headers


def _body(letter: Letter) -> tuple[list[str], bytes]:
    """The headers of the content, and the content."""
    rendered = letter.rendered
    if not rendered.html:
        return _part_headers("plain"), _quoted(rendered.text)
    # No body can hold it: in quoted-printable a `=` never stands before `_`.
    boundary = f"=_{_short(letter.key)}"
    parts = b"".join(
        CRLF.join([f"--{boundary}", *_part_headers(kind), "", ""]).encode() + _quoted(content) + CRLF.encode()
        for kind, content in (("plain", rendered.text), ("html", rendered.html))
    )
    return [f'Content-Type: multipart/alternative;{CRLF} boundary="{boundary}"'], parts + f"--{boundary}--\r\n".encode()


def _part_headers(kind: str) -> list[str]:
    return [f"Content-Type: text/{kind}; charset=utf-8", "Content-Transfer-Encoding: quoted-printable"]


class _Lines(dict[str, bytes]):
    """Lines as they are sent. A line is encoded by itself, and most lines of a notice are the same for everybody."""

    def __missing__(self, line: str) -> bytes:
        encoded = binascii.b2a_qp((line + CRLF).encode("utf-8", "replace"))
        if len(line) <= LONGEST_LINE:
            if len(self) >= KNOWN_LINES:
                self.clear()
            self[line] = encoded
        return encoded


_LINES = _Lines()


def _quoted(content: str) -> bytes:
    """Quoted-printable lines (RFC 2045, 6.7), with a line break at the end."""
    if "\r" in content:
        content = content.replace(CRLF, "\n").replace("\r", "\n")
    # No step of Python's for a line that is known: a notice has a hundred of them.
    return b"".join(map(_LINES.__getitem__, content.rstrip("\n").split("\n")))


def _text(field: str, value: str) -> str:
    """The line of a header that holds free text."""
    clean = _clean(value, longest=LONGEST_LINE)
    if clean.isascii() and "=?" not in clean and len(field) + len(clean) + 2 <= LONGEST_LINE:
        return f"{field}: {clean}"
    return f"{field}: {_words(clean, field)}"


def _phrase(name: str, field: str) -> str:
    """A display name: as it is, in quotes, or as encoded words. It cannot end, and holds no address."""
    if not name or (_PHRASE.fullmatch(name) and "=?" not in name):
        return name
    if name.isascii() and "=?" not in name:
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return _words(name, field)


def _words(text: str, field: str) -> str:
    """Encoded words, one a line: none of their characters means anything to who reads the header."""
    return Header(text, "utf-8", header_name=field, maxlinelen=76).encode(linesep=CRLF)


def _clean(text: str, *, longest: int = LONGEST_NAME) -> str:
    """On one line, without what is not seen: control characters, marks that turn the direction of what follows."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())[:longest].rstrip()
    kept = "".join(" " if char.isspace() else char for char in text if char.isspace() or _is_seen(char))
    return " ".join(kept.split())[:longest].rstrip()


def _is_seen(char: str) -> bool:
    return unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def _short(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:40]
