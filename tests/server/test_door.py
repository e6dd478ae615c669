"""The doors of the settings: each opens with its secrets, or the server does not start and says why."""

import os
from pathlib import Path
from typing import Any

import pytest

from firedoor.config import Settings
from firedoor.errors import UsageError
from firedoor.server.door import open_doors
from firedoor.server.secrets import read
from tests.server.sns import TOPIC

SECRET = "canary-canary-canary"
REFERENCE = "env:FIREDOOR_SECRET_CANARY"


def configured(**alerts: dict[str, Any]) -> Settings:
    """Settings with these doors."""
    given = {"home": "/nowhere", "alerts": alerts, "secret_environment": {"FIREDOOR_SECRET_CANARY": SECRET}}
    return Settings.model_validate(given)


def test_each_door_knows_its_lock() -> None:
    """Its source is its name, or what the settings say; any of its secrets opens."""
    opened = open_doors(
        configured(
            pagerduty={"secrets": [REFERENCE, REFERENCE]},
            prod={"source": "guardduty", "topics": [TOPIC], "signature_version": 2},
            dev={"source": "guardduty", "secrets": [REFERENCE], "header": "x-dev"},
        )
    )
    assert {name: door.kind for name, door in opened.items()} == {
        "pagerduty": "pagerduty",
        "prod": "guardduty",
        "dev": "guardduty",
    }
    assert [door.locked_with() for door in opened.values()] == [
        "2 secrets",
        f"SNS's signature, for {TOPIC}",
        "1 secret",
    ]
    lock = opened["prod"].lock(lambda url: b"")
    assert (lock.topics, lock.options["signature_version"]) == ((TOPIC,), "2")
    assert opened["dev"].lock(lambda url: b"").options["header"] == "x-dev"
    assert "canary" not in repr(opened)


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("pagerdooty", {"secrets": [REFERENCE]}, "There is no source 'pagerdooty'. Did you mean pagerduty?"),
        ("zzz", {"secrets": [REFERENCE]}, "There is no source 'zzz'. There are alertmanager"),
        ("sentry", {}, "It has no secrets, so that nothing could open it."),
        ("guardduty", {}, "It has no topics, so that nobody may send to it."),
        ("sentry", {"secrets": [REFERENCE], "map": {"id": "body.id"}}, "It has a map, and sentry says itself"),
        ("generic", {"secrets": [REFERENCE], "map": {"id": "body.id +"}}, "map: `id` does not compile"),
        ("sentry", {"secrets": ["env:FIREDOOR_SECRET_NONE"]}, "There is no value at env:FIREDOOR_SECRET_NONE."),
    ],
)
def test_a_door_that_cannot_be_opened(name: str, given: dict[str, Any], says: str) -> None:
    """Its name, what is wrong, and how to correct it."""
    with pytest.raises(UsageError) as raised:
        open_doors(configured(**{name: given}))
    assert raised.value.what.startswith(f"[alerts.{name}]: ")
    assert says in raised.value.what
    assert raised.value.changed == "No door was opened."


def test_all_mistakes_are_told_at_once() -> None:
    """Nobody starts the server five times to find five mistakes."""
    with pytest.raises(UsageError) as raised:
        open_doors(configured(zzz={}, sentry={}, guardduty={}))
    assert len(raised.value.what.splitlines()) == 3


def test_a_secret_in_a_file(tmp_path: Path) -> None:
    """Without its last line break; a group may read it, as Kubernetes and systemd mount them."""
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    file.chmod(0o440)
    assert read(f"file:{file}", {}).get_secret_value() == SECRET
    file.chmod(0o644)
    with pytest.raises(UsageError, match=r"Everybody on this machine may read .* \(mode 0644\)"):
        read(f"file:{file}", {})


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read as text \\(FileNotFoundError\\)"),
        (b"\xff" * 20, "cannot be read as text \\(UnicodeDecodeError\\)"),
        (b"", "There is no value"),
        (b"short\n", "has fewer than 16 characters"),
        (b"x" * 70_000, "is larger than 65536 bytes"),
    ],
)
def test_a_file_that_holds_no_secret(tmp_path: Path, content: bytes | None, says: str) -> None:
    """What is wrong, never what it says."""
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
        file.chmod(0o600)
    with pytest.raises(UsageError, match=says):
        read(f"file:{file}", {})


def test_what_is_no_file(tmp_path: Path) -> None:
    """A folder; and a pipe, which would keep us waiting."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(UsageError, match="is no file"):
            read(f"file:{path}", {})
