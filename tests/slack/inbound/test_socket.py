"""Socket Mode: two processes, lost connections, lost acknowledgements; nothing is handled twice."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.workspace import ALICE, INCIDENTS
from firedoor.slack.inbound import socket as sockets
from firedoor.slack.inbound.replies import Replies
from firedoor.slack.inbound.router import Envelope, Router
from firedoor.slack.inbound.socket import Socket
from firedoor.slack.store import Store
from tests.slack.api.test_client import client_of
from tests.slack.front import listening


@dataclass
class Taken:
    """Handles by remembering."""

    envelopes: list[Envelope] = field(default_factory=list)

    async def check(self, envelope: Envelope) -> dict[str, Any]:
        """Nothing is wrong."""
        return {}

    async def handle(self, envelope: Envelope) -> None:
        """Remember it."""
        self.envelopes.append(envelope)


class Late(Router):
    """Acknowledges nothing while the gate is shut."""

    gate: asyncio.Event

    async def take(self, envelope: Envelope) -> dict[str, Any]:
        """As any router, later."""
        await self.gate.wait()
        return await super().take(envelope)


@dataclass
class Line:
    """Two connections of one app, as of two processes on one store; a gate before their acknowledgements."""

    slack: LocalSlack
    taken: Taken
    routers: list[Late]
    sockets: list[Socket]
    gate: asyncio.Event

    async def finished(self) -> list[str]:
        """The texts of the commands that were handled."""
        for router in self.routers:
            await router.close()
        return [str(one.payload["text"]) for one in self.taken.envelopes]


@pytest.fixture
async def line(slack: LocalSlack, tmp_path: Path) -> AsyncIterator[Line]:
    """Both are connected."""
    taken, gate = Taken(), asyncio.Event()
    gate.set()
    with Store.open(tmp_path / "slack.sqlite") as one, Store.open(tmp_path / "slack.sqlite") as other:
        async with client_of(slack, one, tmp_path) as client:
            routers = [Late(taken, store, Replies(client)) for store in (one, other)]
            for router in routers:
                router.gate = gate
            token = SecretStr(slack.workspace.app_token)
            made = [Socket(slack.base_url, token, router) for router in routers]
            running = [asyncio.create_task(socket.run()) for socket in made]
            await listening(slack, 2)
            yield Line(slack, taken, routers, made, gate)
            for task in running:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


async def test_two_processes_share_the_work(line: Line) -> None:
    """Each command goes to one of them, and each is acknowledged and handled once."""
    assert [await socket.connected() for socket in line.sockets] == [True, True]
    for number in range(6):
        assert (await line.slack.act.type_command(ALICE, INCIDENTS, f"/firedoor {number}")).ok
    assert sorted(await line.finished()) == [str(number) for number in range(6)]
    assert len({number for number, _ in line.slack.sockets.sent}) == 2


async def test_an_envelope_that_is_sent_again_is_handled_once(line: Line) -> None:
    """An acknowledgement that comes too late: Slack sends it to the other process, which recognises it."""
    line.slack.pace = 0.01
    line.gate.clear()
    delivery = line.slack.act.type_command(ALICE, INCIDENTS, "/firedoor again")
    async with asyncio.timeout(10):
        while len(line.slack.sockets.sent) < 2:
            await asyncio.sleep(0.01)
        line.gate.set()
        await delivery
        while len(line.slack.sockets.acknowledged) < len(line.slack.sockets.sent):
            await asyncio.sleep(0.01)
    assert len({number for number, _ in line.slack.sockets.sent}) == 2
    assert await line.finished() == ["again"]


async def test_a_connection_that_slack_renews(line: Line) -> None:
    """Slack asks for new connections every few hours: the next command is taken."""
    line.slack.refresh_sockets()
    await listening(line.slack, 2)
    assert (await line.slack.act.type_command(ALICE, INCIDENTS, "/firedoor after")).ok
    assert await line.finished() == ["after"]


async def test_an_address_that_leads_nowhere_is_given_up(
    slack: LocalSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """slack_sdk tries a used address for ever; a new client gets a new one. The address is in no log."""
    monkeypatch.setattr(sockets, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(sockets, "LOST_SECONDS", 0.2)
    caplog.set_level(logging.DEBUG)
    slack.sockets.closed = True
    with Store.open(tmp_path / "slack.sqlite") as store:
        async with client_of(slack, store, tmp_path) as client:
            router = Router(Taken(), store, Replies(client))
            socket = Socket(slack.base_url, SecretStr(slack.workspace.app_token), router)
            assert not await socket.connected()
            running = asyncio.create_task(socket.run())
            async with asyncio.timeout(10):
                while "trying anew" not in caplog.text:
                    await asyncio.sleep(0.01)
            slack.sockets.closed = False
            await listening(slack)
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
    assert "ticket" not in caplog.text
    assert slack.workspace.app_token not in caplog.text
