"""Canonical JSON: one byte string for one value, so that a hash means the value.

A subset of RFC 8785 (JCS): ASCII object keys, integers of at most 2**53 - 1 in size, no floats. Under these rules
sorted keys are all that JCS asks of an ordinary writer. The published JCS vectors and the `rfc8785` package are the
judges, in the tests.
"""

import hashlib
import json
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

MAX_SAFE_INTEGER = 2**53 - 1
#: Hex digits of a short digest: 64 bits, for 100,000 of them travel with one step.
SHORT = 16


class NotCanonicalError(ValueError):
    """A value that canonical JSON cannot hold; the message names the place and the reason."""


def canonical_bytes(value: Any) -> bytes:
    """The canonical UTF-8 bytes of a JSON value.

    Raises `NotCanonicalError` for floats, integers outside ±(2**53 - 1), keys that are not ASCII strings, lone
    surrogates, and anything that is not JSON.
    """
    try:
        return to_json(_in_order(value))
    except (_MisfitError, AttributeError, PydanticSerializationError, RecursionError, TypeError, ValueError):
        raise NotCanonicalError(_why(value)) from None


def sha256_hex(data: bytes) -> str:
    """SHA-256 of `data` as 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()


def check_canonical(value: Any) -> None:
    """Raise `NotCanonicalError` with the place of the first part of `value` that canonical JSON cannot hold."""
    canonical_bytes(value)


class _MisfitError(Exception):
    """Something in the value does not fit; where, is looked for only then."""


def _in_order(value: Any) -> Any:
    """A copy of `value` with every object's keys in order. This runs for every entry of the timeline: one pass."""
    kind = type(value)
    if kind is dict:
        ordered = {}
        for key in sorted(value):
            if not key.isascii():
                raise _MisfitError
            member = value[key]
            type_ = type(member)
            simple = type_ is str or (type_ is int and -MAX_SAFE_INTEGER <= member <= MAX_SAFE_INTEGER)
            ordered[key] = member if simple else _in_order(member)
        return ordered
    if kind is list or kind is tuple:
        return [member if type(member) is str else _in_order(member) for member in value]
    if not _scalar_fits(value):
        raise _MisfitError
    return value


def digest_of(shown: Any) -> str:
    """A short digest of JSON values, floats included: the same for the same values in any order of keys.

    For what people are shown and agree to; what is signed is hashed whole, by `sha256_hex` of `canonical_bytes`.
    """
    text = json.dumps(shown, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256_hex(text.encode("utf-8", "surrogatepass"))[:SHORT]


def _scalar_fits(value: Any) -> bool:
    if type(value) is int:
        return -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER
    return value is None or isinstance(value, str | bool)


def _why(value: Any) -> str:
    """Why `value` was refused."""
    try:
        return _complaint(value, "$") or "the value is nested too deeply"
    except RecursionError:
        return "the value is nested too deeply, or contains itself"


def _complaint(value: Any, place: str) -> str:
    """Where `value` does not fit, and why; empty where it fits."""
    if type(value) is dict:
        for key in value:
            if not isinstance(key, str) or not key.isascii():
                return f"{place}: the key {key!r} is not an ASCII string"
        return next(filter(None, (_complaint(member, f"{place}.{key}") for key, member in value.items())), "")
    if type(value) in {list, tuple}:
        return next(filter(None, (_complaint(member, f"{place}[{i}]") for i, member in enumerate(value))), "")
    if type(value) is int and not _scalar_fits(value):
        return f"{place}: an integer of {value.bit_length()} bits is outside ±(2**53 - 1)"
    if not _scalar_fits(value):
        return f"{place}: {type(value).__name__} is not a canonical JSON type"
    if isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value):
        return f"{place}: text with a lone surrogate, which is not Unicode"
    return ""
