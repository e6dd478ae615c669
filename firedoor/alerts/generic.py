"""Any sender of JSON: the door's settings say by CEL (https://cel.dev) which field of an alert is what in the body.

    [alerts.siem]
    source = "generic"
    secrets = ["env:FIREDOOR_SECRET_SIEM"]
    map = {id = "body.event.id", title = "body.event.name", severity = "body.risk", "labels.team" = "body.team"}

An expression reads `body` and `headers`, names of headers in lower case. `id` and `title` are needed; `key` is the key
of the delivery, and without it `id` is. What the body has not is empty. Numbers are texts where a text is wanted; a
severity is a number or a word. Without a map the body has members with the names of the fields.

It proves itself by `x-firedoor-signature: sha256=HEX`, the HMAC-SHA256 of `TIME.BODY`, and TIME, in Unix seconds, in
`x-firedoor-timestamp`, at most five minutes from now. Who cannot sign the time signs BODY, where the door says
`timestamp = "none"`: then whoever catches a delivery can send it again, and the key alone stands against that. A time
that is there is signed and judged in any case.

Answers: what a sender makes of them is its own affair.
"""

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from firedoor.alerts import _named
from firedoor.alerts._proofs import fresh, signed
from firedoor.alerts._reading import Reader, part
from firedoor.alerts._secrets import scrubbed
from firedoor.alerts._source import Headers, Lock, Parsed, Source, UnauthenticatedError
from firedoor.errors import UsageError
from firedoor.expressions import ExpressionError, evaluate, problem

NAME = "generic"
READER = Reader("what this door's map reads", "Compare what the sender sends with `map` of the door in firedoor.toml.")
SIGNATURE, TIMESTAMP = "x-firedoor-signature", "x-firedoor-timestamp"
#: The default of the setting `header`: of sources that show a secret, where no signature can be.
UNSET = "authorization"
NEEDED = ("id", "title")
LABEL = "labels."
KEY = "key"
ROOTS = ("body", "headers")
#: How CEL says that something is not there.
ABSENT = ("NOT_FOUND: ", "Index error: ", "Applying SELECT to non-message type")


def authenticate(headers: Headers, body: bytes, lock: Lock) -> None:
    """The HMAC of the time and the body. Raises `UnauthenticatedError`."""
    name = lock.options.get("header", UNSET).lower()
    given = headers.get(SIGNATURE if name == UNSET else name, "").removeprefix("sha256=")
    moment = headers.get(TIMESTAMP, "")
    if moment:
        signed(lock, [given], moment.encode(), b".", body)
        fresh(lock, moment)
    elif lock.options.get("timestamp", "required") != "none":
        raise UnauthenticatedError(f"it has no header `{TIMESTAMP}`")
    else:
        signed(lock, [given], body)


def parse(headers: Headers, body: bytes) -> Parsed:
    """The alert whose fields are members of the body. Raises `UsageError`."""
    return _parsed(_named.named(event := READER.object(body)), event)


def source(map: Mapping[str, str]) -> Source:
    """The source of one door. Raises `UsageError` with everything that is wrong with its map."""
    wrong = problems(map)
    if wrong:
        raise UsageError("\n".join(wrong), next="Correct `map`: docs/how-to/alerts-scanners.md says how.")
    return Mapped(dict(map))


def problems(map: Mapping[str, str], door: str = "") -> tuple[str, ...]:
    """A sentence for everything that is wrong with a map, each with the field, and the door if it is given."""
    place = f"[alerts.{door}] map" if door else "map"
    found = [f"{place} has no `{name}`." for name in NEEDED if map and name not in map]
    for name, expression in map.items():
        if not _known(name):
            near = difflib.get_close_matches(name, (*_named.FIELDS, KEY), n=1)
            hint = f"did you mean `{near[0]}`?" if near else "`labels.NAME` is for whatever is your own."
            found.append(f"{place}: an alert has no field `{name}`; {hint}")
        wrong = problem(expression, ROOTS)
        if wrong:
            found.append(f"{place}: `{name}` does not compile: {wrong}")
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Mapped:
    """A source with the map of its door."""

    map: Mapping[str, str]

    def authenticate(self, headers: Headers, body: bytes, lock: Lock) -> None:
        """The HMAC of the time and the body. Raises `UnauthenticatedError`."""
        authenticate(headers, body, lock)

    def parse(self, headers: Headers, body: bytes) -> Parsed:
        """The alert that the map makes of the body. Raises `UsageError` that names the field that it cannot fill."""
        if not self.map:
            return parse(headers, body)
        event = READER.json(body)
        values = self._values({"body": event, "headers": dict(headers)})
        fields = {name: value for name, value in values.items() if not name.startswith(LABEL)}
        labels = {name.removeprefix(LABEL): value for name, value in values.items() if name.startswith(LABEL)}
        if labels:
            fields["labels"] = part(fields, "labels") | labels
        key = _text(fields.pop(KEY, ""))
        return _parsed(_named.named(fields), event if isinstance(event, dict) else {"body": event}, key)

    def _values(self, scope: Mapping[str, Any]) -> dict[str, Any]:
        """The value of each field that is there."""
        members = [f"({expression}\n)" for expression in self.map.values()]
        try:
            # All with one look at the body, which is what costs.
            together = evaluate(f"[{', '.join(members)}]", scope)
        except ExpressionError:
            together = [self._value(name, expression, scope) for name, expression in self.map.items()]
        return {name: value for name, value in zip(self.map, together, strict=True) if value is not None}

    def _value(self, name: str, expression: str, scope: Mapping[str, Any]) -> Any:
        try:
            return evaluate(expression, scope)
        except ExpressionError as error:
            why = str(error)
        absent = any(words in why for words in ABSENT)
        return None if absent else READER.wrong(f"`{name}` cannot be read with {scrubbed(why)}")


def _parsed(fields: dict[str, Any], event: dict[str, Any], key: str = "") -> Parsed:
    for name in NEEDED:
        if not fields.get(name):
            READER.wrong(f"it has no `{name}`, which is needed")
    alert = READER.alert(**fields | {"source": NAME, "raw": event})
    return Parsed(key=key or alert.id, alerts=(alert,))


def _known(name: str) -> bool:
    return name in _named.FIELDS or name == KEY or (name.startswith(LABEL) and name != LABEL)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
