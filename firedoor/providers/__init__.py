"""The providers that firedoor knows, by name. Adding one: one line here, one in `activities/providers`."""

from collections.abc import Mapping
from functools import cache

from firedoor.providers import (
    anthropic,
    aws,
    azure_openai,
    braintrust,
    cloudflare,
    cohere,
    datadog,
    github,
    gitlab,
    google,
    groq,
    huggingface,
    mistral,
    npm,
    openai,
    openrouter,
    pagerduty,
    scaleai,
    sendgrid,
    slack,
    stripe,
    together,
    twilio,
)
from firedoor.providers._packages import Brought, brought
from firedoor.providers._provider import Provider, Verb

_OWN: tuple[Provider, ...] = (
    anthropic.PROVIDER,
    aws.PROVIDER,
    azure_openai.PROVIDER,
    braintrust.PROVIDER,
    cloudflare.PROVIDER,
    cohere.PROVIDER,
    datadog.PROVIDER,
    github.PROVIDER,
    gitlab.PROVIDER,
    google.PROVIDER,
    groq.PROVIDER,
    huggingface.PROVIDER,
    mistral.PROVIDER,
    npm.PROVIDER,
    openai.PROVIDER,
    openrouter.PROVIDER,
    pagerduty.PROVIDER,
    scaleai.PROVIDER,
    sendgrid.PROVIDER,
    slack.PROVIDER,
    stripe.PROVIDER,
    together.PROVIDER,
    twilio.PROVIDER,
)

__all__ = ["Brought", "Provider", "Verb", "foreign", "providers"]


@cache
def foreign() -> tuple[Brought, ...]:
    """What installed packages bring, and what is wrong with what is left out."""
    return brought([one.name for one in _OWN])


@cache
def providers() -> Mapping[str, Provider]:
    """All providers: firedoor's own, and those of installed packages."""
    return {one.name: one for one in (*_OWN, *(one.provider for one in foreign() if one.provider))}
