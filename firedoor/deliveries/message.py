"""One message of a source that a person gives by hand, to be attached to an incident. Pure."""

from collections.abc import Mapping

from firedoor.alerts import SOURCES, Alert, Parsed
from firedoor.alerts._secrets import scrubbed
from firedoor.deliveries.matching import STUMBLES
from firedoor.errors import UsageError
from firedoor.names import nearest

NOTHING = "Nothing was changed."


def alert_of(source: str, headers: Mapping[str, str], body: bytes) -> Alert:
    """The one alert in a message, without the secrets in it. Takes its time: call it in a thread.

    Raises `UsageError` where there is no such source, it cannot read the message, or the message holds no alert or
    several.
    """
    if source not in SOURCES:
        raise UsageError(f"There is no alert source {source!r}.", changed=NOTHING, next=nearest(source, SOURCES))
    try:
        parsed = _parsed(source, {name: scrubbed(value) for name, value in headers.items()}, scrubbed(body))
    except UsageError as error:
        raise UsageError(error.what, changed=NOTHING, next=error.next) from None
    except STUMBLES as error:
        raise UsageError(
            f"The source {source} cannot read it ({type(error).__name__}).",
            changed=NOTHING,
            next="That is a mistake of firedoor's: please report it, with a message that shows it.",
        ) from error
    if len(parsed.alerts) == 1:
        return parsed.alerts[0]
    what = f"holds {len(parsed.alerts)} alerts" if parsed.alerts else f"reports nothing: {scrubbed(parsed.note)}"
    raise UsageError(f"The message {what}.", changed=NOTHING, next="Give a message with one alert.")


def _parsed(source: str, headers: Mapping[str, str], clean: bytes) -> Parsed:
    parsed = SOURCES[source].parse(headers, clean)
    # What a source has opened (Base64, JSON in a text) may show what was not to be seen from outside.
    return parsed if parsed.kept is None else SOURCES[source].parse(headers, scrubbed(parsed.kept))
