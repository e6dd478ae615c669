"""What a mail server's refusals mean (RFC 5321, 4.2; enhanced codes of RFC 3463). Pure.

The stage decides more than the number: a 5xx at RCPT is about the recipient, at MAIL about us, after the content about
what the message says, unless its enhanced code says that it is about the recipient after all (5.1.x, 5.2.x). 421 is
never about a message: the server closes the connection.
"""

import re
from enum import StrEnum

from activities.transports._transport import BouncedError, BrokenError, LaterError, RejectedError, TransportError
from firedoor.plain import plain

#: The longest reply that is shown or kept.
LONGEST_REPLY = 200
#: Characters of a reply that are looked at.
LONGEST_READ = 4_000
#: Seconds until a letter is sent again that was put off, and until a server is asked again that has trouble.
LATER_SECONDS, BUSY_SECONDS = 60.0, 30.0
CLOSING, SIGN_IN, TOO_LARGE = 421, frozenset({530, 534, 535, 538}), 552
PERMANENT = 500

_ENHANCED = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
#: Servers say so of whoever may not send through them: it is no news of the recipient.
_RELAY = re.compile(r"relay", re.IGNORECASE)
#: Not only the recipient's: a server may name where it would have forwarded to.
_ADDRESS = re.compile(r"[^\s<>\"'();,:=]+@[^\s<>\"'();,]+")


class Stage(StrEnum):
    """Where in a conversation a reply came; the value is said to people."""

    CONNECT = "the greeting"
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    CONTENT = "the message"


#: Before these nothing of a letter was said: what goes wrong is the way's trouble.
OPENING = frozenset({Stage.CONNECT, Stage.EHLO, Stage.STARTTLS, Stage.AUTH})


class DroppedError(LaterError):
    """The connection ended, or stayed silent, before a message had left us: it was not sent, and may be at once."""

    def __init__(self, stage: Stage, what: str) -> None:
        super().__init__(what, seconds=BUSY_SECONDS)
        self.stage = stage


def refused(stage: Stage, code: int, text: str, address: str = "") -> TransportError:
    """What a reply that is no yes means. `address` is not repeated: the reply goes where no addresses are kept."""
    said = f"The mail server answered {stage.value} with {code} {shown(text, address)}".rstrip()
    if code == CLOSING:
        return DroppedError(stage, said)
    if code < PERMANENT:
        return BrokenError(said, seconds=BUSY_SECONDS) if stage in OPENING else LaterError(said, seconds=LATER_SECONDS)
    if code in SIGN_IN or stage is Stage.AUTH:
        return BrokenError(said, next="Set username and password in [mail] to what the server takes.")
    if stage in OPENING:
        return BrokenError(said, next="Ask who runs the mail server, then `firedoor doctor`.")
    return _about_letter(stage, code, text, said)


def _about_letter(stage: Stage, code: int, text: str, said: str) -> TransportError:
    """A refusal for good, of a letter or of who sends it."""
    if stage is Stage.MAIL:
        if code == TOO_LARGE or _subject(text) == ("3", "4"):
            return RejectedError(said)
        return BrokenError(said, next="The server does not let us send as [mail] sender: correct that, or its rules.")
    if stage is Stage.RCPT:
        if _subject(text)[0] == "7" and _RELAY.search(text):
            return BrokenError(said, next="The server sends only for who has signed in: set [mail] username.")
        return BouncedError(said, changed="Nothing was sent.")
    if _subject(text)[0] in {"1", "2"}:
        return BouncedError(said, changed="Nothing was sent.")
    return RejectedError(said)


def _subject(text: str) -> tuple[str, str]:
    """The second and third number of an enhanced code: `("1", "1")` of 5.1.1."""
    found = _ENHANCED.search(text)
    return (found[2], found[3]) if found else ("", "")


def shown(text: str, address: str = "") -> str:
    """A server's text, safe to be shown and kept: on one line, cut, without the recipient's address."""
    line = " ".join(plain(text[:LONGEST_READ]).split())
    # Almost no answer repeats it, and an expression for each address costs as much as writing its message.
    if address and address.lower() in line.lower():
        line = re.sub(re.escape(address), "(the address)", line, flags=re.IGNORECASE)
    return (_ADDRESS.sub("(an address)", line) if "@" in line else line)[:LONGEST_REPLY]
