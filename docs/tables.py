"""The pages of providers, sinks and alert sources in the reference, from their contracts."""

from inspect import cleandoc

from firedoor.alerts import SOURCES, Alert
from firedoor.alerts._severity import WORDS
from firedoor.alerts._subject import NAMES
from firedoor.providers import Verb, providers
from firedoor.providers._provider import ByApi, ByHand, Kind, Means, Provider
from firedoor.sinks import STORES

PROVIDERS_INTRO = """# Providers

Generated from the contracts in `firedoor/providers` by `make docs`. How each verb is done: **api** by the provider's
API; **hand** by a person, whom the step asks, with the instructions below; **no** by nobody. `lag` is how long a
provider may go on accepting what was revoked. What a provider disables can be enabled again.
"""

SINKS_INTRO = """# Sinks

Generated from `firedoor/sinks` by `make docs`. A place is written as `SCHEME:NAME[#VERSION][?option=value&…]`. Where
values cannot be read back, the time of the change is the evidence; where a change by somebody else is not noticed, the
last writer wins.

| sink | example | read back | compare-and-swap | staged | old versions |
| --- | --- | --- | --- | --- | --- |
"""

ALERTS_INTRO = """# Alerts

Generated from `firedoor/alerts` by `make docs`. What the expressions of a trigger see as `alert.FIELD`, whoever sent
it; what a source does not say is empty. How to set up a sender: [alerts](../how-to/alerts.md),
[alerts of AWS](../how-to/alerts-aws.md), [secret scanners and others](../how-to/alerts-scanners.md).

| field | |
| --- | --- |
"""

SEVERITY_INTRO = """
## Severity

What monitoring systems call it, as the number that triggers compare. A bare number under `priority` is a rank, of which
1 is P1; any other from 0 to 10 is taken as it is. A word that is not here is 0.0.

| severity | words |
| --- | --- |
"""

NAMES_INTRO = """
## Names

Labels, annotations, details and tags that fill a field, where the sender has none for it. The first that is there
counts. Case does not matter, and `-`, `.` and blanks are `_`. An `access_key_id` is the `credential` as well, of `aws`.

| field | names |
| --- | --- |
"""

VERBS = tuple(Verb)


def providers_page() -> str:
    """Which provider has which verb, and what a person does where it has none."""
    head = ("provider", "kind", *(verb.value for verb in VERBS), "replaced", "lag", "revoked is")
    rows = [
        _row(provider.title, f"`{kind.name}`", *(_word(kind.means(verb)) for verb in VERBS), *_facts(kind))
        for provider in providers().values()
        for kind in provider.kinds
    ]
    table = "\n".join((_row(*head), _row(*("---" for _ in head)), *rows))
    return "\n".join((PROVIDERS_INTRO, table, *(_section(provider) for provider in providers().values()))) + "\n"


def sinks_page() -> str:
    """What can be relied on in each sink, its options, settings and permissions."""
    rows, parts = [], []
    for store in STORES.values():
        yes = ["yes" if value else "no" for value in (store.readable, store.swaps, store.stages)]
        rows.append(_row(store.title, f"`{store.example}`", *yes, "kept" if store.versions else "none"))
        options = [f"- `?{name}=`: {text}" for name, text in store.options.items()]
        settings = [f"- `[sinks.{store.scheme}] {name}`: {one.description}" for name, one in store.settings.items()]
        permissions = [f"- permission `{one}`" for one in store.permissions]
        permissions += [f"- only to read it, as a reference: {', '.join(f'`{one}`' for one in store.reading)}"] * bool(
            store.reading
        )
        notes = [f"\n{one}" for one in store.notes]
        parts.append("\n".join((f"\n## {store.title}\n", *options, *settings, *permissions, *notes)))
    return SINKS_INTRO + "\n".join((*rows, *parts)) + "\n"


def alerts_page() -> str:
    """The fields of an alert, the words and names that fill them, and what each source says of itself."""
    fields = [_row(f"`{name}`", field.description or "") for name, field in Alert.model_fields.items()]
    severities = [_row(f"{value}", ", ".join(f"`{word}`" for word in words)) for value, words in WORDS.items()]
    names = [_row(f"`{field}`", ", ".join(f"`{name}`" for name in given)) for field, given in NAMES.items()]
    sources = [f"\n## {name}\n\n{cleandoc(source.__doc__ or '')}" for name, source in sorted(SOURCES.items())]
    parts = (ALERTS_INTRO + "\n".join(fields), SEVERITY_INTRO + "\n".join(severities), NAMES_INTRO + "\n".join(names))
    return "\n".join((*parts, *sources)) + "\n"


def _section(provider: Provider) -> str:
    lines = [f"\n## {provider.title}\n", f"API: <{provider.docs}>"]
    settings = [f"- `{name}`: {one.description}" for name, one in provider.settings.items()]
    lines += ["", f"Settings in `[providers.{provider.name}]`:", "", *settings] if settings else []
    for kind in provider.kinds:
        lines += ["", f"### {provider.title}: {kind.title}", ""]
        lines += [f"- {verb.value}: {_words(kind.means(verb))}" for verb in VERBS]
        lines += [f"- `credential.revoke_values`: up to {kind.batch:,} with one call"] * bool(kind.batch)
    return "\n".join(lines)


def _words(means: Means) -> str:
    if isinstance(means, ByApi):
        permission = f", needs `{means.permission}`" if means.permission else ""
        note = f"; {means.note}" if means.note else ""
        return f"`{means.call}`{permission}{note}"
    if isinstance(means, ByHand):
        return f"by hand: {means.steps} <{means.link}>"
    return f"no: {means.why}"


def _word(means: Means) -> str:
    return {"api": "api", "hand": "hand", "never": "no"}[means.how]


def _facts(kind: Kind) -> tuple[str, str, str]:
    lag = f"{kind.lag // 60} min" if kind.lag else ""
    return kind.replacement.replace("_", " "), lag, "disabled" if kind.reversible else "gone"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
