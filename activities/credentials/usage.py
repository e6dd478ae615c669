"""`credential.usage`: how a credential was used, against its own days before."""

import datetime

from activities._action import Context, performs
from activities.credentials.anomalies import Comparison, names
from activities.providers._provider import kind_of
from firedoor.errors import StepError
from firedoor.incident import Evidence, Outcome
from firedoor.steps.credentials import TakeUsage, Usage


@performs(TakeUsage)
def take_usage(step: TakeUsage, context: Context) -> Outcome:
    """The provider's own report, over the window and the days before it."""
    module, api = context.clients.provider(step.credential.provider)
    kind = kind_of(api.provider, step.credential)
    until = datetime.datetime.now(datetime.UTC)
    since = _since(step, until)
    uses = module.usage(api, step.credential, since - datetime.timedelta(days=step.baseline_days))
    compared = Comparison.of(uses, since, until, step.baseline_days)
    flags = compared.flags()
    result = Usage(
        credential=step.credential,
        requests=sum(use.requests for use in compared.window),
        tokens=sum(use.tokens for use in compared.window),
        usual=compared.usual,
        models=names(compared.window, lambda use: use.model),
        regions=names(compared.window, lambda use: use.region),
        addresses=names(compared.window, lambda use: use.address),
        flags=flags,
        blind=compared.blind(),
    )
    label = f"The {api.provider.title} {kind.title} {step.credential.label}".rstrip()
    volume = f"{compared.volume:,} {compared.counted} since {since:%Y-%m-%d %H:%M} UTC, usually {result.usual:,}."
    odd = " ".join(flag.says for flag in flags) or "Nothing is odd in what the provider tells."
    return Outcome(
        summary=f"{label}: {volume} {odd}",
        result=result.model_dump(mode="json"),
        evidence=(Evidence(source=f"{api.provider.name}:usage", says=f"{len(uses)} entries of use read"),),
    )


def _since(step: TakeUsage, now: datetime.datetime) -> datetime.datetime:
    """When the window begins. Raises `invalid_arguments` for what is no moment, or lies ahead."""
    if not step.since:
        return now - datetime.timedelta(hours=step.hours)
    try:
        since = datetime.datetime.fromisoformat(step.since)
    except ValueError:
        since = None
    if since is None or since.tzinfo is None or since >= now:
        raise StepError(
            "invalid_arguments",
            f"`since` is {step.since!r}, which is no moment that has passed.",
            next="Write it as 2026-11-20T08:00:00Z.",
        )
    return since
