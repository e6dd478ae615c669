"""What strangers and odd senders try at a door of alerts: each of these once worked, or could have."""

import asyncio
import base64
import gzip
import json
import threading
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from firedoor.alerts import Headers, Lock, Parsed, cloudevents
from firedoor.server.door import Door
from firedoor.server.site import Site
from tests.server.conftest import OTHER, event, signed, stored
from tests.server.sns import Sns
from tests.server.test_hooks import results, said


async def test_a_judge_that_stumbles(client: httpx.AsyncClient, site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """A mistake of ours lets nobody in: 401, counted, with a line, and no 500."""

    class Stumbling:
        def authenticate(self, headers: Headers, body: bytes, lock: Lock) -> None:
            """Never."""
            raise ValueError("canary")

        def parse(self, headers: Headers, body: bytes) -> Parsed:
            """Not reached."""
            raise AssertionError

    site.doors = {"bad": Door("bad", "bad", Stumbling(), ())}
    assert (await client.post("/hooks/bad", content=event())).status_code == 401
    assert "the source bad cannot judge it (ValueError)" in said(caplog)
    assert "canary" not in said(caplog)
    assert results(site, "bad", "unauthenticated") == 1.0


VALUE = "xoxb-0123456789-canary0123456789"


async def test_no_secret_hides_in_an_encoding(client: httpx.AsyncClient, site: Site) -> None:
    r"""UTF-16 is what a pipe of PowerShell makes; `\u0078` is an x; a mark of the byte order ends no search."""
    escaped = VALUE.replace("x", "\\u0078")
    for number, encoding in enumerate(("utf-8-sig", "utf-16", "utf-16-le", "utf-32-be")):
        body = event(number).decode().replace("A key leaked", f"A key leaked: {escaped} {VALUE}").encode(encoding)
        assert (await client.post("/hooks/pagerduty", content=body, headers=signed(body))).status_code == 202
    kept = await stored(site.deliveries)
    assert len(kept) == 4
    for one in kept:
        assert b"canary" not in one.body.replace(b"\0", b"")
        assert b"leaked: sha256:" in one.body.replace(b"\0", b"")


async def test_no_secret_hides_in_a_header_or_in_base64(client: httpx.AsyncClient, site: Site) -> None:
    """A CloudEvent may be all headers, and its data may be packed: what is stored is neither."""
    site.doors = {"events": Door("events", "cloudevents", cloudevents, (SecretStr(OTHER),))}
    attributes = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/ci", "ce-type": "leak", "ce-subject": VALUE}
    shows = {"authorization": f"Bearer {OTHER}"}
    assert (await client.post("/hooks/events", content=b"{}", headers=shows | attributes)).status_code == 202
    data = base64.b64encode(json.dumps({"title": f"leaked {VALUE}"}).encode()).decode()
    whole = {"specversion": "1.0", "id": "2", "source": "/ci", "type": "leak", "data_base64": data}
    assert (await client.post("/hooks/events", json=whole, headers=shows)).status_code == 202
    packed, bare = await stored(site.deliveries)
    assert "leaked sha256:" in packed.body.decode()
    assert bare.headers["ce-subject"].startswith("sha256:")
    assert "canary" not in f"{packed.body!r} {dict(packed.headers)} {bare.body!r} {dict(bare.headers)}"


async def test_a_packed_body(client: httpx.AsyncClient, site: Site) -> None:
    """Nobody could take secrets out of it, and 2 MB of it may be 2 GB: 415, whoever sends it."""
    body = gzip.compress(event(token=VALUE))
    answer = await client.post("/hooks/pagerduty", content=body, headers=signed(body) | {"content-encoding": "gzip"})
    assert answer.status_code == 415
    assert "Content-Encoding" in answer.json()["error"]
    assert await stored(site.deliveries) == []
    plain = signed(event()) | {"content-encoding": "identity"}
    assert (await client.post("/hooks/pagerduty", content=event(), headers=plain)).status_code == 202


async def test_a_crowd_that_asks_how_things_are(
    client: httpx.AsyncClient, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each look writes to the disk, which the senders of alerts wait for: a crowd looks once."""
    looks = 0
    change = site.deliveries.change

    async def counted(*given: Any, **named: Any) -> Any:
        nonlocal looks
        looks += 1
        return await change(*given, **named)

    monkeypatch.setattr(site.deliveries, "change", counted)
    answers = await asyncio.gather(*(client.get("/readyz") for _ in range(30)))
    assert {answer.json()["store"] for answer in answers} == {"ok"}
    assert looks < 5


async def test_a_large_delivery_waits_for_another(client: httpx.AsyncClient, site: Site) -> None:
    """Whoever is small does not: reading JSON keeps everybody else in the process from their turn."""
    large = event(text="x" * 300_000)
    async with site.heavy:
        waiting = asyncio.create_task(client.post("/hooks/pagerduty", content=large, headers=signed(large)))
        small = await client.post("/hooks/pagerduty", content=event(2), headers=signed(event(2)))
        assert (small.status_code, waiting.done()) == (202, False)
    assert (await waiting).status_code == 202


async def test_an_sns_that_is_slow_keeps_nobody_else_waiting(client: httpx.AsyncClient, site: Site, near: Sns) -> None:
    """Forged messages may have its certificates asked for, at six seconds each."""
    asked, go = threading.Event(), threading.Event()

    def slow(path: str) -> tuple[int, dict[str, str], bytes]:
        asked.set()
        go.wait(5)
        return 404, {}, b""

    near.answer = slow
    forged = [near.message("Notification", Message="{}", MessageId=f"{number}") for number in range(12)]
    waiting = [asyncio.create_task(client.post("/hooks/guardduty", content=one)) for one in forged]
    await asyncio.to_thread(asked.wait, 5)
    assert (await client.post("/hooks/pagerduty", content=event(), headers=signed(event()))).status_code == 202
    assert not any(one.done() for one in waiting)
    go.set()
    assert {(await one).status_code for one in waiting} == {503}
