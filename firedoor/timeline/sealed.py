"""What an entry says without saying it: digests of values that may be erased. Pure.

A disclosure is that of RFC 9901 (SD-JWT), section 4.2.1: the base64url of the JSON array `[salt, key, value]`; its
digest is the base64url of the SHA-256 over that text. An entry holds digests only, in lists called `_sd`; the
disclosures are kept beside the timeline, and without them a digest tells nothing: the salt has 128 random bits.

It does not store, erase or draw random numbers.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from firedoor.canonical import canonical_bytes
from firedoor.timeline.entry import Entry, Kind, parse_json

#: The member of an object that lists digests, as the RFC calls it.
SD = "_sd"
#: Where the disclosures are in an exported bundle: one a line, each with its digest.
FILE = "disclosures.jsonl"
_DIGEST = re.compile(r"[A-Za-z0-9_-]{43}")
_MEMBERS = 3
#: Made once: `json.dumps` makes one for each value.
_JSON = json.JSONEncoder(ensure_ascii=False)


class Disclosed(NamedTuple):
    """What a disclosure says."""

    key: str
    value: Any


def disclosure(salt: str, key: str, value: Any) -> str:
    """The disclosure of a value. `salt` is the base64url of 128 random bits, and of no other disclosure."""
    text = _JSON.encode([salt, key, value])
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def digest_of(text: str) -> str:
    """The digest of a disclosure: what an entry may hold. 43 characters."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def opened(text: str) -> Disclosed:
    """What a disclosure says. Raises `ValueError` for a text that is none."""
    members = parse_json(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    if not isinstance(members, list) or len(members) != _MEMBERS or not isinstance(members[1], str):
        raise ValueError("it is no array of a salt, a key and a value")
    return Disclosed(members[1], members[2])


def sealed(entry: Entry) -> list[str]:
    """The digests that an entry holds, in its order, each once; in an object at any depth."""
    return list(dict.fromkeys(_sealed(entry.fields)))


def _sealed(whole: Any) -> Iterator[str]:
    """A loop, for an entry that somebody has made may be nested as deep as it likes."""
    waiting = [whole]
    while waiting:
        value = waiting.pop()
        members = value
        if isinstance(value, dict):
            own = value.get(SD)
            if isinstance(own, list):
                yield from (one for one in own if isinstance(one, str) and _DIGEST.fullmatch(one))
            members = [member for key, member in value.items() if key != SD]
        waiting += [one for one in reversed(members) if isinstance(one, dict | list)]


def erased(entries: Iterable[Entry]) -> dict[str, int]:
    """The digests whose values were erased, with the number of the entry that says so."""
    return {
        digest: entry.seq
        for entry in entries
        if entry.kind == Kind.REDACTION
        for digest in _listed(entry.fields.get("digests"))
        if isinstance(digest, str)
    }


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def lines(texts: Mapping[str, str]) -> bytes:
    """The file of a bundle: `{"digest": …, "disclosure": …}` a line, by digest."""
    return b"".join(canonical_bytes({"digest": one, "disclosure": texts[one]}) + b"\n" for one in sorted(texts))


def read_lines(data: bytes) -> tuple[dict[str, str], list[str]]:
    """The disclosures in such a file, by digest, and what is wrong with it: one sentence for each line that is."""
    found: dict[str, str] = {}
    faults: list[str] = []
    for number, line in enumerate(data.splitlines(keepends=True), 1):
        try:
            one = parse_json(line)
            text, digest = one["disclosure"], one["digest"]
            opened(text)
        except (KeyError, TypeError, ValueError):
            faults.append(f"Line {number} is no disclosure.")
            continue
        if digest_of(text) != digest or line != lines({digest: text}):
            faults.append(f"Line {number} is not the disclosure of its digest: it was changed.")
        elif digest in found:
            faults.append(f"Line {number} stands there twice.")
        else:
            found[digest] = text
    return found, faults
