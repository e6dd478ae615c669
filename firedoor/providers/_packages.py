"""Providers that other packages bring, by entry points in the group `firedoor.providers`: loaded, and checked.

A broken package must neither go unnoticed nor keep firedoor from starting: it is left out, and said why.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from firedoor.providers._provider import ByHand, Kind, Provider, Verb

#: Each of its entry points names a `Provider`.
GROUP = "firedoor.providers"
#: What importing somebody else's module may raise.
BROKEN = (
    ArithmeticError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)
HOSTILE = ("../../x", "a/../b", "a\nb", "", " ")


@dataclass(frozen=True, slots=True)
class Brought:
    """What one entry point brought. `fault` says why it is left out; empty: it is not."""

    package: str
    reference: str
    provider: Provider | None = None
    fault: str = ""


def brought(own: Collection[str]) -> tuple[Brought, ...]:
    """Everything that installed packages bring, sorted; `own` are names that nobody else may take."""
    found: list[Brought] = []
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        taken = {*own, *(one.provider.name for one in found if one.provider)}
        found.append(_load(point, taken))
    return tuple(found)


def problems(provider: Provider) -> Iterator[str]:
    """What is wrong with a provider's description, one sentence each; the same check for firedoor's own."""
    for kind in provider.kinds:
        yield from (f"{kind.name}: {problem}" for problem in _problems(kind))
    for name, setting in provider.settings.items():
        if setting.secret and setting.default:
            yield f"the setting {name} is secret and has a default"


def _problems(kind: Kind) -> Iterator[str]:
    for word, pattern in (("id", kind.id_pattern), ("scope", kind.scope_pattern)):
        try:
            hostile = [text for text in HOSTILE if re.fullmatch(pattern, text)]
        except re.error as error:
            yield f"its {word}_pattern is no regular expression: {error}"
            continue
        if hostile:
            yield f"its {word}_pattern matches {hostile[0]!r}, which no provider gives as {word}"
    for verb in Verb:
        means = kind.means(verb)
        if isinstance(means, ByHand) and not means.link.startswith("https://"):
            yield f"its {verb.value} by hand has no https link"
    if kind.replacement == "by_hand" and kind.means(Verb.CREATE).how == "api":
        yield "it is replaced by hand, and created by API: one of them is wrong"
    if (kind.replacement == "slots" or kind.needs) and kind.means(Verb.INVENTORY).how != "api":
        yield "a rotation has to list it first (slots, needs), and no API does"
    if kind.batch and not _batched(kind):
        yield "a batch of it needs a value_pattern, an API that revokes and one that verifies, and no time to take hold"


def _batched(kind: Kind) -> bool:
    """Can a list of values be checked before it is sent, and each be proved dead at once?"""
    called = all(kind.means(verb).how == "api" for verb in (Verb.REVOKE, Verb.VERIFY))
    return bool(kind.value_pattern) and called and not kind.lag and not kind.wavers


def _load(point: EntryPoint, taken: Collection[str]) -> Brought:
    package = f"{point.dist.name} {point.dist.version}" if point.dist else "a package without a name"
    try:
        found = point.load()
    except BROKEN as error:
        return Brought(package, point.value, fault=f"it cannot be imported: {type(error).__name__}: {error}")
    if not isinstance(found, Provider):
        return Brought(package, point.value, fault=f"it is a {type(found).__name__}, not a firedoor Provider")
    if found.name in taken:
        return Brought(package, point.value, fault=f"the name {found.name} is taken")
    if not found.client:
        return Brought(package, point.value, fault="its `client` names no module")
    wrong = "; ".join(problems(found))
    return Brought(package, point.value, fault=wrong) if wrong else Brought(package, point.value, found)
