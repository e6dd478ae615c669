"""What Amazon SES tells of mail by SNS: who may, what becomes of the message, and what SNS is answered."""

import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from firedoor.campaign import MessageState
from firedoor.config import Settings
from firedoor.drill.ses import bounce
from firedoor.errors import UsageError
from firedoor.outbox.store import Outbox
from firedoor.recipient import Message
from firedoor.server.app import create_app
from firedoor.server.feedback import read
from firedoor.server.site import Site, open_site
from tests.campaigning import CAMPAIGN, campaign, recipient
from tests.server.conftest import NOWHERE
from tests.server.sns import TOPIC, Sns

JSON = dict[str, Any]


def event(kind: str, key: str = "", identity: str = "0100canary", **more: Any) -> JSON:
    """An event of a configuration set."""
    tags = {"ses:configuration-set": ["firedoor"]} | ({"firedoor": [key]} if key else {})
    return {"eventType": kind, "mail": {"messageId": identity, "tags": tags}, **more}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation whose SES may send events by one topic."""
    mail = {"transport": "ses", "ses": {"topics": [TOPIC]}}
    return Settings.model_validate({"home": tmp_path / "home", "mail": mail, "temporal_environment": NOWHERE})


@pytest.fixture
async def site(settings: Settings, near: Sns) -> AsyncIterator[Site]:
    """It is open. A campaign has written to one customer, and SES's answer is not there yet."""
    campaign(settings.outbox_path, [recipient("zenith")])
    with Outbox.open(settings.outbox_path) as outbox:
        outbox.change(_begun)
    async with open_site(settings, near.fetch()) as found:
        yield found


def _begun(database: sqlite3.Connection) -> None:
    """Its intent is in the timeline, and the message on its way."""
    database.execute("INSERT INTO intent (number, campaign, entry) VALUES (1, 1, 'canary')")
    database.execute("UPDATE message SET intent = 1")
    database.execute("UPDATE message SET state = 'sending'")


@pytest.fixture
async def client(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Speaks to the site's application."""
    transport = httpx.ASGITransport(create_app(site), client=("192.0.2.7", 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as found:
        yield found


def row(settings: Settings) -> Message:
    """The message as the outbox has it."""
    with Outbox.open(settings.outbox_path) as outbox:
        (found,) = [one for one in outbox.messages(CAMPAIGN) if one.contact == "security"]
    return found


async def told(client: httpx.AsyncClient, near: Sns, said: JSON | str) -> int:
    """What SNS is answered for an event."""
    text = said if isinstance(said, str) else json.dumps(said)
    return (await client.post("/mail/ses", content=near.message("Notification", Message=text))).status_code


async def test_events_say_what_becomes_of_a_message(client: httpx.AsyncClient, settings: Settings, near: Sns) -> None:
    """They may overtake SES's own answer; the tag finds the row, and afterwards SES's id does. The same again is no news."""
    key = row(settings).key
    assert await told(client, near, event("Send", key)) == 200
    assert (row(settings).state, row(settings).provider_id) == (MessageState.SENT, "0100canary")
    for _ in range(2):
        assert await told(client, near, event("Delivery", delivery={"smtpResponse": "250 ok"})) == 200
        assert row(settings).state is MessageState.DELIVERED
    assert await told(client, near, event("Complaint", key, complaint={"complaintFeedbackType": "abuse"})) == 200
    assert row(settings).state is MessageState.COMPLAINED


async def test_a_bounce_wakes_the_campaign(
    client: httpx.AsyncClient, settings: Settings, near: Sns, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next contact has to be written to; nobody's address is kept with the reason."""
    heard: list[str] = []
    monkeypatch.setattr(site, "heard", heard.append)
    await told(client, near, event("Send", row(settings).key))
    assert heard == []
    assert await told(client, near, event("Bounce", bounce=bounce("security@zenith.example"))) == 200
    assert heard == [CAMPAIGN]
    assert row(settings).state is MessageState.BOUNCED
    assert "security@" not in row(settings).reason
    assert "550 5.1.1" in row(settings).reason


async def test_what_is_not_ours_is_taken_and_forgotten(
    client: httpx.AsyncClient, settings: Settings, near: Sns
) -> None:
    """Other mail of the same configuration set, opens, clicks, SES's own greeting: 200, so that SNS does not repeat them."""
    assert await told(client, near, event("Delivery", "other", "0100other", delivery={})) == 200
    assert await told(client, near, event("Open", row(settings).key)) == 200
    assert await told(client, near, "Successfully validated SNS topic for Amazon SES event publishing.") == 200
    assert row(settings).state is MessageState.SENDING


@pytest.mark.parametrize("said", ["no JSON", "[]", "{}", '{"eventType": "Bounce"}', '{"eventType": 1, "mail": {}}'])
async def test_what_is_no_event_is_refused(client: httpx.AsyncClient, near: Sns, said: str) -> None:
    """400: nothing would come of sending it again."""
    assert await told(client, near, said) == 400


async def test_only_sns_and_only_from_our_topic(client: httpx.AsyncClient, settings: Settings, near: Sns) -> None:
    """Another topic, a signature that is wrong, no message of SNS: 401, without a reason."""
    said = json.dumps(event("Send", row(settings).key))
    foreign = near.message("Notification", Message=said, TopicArn=f"{TOPIC}-of-somebody-else")
    changed = near.message("Notification", Message="{}").replace(b'"{}"', json.dumps(said).encode())
    for body in (foreign, changed, said.encode(), b"", b"{"):
        answer = await client.post("/mail/ses", content=body)
        assert (answer.status_code, answer.json()) == (401, {"result": "unauthenticated"})
    assert row(settings).state is MessageState.SENDING


async def test_what_cannot_be_kept_is_sent_again(client: httpx.AsyncClient, settings: Settings, near: Sns) -> None:
    """503 while the store is not right, or while SNS's certificate cannot be had."""
    key = row(settings).key
    for path in settings.home.glob("outbox.sqlite*"):
        path.write_bytes(b"no database" * 1000)
    assert await told(client, near, event("Send", key)) == 503
    near.answer = lambda path: (500, {}, b"")
    body = near.message(
        "Notification",
        Message=json.dumps(event("Send", key)),
        SigningCertURL="https://sns.us-east-1.amazonaws.com/SimpleNotificationService-other.pem",
    )
    answer = await client.post("/mail/ses", content=body)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def test_a_subscription_is_confirmed(client: httpx.AsyncClient, near: Sns) -> None:
    """By asking SNS once."""
    answer = await client.post("/mail/ses", content=near.subscription())
    assert (answer.status_code, answer.json()) == (200, {"result": "confirmed"})
    assert [path for path in near.asked if "ConfirmSubscription" in path]


async def test_without_topics_there_is_no_such_place(settings: Settings, near: Sns) -> None:
    """Nobody may send, so there is nothing to be sent to."""
    async with open_site(settings.model_copy(update={"mail": type(settings.mail)()}), near.fetch()) as site:
        transport = httpx.ASGITransport(create_app(site))
        async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
            assert (await client.post("/mail/ses", content=near.subscription())).status_code == 404


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (event("Reject", reject={"reason": "Bad content"}), MessageState.BOUNCED),
        (event("Rendering Failure", failure={"errorMessage": "no `text`"}), MessageState.BOUNCED),
        (event("Bounce", bounce=bounce("a@b.example", "Transient", "MailboxFull")), MessageState.BOUNCED),
        (event("Bounce", bounce=bounce("a@b.example", "Undetermined", "Undetermined")), MessageState.BOUNCED),
        (event("Bounce", bounce=bounce("a@b.example", "Transient", "General")), None),
        (event("DeliveryDelay", deliveryDelay={"delayType": "MailboxFull"}), None),
        (event("Complaint", complaint={"complaintFeedbackType": "not-spam"}), None),
        (event("Click", click={"link": "https://x.example"}), None),
        ({"notificationType": "Delivery", "mail": {"messageId": "1"}, "delivery": {}}, MessageState.DELIVERED),
    ],
)
def test_what_each_event_means(said: JSON, state: MessageState | None) -> None:
    """A transient bounce without a reason may be an answer of somebody who is away: it is no loss."""
    found = read(said)
    assert found.state is state
    assert "@" not in found.reason


def test_an_event_without_an_id_is_none() -> None:
    """It could not be about any message."""
    with pytest.raises(UsageError, match=r"mail\.messageId"):
        read({"eventType": "Send", "mail": {}})


def test_no_event_holds_half_a_character_or_a_book() -> None:
    """The store takes neither: an event is kept whatever its fields are made of, or refused in a sentence."""
    said = read(event("Bounce", "\ud800" * 9_999, "\ud800" * 9_999, bounce={"bounceType": "\ud800" * 9_999}))
    for text in (said.key, said.provider_id, said.reason):
        assert len(text.encode()) < 1_000
