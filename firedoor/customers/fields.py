"""What may stand in a field of the registry: one function a kind of field. Pure; no name is resolved.

Each returns the value as it is kept, or raises `MisfitError` with what is wrong and what is allowed.
"""

import difflib
import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import cache
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from firedoor.campaign import Channel
from firedoor.sinks._references import why_unreadable

LONGEST_NAME = 200
LONGEST = 2000
SHOWN = 60
MOST_HOURS = 8760
_IDENTITY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,99}")
#: RFC 5646: language, script, region, variants, and what comes after a single letter. Not whether they are registered.
_LANGUAGE = re.compile(
    r"([A-Za-z]{2,3})(-[A-Za-z]{4})?(-(?:[A-Za-z]{2}|[0-9]{3}))?((?:-(?:[A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*)"
    r"((?:-[A-WY-Za-wy-z0-9](?:-[A-Za-z0-9]{2,8})+)*(?:-[Xx](?:-[A-Za-z0-9]{1,8})+)?)"
)
#: A channel, a private channel, a direct message, a user, a user of another workspace.
_SLACK = re.compile(r"[CGDUW][A-Z0-9]{7,20}")
_FINGERPRINT = re.compile(r"sha256:[0-9a-f]{16}")
#: What most addresses are, and needs no long look: words of ASCII before a domain of ASCII.
_PLAIN_MAIL = re.compile(
    r"[A-Za-z0-9_+-]{1,20}(?:\.[A-Za-z0-9_+-]{1,20}){0,2}@(?:[a-z0-9](?:-?[a-z0-9]){0,40}\.){1,4}[a-z]{2,12}"
)
#: Domains that no mail is delivered to: what the library refuses, it shall go on refusing.
_NOWHERE = tuple(f".{name.rpartition('.')[2]}" for name in SPECIAL_USE_DOMAIN_NAMES if name != "test")
#: Control characters and line ends begin another header; half a character is none. Others turn the reading round.
_UNSAFE = frozenset({"Cc", "Cs", "Zl", "Zp"})
_DIRECTION = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_PROVIDER = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}")


#: Does a text hold what looks like a secret?
Suspicion = Callable[[str], bool]


class MisfitError(ValueError):
    """A value that may not stand in its field. `what` ends the sentence that the field's name begins."""

    def __init__(self, what: str, allowed: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.allowed = allowed


def text(value: str, most: int = LONGEST_NAME) -> str:
    """Text for people. What looks like HTML is text as well: whoever writes HTML escapes it."""
    if value.isascii() and value.isprintable():
        if len(value) <= most:
            return value
    elif any(unicodedata.category(char) in _UNSAFE or char in _DIRECTION for char in value):
        raise MisfitError("holds a line end or a control character", "one line of text")
    if len(value) > most:
        raise MisfitError(f"has {len(value):,} characters", f"at most {most}")
    return value


def identity(value: str) -> str:
    """The id of a customer."""
    if not _IDENTITY.fullmatch(value):
        raise MisfitError(f"{shown(value)} is no id", "letters, digits, and _ . @ - after the first; at most 100")
    return value


@cache
def language(value: str) -> str:
    """A BCP 47 tag, written as is usual: `pt-BR`, `zh-Hant`."""
    match = _LANGUAGE.fullmatch(value)
    if match is None:
        near = value.replace("_", "-")
        hint = f": write {near}" if near != value and _LANGUAGE.fullmatch(near) else ""
        raise MisfitError(f"{shown(value)} is no language tag{hint}", "BCP 47: en, de, pt-BR, zh-Hant")
    tongue, script, region, variants, rest = (part or "" for part in match.groups())
    return tongue.lower() + script.title() + region.upper() + variants.lower() + rest.lower()


@cache
def zone(value: str) -> str:
    """An IANA time zone."""
    known = _zones()
    if value in known:
        return value
    near = difflib.get_close_matches(value, known, 1)
    allowed = f"IANA names, like Europe/Berlin{f'. Did you mean {near[0]}?' if near else ''}"
    raise MisfitError(f"{shown(value)} is no time zone", allowed)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def hours(value: str) -> int:
    """Whole hours; 0 where a contract names none."""
    if not (value.isascii() and value.isdigit() and len(value) < SHOWN) or int(value) > MOST_HOURS:
        raise MisfitError(f"{shown(value)} is no number of hours", f"0 to {MOST_HOURS}")
    return int(value)


def provider(value: str) -> str:
    """Whose credential it is, as the inventory says it."""
    if not _PROVIDER.fullmatch(value):
        raise MisfitError(f"{shown(value)} is no provider", "its name in lower case, as `firedoor providers` has it")
    return value


def fingerprint(value: str) -> str:
    """The start of the SHA-256 of a value."""
    if not _FINGERPRINT.fullmatch(value):
        raise MisfitError(f"{shown(value)} is no fingerprint", "sha256: and 16 digits or letters a to f")
    return value


def mail(value: str) -> str:
    """A mail address; an international one is kept in Unicode, as people write it."""
    if _PLAIN_MAIL.fullmatch(value) and not value.endswith(_NOWHERE):
        return value
    try:
        return validate_email(value, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise MisfitError(f"{shown(value)} is no mail address ({_reason(error)})", "name@domain") from None


def slack(value: str) -> str:
    """The id of a channel or a person. Not a name: names change, and are another's in a shared channel."""
    if not _SLACK.fullmatch(value):
        allowed = "the id of a channel (C…) or of a person (U…): Slack shows it under “View channel details”"
        raise MisfitError(f"{shown(value)} is no Slack id", allowed)
    return value


def webhook(value: str) -> str:
    """An https address, or a reference to one that is a secret itself."""
    if value.startswith("https://"):
        return _address(value)
    if why_unreadable(value):
        allowed = "https://…, or where a secret one is kept: env:FIREDOOR_SECRET_…, vault:kv/acme?field=hook"
        raise MisfitError(f"{shown(value)} is no webhook", allowed)
    return value


def _address(value: str) -> str:
    try:
        parts = urlsplit(value)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, named = None, False
    if (
        parts is None
        or not named
        or parts.username is not None
        or not value.isascii()
        or re.search(r"[\s<>\"\\]", value)
    ):
        raise MisfitError(f"{shown(value)} is no address of a webhook", "https://host/path, without a login")
    return value


def shown(value: str) -> str:
    """A value as a sentence quotes it: short, on one line, no control characters."""
    return f"“{_printable(value[:SHOWN])}{'…' if len(value) > SHOWN else ''}”"


def _printable(value: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in value)


def _reason(error: EmailNotValidError) -> str:
    """Why not, in the library's words, as a part of a sentence."""
    words = _printable(str(error)).removesuffix(".")
    return words[:1].lower() + words[1:LONGEST_NAME]


#: What an address is, by its channel.
ADDRESSES: Mapping[Channel, Callable[[str], str]] = {
    Channel.EMAIL: mail,
    Channel.SLACK: slack,
    Channel.WEBHOOK: webhook,
}
