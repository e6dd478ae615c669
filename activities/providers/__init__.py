"""The providers' modules, by name. Adding one: one line here, one in `firedoor/providers`."""

from importlib import import_module
from typing import cast

from activities.providers import openai
from activities.providers._provider import ProviderModule
from firedoor.providers import Provider

MODULES: dict[str, ProviderModule] = {"openai": openai}


def module_of(provider: Provider) -> ProviderModule:
    """The module of a provider: firedoor's own, or the one that its package names."""
    if provider.name in MODULES:
        return MODULES[provider.name]
    return cast("ProviderModule", import_module(provider.client))
