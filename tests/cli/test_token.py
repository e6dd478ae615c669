"""`firedoor token`: made and shown once, listed without its value, ended."""

import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from firedoor.server.tokens import Tokens
from tests.cli.conftest import Cli


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder in which ada is known."""
    (tmp_path / "firedoor.toml").write_text('[people.ada]\nidentities = ["os:ada"]\n')
    monkeypatch.setenv("FIREDOOR_HOME", str(tmp_path))
    return tmp_path


def test_a_token_is_shown_once(cli: Cli, home: Path) -> None:
    """Its value alone on stdout, so that a script can keep it; what it is for beside that."""
    made = cli("token", "create", "laptop", "--person", "ada", "--scope", "read", "--scope", "decide")
    value = made.out.strip()
    assert made.code == 0
    assert "It is user:ada's, for read, decide, until " in made.err
    assert "It is not shown again" in made.err
    found = Tokens(home / "tokens.sqlite").find(SecretStr(value))
    assert found is not None
    assert (found.principal, found.scopes) == ("user:ada", ("read", "decide"))

    listed = cli("token", "list")
    assert "laptop" in listed.out
    assert "user:ada" in listed.out
    assert value not in listed.out + cli("token", "list", "-o", "json").out


def test_a_token_without_a_person_is_a_systems(cli: Cli, home: Path) -> None:
    """It reads, unless it is told otherwise; json has the value as well."""
    made = json.loads(cli("token", "create", "grafana", "-o", "json").out)
    assert (made["principal"], made["scopes"], made["token"][:4]) == ("system:grafana", ["read"], "fdt_")


def test_a_token_is_ended(cli: Cli, home: Path) -> None:
    """At once, by its name; the list keeps that it was."""
    value = cli("token", "create", "ci", "--expires", "12h").out.strip()
    assert cli("token", "revoke", "ci").out.strip() == "The token ci has ended: it opens nothing any more."
    assert Tokens(home / "tokens.sqlite").find(SecretStr(value)) is None
    assert "ended" in cli("token", "list").out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["create"], "The token has no name."),
        (["create", "x", "--person", "eve"], "There is no person 'eve' in the settings."),
        (["create", "x", "--person", "eve"], "[people] has: ada."),
        (["create", "x", "--expires", "12"], "--expires 12: "),
        (["create", "x", "--expires", "9999d"], "between 1h and 366d"),
        (["create", "x", "--scope", "everything"], "everything"),
        (["revoke", "x"], "There is no token 'x' that can be used."),
        (["show"], "show"),
    ],
)
def test_wrong_words_are_explained(cli: Cli, home: Path, words: list[str], says: str) -> None:
    """With what would be right; and no token was made."""
    done = cli("token", *words)
    assert done.code == 2
    assert says in done.err
    assert not (home / "tokens.sqlite").exists() or Tokens(home / "tokens.sqlite").all() == ()


def test_the_first_list_says_how_to_begin(cli: Cli, home: Path) -> None:
    """And makes no file."""
    assert "`firedoor token create NAME` makes one" in cli("token", "list").out
    assert json.loads(cli("token", "list", "-o", "json").out) == []
    assert not (home / "tokens.sqlite").exists()
