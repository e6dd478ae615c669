"""Providers on the terminal. Pure."""

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from firedoor.providers import Provider, Verb
from firedoor.providers._provider import ByApi, ByHand, Kind, Means
from firedoor.words import span

#: How a verb is done, in one word.
WORDS = {"api": Text("api", style="green"), "hand": Text("hand", style="yellow"), "never": Text("-", style="dim")}
VERBS = tuple(Verb)


def providers(found: Mapping[str, tuple[Provider, Sequence[str]]]) -> RenderableType:
    """Every kind of every provider, and who does each verb. With each provider come the secrets that it lacks."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(2 + len(VERBS)):
        table.add_column(no_wrap=True)
    table.add_row(*(Text(word, style="dim") for word in ("provider", "ready", *(verb.value for verb in VERBS))))
    for name, (provider, missing) in found.items():
        table.add_row(Text(name, style="bold"), Text("no", style="dim") if missing else Text("yes", style="green"))
        for kind in provider.kinds:
            table.add_row(f"  {kind.name}", "", *(WORDS[kind.means(verb).how] for verb in VERBS))
    legend = "api: the provider's API does it. hand: a person does, and the step says what. -: nobody can."
    return Group(table, Text(), Text(legend, style="dim"))


def facts(provider: Provider, missing: Sequence[str]) -> RenderableType:
    """One provider: its settings, and of each kind the calls, permissions and what a person does."""
    parts: list[RenderableType] = [Text.assemble((provider.title, "bold"), (f"  {provider.docs}", "dim"))]
    for name, setting in provider.settings.items():
        state = ("  missing", "yellow") if name in missing else ("", "")
        parts.append(Text.assemble(f"  [providers.{provider.name}] {name}", state, (f"  {setting.description}", "dim")))
    for kind in provider.kinds:
        parts += [Text(), Text.assemble((kind.name, "bold"), (f"  {kind.title}", "dim"))]
        if facts_of_kind := _facts(kind):
            parts.append(Padding(Text(facts_of_kind), (0, 0, 0, 2)))
        rows = Table.grid(padding=(0, 2, 0, 0))
        rows.add_column(no_wrap=True, style="dim")
        rows.add_column(overflow="fold")
        for verb in VERBS:
            rows.add_row(f"  {verb.value}", _words(kind.means(verb)))
        parts.append(rows)
    return Group(*parts)


def _facts(kind: Kind) -> str:
    told = []
    if kind.scope:
        told.append(f"scope: {kind.scope}" + ("" if kind.scope.endswith("…") else "."))
    if kind.lag:
        told.append(f"It may be accepted for {span(kind.lag)} after it was revoked.")
    if kind.reversible:
        told.append("Revoking disables it, which can be undone.")
    if kind.replacement == "in_place":
        told.append("It is replaced in place: there is no moment with two that work.")
    if kind.replacement == "slots":
        told.append("There is a fixed number of them: a rotation without an outage regenerates another one.")
    return " ".join(told)


def _words(means: Means) -> Text:
    if isinstance(means, ByApi):
        told = "; ".join(part for part in (means.permission and f"needs {means.permission}", means.note) if part)
        return Text.assemble(means.call, (f"  {told}" if told else "", "dim"))
    if isinstance(means, ByHand):
        return Text.assemble((f"by hand: {means.steps} ", "yellow"), (means.link, "dim"))
    return Text(f"no: {means.why}", style="dim")
