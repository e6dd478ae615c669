"""A JSON document of customers: a list of them, an object with `customers`, or one on each line. Pure."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from firedoor.customers import fields
from firedoor.customers.building import CREDENTIAL, OWN, Builder
from firedoor.customers.model import Contact, Customer

_SPACE = " \t\r\n"
#: Where a list of customers begins; without one the document is a customer on each line.
_LIST = re.compile(r'\s*(?:\{\s*"customers"\s*:\s*)?\[')
_CONTACT = frozenset(Contact.model_fields)
_CUSTOMER = frozenset(Customer.model_fields)


class _TwiceError(ValueError):
    """A name that stands twice in one object."""


def read_json(text: str, builder: Builder, suspicious: fields.Suspicion, first: int = 1) -> None:
    """Read customers; mistakes go into `builder`, each with the line where its customer begins.

    `first` is the number of the document's first line.
    """
    for line, item in _items(text, builder, first):
        if not isinstance(item, dict):
            builder.fault(line, "This is no customer.", f"an object with {', '.join(Customer.model_fields)}")
        elif suspicious(json.dumps(item, ensure_ascii=False)):
            builder.fault(line, f"{_called(item)} holds what looks like a secret.", "where it is kept, never the value")
        else:
            _customer(line, item, builder)


def _items(text: str, builder: Builder, first: int) -> Iterator[tuple[int, Any]]:
    """The customers of a document, each with its line."""
    decoder = json.JSONDecoder(object_pairs_hook=_object)
    opening = _LIST.match(text)
    at = opening.end() if opening else 0
    line, ends = first + text.count("\n", 0, at), "]" if opening else ""
    while True:
        start = _skip(text, at, "," if opening else "")
        line += text.count("\n", at, start)
        at = start
        if text[at : at + 1] == ends:
            break
        try:
            item, end = decoder.raw_decode(text, at)
        except _TwiceError as error:
            return builder.fault(line, f"{error} stands there twice in one object.", "each name once")
        except (ValueError, RecursionError) as error:
            said = getattr(error, "msg", "it is nested too deeply")
            wrong = line + text.count("\n", at, getattr(error, "pos", at))
            return builder.fault(wrong, f"This is no JSON, or the end of it is missing: {said}.", "a list of customers")
        yield line, item
        line += text.count("\n", at, end)
        at = end
    if opening and text[at + 1 :].strip(_SPACE) != ("}" if "{" in opening.group() else ""):
        # A cursor, for example: half of the customers would be forgotten.
        allowed = "one list, and nothing else: a next page is found by the header Link only"
        builder.fault(line, "Something stands behind the list of customers.", allowed)
    return None


def _skip(text: str, at: int, besides: str = "") -> int:
    while at < len(text) and text[at] in _SPACE + besides:
        at += 1
    return at


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _TwiceError(fields.shown(next(name for name in names if names.count(name) > 1)))
    return found


def _customer(line: int, item: Mapping[str, Any], builder: Builder) -> None:
    id = item.get("id")
    if not isinstance(id, str):
        builder.fault(line, f"{_called(item)} has no id.", "a text in `id`")
        return
    if first := builder.knows(id):
        builder.fault(line, f"{id} stands there twice, first in line {first}.", "each customer once")
        return
    # The id first: sentences about the rest quote it.
    if not builder.customer(line, id, {}):
        return
    own = {
        name: _text(line, id, name, item[name], builder)
        for name in OWN
        if name in item and item[name] is not None and item[name] != ""
    }
    builder.customer(line, id, {name: value for name, value in own.items() if value is not None})
    for name in item.keys() - _CUSTOMER:
        builder.fault(line, f"{id}: there is no {fields.shown(name)}.", ", ".join(Customer.model_fields))
    for name, allowed, add in (
        ("contacts", _CONTACT, builder.contact),
        ("credentials", frozenset(CREDENTIAL), builder.credential),
    ):
        for part in _parts(line, id, name, item.get(name), builder):
            values = {key: _text(line, id, f"{name}.{key}", value, builder) for key, value in part.items() if value}
            if unknown := sorted(values.keys() - allowed):
                builder.fault(line, f"{id}: {name} have no {fields.shown(unknown[0])}.", ", ".join(sorted(allowed)))
            elif None not in values.values():
                add(line, id, {key: value for key, value in values.items() if value is not None})


def _parts(line: int, id: str, name: str, given: Any, builder: Builder) -> list[Mapping[str, Any]]:
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        builder.fault(line, f"{id}: {name} is no list of objects.", "[{…}, …]")
        return []
    return given


def _text(line: int, id: str, name: str, value: Any, builder: Builder) -> str | None:
    """A value as a text; None, and a mistake, where it is none. Hours are a number."""
    if name == "hours" and type(value) is int:
        return str(value)
    if not isinstance(value, str):
        builder.fault(line, f"{id}: {name} is {type(value).__name__}, and no text.", "a text in quotes")
        return None
    return value.strip()


def _called(item: Mapping[str, Any]) -> str:
    id = item.get("id")
    return fields.shown(id) if isinstance(id, str) and id else "A customer"
