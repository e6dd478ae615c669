"""What `firedoor doctor` says of mail: without sending any."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from activities.transports.checking import Finding, mail_findings
from firedoor.config import Settings
from firedoor.drill.mail import MailServer
from firedoor.drill.ses import FakeSes
from tests.activities.transports.letters import mail
from tests.activities.transports.test_ses import session_of, settings_at


def secret(reference: str) -> SecretStr:
    """The password behind any reference."""
    return SecretStr(reference.partition(":")[2])


def found(settings: Settings) -> list[Finding]:
    """What is said."""
    return mail_findings(settings, secret, session_of())


def test_a_mail_server_is_signed_in_at(tmp_path: Path) -> None:
    """It answers; a wrong password is a failure, a server that is away a warning; nothing was sent."""
    with MailServer(tmp_path) as server:

        def said(**fields: Any) -> Finding:
            bounces = {"address": "bounces@acme.example"}
            given = server.settings() | {"password": f"env:{server.password}", "bounces": bounces} | fields
            (finding,) = found(Settings(home=tmp_path, mail=mail(**given)))
            return finding

        assert said() == Finding("ok", f"127.0.0.1:{server.port} answers by starttls, signed in as firedoor")
        assert said(password="env:canary").level == "fail"
        assert said(port=1).level == "warn"
        assert said(sender="").next.startswith("Say who writes")
        assert len(server.mailbox) == 0


def test_who_does_not_hear_of_bounces_is_told(tmp_path: Path) -> None:
    """A message that comes back later would look as if it had arrived."""
    with MailServer(tmp_path) as server:
        given = server.settings() | {"password": f"env:{server.password}"}
        signed_in, warning = found(Settings(home=tmp_path, mail=mail(**given)))
        assert (signed_in.level, warning.level) == ("ok", "warn")
        assert "looks as if it had arrived" in warning.says


def test_without_mail_nothing_is_said(tmp_path: Path) -> None:
    """Nobody has to send mail."""
    assert found(Settings(home=tmp_path)) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, [("warn", "no topics"), ("ok", "as acme.example, 1000 messages a second, 50,000 messages left")]),
        ({"sandbox": True}, [("warn", "sandbox"), ("warn", "no topics"), ("ok", "as acme.example")]),
        ({"verified": set()}, [("fail", "neither the address nor its domain"), ("warn", "no topics")]),
        ({"sending": False}, [("fail", "paused"), ("warn", "no topics")]),
        ({"quota": -1.0}, [("warn", "no topics"), ("ok", "1000 messages a second")]),
    ],
    ids=lambda one: next(iter(one), "all is well") if isinstance(one, dict) else "",
)
def test_the_account_of_ses_is_asked(change: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """Identity, sandbox, quota, events."""
    with FakeSes({"acme.example"}) as ses:
        for name, value in change.items():
            setattr(ses, name, value)
        findings = found(settings_at(ses.url))
    assert [one.level for one in findings] == [level for level, _ in expected]
    for one, (_, says) in zip(findings, expected, strict=True):
        assert says in one.says


def test_ses_is_away() -> None:
    """A warning: it may be there later."""
    (finding,) = found(settings_at("http://127.0.0.1:1"))
    assert finding.level == "warn"
    assert "cannot be reached" in finding.says
