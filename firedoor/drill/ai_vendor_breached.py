"""A breached AI vendor: it held two of our OpenAI keys, and thieves use one of them.

On the stage: a fake Braintrust that stores both keys, a fake OpenAI that reports their use, the thieves, and our own
services, one of which must not stop.
"""

import datetime
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, ClassVar

from firedoor.drill.credentials_stage import CredentialsStage, User, called
from firedoor.drill.fakes.braintrust import FakeBraintrust
from firedoor.drill.fakes.openai import FakeOpenAI
from firedoor.drill.scenario import Reply

VENDOR = "braintrust"
ABUSED, QUIET = "gateway", "search"
HOUR = 3600


class AiVendorBreached(CredentialsStage):
    """The customer's side."""

    name: ClassVar[str] = "ai-vendor-breached"
    title: ClassVar[str] = "A breached AI vendor held our OpenAI keys"
    script: ClassVar[Mapping[str, Reply]] = {
        "unknown": Reply("answer", "drill", {"done": True}),
        "replace_abused": Reply("approve", "drill"),
        "replace_rest": Reply("approve", "drill"),
        "caps": Reply("answer", "drill", {"capped": True}),
        "afterwards": Reply("answer", "drill", {"told": True}),
    }
    shortened: ClassVar[tuple[str, ...]] = (
        "OpenAI and Braintrust are fakes on loopback that behave as their API documents say.",
        "The week before the breach is planted as OpenAI's report of use.",
    )

    def __init__(self) -> None:
        super().__init__()
        self.openai, self.braintrust = FakeOpenAI(), FakeBraintrust()
        self.fakes = [self.openai, self.braintrust]

    def plant(self) -> tuple[Mapping[str, str], Mapping[str, Any]]:
        """Both keys at our place and at the vendor's; a steady week of both, and a night of theft with one."""
        self.hour = int(datetime.datetime.now(datetime.UTC).timestamp()) // HOUR * HOUR
        secrets: dict[str, str] = {}
        entries: dict[str, Any] = {}
        self.old: dict[str, str] = {}
        for name in (ABUSED, QUIET):
            key = self.openai.plant(name)
            stored = self.braintrust.plant_credential("ai_secret", name.upper())
            self.braintrust.objects["ai_secret"][stored.credential.id]["value"] = key.value
            place, secrets[f"{name}/openai"] = f"aws-sm:{name}/openai", key.value
            self.old[name] = key.value
            entries[name] = {
                "provider": "openai",
                "kind": "service_account_key",
                "id": key.id,
                "scope": key.project,
                "name": name,
                "where": [place, f"braintrust:ai_secret/{name.upper()}"],
                "consumers": [name, VENDOR],
                "customers": ["acme"],
            }
            self._use(key.id, range(30, 190), 40)
        self._use(entries[ABUSED]["id"], range(1, 4), 4000)
        self.braintrust.plant_credential("env_var", "FORGOTTEN_KEY")
        consumers: dict[str, Any] = {name: {} for name in (ABUSED, QUIET, VENDOR)}
        return secrets, {"credentials": entries, "consumers": consumers, "customers": {"acme": {}}}

    def configuration(self) -> Mapping[str, Any]:
        """firedoor may write the vendor's store as well."""
        found = dict(super().configuration())
        return found | {"sinks.braintrust": found["providers.braintrust"]}

    def inputs(self) -> Mapping[str, str]:
        """What the person types who read the vendor's notice."""
        since = datetime.datetime.fromtimestamp(self.hour - 24 * HOUR, datetime.UTC)
        return {"vendor": VENDOR, "since": since.strftime("%Y-%m-%dT%H:%M:%SZ"), "put_back": "true", "listed": "true"}

    def users(self) -> Iterable[User]:
        """The thieves have both keys; our services fetch theirs."""
        url = f"{self.openai.url}/v1/models"
        for name in (ABUSED, QUIET):
            yield User(f"a thief with {name}", partial(called, url, partial(self.old.__getitem__, name)), 401)
        yield User(ABUSED, partial(called, url, partial(self.fetched, f"{ABUSED}/openai")), 200)
        yield User(QUIET, partial(called, url, partial(self.fetched, f"{QUIET}/openai")), 200, always=True)

    def doubts(self) -> Iterable[str]:
        """The vendor must hold the new keys, and OpenAI no others."""
        alive = self.openai.alive("service_account_key")
        held = {self.braintrust.stored("ai_secret", name.upper()) for name in (ABUSED, QUIET)}
        if held != alive:
            yield "The vendor does not hold the two new keys."

    def said(self) -> str:
        """What was proved."""
        return (
            "OpenAI refuses both stolen keys; the one that was abused was revoked first, the service with the other "
            "was not refused once, and the vendor holds the new ones."
        )

    def _use(self, key: str, hours: Iterable[int], requests: int) -> None:
        for back in hours:
            start = self.hour - back * HOUR
            use = {"key": key, "start": start, "requests": requests, "tokens": requests * 10, "model": "gpt-5"}
            self.openai.uses.append(use)
