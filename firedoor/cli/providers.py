"""`firedoor providers`: whose credentials firedoor can rotate, and how each verb is done there."""

import difflib
from typing import Annotated, Any

from cyclopts import Parameter

from firedoor.cli.console import err, out, write_json
from firedoor.cli.parameters import Output
from firedoor.cli.views import provider as provider_view
from firedoor.config import Settings, load
from firedoor.errors import UsageError
from firedoor.providers import Provider, foreign, providers

ProviderArgument = Annotated[str, Parameter(help="One provider, with the calls and permissions. Without it: all.")]


def list_providers(provider: ProviderArgument = "", /, *, output: Output = "text") -> None:
    """List the providers, or explain one.

    Of each kind of credential: is it listed, tried, revoked, created, its use
    read by API, or does a person do it. `ready` says whether firedoor.toml has
    what firedoor needs to act there; `firedoor doctor` tries it. Providers that
    other packages bring stand among them; a broken package is named.

    Example
      firedoor providers openai
    """
    settings = load()
    found = providers()
    if provider:
        one = _named(provider)
        if output == "json":
            write_json(_document(one, settings))
        else:
            out().print(provider_view.facts(one, settings.lacking(one)))
        return
    if output == "json":
        write_json([_document(one, settings) for one in found.values()])
    else:
        out().print(provider_view.providers({name: (one, settings.lacking(one)) for name, one in found.items()}))
    for brought in foreign():
        if brought.fault:
            err().print(f"Left out: {brought.reference} of {brought.package}: {brought.fault}.", style="yellow")


def _named(name: str) -> Provider:
    known = providers()
    if name in known:
        return known[name]
    fault = next((f" {one.reference} is left out: {one.fault}." for one in foreign() if one.fault), "")
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
    hint = f"Did you mean {' or '.join(near)}?" if near else "firedoor providers lists them all."
    raise UsageError(f"There is no provider {name!r}.{fault}", next=hint)


def _document(provider: Provider, settings: Settings) -> dict[str, Any]:
    package = next((one.package for one in foreign() if one.provider is provider), "firedoor")
    return provider.model_dump(mode="json") | {"package": package, "missing": list(settings.lacking(provider))}
