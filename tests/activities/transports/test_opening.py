"""Which transports an installation has, and what is said where one is missing."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from activities.transports.opening import open_transports
from activities.transports.ses import Ses
from activities.transports.slack import SlackMessages
from activities.transports.smtp import Smtp
from activities.transports.webhook import WebhookCalls
from firedoor.config import Settings
from firedoor.errors import StepError, UsageError
from tests.activities.transports.letters import mail
from tests.activities.transports.test_ses import session_of


def secret(reference: str) -> SecretStr:
    """The value behind a reference."""
    if reference == "env:FIREDOOR_SECRET_GONE":
        raise StepError("not_found", f"There is no value at {reference}.")
    return SecretStr("canary")


def settings_of(home: Path, **fields: Any) -> Settings:
    """Settings with a home that is there."""
    home.mkdir(exist_ok=True)
    return Settings.model_validate({"home": home, **fields})


SMTP = mail(host="127.0.0.1", security="none").model_dump()
SES = mail(transport="ses", ses={"region": "eu-central-1", "base_url": "http://127.0.0.1:1"}).model_dump()
SLACK = {"bot_token": "env:FIREDOOR_SECRET_SLACK"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"webhook": WebhookCalls}),
        ({"mail": SMTP, "slack": SLACK}, {"email": Smtp, "slack": SlackMessages, "webhook": WebhookCalls}),
        ({"mail": SES}, {"email": Ses, "webhook": WebhookCalls}),
    ],
)
async def test_there_is_one_for_each_channel_that_is_configured(
    tmp_path: Path, fields: dict[str, Any], expected: dict[str, type]
) -> None:
    """Webhooks need no settings."""
    found = open_transports(settings_of(tmp_path / "home", **fields), secret, session=session_of())
    assert {channel: type(one) for channel, one in found.items()} == expected
    for one in found.values():
        await one.close()


@pytest.mark.parametrize(
    ("channel", "said"),
    [("email", r"\[mail\] has no transport"), ("slack", r"\[slack\] has no bot_token")],
)
def test_a_channel_that_is_not_configured_is_said(tmp_path: Path, channel: str, said: str) -> None:
    """With what to put into the settings."""
    with pytest.raises(UsageError, match=said) as caught:
        open_transports(settings_of(tmp_path / "home"), secret, [channel])
    assert caught.value.next


def test_a_secret_that_is_not_there_is_said(tmp_path: Path) -> None:
    """Before anything is sent."""
    given = SMTP | {"password": "env:FIREDOOR_SECRET_GONE", "username": "firedoor"}
    with pytest.raises(StepError, match="env:FIREDOOR_SECRET_GONE"):
        open_transports(settings_of(tmp_path / "home", mail=given), secret, ["email"])
