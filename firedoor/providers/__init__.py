"""The providers that firedoor knows, by name. Adding one: one line here, one in `activities/providers`."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points

from firedoor.providers import openai
from firedoor.providers._provider import Provider, Verb

_OWN: tuple[Provider, ...] = (openai.PROVIDER,)

__all__ = ["Provider", "Verb", "providers"]

#: The group of entry points by which other packages bring providers; each names a `Provider`.
GROUP = "firedoor.providers"


@cache
def providers() -> Mapping[str, Provider]:
    """All providers: firedoor's own, and those of installed packages, which cannot replace one of firedoor's own.

    Raises `TypeError` for an entry point that names no `Provider`: a broken package must not go unnoticed.
    """
    known = {one.name: one for one in _OWN}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        found = point.load()
        if not isinstance(found, Provider) or not found.client:
            raise TypeError(f"{point.value} ({point.dist and point.dist.name}) is no firedoor provider with a client")
        known.setdefault(found.name, found)
    return known
