"""Everything outside that a worker may reach: AWS accounts, providers, sinks, and the secrets that it needs for them.

Made once a worker, shared between threads. A client is made when it is first needed, so that a worker without the
settings of some provider serves everything else.
"""

import threading
from collections.abc import Mapping

import boto3
from pydantic import SecretStr

from activities._http import Http
from activities._limits import Limits
from activities.aws.accounts import Accounts
from activities.providers import module_of
from activities.providers._provider import Api, ProviderModule
from activities.secret_reference import resolve
from activities.sinks import SINKS
from activities.sinks._sink import Opening, Sink
from firedoor.config import BASE_URL, Settings
from firedoor.errors import FiredoorError, StepError
from firedoor.inventory import Inventory, load_inventory
from firedoor.providers import Provider, providers
from firedoor.providers._provider import Setting
from firedoor.sinks import STORES, place


class Clients:
    """The clients of one worker. `aws` may be given where they are there already."""

    def __init__(
        self,
        settings: Settings,
        limits: Limits | None = None,
        *,
        aws: Accounts | None = None,
        session: boto3.Session | None = None,
    ) -> None:
        self.aws = aws or Accounts(settings.aws, session, variables=settings.secret_environment, limits=limits)
        self._settings = settings
        self._limits = limits
        self._lock = threading.Lock()
        self._inventory: tuple[int, Inventory] | None = None
        self._https: dict[tuple[str, str], Http] = {}

    def provider(self, name: str) -> tuple[ProviderModule, Api]:
        """A provider's module, and what its functions are given. Raises `invalid_arguments` for an unknown one."""
        known = providers()
        if name not in known:
            raise StepError(
                "invalid_arguments",
                f"firedoor knows no provider {name!r}.",
                next=f"It knows {', '.join(sorted(known))}. `firedoor providers` lists them.",
            )
        return module_of(known[name]), self.api(known[name])

    def api(self, provider: Provider) -> Api:
        """What a provider's functions are given."""
        settings = _with_defaults(provider.settings, self._settings.providers.get(provider.name, {}))
        base_url = settings.get(BASE_URL) or provider.base_url
        if provider.http and not base_url:
            raise StepError(
                "credentials_missing",
                f"firedoor is not told where {provider.title} is: everybody has another address.",
                next="Add it to firedoor.toml and restart the worker:\n"
                f'[providers.{provider.name}]\nbase_url = "https://…"',
            )
        http = self._http(provider.name, provider.title, base_url) if provider.http else None
        return Api(provider, http, settings, self.secret, self.aws)

    def secret(self, reference: str) -> SecretStr:
        """The value at a reference. Raises `StepError`; the sentence names the reference only."""
        return SecretStr(resolve(reference, self.aws.variables, self._value))

    def sink(self, reference: str) -> Sink:
        """The sink that a reference names. Raises `invalid_arguments`."""
        where = place(reference)
        store = STORES[where.scheme]
        settings = _with_defaults(store.settings, self._settings.sinks.get(where.scheme, {}))
        base_url = settings.get(BASE_URL) or store.base_url
        http = self._http(store.scheme, store.title, base_url) if base_url else None
        return SINKS[where.scheme].open_sink(Opening(where, store, settings, self.secret, self.aws, http))

    def inventory(self) -> Inventory:
        """The inventory as the file has it now; an empty one where there is none. Raises `StepError`."""
        path = self._settings.inventory_path
        if not self._settings.inventory and not path.exists():
            return Inventory()
        try:
            changed = path.stat().st_mtime_ns
            if self._inventory is None or self._inventory[0] != changed:
                self._inventory = (changed, load_inventory(path))
        except (OSError, FiredoorError) as error:
            what = error.what if isinstance(error, FiredoorError) else f"{path} cannot be read: {error.strerror}."
            raise StepError("invalid_arguments", what, next="Correct the inventory, then retry the step.") from None
        return self._inventory[1]

    def _value(self, reference: str) -> SecretStr | None:
        sink = self.sink(reference)
        if not sink.store.readable:
            raise StepError(
                "invalid_arguments",
                f"{sink.store.title} never shows the values that it holds, so {reference} cannot be read.",
                next="Name another place, or leave it out.",
            )
        return sink.look().value

    def _http(self, name: str, title: str, base_url: str) -> Http:
        with self._lock:
            if (name, base_url) not in self._https:
                self._https[name, base_url] = Http(name, title, base_url, self._limits)
            return self._https[name, base_url]

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for http in self._https.values():
                http.close()
            self._https.clear()


def _with_defaults(known: Mapping[str, Setting], given: Mapping[str, str]) -> dict[str, str]:
    return {name: setting.default for name, setting in known.items()} | dict(given)
