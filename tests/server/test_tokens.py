"""Tokens of the API: shown once, kept as hashes, ended at once."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from firedoor.errors import FiredoorError, UsageError
from firedoor.server.tokens import Scope, Tokens

NOW = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    """An installation without tokens."""
    return Tokens(tmp_path / "home" / "tokens.sqlite")


def test_a_token_is_known_by_its_value_and_by_nothing_else(tokens: Tokens) -> None:
    """Another secret with a right id, another id with a right secret, and no token at all open nothing."""
    made, value = tokens.create("ci", "system:ci", (Scope.READ, Scope.START), DAY, NOW)
    other, second = tokens.create("ada", "user:ada", (Scope.DECIDE,), DAY, NOW)

    found = tokens.find(value, NOW)
    assert found is not None
    assert (found.id, found.principal, found.scopes) == (made.id, "system:ci", (Scope.READ, Scope.START))
    text, foreign = value.get_secret_value(), second.get_secret_value()
    wrong = [
        "",
        "fdt_",
        "fdt__",
        text[:-1],
        f"{text}x",
        f"fdt_{made.id}_{foreign.rsplit('_', 1)[-1]}",
        f"fdt_{other.id}_{text.split('_', 2)[2]}",
        text.replace("fdt", "xyz", 1),
    ]
    assert [tokens.find(SecretStr(one), NOW) for one in wrong] == [None] * len(wrong)


def test_only_a_hash_of_it_is_kept(tokens: Tokens, tmp_path: Path) -> None:
    """Whoever reads the file cannot use a token; nobody else reads it."""
    _, value = tokens.create("ci", "system:ci", (Scope.READ,), DAY)
    path = tmp_path / "home" / "tokens.sqlite"
    secret = value.get_secret_value().split("_", 2)[2].encode()
    assert all(secret not in one.read_bytes() for one in path.parent.iterdir())
    assert path.stat().st_mode & 0o077 == 0


def test_a_token_ends_by_itself_and_by_hand(tokens: Tokens) -> None:
    """Its time is over, or somebody ended it: from then on it is no token, and its name is free again."""
    _, value = tokens.create("ci", "system:ci", (Scope.READ,), DAY, NOW)
    assert tokens.find(value, NOW + DAY - timedelta(seconds=1)) is not None
    assert tokens.find(value, NOW + DAY) is None

    assert tokens.revoke("ci", NOW).name == "ci"
    assert tokens.find(value, NOW) is None
    with pytest.raises(UsageError, match="no token 'ci' that can be used"):
        tokens.revoke("ci", NOW)
    tokens.create("ci", "system:ci", (Scope.READ,), DAY, NOW)


def test_two_tokens_that_are_used_have_two_names(tokens: Tokens) -> None:
    """Nobody could tell which of them to end."""
    tokens.create("ci", "system:ci", (Scope.READ,), DAY, NOW)
    with pytest.raises(UsageError, match="There is a token 'ci' already"):
        tokens.create("ci", "system:ci", (Scope.READ,), DAY, NOW)


def test_its_last_use_is_written_down(tokens: Tokens) -> None:
    """To the minute, so that a busy token does not write all the time."""
    _, value = tokens.create("ci", "system:ci", (Scope.READ,), DAY, NOW)
    assert tokens.all()[0].used == ""
    tokens.find(value, NOW)
    tokens.find(value, NOW + timedelta(seconds=30))
    assert tokens.all()[0].used == "2026-11-29T03:00:00Z"
    tokens.find(value, NOW + timedelta(minutes=2))
    assert tokens.all()[0].used == "2026-11-29T03:02:00Z"


def test_nobody_has_a_token_before_the_first(tokens: Tokens) -> None:
    """Looking makes no file."""
    assert tokens.all() == ()
    assert tokens.find(SecretStr("fdt_1_2")) is None


def test_a_file_that_is_something_else_is_told(tmp_path: Path) -> None:
    """With its name, and what to look at."""
    (tmp_path / "tokens.sqlite").write_text("this is no database, but it is long enough to be looked at" * 20)
    with pytest.raises(FiredoorError, match=r"tokens\.sqlite cannot be used"):
        Tokens(tmp_path / "tokens.sqlite").all()
