"""Vault's KV version 2, on a real OpenBao: check-and-set, one field of a map, versions that are destroyed."""

import json
import secrets
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from requests.adapters import HTTPAdapter

from activities._guard import MAY_CHANGE
from activities.sinks.vault import VaultSink
from firedoor.errors import StepError
from firedoor.local import free_port
from tests.killing import attempt
from tests.openbao import CA, Bao, openbao
from tests.sinks.conftest import Stage, Staging

PLACE = "vault:secret/gateway/keys?field=openai"
DOORS: tuple[tuple[type, str], ...] = ((VaultSink, "_call"),)


@pytest.fixture
def stage(staging: Staging, bao: Bao) -> Stage:
    """A leaked key in one field of a secret, with a version before it."""
    built = staging(vault={"base_url": bao.url, "token": bao.root})
    bao.kv.delete_metadata_and_all_versions(path="gateway/keys", mount_point="secret")
    bao.put("gateway/keys", other="old")
    bao.put("gateway/keys", openai=built.key.value, other="theirs")
    return built


@pytest.mark.parametrize("mode", ["breach", "rotation"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_each_call_it_ends_with_the_one_new_key(
    stage: Stage, bao: Bao, monkeypatch: pytest.MonkeyPatch, mode: str, after: bool
) -> None:
    """Our field holds the key that OpenAI has, the other is as it was; after a breach the leak cannot be read."""
    stage.killed(monkeypatch, PLACE, mode=mode, after=after, doors=DOORS)
    (left,) = stage.openai.keys.values()
    assert bao.get("gateway/keys") == {"openai": left.value, "other": "theirs"}
    versions = bao.kv.read_secret_metadata(path="gateway/keys", mount_point="secret")["data"]["versions"]
    held = [bao.get("gateway/keys", int(version)).get("openai") for version in versions]
    assert (stage.key.value in held) == (mode == "rotation")


def test_somebody_else_wrote_meanwhile(stage: Stage, bao: Bao, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their value stays; the new key is deleted again, and nothing else was changed."""
    answer = stage.openai.answer

    def sabotage(asked: Any) -> Any:
        said = answer(asked)
        if asked.method == "POST":
            bao.put("gateway/keys", openai="theirs")
        return said

    monkeypatch.setattr(stage.openai, "answer", sabotage)
    credential = {"provider": "openai", "id": stage.key.id, "scope": stage.key.project, "name": "gateway"}
    _, error = attempt(stage.clients, "credential.rotate", credential=credential, into=[PLACE], mode="rotation")
    assert isinstance(error, StepError)
    assert error.reason == "conflict"
    assert f"Somebody else changed {PLACE}" in error.what
    assert bao.get("gateway/keys") == {"openai": "theirs"}
    assert list(stage.openai.keys) == [stage.key.id]


def test_a_secret_that_does_not_exist_yet_is_made(stage: Stage, bao: Bao) -> None:
    """With check-and-set on nothing."""
    path = f"fresh/{secrets.token_hex(4)}"
    stage.rotated(f"vault:secret/{path}")
    (left,) = stage.openai.keys.values()
    assert bao.get(path) == {"value": left.value}


def test_a_reference_reads_one_field_and_never_shows_it(stage: Stage) -> None:
    """For the secrets that firedoor itself needs; one that is not there is a sentence."""
    assert stage.clients.secret(PLACE) == SecretStr(stage.key.value)
    with pytest.raises(StepError) as raised:
        stage.clients.secret("vault:secret/nowhere?field=x")
    assert "vault:secret/nowhere" in raised.value.what


def test_a_token_that_may_not_write_is_a_sentence(staging: Staging, stage: Stage, bao: Bao) -> None:
    """What it may not, and where it stands what it must be allowed; the new key is not left behind."""
    poor = bao.token('path "secret/*" { capabilities = ["read"] }')
    other = staging(vault={"base_url": bao.url, "token": poor})
    credential = {"provider": "openai", "id": other.key.id, "scope": other.key.project, "name": "gateway"}
    _, error = attempt(other.clients, "credential.rotate", credential=credential, into=[PLACE], mode="rotation")
    assert isinstance(error, StepError)
    assert error.reason == "permission_missing"
    assert poor not in json.dumps([error.what, error.changed, error.next])
    assert list(other.openai.keys) == [other.key.id]
    assert bao.get("gateway/keys")["openai"] == stage.key.value


def test_a_vault_that_is_not_there_and_one_that_must_not_be_written(staging: Staging, stage: Stage, bao: Bao) -> None:
    """Not reached is worth a retry; a write before its time is refused by ourselves."""
    gone = staging(vault={"base_url": f"http://127.0.0.1:{free_port()}", "token": "x"})
    with pytest.raises(StepError) as raised:
        gone.clients.sink(PLACE).look()
    assert raised.value.retryable
    assert MAY_CHANGE.get() is False
    with pytest.raises(StepError, match="firedoor refused itself vault:write"):
        stage.clients.sink(PLACE).promote(SecretStr("x"), "t", "2")
    assert bao.get("gateway/keys")["openai"] == stage.key.value


def test_an_authority_of_its_own_is_trusted_by_its_file(staging: Staging, emulator: Path, tmp_path: Path) -> None:
    """And by nothing else: without the file it is a sentence that says what to do."""
    with openbao(emulator.with_name("bao"), tmp_path) as secure:
        reached = {"base_url": secure.url, "token": secure.root}
        stage = staging(vault={**reached, "ca_file": str(tmp_path / CA)})
        assert stage.clients.sink(PLACE).look().version == ""
        with pytest.raises(StepError, match="a certificate that firedoor has no reason to trust") as raised:
            staging(vault=reached).clients.sink(PLACE).look()
        assert "as ca_file there" in raised.value.next
        assert not raised.value.retryable


def test_a_first_attempt_reads_no_more_than_it_must(stage: Stage, bao: Bao, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look, the metadata read and marked, the map read, written and read back: over one connection."""
    calls: list[str] = []
    call = VaultSink._call

    def counted(sink: VaultSink, what: str, send: Any) -> Any:
        calls.append(what)
        return call(sink, what, send)

    monkeypatch.setattr(VaultSink, "_call", counted)
    stage.rotated(PLACE, mode="rotation")
    assert calls == ["read data", "read metadata", "write metadata", "read data", "write data", "read data"]
    sink = stage.clients.sink(PLACE)
    assert isinstance(sink, VaultSink)
    adapter = sink.client.session.get_adapter(bao.url)
    assert isinstance(adapter, HTTPAdapter)
    (pool,) = map(adapter.poolmanager.pools.get, [*adapter.poolmanager.pools.keys()])
    assert pool.num_connections == 1
