"""Campaigns steered from Slack: a dialog or a form says what happens, the store has it at once, strangers are refused."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from temporalio.client import Client

from firedoor.campaign import Flow
from firedoor.drill.slack.state import Message
from firedoor.drill.slack.workspace import ALICE, CAROL, INCIDENTS
from firedoor.engine import Engine
from firedoor.outbox.store import Outbox
from firedoor.recipient import CampaignRow
from firedoor.slack.drawing.campaigns import campaign as drawn
from tests.campaigning import campaign, recipient
from tests.slack.front import Inbound, button, words

NOWHERE = "127.0.0.1:1"


async def told(inbound: Inbound) -> tuple[CampaignRow, Message]:
    """An incident with a campaign under way, and its message in the channel."""
    incident, _ = await inbound.asking()
    people = [recipient("one"), recipient("two", 1, task="There is no contact of this customer.")]
    row = campaign(inbound.site.settings.outbox_path, people, id=f"{incident}.notify", incident=incident)
    return row, await shown(inbound, row)


async def shown(inbound: Inbound, row: CampaignRow) -> Message:
    """The campaign as it is drawn now, in a new message."""
    with Outbox.open(inbound.site.settings.outbox_path) as outbox:
        blocks = drawn(row.incident, row.step, outbox.standing(row.id, time.time()))
    ts = await inbound.outside.slack.post(INCIDENTS, "campaign", blocks, key=f"test/{time.monotonic_ns()}")
    message = inbound.slack.workspace.message(INCIDENTS, ts)
    assert message is not None
    return message


def stored(inbound: Inbound, row: CampaignRow) -> CampaignRow:
    """The campaign as the store has it."""
    with Outbox.open(inbound.site.settings.outbox_path) as outbox:
        return outbox.campaign(row.id)


async def test_pause_resume_and_stop(inbound: Inbound) -> None:
    """Each says before what it does; the store and the timeline have who and why; a stop asks why."""
    row, message = await told(inbound)
    action, value = button(message, "pause_sending")
    pressed = inbound.slack.act.press(ALICE, message, action, value=value)
    assert "no further message of notify leaves" in pressed.dialog
    began = time.monotonic()
    await pressed
    await inbound.slack.eventually(lambda: stored(inbound, row).flow is Flow.PAUSED)
    assert time.monotonic() - began < 2
    await inbound.says("notify is paused: no further message leaves.")
    assert stored(inbound, row).flow_by == "user:alice"

    message = await shown(inbound, row)
    assert "‖" in words(message)
    await inbound.press(message, "resume_sending")
    await inbound.says("notify goes on.")
    await inbound.press(await shown(inbound, row), "stop_sending")
    form = await inbound.modal()
    assert "for good" in words(form)
    reply = await inbound.slack.act.submit(ALICE, form, {"reason": " "})
    assert "timeline" in reply.payload["errors"]["reason"]
    await inbound.slack.act.submit(ALICE, form, {"reason": "wrong list"})
    await inbound.says("notify is stopped for good")
    assert (stored(inbound, row).flow, stored(inbound, row).flow_reason) == (Flow.STOPPED, "wrong list")
    said = [one.body["say"] for one in inbound.site.entries(row.incident) if one.kind == "decision"]
    assert any("stopped for good: wrong list" in one for one in said)
    assert row.incident in inbound.woken.incidents

    # What cannot follow is refused, told to them alone, and recorded.
    await inbound.press(message, "resume_sending")
    await inbound.says("is stopped and cannot become running")
    assert [one.body["verb"] for one in inbound.refusals(row.incident)] == ["resume_sending"]


async def test_a_stranger_stops_nothing(inbound: Inbound) -> None:
    """Neither by a button nor by its form; the refusal is in the incident's timeline."""
    row, message = await told(inbound)
    await inbound.press(message, "pause_sending", CAROL)
    await inbound.says("firedoor does not know you", user=CAROL)
    await inbound.press(message, "stop_sending", CAROL)
    await inbound.slack.act.submit(CAROL, await inbound.modal(CAROL), {"reason": "because"})
    await inbound.slack.eventually(lambda: len(inbound.refusals(row.incident)) == 2)
    assert stored(inbound, row).flow is Flow.RUNNING


@asynccontextmanager
async def hanging(address: str) -> AsyncGenerator[Client]:
    """A client whose Temporal takes connections, and has stopped answering."""
    host, port = address.split(":")
    answers, opened = asyncio.Event(), list[asyncio.StreamWriter]()
    answers.set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await answers.wait()
            writer.write(data)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_connection(host, int(port))
        opened.extend((writer, here))
        with suppress(OSError):
            await asyncio.gather(pump(reader, here), pump(there, writer))

    async with await asyncio.start_server(relay, "127.0.0.1", 0) as server:
        client = await Client.connect(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
        answers.clear()
        yield client
        answers.set()
        for one in opened:
            one.close()
        await asyncio.gather(*(one.wait_closed() for one in opened), return_exceptions=True)


async def test_with_temporal_away_a_pause_still_pauses(inbound: Inbound, temporal_address: str) -> None:
    """Within a second, though Temporal hangs; what could not be told is said."""
    row, message = await told(inbound)
    door = inbound.service.door
    door.settings = door.settings.model_copy(update={"temporal_environment": {"TEMPORAL_ADDRESS": NOWHERE}})
    async with hanging(temporal_address) as client:
        door.engine = Engine(client, door.settings)
        await inbound.press(message, "pause_sending")
        await inbound.says("notify is paused: no further message leaves.", "Temporal does not answer")
    assert stored(inbound, row).flow is Flow.PAUSED


async def test_a_command_shows_how_far_they_are(inbound: Inbound) -> None:
    """The one that is named, or all under way; where there is none it says so."""
    await inbound.command("campaign")
    await inbound.says("No campaign has been prepared here.")
    row, _ = await told(inbound)
    await inbound.command("campaign")
    answer = await inbound.says("0 % rotated*: 0 of 2 customers", "1 customer needs a person", "2 messages wait")
    await inbound.command(f"campaign {row.id}")
    answer = await inbound.says("0 % rotated*", "1 customer needs a person")
    assert button(answer, "pause_sending")[0] == "firedoor.pause_sending.notify"
    await inbound.command("campaign nothing")
    await inbound.says("There is no campaign 'nothing'", row.id)
    await inbound.press(answer, "stop_sending")
    await inbound.slack.act.submit(ALICE, await inbound.modal(), {"reason": "enough"})
    await inbound.says("is stopped for good")
    await inbound.command("campaign")
    await inbound.says("No campaign is under way.", "/firedoor campaign [CAMPAIGN]")
