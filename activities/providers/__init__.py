"""The providers' modules, by name. Adding one: one line here, one in `firedoor/providers`."""

from importlib import import_module
from typing import cast

from activities.providers import (
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
from activities.providers._provider import ProviderModule
from activities.providers._shape import module_problems
from firedoor.errors import StepError
from firedoor.providers import Provider
from firedoor.providers._packages import BROKEN

MODULES: dict[str, ProviderModule] = {
    "anthropic": anthropic,
    "aws": aws,
    "azure_openai": azure_openai,
    "braintrust": braintrust,
    "cloudflare": cloudflare,
    "cohere": cohere,
    "datadog": datadog,
    "github": github,
    "gitlab": gitlab,
    "google": google,
    "groq": groq,
    "huggingface": huggingface,
    "mistral": mistral,
    "npm": npm,
    "openai": openai,
    "openrouter": openrouter,
    "pagerduty": pagerduty,
    "scaleai": scaleai,
    "sendgrid": sendgrid,
    "slack": slack,
    "stripe": stripe,
    "together": together,
    "twilio": twilio,
}


def module_of(provider: Provider) -> ProviderModule:
    """The module of a provider: firedoor's own, or the one that its package names.

    Raises `StepError` (`invalid_arguments`) where that cannot be imported, or is no provider's module.
    """
    if provider.name in MODULES:
        return MODULES[provider.name]
    try:
        module = import_module(provider.client)
    except BROKEN as error:
        raise _broken(provider, f"it cannot be imported: {type(error).__name__}: {error}") from None
    if wrong := "; ".join(module_problems(provider, module)):
        raise _broken(provider, wrong)
    return cast("ProviderModule", module)


def _broken(provider: Provider, why: str) -> StepError:
    return StepError(
        "invalid_arguments",
        f"The package that brings the provider {provider.name} is broken ({provider.client}): {why}.",
        next="Tell those who made it, and do this credential by hand meanwhile.",
    )
