"""A stage for the credential verbs: a fake OpenAI, a secret that holds a key, and what a worker would reach."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from activities._clients import Clients
from firedoor.config import Settings
from firedoor.drill.fakes.openai import FakeOpenAI, Key
from tests.activities.performing import accounts
from tests.emulators import Emulator

SECRET = "gateway/openai"
SINK = f"aws-sm:{SECRET}"


@dataclass
class Stage:
    """The fake, the emulator, the leaked key in its secret, and the clients."""

    openai: FakeOpenAI
    aws: Emulator
    key: Key
    clients: Clients

    @property
    def credential(self) -> dict[str, Any]:
        """The leaked key as a runbook names it."""
        return {
            "provider": "openai",
            "kind": "service_account_key",
            "id": self.key.id,
            "scope": self.key.project,
            "name": self.key.name,
            "where": SINK,
        }

    def stored(self, secret: str = SECRET) -> str:
        """What consumers get now."""
        return str(self.aws.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])

    def labels(self) -> dict[str, list[str]]:
        """The labels of the secret's versions."""
        found = self.aws.client("secretsmanager").describe_secret(SecretId=SECRET)["VersionIdsToStages"]
        return {version: sorted(labels) for version, labels in found.items() if labels}


@contextmanager
def stage(aws: Emulator, home: Path) -> Generator[Stage]:
    """Everything planted and started."""
    with FakeOpenAI() as openai:
        assert isinstance(openai, FakeOpenAI)
        key = openai.plant("gateway")
        aws.client("secretsmanager").create_secret(Name=SECRET, SecretString=key.value)
        settings = Settings(
            home=home,
            providers={"openai": {"base_url": openai.url, "admin_key": "env:FIREDOOR_SECRET_OPENAI"}},
        )
        acting = accounts(aws)
        acting.variables = {"FIREDOOR_SECRET_OPENAI": openai.admin}
        clients = Clients(settings, aws=acting)
        try:
            yield Stage(openai, aws, key, clients)
        finally:
            clients.close()
