"""Reading what strangers send: JSON within limits, fields by their path, and the sentence for what is wrong."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from pydantic import ValidationError

from firedoor.alerts._alert import Alert
from firedoor.errors import UsageError

#: A larger delivery is refused. PagerDuty's own receiver has the same limit.
MOST_BYTES = 2_000_000
#: No source nests deeper than about ten.
DEEPEST = 64
#: A delivery with more alerts is refused: each is matched with every runbook.
MOST_ALERTS = 10_000
#: What an integer is in CEL, and what may be none.
INTEGERS = range(-(2**63), 2**63)
LONG = re.compile(rb"[0-9]{19}")


class Reader:
    """Reads the deliveries of one source; `title` is what it is called in sentences: `a GuardDuty finding`."""

    def __init__(self, title: str, next: str) -> None:
        self._title = title
        self._next = next

    def wrong(self, why: str) -> NoReturn:
        """Raise the `UsageError` for a body that is not what it should be."""
        raise UsageError(f"This is not {self._title}: {why}.", changed="Nothing was started.", next=self._next)

    def object(self, body: bytes) -> dict[str, Any]:
        """The body as a JSON object. Raises `UsageError` for anything else, for one too large or too deep."""
        value = self.json(body)
        if not isinstance(value, dict):
            self.wrong("it is not a JSON object")
        return value

    def json(self, body: bytes) -> Any:
        """The body as JSON within the limits. Raises `UsageError`."""
        if len(body) > MOST_BYTES:
            self.wrong(f"it has {len(body):,} bytes, more than {MOST_BYTES:,}")
        try:
            integers = self._integer if LONG.search(body) else None
            value = json.loads(body, parse_constant=self._constant, parse_float=self._float, parse_int=integers)
        except RecursionError:
            self.wrong(f"it is nested deeper than {DEEPEST} levels")
        except ValueError as error:
            self.wrong(f"it is not JSON ({error})")
        if any(depth > DEEPEST for depth in _depths(value)):
            self.wrong(f"it is nested deeper than {DEEPEST} levels")
        if not _encodes(value):
            self.wrong("it holds half a character (a lone surrogate)")
        return value

    def few(self, members: list[Any]) -> list[Any]:
        """The alerts of a delivery. Raises `UsageError` for more than anybody has at a time."""
        if len(members) > MOST_ALERTS:
            self.wrong(f"it holds {len(members):,} alerts, more than {MOST_ALERTS:,}")
        return members

    def alert(self, **fields: Any) -> Alert:
        """An alert of these fields. Raises `UsageError` that names the field which does not fit."""
        try:
            return Alert(**fields)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            self.wrong(f"`{'.'.join(str(part) for part in first['loc'])}`: {first['msg']}")

    def text(self, value: Mapping[str, Any], *path: str) -> str:
        """The text at a path; empty where there is none. Raises `UsageError` for anything but a text."""
        member = at(value, *path)
        if member is None:
            return ""
        if not isinstance(member, str):
            self.wrong(f"`{'.'.join(path)}` is not a text")
        return member

    def needed(self, value: Mapping[str, Any], *path: str) -> str:
        """The text at a path. Raises `UsageError` where there is none."""
        return self.text(value, *path) or self.wrong(f"it has no `{'.'.join(path)}`")

    def _constant(self, name: str) -> NoReturn:
        self.wrong(f"it holds {name}, which is not JSON")

    def _integer(self, digits: str) -> int | float:
        # CEL takes 64 bits, and would judge no condition on an alert that holds more anywhere: whoever is attacked by
        # somebody who may write one number into a log would hear nothing.
        value = int(digits)
        return value if value in INTEGERS else self._float(digits)

    def _float(self, digits: str) -> float:
        # Python reads 1e999 as infinity, which no JSON can hold that is written from it.
        return value if math.isfinite(value := float(digits)) else self.wrong(f"it holds the number {digits:.20}")


def at(value: Any, *path: str) -> Any:
    """What lies at a path of keys; None where it ends early."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def part(value: Any, *path: str) -> dict[str, Any]:
    """The object at a path; an empty one where there is none."""
    member = at(value, *path)
    return member if isinstance(member, dict) else {}


def objects(value: Any, *path: str) -> list[dict[str, Any]]:
    """The objects in the list at a path."""
    member = at(value, *path)
    return [one for one in member if isinstance(one, dict)] if isinstance(member, list) else []


def word(value: Any, *path: str) -> str:
    """The text, number or boolean at a path as a text; empty where there is none: for what senders write either way."""
    member = at(value, *path)
    if isinstance(member, str):
        return member
    return json.dumps(member) if isinstance(member, int | float) else ""


def texts(value: Any) -> dict[str, str]:
    """A mapping as labels: its members that are texts, numbers or booleans, as texts."""
    if not isinstance(value, dict):
        return {}
    return {
        str(key): member if isinstance(member, str) else json.dumps(member)
        for key, member in value.items()
        if isinstance(member, str | int | float | bool)
    }


def _encodes(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _depths(value: Any) -> Iterator[int]:
    """How deep each container lies."""
    waiting: list[tuple[Any, int]] = [(value, 1)]
    while waiting:
        one, depth = waiting.pop()
        members = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        if members:
            yield depth
            waiting += [(member, depth + 1) for member in members]
