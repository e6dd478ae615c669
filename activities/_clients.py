"""Everything outside that a worker may reach: AWS accounts, providers, sinks, and the secrets that it needs for them.

Made once a worker, shared between threads. A client is made when it is first needed, so that a worker without the
settings of some provider serves everything else.
"""

import threading
import weakref
from collections.abc import Mapping, MutableMapping

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
from firedoor.config import BASE_URL, CA_FILE, Settings
from firedoor.customers.registry import Registry
from firedoor.errors import FiredoorError, StepError
from firedoor.inventory import Inventory, load_inventory
from firedoor.outbox.store import Outbox
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
        self._reading = threading.Lock()
        self._inventory: tuple[int, Inventory] | None = None
        self._https: dict[tuple[str, ...], Http] = {}
        # A worker's end is the only one who could close it, and nothing there knows of it.
        weakref.finalize(self, _close, self._https)

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
        http = self._http(f"providers.{provider.name}", provider.title, base_url, settings) if provider.http else None
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
        http = self._http(f"sinks.{store.scheme}", store.title, base_url, settings) if base_url else None
        return SINKS[where.scheme].open_sink(Opening(where, store, settings, self.secret, self.aws, http))

    def inventory(self) -> Inventory:
        """The inventory as the file has it now; an empty one where there is none. Raises `StepError`."""
        path = self._settings.inventory_path
        if not self._settings.inventory and not path.exists():
            return Inventory()
        try:
            changed = path.stat().st_mtime_ns
            # One thread reads it and the others wait: mass work begins in all of them at once.
            with self._reading:
                if self._inventory is None or self._inventory[0] != changed:
                    self._inventory = (changed, load_inventory(path))
                return self._inventory[1]
        except (OSError, FiredoorError) as error:
            what = error.what if isinstance(error, FiredoorError) else f"{path} cannot be read: {error.strerror}."
            raise StepError("invalid_arguments", what, next="Correct the inventory, then retry the step.") from None

    def customers(self) -> Registry:
        """The registry of customers, opened: close it. Raises `StepError`."""
        try:
            return Registry.open(self._settings.customers_path)
        except FiredoorError as error:
            raise StepError("record_failed", error.what, changed=error.changed, next=error.next) from None

    def outbox(self) -> Outbox:
        """The outbox of campaigns, opened: close it. Raises `StepError`."""
        try:
            return Outbox.open(self._settings.outbox_path)
        except FiredoorError as error:
            raise StepError("record_failed", error.what, changed=error.changed, next=error.next) from None

    def _value(self, reference: str) -> SecretStr | None:
        sink = self.sink(reference)
        if not sink.store.readable:
            raise StepError(
                "invalid_arguments",
                f"{sink.store.title} never shows the values that it holds, so {reference} cannot be read.",
                next="Name another place, or leave it out.",
            )
        return sink.look().value

    def _http(self, table: str, title: str, base_url: str, settings: Mapping[str, str]) -> Http:
        """The client of a provider or a sink; `table` is its own in firedoor.toml."""
        name, ca_file = table.partition(".")[2], settings.get(CA_FILE, "")
        with self._lock:
            if (table, base_url, ca_file) not in self._https:
                made = Http(name, title, base_url, self._limits, table=table, ca_file=ca_file)
                self._https[table, base_url, ca_file] = made
            return self._https[table, base_url, ca_file]

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            _close(self._https)


def _close(https: MutableMapping[tuple[str, ...], Http]) -> None:
    for http in https.values():
        http.close()
    https.clear()


def _with_defaults(known: Mapping[str, Setting], given: Mapping[str, str]) -> dict[str, str]:
    return {name: setting.default for name, setting in known.items()} | dict(given)
