"""Slack is kept at where incidents stand: one message each, edited in place, whatever happens to Slack or to us."""

import asyncio
import datetime
import logging
from pathlib import Path

import pytest

from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.state import Message
from firedoor.drill.slack.workspace import ALICE, GENERAL, INCIDENTS, SECURITY
from firedoor.errors import FiredoorError
from firedoor.incident import Failure, IncidentState, Request, Responder, StepState, StepView
from firedoor.plan import Verdict
from firedoor.slack.api.pace import Pace
from firedoor.slack.outbound.reconciler import Reconciler
from firedoor.slack.outbound.telling import PLAIN, Run, Telling
from firedoor.slack.store import Store
from tests.slack.api.test_client import Patience, calls
from tests.slack.telling import (
    QUICK,
    Incidents,
    all_told,
    client_at,
    heads,
    keys,
    reconciling,
    says,
    settings_of,
)

ASKED = Request(policy="security", digest="d1", needed=2, sources=("slack:@security", "user:alice"), allow_self=True)
GO = StepView(id="go", kind="approval", title="May it be shut?", state=StepState.WAITING_APPROVAL, request=ASKED)
DONE = GO.model_copy(update={"state": StepState.DONE, "request": None, "summary": "approved by user:alice"})
RUN = Run("gate-1", "r1")


def reply(slack: LocalSlack, word: str, channel: str = INCIDENTS) -> Message | None:
    """A message in a thread that says a word."""
    return next((one for one in slack.workspace.messages(channel) if one.is_reply and word in says(one)), None)


def head(slack: LocalSlack, word: str) -> Message | None:
    """A message outside of threads that says a word."""
    return next((one for one in heads(slack) if word in says(one)), None)


async def test_one_message_edited_in_place(slack: LocalSlack, tmp_path: Path) -> None:
    """From its start to its end an incident has one message; questions, mentions and the end are in its thread."""
    settings, engine = settings_of(slack, tmp_path), Incidents()
    async with client_at(slack, settings) as client, reconciling(engine, client, settings):
        engine.put(steps=(GO,), state=IncidentState.WAITING)
        first = await slack.eventually(lambda: head(slack, "needs approval"))
        asked = await slack.eventually(lambda: reply(slack, "needs your approval"))
        assert f"<!subteam^{SECURITY}> <@{ALICE}>" in asked.text
        assert "[Approve] [Deny…] [Details]" in says(asked)
        engine.put(
            steps=(DONE,), state=IncidentState.COMPLETED, verdict=Verdict.CONTAINED, sentence="Contained: proved."
        )
        await all_told(slack, client)
    [only] = heads(slack)
    assert only.ts == first.ts
    assert only.versions
    assert "Contained: proved." in says(only)
    assert reply(slack, "The record, for whoever has to verify it")
    assert "[Approve]" not in says(asked)
    assert "that was decided. Now: done" in says(asked)
    assert len(keys(slack)) == len(set(keys(slack)))


async def test_a_wake_is_heard(slack: LocalSlack, tmp_path: Path) -> None:
    """After a press nobody waits for the next look."""
    settings, engine = settings_of(slack, tmp_path), Incidents()
    engine.put()
    async with client_at(slack, settings) as client, reconciling(engine, client, settings) as reconciler:
        await slack.eventually(lambda: head(slack, "Shut the gate"))
        engine.put(state=IncidentState.PAUSED, paused="user:alice")
        reconciler.wake("gate-1")
        await slack.eventually(lambda: head(slack, "Paused by user:alice"))


async def test_edits_are_coalesced(slack: LocalSlack, tmp_path: Path) -> None:
    """A message is edited once in 1.5 s at most, however much happens, and then shows the newest."""
    settings, engine, patience = settings_of(slack, tmp_path), Incidents(), Patience()
    async with client_at(slack, settings, patience.pace()) as client:
        telling = Telling(engine, client, settings)
        engine.put(steps=(GO,))
        await telling.tell(RUN)
        pauses = []
        for number in range(20):
            engine.put(commander=f"user:c{number}")
            pauses.append((await telling.tell(RUN))[1])
        assert pauses == [0.0, *[pytest.approx(1.5)] * 19]
        assert calls(slack, "chat.update") == 1
        patience.now += 2
        await telling.tell(RUN)
        assert calls(slack, "chat.update") == 2
    assert "user:c19" in says(heads(slack)[0])


async def test_the_message_does_not_wait_for_its_thread(slack: LocalSlack, tmp_path: Path) -> None:
    """A channel takes a message a second: while twenty steps are told in the thread, the message keeps up."""
    settings, engine, patience = settings_of(slack, tmp_path), Incidents(), Patience()
    done = [DONE.model_copy(update={"id": f"s{number}", "verdict": Verdict.CONTAINED}) for number in range(20)]
    engine.put(steps=(GO, *done))

    async def sleep(seconds: float) -> None:
        await patience.sleep(seconds)
        engine.put(commander=f"user:c{len(patience.slept)}")

    pace = Pace(clock=lambda: patience.now, sleep=sleep)
    async with client_at(slack, settings, pace) as client:
        await Telling(engine, client, settings).tell(RUN)
    assert calls(slack, "chat.update") >= 5
    thread = [key.split("/")[2] for key in keys(slack)]
    assert thread[1:3] == ["plan", "ask"]
    assert thread.count("done") == 20


async def test_edits_of_all_messages_stay_within_the_limit(slack: LocalSlack, tmp_path: Path) -> None:
    """Slack takes about fifty edits a minute: with a hundred incidents each waits its turn, and shows what is then."""
    settings, engine, patience = settings_of(slack, tmp_path), Incidents(), Patience()
    async with client_at(slack, settings, patience.pace()) as client:
        telling = Telling(engine, client, settings)
        for number in range(30):
            engine.put(f"gate-{number}")
            await telling.tell(Run(f"gate-{number}", "r1"))
        start, slept = patience.now + 60, len(patience.slept)
        patience.now = start
        for number in range(30):
            engine.put(f"gate-{number}", commander="user:alice")
            await telling.tell(Run(f"gate-{number}", "r1"))
        assert len(patience.slept) > slept
    assert 25 < patience.now - start < 40


async def test_a_deleted_message_is_posted_once_more(slack: LocalSlack, tmp_path: Path) -> None:
    """Somebody deletes the message: it comes back. Whoever deletes that too means it."""
    settings, engine = settings_of(slack, tmp_path), Incidents()
    async with client_at(slack, settings) as client:
        telling = Telling(engine, client, settings)
        engine.put()
        for number in range(4):
            await telling.tell(RUN)
            for message in heads(slack):
                slack.act.delete_message(message)
            engine.put(commander=f"user:c{number}")
    assert [key for key in keys(slack) if "/message/" in key] == ["gate-1/r1/message/0", "gate-1/r1/message/1"]


async def test_a_channel_without_the_bot(slack: LocalSlack, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is said once what is to be done; as soon as the bot is in, the incident is told."""
    slack.workspace.tokens[slack.workspace.bot_token].scopes.discard("chat:write.public")
    settings, engine = settings_of(slack, tmp_path, channel=GENERAL), Incidents()
    engine.put()
    async with client_at(slack, settings) as client, reconciling(engine, client, settings):
        async with asyncio.timeout(10):
            while calls(slack, "chat.postMessage") < 3:
                await asyncio.sleep(0.01)
        slack.act.invite(GENERAL)
        await slack.eventually(lambda: heads(slack, GENERAL))
    said = [one.getMessage() for one in caplog.records if "not in the channel" in one.getMessage()]
    assert len(said) == 1
    assert "/invite @firedoor" in said[0]


async def test_a_workspace_without_plan_blocks(slack: LocalSlack, tmp_path: Path) -> None:
    """They are tried once a day, also where the server is started again; another workspace shows them."""
    settings, engine = settings_of(slack, tmp_path), Incidents()
    engine.put(steps=(GO,))
    for number in range(2):
        async with client_at(slack, settings) as client:
            engine.put(commander=f"user:c{number}")
            await Telling(engine, client, settings).tell(RUN)
            assert client.store.fact(PLAIN)
    refused = [one for one in slack.log if b"invalid_blocks" in one.answer]
    assert len(refused) == 1
    slack.workspace.features.add("plan")
    async with client_at(slack, settings_of(slack, tmp_path / "other")) as client:
        await Telling(engine, client, settings).tell(Run("gate-1", "r2"))
    assert heads(slack)[-1].blocks[2]["type"] != "plan"
    assert any(one["type"] == "plan" for one in heads(slack)[-1].blocks)


async def test_slack_is_down_meanwhile(slack: LocalSlack, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The incident goes on; when Slack is back its message catches up, and nothing is there twice."""
    settings, engine = settings_of(slack, tmp_path), Incidents()
    async with client_at(slack, settings) as client, reconciling(engine, client, settings):
        engine.put(steps=(GO,))
        await slack.eventually(lambda: reply(slack, "needs your approval"))
        with slack.down():
            engine.put(commander="user:alice")
            async with asyncio.timeout(10):
                while "Incidents go on without it" not in caplog.text:
                    await asyncio.sleep(0.01)
            engine.put(steps=(DONE,), state=IncidentState.COMPLETED, verdict=Verdict.CONTAINED, sentence="Contained.")
        slack.faults.lose_reply("chat.postMessage")
        slack.faults.lose_reply("chat.update")
        await all_told(slack, client)
        async with asyncio.timeout(10):
            while "Slack answers again" not in caplog.text:
                await asyncio.sleep(0.01)
    assert len(heads(slack)) == 1
    assert "Contained." in says(heads(slack)[0])
    assert len(keys(slack)) == len(set(keys(slack)))


async def test_a_crash_between_the_message_and_its_note(slack: LocalSlack, tmp_path: Path) -> None:
    """A process died before it noted that its message is there: the next one finds it, and brings it up to date."""
    settings, engine = settings_of(slack, tmp_path), Incidents()
    engine.put()
    async with client_at(slack, settings) as client:
        ts = await client.post(INCIDENTS, "old", [], key="gate-1/r1/message/0", incident="gate-1")
        client.store.clock = lambda: 4e9
        await Telling(engine, client, settings).tell(RUN)
        await Telling(engine, client, settings).tell(RUN)
    [only] = heads(slack)
    assert only.ts == ts
    assert "Shut the gate" in says(only)


async def test_old_incidents_are_not_told(slack: LocalSlack, tmp_path: Path) -> None:
    """What had ended before firedoor knew this Slack stays untold; what ended unseen since then is told."""
    settings, engine = settings_of(slack, tmp_path), Incidents()
    engine.put("gate-old", state=IncidentState.COMPLETED, title="Old")
    engine.ended["gate-old"] = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    async with client_at(slack, settings) as client:
        client.store.remember("since", "2026-06-01T00:00:00+00:00")
        async with reconciling(engine, client, settings):
            engine.put("gate-new", state=IncidentState.COMPLETED, title="New")
            await all_told(slack, client)
    assert len(heads(slack)) == 1
    assert "New" in says(heads(slack)[0])


async def test_what_has_left_the_list_is_told_to_its_end(slack: LocalSlack, tmp_path: Path) -> None:
    """An incident that the list is too short for ends in Slack all the same."""
    settings, engine = settings_of(slack, tmp_path), Incidents()
    engine.put()

    async with client_at(slack, settings) as client:
        await Telling(engine, client, settings).tell(RUN)
        engine.put(state=IncidentState.ABORTED, sentence="Aborted.")
        engine.listed = False
        async with reconciling(engine, client, settings):
            await all_told(slack, client)
    assert "Aborted." in says(heads(slack)[0])


async def test_ended_from_outside(slack: LocalSlack, tmp_path: Path) -> None:
    """An incident whose workflow somebody terminated says so."""
    settings, engine = settings_of(slack, tmp_path), Incidents()
    engine.put()
    async with client_at(slack, settings) as client, reconciling(engine, client, settings):
        await slack.eventually(lambda: head(slack, "Shut the gate"))
        engine.put(state=IncidentState.COMPLETED)
        engine.broken["gate-1"] = FiredoorError(
            "gate-1 did not end by itself: terminated.", next="firedoor timeline gate-1"
        )
        await all_told(slack, client)
    assert "was ended from outside" in says(heads(slack)[0])


async def test_the_engine_does_not_answer(slack: LocalSlack, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """That is said once, and it goes on by itself."""
    caplog.set_level(logging.INFO)
    settings, engine = settings_of(slack, tmp_path), Incidents(unreachable=True)
    engine.put()
    async with client_at(slack, settings) as client, reconciling(engine, client, settings):
        async with asyncio.timeout(10):
            while not caplog.records:
                await asyncio.sleep(0.01)
        engine.unreachable = False
        await slack.eventually(lambda: head(slack, "Shut the gate"))
    assert sum("No Temporal server answers" in one.getMessage() for one in caplog.records) == 1


async def test_a_fault_of_our_own_stops_nothing_else(
    slack: LocalSlack, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One incident that cannot be drawn is in the log; the others are told."""
    settings, engine = settings_of(slack, tmp_path), Incidents()
    engine.put("gate-1")
    engine.broken["gate-1"] = KeyError("canary")
    engine.put("gate-2", title="The other")
    async with client_at(slack, settings) as client, reconciling(engine, client, settings):
        await slack.eventually(lambda: head(slack, "The other"))
    assert any("firedoor itself failed" in one.getMessage() for one in caplog.records)


async def test_one_process_at_a_time(slack: LocalSlack, tmp_path: Path) -> None:
    """A second process waits; when the first is gone it takes over, and posts nothing anew."""
    settings, engine = settings_of(slack, tmp_path), Incidents()
    engine.put()
    async with client_at(slack, settings) as client:
        with Store.open(settings.slack_path) as store:
            async with reconciling(engine, client, settings):
                await slack.eventually(lambda: head(slack, "Shut the gate"))
                second = Reconciler(engine, client, store, settings, tempo=QUICK)
                await second._round()
                assert not second._tasks
                running = asyncio.create_task(second.run())
            engine.put(commander="user:next")
            await slack.eventually(lambda: head(slack, "user:next"))
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    assert len(heads(slack)) == 1


async def test_a_group_that_vanished(slack: LocalSlack, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The question is asked all the same, of whoever is left, and the log says which group is gone."""
    slack.act.remove_group(SECURITY)
    settings, engine = settings_of(slack, tmp_path), Incidents()
    engine.put(steps=(GO,))
    async with client_at(slack, settings) as client:
        await Telling(engine, client, settings).tell(RUN)
    asked = reply(slack, "needs your approval")
    assert asked
    assert f"<@{ALICE}>" in asked.text
    assert "no user group @security" in caplog.text


async def test_reminders_and_failures_are_told_once_each(slack: LocalSlack, tmp_path: Path) -> None:
    """A reminder, what needs attention, and the same after it failed again."""
    settings, engine = settings_of(slack, tmp_path), Incidents()
    async with client_at(slack, settings) as client:
        telling = Telling(engine, client, settings)
        for reminders in (0, 1, 1, 2):
            engine.put(steps=(GO.model_copy(update={"request": ASKED.model_copy(update={"reminders": reminders})}),))
            await telling.tell(RUN)
        failure = Failure(reason="denied", what="user:alice denied go: too early.")
        for attempts in (1, 1, 2):
            stopped = GO.model_copy(
                update={"state": StepState.NEEDS_ATTENTION, "request": None, "failure": failure, "attempts": attempts}
            )
            engine.put(steps=(stopped,), commander="user:alice")
            await telling.tell(RUN)
    kinds = [key.split("/")[2] for key in keys(slack)]
    assert kinds.count("remind") == 2
    assert sum("/attention/" in key for key in keys(slack)) == 2
    last = slack.workspace.thread(INCIDENTS, heads(slack)[0].ts)[-1]
    assert f"<@{ALICE}>" in last.text
    assert "too early" in says(last)


@pytest.mark.chaos
async def test_ten_minutes_without_slack(slack: LocalSlack, tmp_path: Path) -> None:
    """Ten minutes of Slack's outage, twenty incidents meanwhile, answers lost on the way: all caught up, nothing twice."""
    settings, engine = settings_of(slack, tmp_path), Incidents()
    async with client_at(slack, settings, Pace(0)) as client, reconciling(engine, client, settings):
        for number in range(20):
            engine.put(f"gate-{number}", steps=(GO,))
        await slack.eventually(lambda: len(heads(slack)) == 20, 60)
        for _ in range(5):
            with slack.down():
                for minute in range(2):
                    slack.clock.advance(60)
                    for number in range(20):
                        engine.put(f"gate-{number}", commander=f"user:minute{minute}")
                    await asyncio.sleep(0.2)
            slack.faults.lose_reply("chat.postMessage", 3)
            slack.faults.drop("chat.update", 3)
            slack.faults.unavailable(".*", 3)
            await asyncio.sleep(0.5)
        for number in range(20):
            starter = Responder(principal="user:bob", auth="slack")
            engine.put(
                f"gate-{number}", steps=(DONE,), state=IncidentState.COMPLETED, starter=starter, sentence="Over."
            )
        async with asyncio.timeout(120):
            while sum(one.ended for one in client.store.conversations()) < 20:
                await asyncio.sleep(0.05)
    assert len(heads(slack)) == 20
    assert all("Over." in says(one) for one in heads(slack))
    assert len(keys(slack)) == len(set(keys(slack)))
