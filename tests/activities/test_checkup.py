"""What `firedoor doctor` learns on the worker's side: every reference is read, every provider is asked, nothing is shown."""

import json
import threading
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest

from activities import checkup
from activities._clients import Clients
from activities.aws.accounts import Accounts
from activities.checkup import Findings, check
from firedoor.config import Aws, Settings
from firedoor.drill.fakes.anthropic import FakeAnthropic
from firedoor.drill.fakes.openai import FakeOpenAI
from firedoor.sinks import STORES, Store
from tests.emulators import REGION, ROOT, Emulator, Keys, People
from tests.openbao import Bao


@pytest.fixture(scope="module")
def aws(ministack_server: Emulator) -> Emulator:
    """An AWS that checks who may do what."""
    ministack_server.reset()
    return ministack_server


@pytest.fixture
def openai() -> Generator[FakeOpenAI]:
    """A provider that lets its admin key in."""
    with FakeOpenAI() as fake:
        assert isinstance(fake, FakeOpenAI)
        yield fake


def found(home: Path, session: boto3.Session | None = None, url: str = "", **given: Any) -> dict[str, tuple[str, str]]:
    """Subject → level and everything that is said, for settings."""
    aws = Aws(endpoint_url=url, region=REGION)
    settings = Settings(home=home, aws=aws, **given)
    accounts = Accounts(aws, session, variables=settings.secret_environment)
    clients = Clients(settings, aws=accounts)
    try:
        findings: Findings = check(settings, clients)
    finally:
        clients.close()
    assert "canary" not in json.dumps(findings)
    return {one["subject"]: (one["level"], f"{one['says']} {one['next']}".strip()) for one in findings}


def at(openai: FakeOpenAI, reference: str) -> Mapping[str, dict[str, str]]:
    """The settings of the fake, with its admin key at a reference."""
    return {"openai": {"base_url": openai.url, "admin_key": reference}}


KEY, LIST = "[providers.openai] admin_key", "[providers.openai]"
LISTED = ("ok", "OpenAI lets firedoor list: service-account key, 1 found (api.management.read)")


def test_a_variable_and_a_file(tmp_path: Path, openai: FakeOpenAI) -> None:
    """Read, and the provider lets firedoor in; a file that others may read is said."""
    openai.plant("gateway")
    variables = {"FIREDOOR_SECRET_OPENAI": openai.admin}
    said = found(tmp_path, providers=at(openai, "env:FIREDOOR_SECRET_OPENAI"), secret_environment=variables)
    assert said[KEY][0] == "ok"
    assert "in this shell; the worker has its own" in said[KEY][1]
    assert said[LIST] == LISTED
    file = tmp_path / "key"
    file.write_text(f"{openai.admin}\n")
    file.chmod(0o640)
    said = found(tmp_path, providers=at(openai, f"file:{file}"))
    assert said[KEY] == ("warn", f"others may read {file} chmod 600 {file}")
    assert said[LIST] == LISTED
    file.chmod(0o600)
    assert found(tmp_path, providers=at(openai, f"file:{file}"))[KEY] == ("ok", f"file:{file} holds a value")


def test_what_is_not_there_is_not_tried(tmp_path: Path, openai: FakeOpenAI) -> None:
    """A variable that only the worker may have is no failure; a file that is gone is one. Neither is sent anywhere."""
    absent = found(tmp_path, providers=at(openai, "env:FIREDOOR_SECRET_OPENAI"))
    assert absent[KEY][0] == "warn"
    assert "FIREDOOR_SECRET_OPENAI is not set in this shell" in absent[KEY][1]
    gone = found(tmp_path, providers=at(openai, "file:/nowhere/key"))
    assert gone[KEY][0] == "fail"
    assert LIST not in absent.keys() | gone.keys()


def test_a_secret_in_aws_and_the_permission_that_it_needs(tmp_path: Path, aws: Emulator, openai: FakeOpenAI) -> None:
    """By whoever may read it; for others AWS's refusal, and what must be granted."""
    aws.client("secretsmanager").create_secret(Name="firedoor/openai", SecretString=openai.admin)
    aws.client("ssm").put_parameter(Name="/firedoor/openai", Value=openai.admin, Type="SecureString")

    def said(keys: Keys, reference: str) -> dict[str, tuple[str, str]]:
        return found(tmp_path, aws.session(keys), aws.url, providers=at(openai, reference))

    well = said(ROOT, "aws-sm:firedoor/openai")
    needs = "Reading it needs secretsmanager:DescribeSecret, secretsmanager:GetSecretValue."
    assert well[KEY] == ("ok", f"aws-sm:firedoor/openai holds a value. {needs}")
    assert well[LIST][0] == said(ROOT, "aws-ssm:/firedoor/openai")[LIST][0] == "ok"
    poor = People(aws).user("poor", "secretsmanager:DescribeSecret")
    refused = said(poor, "aws-sm:firedoor/openai")
    assert refused[KEY][0] == "fail"
    assert "lacks the permission secretsmanager:GetSecretValue" in refused[KEY][1]
    assert "lacks the permission ssm:GetParameter" in said(poor, "aws-ssm:/firedoor/openai")[KEY][1]
    assert said(ROOT, "aws-sm:firedoor/nothing")[KEY][0] == "fail"


def test_a_secret_in_a_vault(tmp_path: Path, bao: Bao, openai: FakeOpenAI) -> None:
    """With the vault's own token at another reference; a token that may not read is a sentence with the rule."""
    bao.put("firedoor", openai=openai.admin)

    def said(token: str) -> dict[str, tuple[str, str]]:
        return found(
            tmp_path,
            providers=at(openai, "vault:secret/firedoor?field=openai"),
            sinks={"vault": {"base_url": bao.url, "token": "env:FIREDOOR_SECRET_VAULT"}},
            secret_environment={"FIREDOOR_SECRET_VAULT": token},
        )

    well = said(bao.token('path "secret/data/firedoor" { capabilities = ["read"] }'))
    assert {one[0] for one in well.values()} == {"ok"}
    refused = said(bao.token('path "secret/data/other" { capabilities = ["read"] }'))
    assert refused[KEY][0] == "fail"
    assert "may not read data vault:secret/firedoor?field=openai" in refused[KEY][1]
    assert "Reading it needs read on MOUNT/data/PATH." in refused[KEY][1]


def test_a_key_that_its_provider_refuses(tmp_path: Path) -> None:
    """It is there, and worth nothing: found now, and not at night. The permission stands there."""
    with FakeAnthropic() as fake:
        providers = {"anthropic": {"base_url": fake.url, "admin_key": "env:FIREDOOR_SECRET_X"}}
        said = found(tmp_path, providers=providers, secret_environment={"FIREDOOR_SECRET_X": "sk-canary"})
    level, words = said["[providers.anthropic]"]
    assert level == "fail"
    assert "does not accept the credential" in words
    assert "Listing needs: an admin key" in words


def test_places_that_nobody_could_write(tmp_path: Path) -> None:
    """What the inventory names must be reachable by the settings; what needs none is not mentioned."""
    (tmp_path / "inventory.yaml").write_text(
        "credentials:\n  a: {provider: openai, where: ['doppler:a/b/C', 'aws-sm:x', 'env:FIREDOOR_SECRET_A']}\n"
    )
    said = found(tmp_path)
    assert list(said) == ["[sinks.doppler]"]
    assert "the inventory has places such as doppler:a/b/C" in said["[sinks.doppler]"][1]
    (tmp_path / "inventory.yaml").write_text("credentials: [")
    assert found(tmp_path) == {}


def test_a_provider_that_never_answers_holds_up_nobody(
    tmp_path: Path, openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said, and the rest is told; a fault of our own is said as well."""
    answer, silent = openai.answer, threading.Event()
    monkeypatch.setattr(checkup, "PATIENCE", 0.3)
    monkeypatch.setattr(openai, "answer", lambda asked: (silent.wait(10), answer(asked))[1])
    variables = {"FIREDOOR_SECRET_OPENAI": openai.admin}
    try:
        said = found(tmp_path, providers=at(openai, "env:FIREDOOR_SECRET_OPENAI"), secret_environment=variables)
        assert said[LIST] == ("warn", "no answer within 0.3 s Its list is long, or the way to it is.")
    finally:
        silent.set()
    monkeypatch.setattr(checkup, "_reference", lambda *_: int("no number"))
    said = found(tmp_path, providers=at(openai, "env:FIREDOOR_SECRET_OPENAI"), secret_environment=variables)
    assert said[LIST][1].startswith("firedoor's own check failed (ValueError)")


@pytest.mark.parametrize("store", STORES.values(), ids=STORES)
def test_what_reading_needs_is_known_of_every_store(store: Store) -> None:
    """Doctor says it; a store that never shows a value has nothing to say."""
    assert bool(store.reading) == store.readable
