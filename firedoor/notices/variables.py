"""What a notice knows of its reader: the variables of the templates. Pure.

Everything here may have been written by strangers (names of companies, of people, of keys): `said` makes a line of it.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from firedoor.customers.model import Dependency
from firedoor.notices.rendering import Verbatim
from firedoor.providers import providers
from firedoor.providers._provider import ByHand, Kind, Provider

#: The fields of the variables that are mappings; `values` has those that the notice declares.
FIELDS: Mapping[str, frozenset[str]] = {
    "customer": frozenset({"id", "name", "cohort", "exposure"}),
    "contact": frozenset({"name", "role"}),
    "incident": frozenset({"id"}),
    "links": frozenset({"acknowledge", "public"}),
}
#: The fields of each of `credentials`.
CREDENTIAL = frozenset(
    {"provider", "provider_title", "kind", "kind_title", "name", "scope", "hint", "rotate", "where", "stored"}
)
#: The variables that are texts or numbers.
PLAIN = frozenset({"company", "support", "reminder", "escalates_at", "sent_on", "language"})
NAMES = frozenset({*FIELDS, *PLAIN, "credentials", "values"})
#: Characters of an id that tell it apart and give nothing away.
HINT = 4
_STEERING = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def said(text: str) -> str:
    """A text of somebody else's as part of a line: no line breaks, nothing that steers or hides."""
    if text.isprintable():
        return text
    shown = "".join(" " if unicodedata.category(char) in _STEERING else char for char in text)
    return " ".join(shown.split())


def named(text: str) -> str:
    """A name that somebody else gave: `said`, and no link, which mail programs and Slack make of every address."""
    return said(text).replace("://", ": //")


def in_language(values: Mapping[str, Any], language: str, otherwise: str) -> dict[str, Any]:
    """The values of a runbook, of which each may be given by language: `happened: {en: …, de: …}`."""
    return {
        name: value.get(language, value.get(otherwise, "")) if isinstance(value, Mapping) else value
        for name, value in values.items()
    }


def said_all(values: Mapping[str, Any]) -> dict[str, Any]:
    """The runbook's own values; texts of several lines stay that."""
    return {name: _paragraphs(value) if isinstance(value, str) else value for name, value in values.items()}


def _paragraphs(text: str) -> str:
    return "\n".join(said(line) for line in text.splitlines())


def date(moment: float) -> str:
    """`2026-05-05`, in UTC: the same in every language."""
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d}"


def hour(moment: float) -> str:
    """`2026-05-09 14:00 UTC`, the hour that has begun by then: what is announced for it never happens before."""
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H}:00 UTC"


def described(credentials: Iterable[Dependency]) -> list[dict[str, str]]:
    """A reader's credentials, each with how its reader replaces it."""
    return [_credential(one) for one in credentials]


def _credential(one: Dependency) -> dict[str, str]:
    about = _about(one.provider, one.kind)
    name = named(one.name or one.id or _last_name(one.store))
    scope = named(one.scope)
    fields = {"name": name or "it", "id": named(one.id), "scope": scope or "where it is", "owner": "its owner"}
    return {
        "provider": one.provider,
        "provider_title": about.provider or said(one.provider),
        "kind": said(one.kind),
        # A kind that nobody has named is not guessed: its reader would look for another key.
        "kind_title": (about.kind if one.kind else "") or "key",
        "name": name,
        "scope": scope,
        "hint": named(one.id[-HINT:]) if len(one.id) > 2 * HINT else "",
        "rotate": about.steps.format(**fields),
        "where": about.where,
        "stored": said(one.store),
    }


def _last_name(store: str) -> str:
    """`openai` of `aws-sm:customers/acme/openai` and of `vault:kv/acme?field=openai`.

    A credential of which only its place is known is called by that: its reader has to tell it from the others.
    """
    place, _, field = store.partition("?field=")
    return field or place.rstrip("/").replace(":", "/").rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class _About:
    """What firedoor knows of a kind of credential: its names, how one is made by hand, and where. Empty: nothing."""

    provider: str = ""
    kind: str = ""
    steps: str = ""
    where: str = ""


@lru_cache(maxsize=512)
def _about(provider: str, kind: str) -> _About:
    known = providers().get(provider)
    if known is None:
        return _About()
    one = _kind(known, kind)
    steps = one.create.steps if one and isinstance(one.create, ByHand) else ""
    return _About(known.title, one.title if one else "", steps, _where(known, one))


def _kind(provider: Provider, name: str) -> Kind | None:
    try:
        return provider.kind(name)
    except LookupError:
        return None


def _where(provider: Provider, kind: Kind | None) -> str:
    """The page of the provider at which keys are made: without `https://`, for nobody is led to a log-in by a link."""
    kinds = [kind, *provider.kinds] if kind else provider.kinds
    pages = (means.link for one in kinds for means in (one.create, one.revoke) if isinstance(means, ByHand))
    return next(pages, "").partition("://")[2].partition("?")[0]


def verbatim(text: str) -> Verbatim:
    """An address of our own."""
    return Verbatim(text)
