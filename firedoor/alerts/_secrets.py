"""Secrets taken out of whatever a sender sent, before anything of it is stored or logged.

What is recognised by its shape is replaced by `sha256:` and 16 hex digits, the fingerprint by which the inventory knows
it too; what only its name or place gives away (a password may be short, and its hash be guessed) by `[removed]`. Public
ids stay: `AKIA…`, `ASIA…`, fingerprints, hashes. To take secrets out of what is clean changes nothing.
"""

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
    REMOVED,
    SHORTEST,
    Shape,
    shapes,
)

#: JSON in a text in JSON in a text: as deep as any sender wraps it, SNS around EventBridge around a log.
INSIDE = 4
LONGEST_NAME = 40
_PLAIN = str.maketrans("", "", "-_ ")


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
    that is JSON. Of the rest the text is taken as it stands. Raises `RecursionError` for a value that is nested deeper
    than any body may be.
    """
    if isinstance(value, bytes):
        clean = _body(value.decode(errors="surrogateescape"))
        return clean.encode(errors="surrogateescape")
    return _Scrub(value, INSIDE).value(value)


def _body(text: str) -> str:
    """JSON, or JSON line by line, or neither."""
    clean = _json(text, INSIDE)
    if clean is not None:
        return clean
    if "\n" not in text:
        return _Scrub(text, 0).text(text)
    # A private key has several lines.
    return "\n".join(_body(line) for line in shapes()[0].pattern.sub(_fingerprinted, text).split("\n"))


def _json(text: str, inside: int) -> str | None:
    """A text that is JSON without its secrets; None if it is no JSON."""
    repeated = False

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeated
        found = dict(pairs)
        repeated = repeated or len(found) < len(pairs)
        return found

    try:
        value = json.loads(text, object_pairs_hook=collect)
        clean = _Scrub(value, inside).value(value)
    except (ValueError, RecursionError):
        return None
    # A name that stands there twice hides its first value from whoever reads the JSON.
    return text if clean == value and not repeated else json.dumps(clean, separators=(",", ":"))


class _Scrub:
    """Takes secrets out of one value. What occurs nowhere in it is not looked for in each of its many texts."""

    def __init__(self, value: Any, inside: int) -> None:
        whole = "\n".join(_texts(value))
        lower = whole.lower()
        self._inside = inside
        self._shapes = _occurring(shapes(), whole, lower)
        self._contexts = _occurring(CONTEXTS, whole, lower)
        self._keys = ("akia" in lower or "asia" in lower) and AWS_KEY.search(whole) is not None

    def value(self, value: Any, depth: int = 0) -> Any:
        """A JSON value. Raises `RecursionError` for one that is too deep."""
        if isinstance(value, str):
            within = _json(value, self._inside - 1) if self._inside and value[:1] in ("{", "[") else None
            return self.text(value) if within is None else within
        if depth > DEEPEST:
            raise RecursionError
        if isinstance(value, Mapping):
            found = FOUND if "DetectorName" in value else frozenset[str]()
            return {
                self.text(name): REMOVED if _named(name, one, found) else self.value(one, depth + 1)
                for name, one in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.value(one, depth + 1) for one in value]
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


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, names included."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, Mapping):
            yield from one
            waiting += one.values()
        elif isinstance(one, list | tuple):
            waiting += one


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
