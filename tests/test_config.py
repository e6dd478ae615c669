"""Settings: one file, some variables, and a sentence for what is wrong."""

from pathlib import Path

import pytest

from firedoor.config import load
from firedoor.errors import UsageError


def written(tmp_path: Path, text: str) -> dict[str, str]:
    """An environment whose home has this `firedoor.toml`."""
    (tmp_path / "firedoor.toml").write_text(text)
    return {"FIREDOOR_HOME": str(tmp_path)}


def test_file_and_variables(tmp_path: Path) -> None:
    """Variables override the file; only what is named is read of the environment."""
    environment = written(tmp_path, 'log = "example.test/log"\n[roles]\nsecurity = ["user:ada"]\n')
    environment |= {
        "FIREDOOR_TASK_QUEUE": "other",
        "FIREDOOR_SECRET_OPENAI": "fake",
        "TEMPORAL_ADDRESS": "127.0.0.1:1",
        "PATH": "/bin",
    }
    settings = load(environment)
    assert (settings.log, settings.task_queue) == ("example.test/log", "other")
    assert settings.roles_of("user:ada") == ("security",)
    assert settings.roles_of("user:bob") == ()
    assert settings.temporal_environment == {"TEMPORAL_ADDRESS": "127.0.0.1:1"}
    assert settings.secret_environment == {"FIREDOOR_SECRET_OPENAI": "fake"}
    assert "fake" not in repr(settings)


def test_without_anything_there_are_defaults(tmp_path: Path) -> None:
    """No file, no variables: a folder in the user's home."""
    assert load({"HOME": str(tmp_path)}).home == tmp_path / ".firedoor"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("log = ", "is not valid TOML"),
        ("[aws]\nregon = 'x'\n", "aws.regon: Extra inputs are not permitted"),
        ("[aws]\nsettle_seconds = 'soon'\n", "aws.settle_seconds: Input should be a valid number"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    """The file, the field, the reason."""
    with pytest.raises(UsageError) as caught:
        load(written(tmp_path, text))
    assert str(tmp_path / "firedoor.toml") in caught.value.what
    assert sentence in caught.value.what


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    """A variable that names no file is a mistake, not a default."""
    with pytest.raises(UsageError, match=r"FIREDOOR_CONFIG names .*, which does not exist"):
        load({"FIREDOOR_HOME": str(tmp_path), "FIREDOOR_CONFIG": str(tmp_path / "gone.toml")})
