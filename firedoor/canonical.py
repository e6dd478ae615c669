"""Canonical JSON: one byte string for one value, so that a hash means the value.

The subset of RFC 8785 (JCS) that `json.dumps` writes byte for byte: ASCII object keys, integers of at most 2**53 - 1 in
size, no floats. The published JCS vectors and the `rfc8785` package are the judges, in the tests.
"""

import hashlib
import json
from typing import Any

MAX_SAFE_INTEGER = 2**53 - 1

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


class NotCanonicalError(ValueError):
    """A value that canonical JSON cannot hold; the message names the place and the reason."""


def canonical_bytes(value: Any) -> bytes:
    """The canonical UTF-8 bytes of a JSON value.

    Raises `NotCanonicalError` for floats, integers outside ±(2**53 - 1), keys that are not ASCII strings, lone
    surrogates, and anything that is not JSON.
    """
    text = canonical_text(value)
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise NotCanonicalError(f"text with a lone surrogate: {error.object[error.start]!r}") from None


def canonical_text(value: Any) -> str:
    """Canonical JSON as text. Lone surrogates are left in it: encoding it as UTF-8 is what refuses them.

    Raises `NotCanonicalError` as `canonical_bytes` does.
    """
    check_canonical(value)
    return _encode(value)


def sha256_hex(data: bytes) -> str:
    """SHA-256 of `data` as 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()


def check_canonical(value: Any) -> None:
    """Raise `NotCanonicalError` with the place of the first part of `value` that canonical JSON cannot hold."""
    try:
        fits = _fits(value)
    except RecursionError:
        raise NotCanonicalError("the value is nested too deeply, or contains itself") from None
    if not fits:
        raise NotCanonicalError(_complaint(value, "$"))


def _fits(value: Any) -> bool:
    # One pass without building the names of places: this runs for every entry of the timeline.
    kind = type(value)
    members: Any
    if kind is dict:
        try:
            if not "".join(value).isascii():
                return False
        except TypeError:
            return False
        members = value.values()
    elif kind is list or kind is tuple:
        members = value
    else:
        return _scalar_fits(value)
    for member in members:
        kind = type(member)
        if kind is str or kind is bool or member is None:
            continue
        if not _fits(member):
            return False
    return True


def _scalar_fits(value: Any) -> bool:
    if type(value) is int:
        return -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER
    return value is None or isinstance(value, str | bool)


def _complaint(value: Any, place: str) -> str:
    """Where `value` does not fit, and why; empty where it fits."""
    if isinstance(value, dict):
        for key, member in value.items():
            if not isinstance(key, str) or not key.isascii():
                return f"{place}: the key {key!r} is not an ASCII string"
            if found := _complaint(member, f"{place}.{key}"):
                return found
    elif isinstance(value, list | tuple):
        for index, member in enumerate(value):
            if found := _complaint(member, f"{place}[{index}]"):
                return found
    elif type(value) is int and not _scalar_fits(value):
        return f"{place}: an integer of {value.bit_length()} bits is outside ±(2**53 - 1)"
    if _fits(value):
        return ""
    return f"{place}: {type(value).__name__} is not a canonical JSON type"
