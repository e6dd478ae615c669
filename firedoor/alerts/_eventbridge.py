"""Events of Amazon EventBridge: the envelope that is the same for all, and how AWS writes times in them.

Format: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html. EventBridge lets nobody but
AWS put an event on a bus whose `source` begins with `aws.`.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from firedoor.alerts._reading import Reader, at


def event(reader: Reader, value: Any, *, expected: Callable[[str, str], bool]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The envelope of an event and its detail; the envelope of a bare detail is empty.

    `expected` says whether a source and a detail-type are those of this door. Raises `UsageError`.
    """
    if not isinstance(value, dict):
        reader.wrong("it is not a JSON object")
    if "detail-type" not in value:
        return {}, value
    source, kind = reader.text(value, "source"), reader.text(value, "detail-type")
    if not expected(source, kind):
        reader.wrong(f"the event is from {source!r}, detail-type {kind!r}")
    detail = value.get("detail")
    if not isinstance(detail, dict):
        reader.wrong("its `detail` is not a JSON object")
    return value, detail


def members(reader: Reader, value: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects of a list; none where there is no list. Raises `UsageError` where it holds anything else."""
    found = at(value, name)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        reader.wrong(f"`{name}` is not a list of JSON objects")
    return reader.few(found)


def first(*found: str) -> str:
    """The first text that is not empty."""
    return next((one for one in found if one), "")


def rfc3339(text: str) -> str:
    """A time as RFC 3339; what is one already stays as it is. Empty for what is no time.

    AWS Health writes `Sat, 05 Jun 2016 15:10:09 GMT`, older tools `2016-06-05 15:10:09`, which is UTC.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _dated(text)
    return text if "T" in text and moment.tzinfo else _written(moment)


def together(keys: Iterable[str]) -> str:
    """One key for several: itself, if it is the only one."""
    found = list(keys)
    return found[0] if len(found) == 1 else hashlib.sha256("\n".join(sorted(found)).encode()).hexdigest()


def _dated(text: str) -> str:
    try:
        return _written(parsedate_to_datetime(text))
    except (ValueError, OverflowError):
        return ""


def _written(moment: datetime) -> str:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return ""
