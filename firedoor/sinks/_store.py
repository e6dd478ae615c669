"""Store: a kind of place where a new value of a credential goes, and what can be relied on there.

Pure data; the doing is a module of the same name in `activities/sinks`. A place is written as
`SCHEME:NAME[?option=value&…]`: `aws-sm:gateway/openai?region=eu-west-1`, `vault:secret/gateway?field=openai`.
"""

import re
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict

from firedoor.errors import StepError
from firedoor.providers._provider import Setting


class Store(BaseModel):
    """A kind of sink.

    `readable`: values can be read back and compared; elsewhere only the time of the change is. `swaps`: a change by
    somebody else meanwhile is noticed and refused (compare-and-swap). `stages`: a value can be stored before consumers
    see it. `versions`: old values are kept, and have to be destroyed after a leak; not `destroys`: nobody can. `notes`
    are what whoever relies on it has to know.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scheme: str
    title: str
    #: What NAME looks like: a regular expression, and an example for people.
    name_pattern: str
    example: str
    #: Option → what it says. Those in `required` must be there.
    options: dict[str, str] = {}
    required: tuple[str, ...] = ()
    settings: dict[str, Setting] = {}
    base_url: str = ""
    permissions: tuple[str, ...] = ()
    #: Those of them by which a value is read.
    reading: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    readable: bool = True
    swaps: bool = True
    stages: bool = False
    versions: bool = False
    destroys: bool = True
    rate: float = 5
    burst: int = 10


class Place(BaseModel):
    """A reference, taken apart. `text` is the whole of it."""

    model_config = ConfigDict(frozen=True)

    text: str
    scheme: str
    name: str
    version: str = ""
    options: dict[str, str] = {}


def parse_place(text: str, stores: dict[str, Store]) -> Place:
    """Take a reference apart. Raises `StepError` (`invalid_arguments`) with what is allowed."""
    scheme, colon, rest = text.partition(":")
    store = stores.get(scheme)
    if not colon or store is None:
        raise _refused(text, f"it begins with none of {', '.join(f'{one}:' for one in stores)}")
    rest, _, query = rest.partition("?")
    name, _, version = rest.partition("#")
    options = dict(parse_qsl(query, keep_blank_values=True))
    if not re.fullmatch(store.name_pattern, name) or ".." in name.split("/"):
        raise _refused(text, f"a name of {store.title} looks like {store.example}")
    if unknown := sorted(options.keys() - store.options.keys()):
        raise _refused(text, f"{unknown[0]!r} is none of its options: {', '.join(store.options) or 'it has none'}")
    if lacking := [name for name in store.required if not options.get(name)]:
        raise _refused(text, f"it needs ?{lacking[0]}=…, {store.options[lacking[0]]}")
    return Place(text=text, scheme=scheme, name=name, version=version, options=options)


def _refused(text: str, why: str) -> StepError:
    return StepError(
        "invalid_arguments", f"{text!r} names no place for a secret: {why}.", next="Correct the reference."
    )
