"""A payload that a person tries, read as if it had come to a door. Pure: it is stored nowhere and starts nothing."""

from collections.abc import Mapping
from dataclasses import replace

from firedoor.alerts import SOURCES, Parsed, generic
from firedoor.alerts._secrets import scrubbed
from firedoor.deliveries.delivery import Delivery, State, kept_headers
from firedoor.deliveries.matching import STUMBLES, parsed_of
from firedoor.doors import AlertDoor
from firedoor.errors import UsageError
from firedoor.names import nearest

NOTHING = "Nothing was started."


def payload(source: str, headers: Mapping[str, str], body: bytes, doors: Mapping[str, AlertDoor]) -> Parsed:
    """The alerts in a payload, without the secrets in it. `source` is a source, or the name of a door in the settings.

    Takes its time: call it in a thread. Raises `UsageError` where there is no such source or door, its map has
    mistakes, or the payload cannot be read.
    """
    kept = {name: scrubbed(value) for name, value in kept_headers(headers).items()}
    delivery = Delivery("", source, _kind(source, doors), "", "", State.RECEIVED, headers=kept, body=scrubbed(body))
    try:
        parsed = parsed_of(delivery, doors)
        # What a source has opened (Base64, JSON in a text) may show what was not to be seen from outside.
        return parsed if parsed.kept is None else parsed_of(replace(delivery, body=scrubbed(parsed.kept)), doors)
    except UsageError as error:
        raise UsageError(error.what, changed=NOTHING, next=error.next) from None
    except STUMBLES as error:
        raise UsageError(
            f"The payload cannot be read as {delivery.source} ({type(error).__name__}).",
            changed=NOTHING,
            next="That is a mistake of firedoor's: please report it, with a payload that shows it.",
        ) from error


def _kind(source: str, doors: Mapping[str, AlertDoor]) -> str:
    """Which source reads it."""
    door = doors.get(source)
    kind = (door.source or source) if door else source
    if kind not in SOURCES:
        hint = nearest(source, sorted({*doors, *SOURCES}))
        raise UsageError(f"There is no alert source {source!r}.", changed=NOTHING, next=hint)
    if kind == generic.NAME and door and (wrong := generic.problems(door.map, source)):
        raise UsageError("\n".join(wrong), changed=NOTHING, next="Correct firedoor.toml.")
    return kind
