"""References to the secrets that firedoor itself needs: what they look like, and what reading one needs. Pure."""

import re
from collections.abc import Collection, Mapping

from firedoor.errors import StepError
from firedoor.sinks import STORES, place

VARIABLE = re.compile(r"env:FIREDOOR_SECRET_\w+")
FILE = re.compile(r"file:/.+")


def why_unreadable(reference: str) -> str:
    """Why a text is no reference that can be read; empty if it is one. Never the text: it may be a value itself."""
    if VARIABLE.fullmatch(reference) or FILE.fullmatch(reference):
        return ""
    store = STORES.get(reference.partition(":")[0])
    if store is None:
        stores = ", ".join(f"{one.scheme}:…" for one in STORES.values() if one.readable)
        return f"must be a reference such as env:FIREDOOR_SECRET_NAME, file:/PATH, {stores}, not a value"
    if not store.readable:
        return f"cannot be read from {store.title}, which never shows the values that it holds"
    try:
        place(reference)
    except StepError:
        return f"names no place of {store.title}: it looks like {store.example}"
    return ""


def reading_needs(reference: str) -> tuple[str, ...]:
    """The permissions, in the store's own words, by which a reference is read; none for variables and files."""
    store = STORES.get(reference.partition(":")[0])
    return store.reading if store else ()


def circle(sinks: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    """Schemes of sinks whose secrets lie in one another, so that none of them could be opened; empty if none do."""
    needs = {
        scheme: {reference.partition(":")[0] for name, reference in given.items() if _is_secret(scheme, name)}
        for scheme, given in sinks.items()
    }
    return tuple(sorted(scheme for scheme in needs if scheme in _reached(scheme, needs)))


def _reached(scheme: str, needs: Mapping[str, Collection[str]]) -> set[str]:
    """Every scheme that must be read before this one, directly or not."""
    reached, ahead = set[str](), [scheme]
    while ahead:
        new = set(needs.get(ahead.pop(), ())) - reached
        reached |= new
        ahead += new
    return reached


def _is_secret(scheme: str, setting: str) -> bool:
    known = STORES[scheme].settings.get(setting) if scheme in STORES else None
    return known is not None and known.secret
