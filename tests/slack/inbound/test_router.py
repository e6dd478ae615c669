"""What comes from Slack is acknowledged at once, handled once across processes, and never a dead end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.workspace import ALICE, INCIDENTS
from firedoor.errors import RefusedError, UsageError
from firedoor.slack.api.client import Slack
from firedoor.slack.inbound import router as routing
from firedoor.slack.inbound.replies import Replies
from firedoor.slack.inbound.router import BUSY, Envelope, Router
from firedoor.slack.store import Store
from tests.slack.api.test_client import client_of

COMMAND = {"user_id": ALICE, "channel_id": INCIDENTS, "trigger_id": "1.2.x", "text": ""}
FORM = {
    "type": "view_submission",
    "user": {"id": ALICE},
    "view": {"blocks": [{"type": "section"}, {"type": "input", "block_id": "reason"}]},
}


@dataclass
class Recorder:
    """Handles by remembering; `raises` and `gate` are what goes wrong."""

    handled: list[Envelope] = field(default_factory=list)
    raises: Exception | None = None
    answer: dict[str, Any] = field(default_factory=dict[str, Any])
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def check(self, envelope: Envelope) -> dict[str, Any]:
        """The scripted answer."""
        if self.raises:
            raise self.raises
        return self.answer

    async def handle(self, envelope: Envelope) -> None:
        """Remember it."""
        await self.gate.wait()
        self.handled.append(envelope)
        if self.raises:
            raise self.raises


@dataclass
class Bench:
    """Two routers, as of two processes on one store."""

    slack: LocalSlack
    first: Recorder
    second: Recorder
    routers: tuple[Router, Router]

    async def told(self, holds: Callable[[str], object]) -> str:
        """What Alice is told."""

        def look() -> str:
            seen = [one.text for one in self.slack.act.seen_by(ALICE, INCIDENTS) if one.ephemeral_to == ALICE]
            return next((text for text in seen if holds(text)), "")

        return await self.slack.eventually(look)


@pytest.fixture
async def bench(slack: LocalSlack, tmp_path: Path) -> AsyncIterator[Bench]:
    """The bench; its gates are open."""
    with Store.open(tmp_path / "slack.sqlite") as one, Store.open(tmp_path / "slack.sqlite") as other:
        client: Slack = client_of(slack, one, tmp_path)
        async with client:
            first, second = Recorder(), Recorder()
            first.gate.set()
            second.gate.set()
            routers = Router(first, one, Replies(client)), Router(second, other, Replies(client))
            yield Bench(slack, first, second, routers)
            for router in routers:
                await router.close(0.1)


async def test_an_envelope_is_handled_once_across_processes(bench: Bench) -> None:
    """Slack sends it again, to another process and in another envelope: it is acknowledged, and handled once."""
    for number, router in enumerate((*bench.routers, *bench.routers)):
        assert await router.take(Envelope("slash_commands", COMMAND, f"envelope-{number}")) == {}
    for router in bench.routers:
        await router.close()
    assert len(bench.first.handled) + len(bench.second.handled) == 1


def test_the_same_thing_has_the_same_key() -> None:
    """An event has its own id, a press its trigger; only without either the envelope counts."""
    assert Envelope("events_api", {"event_id": "Ev1"}, "a").key == "event_id/Ev1"
    assert Envelope("slash_commands", COMMAND, "a").key == "trigger_id/1.2.x"
    assert Envelope("interactive", {"type": "view_closed"}, "a").key == "envelope/a"
    assert Envelope("interactive", {"type": 7}).type == ""


async def test_a_refusal_is_told(bench: Bench) -> None:
    """What a handler raises is told to the person: what happened, what was changed, what to do."""
    bench.first.raises = RefusedError("You may not.", changed="Nothing was changed.", next="Ask ada.")
    await bench.routers[0].take(Envelope("slash_commands", COMMAND, "a"))
    assert await bench.told(lambda text: text == "You may not. Nothing was changed. Ask ada.")


async def test_what_nobody_expected_is_no_dead_end(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """A mistake of firedoor's own is in the log with its trace, and the person is told that it is."""
    bench.first.raises = ZeroDivisionError("canary")
    await bench.routers[0].take(Envelope("slash_commands", COMMAND, "a"))
    said = await bench.told(lambda text: "firedoor itself failed at this (ZeroDivisionError)." in text)
    assert "canary" not in said
    assert "firedoor itself failed at something from Slack" in caplog.text


async def test_mistakes_of_a_form_are_in_the_acknowledgement(bench: Bench) -> None:
    """Mistakes stay in the form, and nothing is handled; what the check itself raises stands at the first field."""
    wrong = {"response_action": "errors", "errors": {"reason": "no"}}
    bench.first.answer = wrong
    assert await bench.routers[0].take(Envelope("interactive", FORM, "a")) == wrong
    bench.first.answer, bench.first.raises = {}, UsageError("The runbook is gone.", next="firedoor lint")
    answer = await bench.routers[0].take(Envelope("interactive", FORM, "b"))
    assert answer["errors"] == {"reason": "The runbook is gone. firedoor lint"}
    bench.first.raises = ZeroDivisionError("canary")
    answer = await bench.routers[0].take(Envelope("interactive", FORM, "c"))
    assert answer["errors"] == {"reason": "firedoor itself failed at this (ZeroDivisionError). Nothing was changed."}
    assert not bench.first.handled
    bench.first.raises = None
    assert await bench.routers[0].take(Envelope("interactive", FORM, "c")) == {}
    await bench.routers[0].close()
    assert len(bench.first.handled) == 1


async def test_more_than_can_be_done_is_said(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood is turned away with a sentence, not taken into memory."""
    monkeypatch.setattr(routing, "MOST_WAITING", 1)
    bench.first.gate.clear()
    router = bench.routers[0]
    assert await router.take(Envelope("slash_commands", COMMAND, "a")) == {}
    later = COMMAND | {"trigger_id": "other"}
    assert await router.take(Envelope("slash_commands", later, "b")) == {"response_type": "ephemeral", "text": BUSY}
    assert (await router.take(Envelope("interactive", FORM, "c")))["errors"] == {"reason": BUSY}
    assert await router.take(Envelope("events_api", {}, "d")) == {}
    bench.first.gate.set()
    await router.close()
    assert len(bench.first.handled) == 1


async def test_what_is_under_way_is_finished_when_firedoor_ends(bench: Bench) -> None:
    """Closing waits, but not for ever: what does not end is cancelled."""
    router = bench.routers[0]
    bench.first.gate.clear()
    await router.take(Envelope("slash_commands", COMMAND, "a"))
    closing = asyncio.create_task(router.close())
    await asyncio.sleep(0)
    bench.first.gate.set()
    await closing
    assert len(bench.first.handled) == 1
    bench.first.gate.clear()
    await router.take(Envelope("slash_commands", COMMAND | {"trigger_id": "other"}, "b"))
    await router.close(0.05)
    assert len(bench.first.handled) == 1
