"""Mail that servers have sent back is posted to `/mail/bounces`: by whom, what becomes of the message, what is answered."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as trial
from hypothesis import strategies as st

from firedoor.alerts._reading import MOST_BYTES
from firedoor.campaign import MessageState
from firedoor.cli.doors import doors, wanted
from firedoor.config import Settings
from firedoor.errors import UsageError
from firedoor.outbox.store import Outbox
from firedoor.recipient import Message, Way
from firedoor.server.app import create_app
from firedoor.server.site import Site, open_site
from tests.campaigning import CAMPAIGN, campaign, recipient
from tests.returned_mail import ADDRESS, HEADERS, KEY, SERVERS, complaint, postfix
from tests.server.conftest import NOWHERE

SECRET = "canary-secret-of-bounces"
AUTHORIZED = {"authorization": f"Bearer {SECRET}", "content-type": "message/rfc822"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation at which bounces may be posted."""
    given: dict[str, Any] = {
        "home": tmp_path / "home",
        "mail": {"transport": "smtp", "bounces": {"secrets": ["env:FIREDOOR_SECRET_BOUNCES"]}},
        "secret_environment": {"FIREDOOR_SECRET_BOUNCES": SECRET},
        "temporal_environment": NOWHERE,
    }
    return Settings.model_validate(given)


@pytest.fixture
async def site(settings: Settings) -> AsyncIterator[Site]:
    """It is open. A campaign has written to one customer, who has another contact."""
    ways = tuple(Way(name, "", "email", f"{name}@zenith.example") for name in ("security", "owner"))
    campaign(settings.outbox_path, [recipient("zenith", ways=ways)])
    with Outbox.open(settings.outbox_path) as outbox:
        outbox.change(_sent)
    async with open_site(settings) as found:
        yield found


def _sent(database: sqlite3.Connection) -> None:
    database.execute("INSERT INTO intent (number, campaign, entry) VALUES (1, 1, 'canary')")
    database.execute("UPDATE message SET intent = 1, key = ?", (KEY,))
    for state in ("sending", "sent"):
        database.execute("UPDATE message SET state = ?", (state,))


@pytest.fixture
async def client(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Speaks to the site's application."""
    transport = httpx.ASGITransport(create_app(site), client=("192.0.2.7", 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://door", headers=AUTHORIZED) as found:
        yield found


def rows(settings: Settings) -> list[Message]:
    """The messages as the outbox has them."""
    with Outbox.open(settings.outbox_path) as outbox:
        return outbox.messages(CAMPAIGN)


async def posted(client: httpx.AsyncClient, raw: bytes, **headers: str) -> tuple[int, str]:
    """What is answered, and the word for it."""
    answer = await client.post("/mail/bounces", content=raw, headers=headers)
    return answer.status_code, answer.json()["result"]


@pytest.mark.parametrize("server", SERVERS)
async def test_a_bounce_goes_on_to_the_next_contact(
    client: httpx.AsyncClient, settings: Settings, site: Site, monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    """Whichever server tells it; the campaign is woken, and nobody's address is kept with the reason."""
    heard: list[str] = []
    monkeypatch.setattr(site, "heard", heard.append)
    assert await posted(client, SERVERS[server]()) == (200, "accepted")
    first, second = rows(settings)
    assert (first.state, second.state, second.contact) == (MessageState.BOUNCED, MessageState.QUEUED, "owner")
    assert "@" not in first.reason
    assert heard == [CAMPAIGN]


async def test_delivered_and_complained_of(client: httpx.AsyncClient, settings: Settings) -> None:
    """What is late is only noted."""
    assert await posted(client, postfix(action="delayed", status="4.4.1")) == (200, "accepted")
    assert rows(settings)[0].state is MessageState.SENT
    assert await posted(client, postfix(action="delivered", status="2.0.0")) == (200, "accepted")
    assert rows(settings)[0].state is MessageState.DELIVERED
    assert await posted(client, complaint(to="")) == (200, "accepted")
    assert rows(settings)[0].state is MessageState.COMPLAINED
    assert await posted(client, postfix()) == (200, "accepted")
    assert [one.state for one in rows(settings)] == [MessageState.COMPLAINED]


@pytest.mark.parametrize(
    "raw",
    [
        postfix("ada@zenith.example"),
        postfix(sent=HEADERS.replace(KEY, "f" * 32)),
        postfix(sent=HEADERS.replace(KEY, "canary")),
        b"Subject: Away\nAuto-Submitted: auto-replied\n\nI am away.",
        b"\x00\xff" * 100,
    ],
    ids=["another address", "another message", "a foreign one", "somebody is away", "garbage"],
)
async def test_what_is_not_about_a_message_of_ours_moves_nothing(
    client: httpx.AsyncClient, settings: Settings, raw: bytes
) -> None:
    """It is taken: nothing would come of sending it again."""
    status, result = await posted(client, raw)
    assert (status, result in {"accepted", "ignored"}) == (200, True)
    assert [one.state for one in rows(settings)] == [MessageState.SENT]


async def test_only_with_the_secret(client: httpx.AsyncClient, settings: Settings) -> None:
    """Without it, with another: 401 without a reason, and nothing was moved."""
    for shown in ("", "Bearer canary-secret-of-others", f"Basic {SECRET}"):
        assert await posted(client, postfix(), authorization=shown) == (401, "unauthenticated")
    assert rows(settings)[0].state is MessageState.SENT


@pytest.mark.parametrize("header", [{"content-type": "multipart/form-data; boundary=x"}, {"content-encoding": "gzip"}])
async def test_a_mail_is_posted_as_it_came(client: httpx.AsyncClient, header: dict[str, str]) -> None:
    """A form around it, or one that is packed, would look like a mail that says nothing: it is refused, and it is said."""
    answer = await client.post("/mail/bounces", content=postfix(), headers=header)
    assert answer.status_code == 400
    assert "message/rfc822" in answer.json()["error"]


async def test_a_broken_report_is_refused(client: httpx.AsyncClient) -> None:
    """And it is said why."""
    answer = await client.post("/mail/bounces", content=postfix().replace(ADDRESS.encode(), b"somebody"))
    assert (answer.status_code, answer.json()["result"]) == (400, "unreadable")
    assert "names no recipient" in answer.json()["error"]


async def test_what_is_too_large_is_not_taken(client: httpx.AsyncClient) -> None:
    """As at every door."""
    assert await posted(client, postfix() + b"x" * MOST_BYTES) == (413, "too_large")


async def test_what_cannot_be_kept_is_sent_again(client: httpx.AsyncClient, settings: Settings) -> None:
    """503 while the store is not right."""
    for path in settings.home.glob("outbox.sqlite*"):
        path.write_bytes(b"no database" * 1000)
    answer = await client.post("/mail/bounces", content=postfix())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def test_where_there_is_no_store_it_is_sent_again(settings: Settings) -> None:
    """A disk that is not mounted looks like that: a report is not lost for it, and other mail is left alone as ever."""
    async with open_site(settings) as site:
        transport = httpx.ASGITransport(create_app(site))
        async with httpx.AsyncClient(transport=transport, base_url="http://door", headers=AUTHORIZED) as client:
            assert await posted(client, postfix()) == (503, "not_stored")
            assert await posted(client, b"Subject: Re: keys\n\nThanks.") == (200, "ignored")


async def test_without_a_secret_there_is_no_such_place(settings: Settings) -> None:
    """Nobody may post; and a secret that cannot be read keeps the server from starting."""
    closed = settings.model_copy(update={"mail": type(settings.mail)()})
    async with open_site(closed) as site:
        transport = httpx.ASGITransport(create_app(site))
        async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
            assert (await client.post("/mail/bounces", content=postfix())).status_code == 404
    async with open_site(settings.model_copy(update={"secret_environment": {}})) as site:
        with pytest.raises(UsageError, match="no value at env:FIREDOOR_SECRET_BOUNCES"):
            create_app(site)


def test_the_doctor_looks_at_the_secret(settings: Settings) -> None:
    """With it the server is wanted, and can start."""
    assert wanted(settings)
    assert list(doors(settings)) == []
    [finding] = doors(settings.model_copy(update={"secret_environment": {}}))
    assert (finding.level, finding.subject) == ("fail", "[mail.bounces]")


@trial(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([*SERVERS]), st.integers(0, 3_000), st.binary(max_size=60))
async def test_whatever_is_posted_is_answered(client: httpx.AsyncClient, server: str, at: int, junk: bytes) -> None:
    """Taken, or refused in a sentence: never 500."""
    raw = SERVERS[server]()
    status, _ = await posted(client, raw[:at] + junk + raw[at + len(junk) :])
    assert status in {200, 400}
