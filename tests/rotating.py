"""An installation that rotates: real Temporal, worker and timeline, fakes of providers, secrets in an AWS emulator."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from firedoor.compiler import compile_runbook
from firedoor.drill.fakes._fake import Fake, Planted
from firedoor.incident import IncidentView, StepState
from firedoor.plan import Plan
from firedoor.providers import providers
from tests.emulators import ROOT, Emulator
from tests.stopping import PATIENCE, Case, installed, stopped
from tests.workflows.conftest import Site

#: One step; few attempts, so that what a retry does not cure reaches a person at once.
ONE = """
name: one-credential
mode: {mode}
steps:
  act: {{uses: {action}, with: {arguments}, retry: {{attempts: {attempts}, interval: 1s, backoff: 1}}}}
"""


@dataclass
class Rotating:
    """The installation, and where the secrets are."""

    site: Site
    aws: Emulator

    def secret(self, name: str, value: str) -> str:
        """Store a value, as consumers would find it; where it is."""
        self.aws.client("secretsmanager").create_secret(Name=name, SecretString=value)
        return f"aws-sm:{name}"

    def stored(self, name: str) -> str:
        """What consumers get now."""
        return str(self.aws.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"])

    def labels(self, name: str) -> list[list[str]]:
        """The labels of the versions that have any."""
        versions = self.aws.client("secretsmanager").describe_secret(SecretId=name)["VersionIdsToStages"]
        return sorted(sorted(labels) for labels in versions.values() if labels)

    async def stopped(self, action: str, mode: str = "rotation", **arguments: Any) -> Case:
        """Start an incident of one step, and wait until it needs a person."""
        return await stopped(self.site, one(action, mode, **arguments))

    async def ended(self, action: str, mode: str = "rotation", **arguments: Any) -> IncidentView:
        """Start an incident of one step that is patient, and wait for its end."""
        async with asyncio.timeout(PATIENCE):
            return await self.site.run(one(action, mode, attempts=20, **arguments))

    async def again(self, case: Case) -> Case:
        """A person has the step tried again; it needs one once more."""
        before = case.failure()
        await self.site.decide(case.incident, "retry", "act", reason="looked at")
        view = await self.site.shows(
            case.incident,
            lambda view: view.steps[0].state is StepState.NEEDS_ATTENTION and view.steps[0].failure != before,
        )
        return Case(self.site, case.incident, view)


def one(action: str, mode: str = "rotation", attempts: int = 2, **arguments: Any) -> Plan:
    """A runbook of one step, compiled from its text."""
    return compile_runbook(ONE.format(action=action, mode=mode, attempts=attempts, arguments=json.dumps(arguments)))


def named(planted: Planted, where: str = "", **fields: str) -> dict[str, str]:
    """A credential as a runbook names it."""
    own = planted.credential.model_dump(include={"provider", "kind", "id", "scope", "name"})
    return {**own, "where": where, **fields}


@dataclass
class Setup:
    """Where firedoor may act, and with what: the tables of firedoor.toml, and the variables that they refer to."""

    providers: dict[str, dict[str, str]] = field(default_factory=dict)
    sinks: dict[str, dict[str, str]] = field(default_factory=dict)
    secret_environment: dict[str, str] = field(default_factory=dict)

    def provider(self, fake: Fake) -> None:
        """A provider, with the secrets that its fake gives."""
        known = providers()[fake.name].settings
        self.providers[fake.name] = {"base_url": fake.url}
        for name, value in fake.secrets.items():
            given = self._reference(f"{fake.name}_{name}", value) if known[name].secret else value
            self.providers[fake.name][name] = given

    def sink(self, scheme: str, fake: Fake, **secrets: str) -> None:
        """A sink, with these secrets."""
        given = {name: self._reference(f"{scheme}_{name}", value) for name, value in secrets.items()}
        self.sinks[scheme] = {"base_url": fake.url, **given}

    def _reference(self, name: str, value: str) -> str:
        variable = f"FIREDOOR_SECRET_{name}".upper()
        self.secret_environment[variable] = value
        return f"env:{variable}"


@asynccontextmanager
async def rotating(
    address: str, home: Path, aws: Emulator, patching: pytest.MonkeyPatch, setup: Setup
) -> AsyncGenerator[Rotating]:
    """firedoor acts as root of the emulator."""
    patching.setenv("AWS_ACCESS_KEY_ID", ROOT.access_key_id)
    patching.setenv("AWS_SECRET_ACCESS_KEY", ROOT.secret)
    async with installed(address, home, aws.url, **vars(setup)) as site:
        yield Rotating(site, aws)
