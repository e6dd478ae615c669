"""Is a module what its provider's description says? The same check for firedoor's own and for other packages'."""

import inspect
from collections.abc import Iterator
from types import ModuleType

from activities.providers import _by_hand
from activities.providers._provider import BatchModule, ProviderModule
from firedoor.providers import Provider, Verb
from firedoor.providers._provider import ByApi, Kind


def _functions(protocol: type) -> dict[str, int]:
    return {
        name: len(inspect.signature(function).parameters) - 1
        for name, function in vars(protocol).items()
        if inspect.isfunction(function) and not name.startswith("_")
    }


#: The functions of a module, and how many arguments each takes: those of the Protocol.
FUNCTIONS = _functions(ProviderModule)
#: Those that a kind with a `batch` needs besides.
BATCHING = _functions(BatchModule)
#: The function without which a verb that the description gives to the API cannot be done.
NEEDED = {Verb.INVENTORY: "inventory", Verb.REVOKE: "revoke", Verb.CREATE: "create", Verb.USAGE: "usage"}


def module_problems(provider: Provider, module: ModuleType) -> Iterator[str]:
    """What is wrong with a module, one sentence each."""
    batching = BATCHING if any(kind.batch for kind in provider.kinds) else {}
    for name, count in {**FUNCTIONS, **batching}.items():
        function = getattr(module, name, None)
        if not inspect.isfunction(function):
            yield f"it has no function {name}"
        elif len(inspect.signature(function).parameters) != count:
            yield f"its {name} must take {count} arguments"
    for kind in provider.kinds:
        yield from (f"{kind.name}: {problem}" for problem in _contradictions(kind, module))


def _contradictions(kind: Kind, module: ModuleType) -> Iterator[str]:
    for verb, name in NEEDED.items():
        if isinstance(kind.means(verb), ByApi) and getattr(module, name, None) is getattr(_by_hand, name):
            yield f"the API shall {verb.value}, and the module leaves it to a person"
    if kind.reversible and getattr(module, "enable", None) is _by_hand.enable:
        yield "what is revoked shall be reversible, and nothing enables it"
