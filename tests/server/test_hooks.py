"""What comes to a door: who is let in, what is kept, and what the sender is told."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firedoor.alerts import Headers, Lock, Parsed
from firedoor.server.door import Door
from firedoor.server.site import Site
from tests.server.conftest import OTHER, SECRET, event, signed, stored
from tests.server.sns import Sns


def counted(site: Site, name: str, **labels: str) -> float:
    """A figure of the metrics."""
    return site.metrics.registry.get_sample_value(name, labels) or 0.0


def said(caplog: pytest.LogCaptureFixture) -> str:
    """The lines of our own log: the test's client writes addresses into the same one."""
    return "\n".join(one.getMessage() for one in caplog.records if one.name.startswith("firedoor"))


def results(site: Site, door: str, result: str) -> float:
    """How many deliveries of a door ended so."""
    return counted(site, "firedoor_deliveries_total", door=door, result=result)


async def test_what_proves_its_origin_is_stored_and_then_accepted(client: httpx.AsyncClient, site: Site) -> None:
    """202 with the id under which it is durable; the same again is the same."""
    first = await client.post("/hooks/pagerduty", content=event(), headers=signed(event()))
    again = await client.post("/hooks/pagerduty", content=event(), headers=signed(event()))
    assert (first.status_code, again.status_code) == (202, 202)
    (kept,) = await stored(site.deliveries)
    assert first.json() == {"id": kept.id, "duplicate": False}
    assert again.json() == {"id": kept.id, "duplicate": True}
    assert (kept.door, kept.source, kept.body, kept.seen) == ("pagerduty", "pagerduty", event(), 2)
    assert results(site, "pagerduty", "accepted") == results(site, "pagerduty", "duplicate") == 1.0
    assert counted(site, "firedoor_delivery_seconds_count", door="pagerduty") == 2.0


async def test_what_does_not_is_refused_without_a_reason(
    client: httpx.AsyncClient, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """The reason is in the log only; it is counted for each address; nothing is stored."""
    for headers in ({}, signed(event(), "canary-of-somebody-else"), {"x-pagerduty-signature": "v1=zz"}):
        answer = await client.post("/hooks/pagerduty", content=event(), headers=headers)
        assert answer.status_code == 401
        assert answer.json() == {"error": "This does not prove where it comes from."}
    assert await stored(site.deliveries) == []
    assert counted(site, "firedoor_failed_authentications_total", door="pagerduty", remote="192.0.2.7") == 3.0
    assert "it has no signature (number 1 from there)" in caplog.text
    assert "number 3 from there" in caplog.text
    assert "canary" not in said(caplog)


@pytest.mark.parametrize("path", ["/hooks/nobody", "/hooks/nobody/x", "/hooks/pagerduty/x", "/hooks/", "/hooks"])
async def test_there_is_no_such_door(client: httpx.AsyncClient, path: str) -> None:
    """Whatever the method."""
    assert [(await client.request(method, path)).status_code for method in ("POST", "GET")] == [404, 404]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
async def test_a_door_takes_post_only(client: httpx.AsyncClient, method: str) -> None:
    """405, and what is allowed."""
    answer = await client.request(method, "/hooks/pagerduty")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b"\xff\xfe", b'{"event": {"id": 1}}', b"[" * 100_000, b"null"]
)
async def test_what_cannot_be_read_is_kept(
    client: httpx.AsyncClient, site: Site, caplog: pytest.LogCaptureFixture, body: bytes
) -> None:
    """It has proved its origin: 400 with a sentence, a line in the log, and a delivery that can be looked at."""
    answer = await client.post("/hooks/pagerduty", content=body, headers=signed(body))
    assert answer.status_code == 400
    assert answer.json()["error"]
    (kept,) = await stored(site.deliveries)
    assert (kept.id, kept.body) == (answer.json()["id"], body)
    assert f"It is kept as {kept.id}." in caplog.text
    assert results(site, "pagerduty", "unreadable") == 1.0


async def test_no_secret_is_stored(client: httpx.AsyncClient, site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Neither of a body that is read, nor of one that is not; nor what opened the door."""
    caplog.set_level(logging.DEBUG)
    value = "xoxb-0123456789-canary0123456789"
    for body in (event(token=value), b"no JSON, but " + value.encode()):
        headers = signed(body) | {"authorization": "Bearer canary-bearer", "x-kept": "yes", "x-odd": f"a {SECRET}"}
        await client.post("/hooks/pagerduty", content=body, headers=headers)
    for kept in await stored(site.deliveries):
        assert "canary" not in f"{kept.body!r} {dict(kept.headers)} {kept.key}"
        assert kept.headers["x-kept"] == "yes"
    assert len(await stored(site.deliveries)) == 2
    assert "canary" not in said(caplog)


async def test_an_address_may_be_a_secret(
    client: httpx.AsyncClient, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """Only of a source that has no other lock; it is neither stored nor logged, and nobody can send it as a header."""
    caplog.set_level(logging.DEBUG)
    body = json.dumps({"sid": "1", "search_name": "leak", "result": {"host": "a"}}).encode()
    assert (await client.post(f"/hooks/siem/{OTHER}", content=body)).status_code == 202
    assert (await client.post("/hooks/siem/canary-of-nobody", content=body)).status_code == 401
    assert (await client.post("/hooks/siem", content=body, headers={"x-siem": OTHER})).status_code == 202
    assert (await client.post("/hooks/siem/", content=body, headers={"x-siem": OTHER})).status_code == 202
    assert (await client.post("/hooks/siem", content=body, headers={"X-Firedoor-Path": OTHER})).status_code == 401
    (kept,) = await stored(site.deliveries)
    assert "canary" not in f"{dict(kept.headers)} {kept.body!r} {said(caplog)}"


async def test_too_much(client: httpx.AsyncClient, site: Site) -> None:
    """2 MB are taken, more is not: whether its length is said, or not, or wrongly."""

    async def chunks(count: int) -> AsyncIterator[bytes]:
        for _ in range(count):
            yield b"x" * 100_000

    body = b" " * 2_000_000
    assert (await client.post("/hooks/pagerduty", content=body, headers=signed(body))).status_code == 400
    for content in (body + b" ", chunks(21), chunks(500)):
        answer = await client.post("/hooks/pagerduty", content=content)
        assert answer.status_code == 413
        assert answer.headers["connection"] == "close"
    answer = await client.post("/hooks/pagerduty", content=chunks(1), headers={"content-length": "9999999999"})
    assert answer.status_code == 413
    assert results(site, "pagerduty", "too_large") == 4.0


async def test_a_body_that_grows_when_it_is_cleaned(client: httpx.AsyncClient, site: Site) -> None:
    """It is too large for the store then: the sender is told so, and does not try for ever."""
    body = event(text="é" * 900_000, password="canary")
    answer = await client.post("/hooks/pagerduty", content=body.decode("unicode-escape").encode(), headers={})
    assert answer.status_code == 401
    raw = json.dumps(json.loads(body), ensure_ascii=False).encode()
    answer = await client.post("/hooks/pagerduty", content=raw, headers=signed(raw))
    assert answer.status_code in {202, 413}


async def test_a_store_that_does_not_take_it(
    client: httpx.AsyncClient, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """503: the sender is to try again; nothing is said to be durable that is not."""
    await site.deliveries.look(lambda database: database.execute("PRAGMA query_only=1"))
    answer = await client.post("/hooks/pagerduty", content=event(), headers=signed(event()))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "cannot be stored" in caplog.text
    assert results(site, "pagerduty", "not_stored") == 1.0
    ready = await client.get("/readyz")
    assert ready.status_code == 503
    assert "read-only" in ready.json()["store"]
    await site.deliveries.look(lambda database: database.execute("PRAGMA query_only=0"))
    assert (await client.post("/hooks/pagerduty", content=event(), headers=signed(event()))).status_code == 202


async def test_a_server_that_is_being_stopped(client: httpx.AsyncClient, site: Site) -> None:
    """Once its store is closed it takes nothing; it says so before."""
    site.closing = True
    assert (await client.get("/readyz")).json()["server"] == "it is being stopped"
    assert (await client.post("/hooks/pagerduty", content=event(), headers=signed(event()))).status_code == 202
    site.deliveries._closed = True
    assert (await client.post("/hooks/pagerduty", content=event(2), headers=signed(event(2)))).status_code == 503


async def test_nobody_writes_lines_into_the_log(client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever a sender puts into a header or a body: no new line, no escape."""
    caplog.set_level(logging.DEBUG)
    body = b'{"event": "\\n2026-11-29 CRITICAL firedoor: \\u001b[2J\\u202e"}'
    await client.post("/hooks/pagerduty", content=body, headers={**signed(body), "user-agent": "a\x1b[2J"})
    await client.post("/hooks/pagerduty", content=body, headers={"x-pagerduty-signature": "v1=\x1b[2J"})
    topic = {"Type": "Notification", "TopicArn": "a\n2026-11-29 CRITICAL\x1b[2J", "Message": "{}"}
    await client.post("/hooks/guardduty", content=json.dumps(topic))
    lines = [one.getMessage() for one in caplog.records if one.name.startswith("firedoor")]
    assert len(lines) >= 3
    assert not [line for line in lines if not line.isprintable()]


async def test_a_flood_of_failures_is_no_flood_of_lines(
    client: httpx.AsyncClient, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """Twenty lines a minute; the figures count them all."""
    for _ in range(50):
        await client.post("/hooks/pagerduty", content=b"{}")
    assert len([one for one in caplog.records if "unauthenticated" in one.getMessage()]) == 20
    assert results(site, "pagerduty", "unauthenticated") == 50.0


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=400) | st.text(max_size=200).map(str.encode),
    door=st.sampled_from(["pagerduty", "siem", "guardduty"]),
    proven=st.booleans(),
)
async def test_garbage(client: httpx.AsyncClient, body: bytes, door: str, proven: bool) -> None:
    """Whatever is sent, proven or not, gets an answer that fits it, and never a 500."""
    headers = signed(body) | {"x-siem": OTHER} if proven else {}
    answer = await client.post(f"/hooks/{door}", content=body, headers=headers)
    expected = {202, 400} if proven and door != "guardduty" else {401}
    assert answer.status_code in expected


async def test_what_sns_has_signed(client: httpx.AsyncClient, site: Site, near: Sns) -> None:
    """The finding inside is stored; not the envelope, which has an address that ends the subscription."""
    finding = {"id": "f1", "type": "UnauthorizedAccess:IAMUser/TorIPCaller", "title": "Tor", "severity": 8.0}
    body = near.message("Notification", Message=json.dumps(finding), UnsubscribeURL="https://canary.example/")
    assert (await client.post("/hooks/guardduty", content=body)).status_code == 202
    (kept,) = await stored(site.deliveries)
    assert json.loads(kept.body) == finding
    forged = body.replace(b"Tor", b"Rot")
    assert (await client.post("/hooks/guardduty", content=forged)).status_code == 401
    assert len(near.asked) == 1


async def test_a_subscription_is_confirmed(
    client: httpx.AsyncClient, site: Site, near: Sns, caplog: pytest.LogCaptureFixture
) -> None:
    """SNS signs the request for it; one GET at SNS confirms it; its token is in no log and no store."""
    caplog.set_level(logging.DEBUG)
    answer = await client.post("/hooks/guardduty", content=near.subscription())
    assert (answer.status_code, answer.json()) == (200, {"confirmed": True})
    assert [path.partition("?")[0] for path in near.asked] == [near.asked[0], "/"]
    assert near.asked[1].endswith("Token=canary-token")
    assert counted(site, "firedoor_confirmations_total", door="guardduty", result="confirmed") == 1.0
    assert await stored(site.deliveries) == []
    assert "canary" not in said(caplog)


async def test_a_subscription_that_cannot_be_confirmed(client: httpx.AsyncClient, site: Site, near: Sns) -> None:
    """5xx: SNS asks again, and again."""
    good = near.answer
    near.answer = lambda path: good(path) if path.endswith(".pem") else (500, {}, b"")
    answer = await client.post("/hooks/guardduty", content=near.subscription())
    assert answer.status_code == 503
    assert counted(site, "firedoor_confirmations_total", door="guardduty", result="failed") == 1.0


async def test_no_foreign_topic_is_confirmed(client: httpx.AsyncClient, site: Site, near: Sns) -> None:
    """Not even its certificate is asked for."""
    foreign = near.message(
        "SubscriptionConfirmation",
        Message="You have chosen",
        Token="canary",
        SubscribeURL="https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription",
        TopicArn="arn:aws:sns:us-east-1:999999999999:findings",
    )
    assert (await client.post("/hooks/guardduty", content=foreign)).status_code == 401
    assert near.asked == []


async def test_a_certificate_that_cannot_be_had(client: httpx.AsyncClient, site: Site, near: Sns) -> None:
    """SNS drops what is answered with 4xx: it gets 503, and sends again."""
    near.answer = lambda path: (500, {}, b"")
    answer = await client.post("/hooks/guardduty", content=near.message("Notification", Message="{}"))
    assert answer.status_code == 503
    assert results(site, "guardduty", "unreachable") == 1.0


async def test_a_note_of_sns_is_in_the_log(
    client: httpx.AsyncClient, near: Sns, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody has ended the subscription: alerts stop, and that must not go unseen."""
    ended = near.message(
        "UnsubscribeConfirmation",
        Message="You have chosen",
        Token="canary",
        SubscribeURL="https://sns.us-east-1.amazonaws.com/?a",
    )
    assert (await client.post("/hooks/guardduty", content=ended)).status_code == 202
    assert "was ended at SNS" in caplog.text


async def test_many_at_once(client: httpx.AsyncClient, site: Site) -> None:
    """Each has its own answer, and all are stored."""
    answers = await asyncio.gather(
        *(client.post("/hooks/pagerduty", content=event(n), headers=signed(event(n))) for n in range(50))
    )
    assert {answer.status_code for answer in answers} == {202}
    assert {answer.json()["id"] for answer in answers} == {one.id for one in await stored(site.deliveries)}


async def test_a_parser_that_stumbles(client: httpx.AsyncClient, site: Site) -> None:
    """A mistake of ours does not lose a delivery: it is kept as one that cannot be read."""

    class Stumbling:
        def authenticate(self, headers: Headers, body: bytes, lock: Lock) -> None:
            """Anybody."""

        def parse(self, headers: Headers, body: bytes) -> Parsed:
            """Never."""
            raise KeyError("canary")

    doors = {"bad": Door("bad", "bad", Stumbling(), ())}
    site.doors = doors
    answer = await client.post("/hooks/bad", content=event())
    assert answer.status_code == 400
    assert answer.json()["error"] == "The source bad cannot read it (KeyError)."
    assert len(await stored(site.deliveries)) == 1
