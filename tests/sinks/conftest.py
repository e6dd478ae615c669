"""A stage for sinks: a leaked key at a fake OpenAI, what a worker reaches, and a rotation into the sink under test."""

from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from activities._clients import Clients
from activities.aws.accounts import Accounts
from firedoor.config import BASE_URL, CA_FILE, Settings
from firedoor.drill.fakes.openai import FakeOpenAI, Key
from firedoor.incident import Outcome
from firedoor.plan import Verdict
from tests.killing import attempt, killed_everywhere


@dataclass
class Stage:
    """The leaked key, and the clients."""

    openai: FakeOpenAI
    key: Key
    clients: Clients

    def rotated(self, *sinks: str, mode: str = "breach", value: str = "") -> Outcome:
        """Rotate the key into sinks in one attempt."""
        _, ended = attempt(self.clients, "credential.rotate", **self._arguments(sinks, mode, value))
        assert isinstance(ended, Outcome), ended
        return ended

    def killed(
        self,
        patching: pytest.MonkeyPatch,
        sink: str,
        *,
        mode: str,
        after: bool,
        doors: tuple[tuple[type, str], ...] = (),
    ) -> Outcome:
        """Rotate it into a sink, killed at each call: one key is left, and the old one is refused."""
        with patching.context() as patched:
            ended, points = killed_everywhere(
                patched,
                lambda earlier: attempt(
                    self.clients, "credential.rotate", earlier, **self._arguments([sink], mode, "")
                ),
                after=after,
                doors=doors,
            )
        assert isinstance(ended, Outcome), ended
        assert ended.verdict is Verdict.CONTAINED
        assert points > 4
        assert len(self.openai.keys) == len(self.openai.accounts) == 1
        assert self.key.id not in self.openai.keys
        assert "canary" not in ended.model_dump_json()
        return ended

    def _arguments(self, sinks: Any, mode: str, value: str) -> dict[str, Any]:
        credential = {
            "provider": "openai",
            "kind": "service_account_key",
            "id": self.key.id,
            "scope": self.key.project,
            "name": self.key.name,
        }
        return {"credential": credential, "into": list(sinks), "mode": mode, "value": value}


Staging = Callable[..., Stage]


@pytest.fixture
def staging(home_settings: Settings) -> Generator[Staging]:
    """Makes the stage, as in `staging(doppler={"base_url": fake.url, "token": fake.token})`; values are references."""
    with ExitStack() as stack:

        def staged(aws: Accounts | None = None, **sinks: Mapping[str, str]) -> Stage:
            openai = stack.enter_context(FakeOpenAI())
            variables = {"FIREDOOR_SECRET_OPENAI": openai.admin}
            settings: dict[str, dict[str, str]] = {}
            for scheme, given in sinks.items():
                settings[scheme.replace("_", "-")] = found = {}
                for name, value in given.items():
                    reference = f"FIREDOOR_SECRET_{scheme}_{name}".upper()
                    found[name] = value if name in {BASE_URL, CA_FILE} else f"env:{reference}"
                    variables[reference] = value
            providers = {"openai": {"base_url": openai.url, "admin_key": "env:FIREDOOR_SECRET_OPENAI"}}
            acting = aws or Accounts(home_settings.aws)
            acting.variables = variables
            known = home_settings.model_copy(update={"providers": providers, "sinks": settings})
            clients = Clients(known, aws=acting)
            stack.callback(clients.close)
            return Stage(openai, openai.plant("gateway"), clients)

        yield staged
