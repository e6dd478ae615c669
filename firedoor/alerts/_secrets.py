"""Secrets taken out of whatever a sender sent, before anything of it is stored or logged.

What is recognised by its shape is replaced by `sha256:` and 16 hex digits, the fingerprint by which the inventory knows
it too; what only its name or place gives away (a password may be short, and its hash be guessed) by `[removed]`. Public
ids stay: `AKIA…`, `ASIA…`, fingerprints, hashes. To take secrets out of what is clean changes nothing.
"""

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

from firedoor.alerts._reading import DEEPEST
from firedoor.alerts._shapes import (
    AWS_ID,
    AWS_KEY,
    AWS_SECRET,
    CONTEXTS,
    FINGERPRINT,
    FOUND,
    NAMES,
    PRIVATE_KEY,
    REMOVED,
    SHORTEST,
    Shape,
    shapes,
)

#: JSON in a text in JSON in a text: as deep as any sender wraps it, SNS around EventBridge around a log.
INSIDE = 4
LONGEST_NAME = 40
_PLAIN = str.maketrans("", "", "-_ ")
#: The JSON of a text, and whether an object in it has a name twice.
Loaded = tuple[Any, bool]


def fingerprint(value: str) -> str:
    """Tells two values apart and gives neither away: `sha256:` and the first 16 hex digits."""
    return f"sha256:{hashlib.sha256(value.encode(errors='surrogatepass')).hexdigest()[:16]}"


@overload
def scrubbed(value: bytes) -> bytes: ...
@overload
def scrubbed(value: str) -> str: ...
@overload
def scrubbed(value: Any) -> Any: ...
def scrubbed(value: Any) -> Any:
    """A body, a text or a JSON value without the secrets in it: the same where there is none.

    A body that is JSON is read, so that no escape hides a secret; so is each line of one that is not, and a text in it
    that is JSON. Of the rest the text is taken as it stands. A body may be in UTF-16 or UTF-32, as `json` reads it:
    whatever comes out of a pipe of PowerShell is. Raises `RecursionError` for a value that is nested deeper than any
    body may be.
    """
    if isinstance(value, bytes):
        encoding = json.detect_encoding(value)
        if encoding != "utf-8":
            with contextlib.suppress(UnicodeError):
                value = _cleaned(value, encoding, "strict")
        # In any case: two bytes in front make any body look like UTF-16.
        return _cleaned(value, "utf-8", "surrogateescape")
    return _Scrub(value).value(value)


def _cleaned(body: bytes, encoding: str, errors: str) -> bytes:
    """A body in an encoding, and what is done with what does not fit that. Raises `UnicodeError`."""
    text = body.decode(encoding, errors)
    clean = _body(text)
    return body if clean == text else clean.encode(encoding, errors)


def _body(text: str) -> str:
    """JSON, or JSON line by line, or neither."""
    found = _loaded(text)
    clean = _Scrub(found[0]).json(text, found) if found else None
    if clean is not None:
        return clean
    if "\n" not in text:
        return _Scrub(text).text(text)
    # A private key has several lines. And what occurs in none of the lines need not be looked for in each.
    lines = PRIVATE_KEY.pattern.sub(_fingerprinted, text).split("\n")
    pairs = [(line, _loaded(line) if len(line) >= SHORTEST else None) for line in lines]
    scrub = _Scrub([line if found is None else found[0] for line, found in pairs])
    return "\n".join(scrub.line(line, found) for line, found in pairs)


def _loaded(text: str) -> Loaded | None:
    """The JSON of a text, and whether an object in it has a name twice; None if it is no JSON."""
    repeated = False

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeated
        found = dict(pairs)
        repeated = repeated or len(found) < len(pairs)
        return found

    try:
        return json.loads(text, object_pairs_hook=collect), repeated
    except (ValueError, RecursionError):
        return None


class _Scrub:
    """Takes secrets out of one value. What occurs nowhere in it is not looked for in each of its many texts."""

    def __init__(self, value: Any) -> None:
        whole = "\n".join(_texts(value))
        lower = whole.lower()
        self._shapes = _occurring(shapes(), whole, lower)
        self._contexts = _occurring(CONTEXTS, whole, lower)
        self._keys = ("akia" in lower or "asia" in lower) and AWS_KEY.search(whole) is not None

    def line(self, text: str, found: Loaded | None) -> str:
        """A line that is JSON, as it was `found`, or a text."""
        clean = self.json(text, found) if found else None
        if clean is not None:
            return clean
        return self.text(text) if found is None else _Scrub(text).text(text)

    def json(self, text: str, found: Loaded, inside: int = INSIDE) -> str | None:
        """The text of a JSON value, the same where it holds no secret; None if it is too deep."""
        value, repeated = found
        try:
            clean = self.value(value, inside=inside)
        except RecursionError:
            return None
        # A name that stands there twice hides its first value from whoever reads the JSON.
        return text if clean == value and not repeated else json.dumps(clean, separators=(",", ":"))

    def value(self, value: Any, depth: int = 0, inside: int = INSIDE) -> Any:
        """A JSON value. Raises `RecursionError` for one that is too deep."""
        if isinstance(value, str):
            found = _within(value, inside)
            within = self.json(value, found, inside - 1) if found else None
            return self.text(value) if within is None else within
        if depth > DEEPEST:
            raise RecursionError
        if isinstance(value, Mapping):
            found_here = FOUND if "DetectorName" in value else frozenset[str]()
            return {
                self.text(name): REMOVED if _named(name, one, found_here) else self.value(one, depth + 1, inside)
                for name, one in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.value(one, depth + 1, inside) for one in value]
        return value

    def text(self, text: str) -> str:
        """A text as it stands."""
        if len(text) < SHORTEST:
            return text
        for shape in self._shapes:
            text = shape.pattern.sub(_fingerprinted, text)
        for shape in self._contexts:
            text = shape.pattern.sub(_after, text)
        if self._keys:
            text = AWS_SECRET.sub(lambda match: _half(match.group()), text)
        return text


def _within(text: str, inside: int) -> Loaded | None:
    """The JSON in a text in JSON; None if it is none, or lies deeper than anybody wraps it."""
    wrapped = inside and len(text) >= SHORTEST and text[0] in "{[" and text[-1] in "}]\n "
    return _loaded(text) if wrapped else None


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, names and what is JSON in a text included."""
    waiting = [(value, INSIDE)]
    while waiting:
        one, inside = waiting.pop()
        if isinstance(one, str):
            yield one
            found = _within(one, inside)
            waiting += [(found[0], inside - 1)] if found else []
        elif isinstance(one, Mapping):
            yield from one
            waiting += [(member, inside) for member in one.values()]
        elif isinstance(one, list | tuple):
            waiting += [(member, inside) for member in one]


def _occurring(known: Sequence[Shape], whole: str, lower: str) -> list[Shape]:
    return [one for one in known if one.within(lower) and one.pattern.search(whole)]


def _named(name: str, value: Any, found: frozenset[str]) -> bool:
    """Is it a secret because of its name?"""
    if name in found:
        return bool(value) and not (isinstance(value, str) and _taken(value))
    if not isinstance(value, str) or len(value) < SHORTEST or len(name) > LONGEST_NAME:
        return False
    return name.lower().translate(_PLAIN) in NAMES and not _taken(value) and not AWS_ID.fullmatch(value)


def _taken(value: str) -> bool:
    """Has the secret been taken out already?"""
    return value == REMOVED or FINGERPRINT.fullmatch(value) is not None


def _fingerprinted(match: re.Match[str]) -> str:
    return fingerprint(match.group())


def _after(match: re.Match[str]) -> str:
    return f"{match.group(1)}{REMOVED}"


def _half(value: str) -> str:
    """Forty characters where the id of a key is: their fingerprint, unless they are a hash or a path."""
    mixed = any(map(str.isupper, value)) and any(map(str.islower, value)) and any(map(str.isdigit, value))
    return fingerprint(value) if mixed else value
