"""`firedoor slack manifest`: what makes the app."""

from pathlib import Path

import pytest
import yaml

from firedoor.errors import Exit
from firedoor.slack.manifest import manifest
from tests.cli.conftest import Cli


def test_the_manifest_is_printed(cli: Cli) -> None:
    """As YAML that Slack takes, without colours or wrapped lines."""
    done = cli("slack", "manifest")
    assert done.code == Exit.OK
    assert yaml.safe_load(done.out) == manifest()


def test_the_manifest_for_http(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --http Slack calls the server's public address, which has to be known and https."""
    monkeypatch.setenv("FIREDOOR_HOME", str(tmp_path))
    done = cli("slack", "manifest", "--http")
    assert done.code == Exit.USAGE
    assert "public_url" in done.err
    (tmp_path / "firedoor.toml").write_text('[server]\npublic_url = "https://firedoor.example.com"\n')
    done = cli("slack", "manifest", "--http")
    assert yaml.safe_load(done.out) == manifest("https://firedoor.example.com")
