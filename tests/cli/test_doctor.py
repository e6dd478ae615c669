"""`firedoor doctor` of the secrets that the settings refer to, and of the inventory."""

import json
import sys
from pathlib import Path

import pytest

from firedoor.drill.fakes.openai import FakeOpenAI
from firedoor.drill.toml import toml
from tests.cli.conftest import Cli


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of this test's own; nothing but the settings is looked at."""
    monkeypatch.setenv("FIREDOOR_HOME", str(tmp_path))
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    return tmp_path


def told(cli: Cli) -> dict[str, tuple[str, str]]:
    """Subject → level and what is said."""
    done = cli("doctor", "-o", "json")
    assert "canary" not in done.out + done.err
    return {one["subject"]: (one["level"], one["says"]) for one in json.loads(done.out)}


def test_each_secret_of_the_settings_is_read_and_tried(cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the worker's side, from a file; the provider lets firedoor in, until the key is another one."""
    with FakeOpenAI() as fake:
        assert isinstance(fake, FakeOpenAI)
        key = home / "admin"
        key.write_text(fake.admin)
        key.chmod(0o600)
        settings = {"base_url": fake.url, "admin_key": f"file:{key}"}
        (home / "firedoor.toml").write_text(toml({"providers.openai": settings}))
        found = told(cli)
        assert found["[providers.openai] admin_key"] == ("ok", f"file:{key} holds a value")
        assert found["[providers.openai]"][0] == "ok"
        key.write_text("sk-canary-of-somebody-else")
        assert told(cli)["[providers.openai]"][0] == "fail"
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert told(cli)["secrets"][0] == "fail"


def test_the_inventory_is_looked_at(cli: Cli, home: Path) -> None:
    """None is worth a word; one that cannot be read counts nobody, and is a failure."""
    level, says = told(cli)["inventory"]
    assert (level, says) == ("warn", f"there is no {home}/inventory.yaml: nobody is counted as hit")
    file = home / "inventory.yaml"
    file.write_text("credentials: {a: {provider: openai, id: key_1}}")
    assert told(cli)["inventory"] == ("ok", f"{file}: 1 credential, 0 customers")
    file.write_text("credentials: {a: {provider: opeani, id: key_1}}")
    level, says = told(cli)["inventory"]
    assert level == "fail"
    assert "`opeani` is no provider that firedoor knows" in says
