"""What becomes of deliveries, against a real Temporal server."""

import asyncio
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from firedoor.alerts import SOURCES, Alert, Headers, Parsed
from firedoor.alerts._reading import Reader
from firedoor.deliveries import Deliveries, Dispatcher, State, ledger
from firedoor.errors import UnreachableError
from firedoor.incident import Responder
from tests.deliveries.conftest import LEAK, Desk, finding, posted

PEOPLE_ONLY = "auto: off"
READER = Reader("a test alert", "Send one.")


class Twins:
    """A source of which one delivery holds several alerts; an empty list is a ping, and a text is a mistake."""

    def authenticate(self, headers: Headers, body: bytes, lock: object) -> None:
        """Anybody may."""

    def parse(self, headers: Headers, body: bytes) -> Parsed:
        """The alerts of a list of keys, each with what else the body says."""
        value: dict[str, Any] = READER.object(body)
        keys: list[str] = value.pop("keys")
        alerts = tuple(self._alert(key, value) for key in keys)
        return Parsed(key="twins", alerts=alerts, note="" if keys else "A ping.")

    def _alert(self, key: str, changes: dict[str, Any]) -> Alert:
        fields: dict[str, Any] = {"source": "guardduty", "id": f"twin-{key}", "severity": 9.0, "access_key_id": key}
        return Alert(**fields | changes)


@pytest.fixture
def twins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The source `twins` exists."""
    monkeypatch.setitem(SOURCES, "twins", Twins())


def a_key() -> str:
    """An access key that no other test uses."""
    return f"AKIA{secrets.token_hex(4).upper()}"


def after(seconds: float) -> str:
    """A time from now, as senders write it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def seen(moment: str) -> Mapping[str, Any]:
    """When GuardDuty saw it last."""
    return {"service": {"eventLastSeen": moment}}


async def test_a_leak_is_started_and_joined(desk: Desk) -> None:
    """The first delivery starts the incident, later ones join it, and it counts all of them."""
    key = a_key()
    await desk.add(posted("1", finding(key)))
    async with desk.dispatching() as dispatcher:
        [first] = await desk.settled(State.STARTED)
        assert (first.incidents, first.title, first.attempts) == ((f"leak-{key}",), f"{key} was used from Tor", 1)
        await desk.add(posted("2", finding(key)), posted("3", finding(key)), posted("3", finding(key)))
        dispatcher.wake()
        third = (await desk.settled(State.STARTED, State.JOINED, State.JOINED))[2]
        assert third.seen == 2  # the same delivery twice is one
    assert await desk.alerts(f"leak-{key}") == 3
    view = await desk.site.view(f"leak-{key}")
    assert (view.starter.principal, view.starter.identity) == ("alert:guardduty", "alert:aws")


async def test_one_wait_for_the_disk_between_an_alert_and_its_incident(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is matched is claimed, and counted as a start, in the same transaction."""
    report, statements, waits = desk.site.engine.reports.report, list[str](), list[int]()

    async def reported(*arguments: Any, **named: Any) -> Any:
        begun = next(number for number, one in enumerate(statements) if "INTO hit " in one)
        waits.append(statements[begun:].count("COMMIT"))
        return await report(*arguments, **named)

    monkeypatch.setattr(desk.site.engine.reports, "report", reported)
    await desk.deliveries.look(lambda database: database.set_trace_callback(statements.append))
    async with desk.dispatching() as dispatcher:
        await desk.until(lambda _: any("DELETE FROM start" in one for one in statements))  # The first round is over.
        await desk.add(posted("1", finding(a_key())))
        dispatcher.wake()
        await desk.settled(State.STARTED)
    assert waits == [1]


async def test_an_alert_right_behind_another(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a storm makes the dispatcher pause: what comes alone is dealt with at once."""
    monkeypatch.setattr("firedoor.deliveries.dispatch.BREATH", 3600.0)
    async with desk.dispatching() as dispatcher:
        await desk.add(posted("1", finding(a_key())))
        dispatcher.wake()
        await desk.settled(State.STARTED)
        await desk.add(posted("2", finding(a_key())))
        dispatcher.wake()
        await desk.settled(State.STARTED, State.STARTED)


async def test_a_storm_is_one_incident_and_few_reports(desk: Desk) -> None:
    """Four hundred deliveries of one leak, while it is dispatched: an exact count, in a handful of updates."""
    key = a_key()
    async with desk.dispatching() as dispatcher:
        for part in range(4):
            await desk.add(*(posted(f"{part}/{number}", finding(key)) for number in range(100)))
            dispatcher.wake()
        found = await desk.settled()
    assert [one.state for one in found].count(State.STARTED) == 1
    assert {one.state for one in found[1:]} == {State.JOINED}
    assert await desk.alerts(f"leak-{key}") == 400
    told = [entry for entry in desk.site.entries(f"leak-{key}") if entry.kind == "incident.detected"]
    assert len(told) <= 5
    assert 1 + sum(entry.body["alert"]["count"] for entry in told) == 400


async def test_many_leaks_at_once(desk: Desk) -> None:
    """Twenty leaks, ten deliveries each, all mixed: twenty incidents, each with its ten."""
    keys = [a_key() for _ in range(20)]
    await desk.add(*(posted(f"{number}/{key}", finding(key)) for number in range(10) for key in keys))
    async with desk.dispatching():
        found = await desk.settled()
    assert [one.state for one in found].count(State.STARTED) == 20
    assert [await desk.alerts(f"leak-{key}") for key in keys] == [10] * 20


@pytest.mark.usefixtures("twins")
async def test_several_alerts_and_several_runbooks(desk: Desk) -> None:
    """Each alert of a delivery starts each runbook that it fits."""
    desk.runbook(LEAK.format(rules="max_starts: 9").replace("name: leak", "name: other"), name="other")
    one, two = a_key(), a_key()
    await desk.add(posted("1", b'{"keys": ["%s", "%s"]}' % (one.encode(), two.encode()), source="twins"))
    async with desk.dispatching():
        [found] = await desk.settled(State.STARTED)
    expected = sorted(f"{runbook}-{key}" for runbook in ("leak", "other") for key in (one, two))
    assert sorted(found.incidents) == expected
    assert [await desk.alerts(name) for name in expected] == [1, 1, 1, 1]


async def test_a_runbook_without_identity(desk: Desk) -> None:
    """Each delivery is an incident of its own, and the same one again is not another."""
    desk.runbook(LEAK.format(rules="max_starts: 9").replace("identity: [key]", ""))
    await desk.add(posted("1"), posted("2"))
    async with desk.dispatching() as dispatcher:
        first, second = await desk.settled(State.STARTED, State.STARTED)
        assert first.incidents != second.incidents
        await desk.deliveries.change(ledger.reopen, [first.id, second.id])
        dispatcher.wake()
        again, _ = await desk.settled(State.STARTED, State.STARTED)
    assert again.incidents == first.incidents
    assert again.attempts == 2
    assert await desk.alerts(first.incidents[0]) == 1


@pytest.mark.usefixtures("twins")
@pytest.mark.parametrize(
    ("source", "body", "state", "says"),
    [
        ("guardduty", finding(severity=3.0), State.IGNORED, "alert.severity is 3"),
        ("twins", b'{"keys": []}', State.IGNORED, "A ping."),
        ("twins", b'{"keys": ["AKIAX"], "resolved": true}', State.IGNORED, "says that it is over"),
        (
            "twins",
            b'{"keys": ["AKIAX"], "source": "elsewhere"}',
            State.IGNORED,
            "No runbook has a trigger for elsewhere",
        ),
        ("twins", b'{"no keys": 1}', State.DEAD, "cannot read it (KeyError)"),
        ("guardduty", b"not json", State.DEAD, "it is not JSON"),
        ("unheard-of", b"{}", State.DEAD, "There is no alert source 'unheard-of'."),
        ("guardduty", finding("no key"), State.DEAD, "alert.access_key_id is 'no key'"),
    ],
)
async def test_what_starts_nothing(desk: Desk, source: str, body: bytes, state: State, says: str) -> None:
    """It says why, and a later delivery is dealt with all the same."""
    key = a_key()
    await desk.add(posted("1", body, source=source), posted("2", finding(key)))
    async with desk.dispatching():
        [found, _] = await desk.settled(state, State.STARTED)
    assert says in found.reason


async def test_a_broken_runbook_does_not_silence_the_others(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """It is told; an alert that it may be meant for is a dead letter, and can be replayed once it is corrected."""
    key = a_key()
    wrong = LEAK.format(rules="max_starts: 9").replace("name: leak", "name: mild").replace("7.0", "1.0")
    desk.runbook(wrong.replace("approval: security", "aproval: security"), name="mild")
    await desk.add(posted("1", finding(key)), posted("2", finding(key, severity=2.0)))
    async with desk.dispatching() as dispatcher:
        _, dead = await desk.settled(State.STARTED, State.DEAD)
        assert "mild: it has mistakes, and may be the one: firedoor lint mild" in dead.reason
        assert "The runbook mild has mistakes" in caplog.text
        desk.runbook(wrong, name="mild")
        await desk.deliveries.change(ledger.reopen, [dead.id])
        dispatcher.wake()
        _, replayed = await desk.settled(State.STARTED, State.STARTED)
    assert replayed.incidents == (f"mild-{key}",)


async def test_a_runbook_that_went_away_in_between(desk: Desk) -> None:
    """What was matched with it is a dead letter."""
    [name] = await desk.add(posted("1"))
    async with desk.dispatching():
        await desk.settled(State.STARTED)
    await desk.add(posted("2", finding(a_key())))
    await desk.matched(Dispatcher(desk.site.engine, desk.deliveries, desk.settings))
    (desk.runbooks / "leak.yaml").unlink()
    async with desk.dispatching():
        _, dead = await desk.settled(State.STARTED, State.DEAD)
    assert "The runbook leak is gone" in dead.reason
    assert (await desk.deliveries.find(name)).state is State.STARTED


async def test_a_replay_keeps_what_is_in_an_incident(desk: Desk) -> None:
    """Also where the runbook would not take it any more; and what still waits is left alone."""
    one, two = a_key(), a_key()
    first, second = await desk.add(posted("1", finding(one)), posted("2", finding(two)))
    async with desk.dispatching() as dispatcher:
        await desk.settled(State.STARTED, State.STARTED)
        (desk.runbooks / "leak.yaml").unlink()
        assert await desk.deliveries.change(ledger.reopen, [first]) == 1
        dispatcher.wake()
        replayed, _ = await desk.settled(State.STARTED, State.STARTED)
    assert replayed.incidents == (f"leak-{one}",)
    query = "UPDATE delivery SET state = 'received' WHERE id = ?"
    await desk.deliveries.change(lambda database: database.execute(query, (second,)))
    await desk.deliveries.change(lambda database: database.execute("UPDATE hit SET state = 'held'"))
    assert await desk.deliveries.change(ledger.reopen, [second]) == 0
    assert len(await desk.deliveries.look(ledger.hits, second)) == 1


async def test_a_folder_of_runbooks_that_is_not_there(desk: Desk) -> None:
    """What is delivered meanwhile waits, and says why."""
    (desk.runbooks / "leak.yaml").unlink()
    desk.runbooks.rmdir()
    await desk.add(posted("1", finding(a_key())))
    async with desk.dispatching() as dispatcher:
        [waiting] = await desk.until(lambda found: bool(found[0].reason))
        assert waiting.state is State.RECEIVED
        assert "does not exist" in waiting.reason
        desk.runbooks.mkdir()
        desk.runbook()
        dispatcher.wake()
        await desk.settled(State.STARTED)


async def test_alerts_after_the_end(desk: Desk) -> None:
    """Activity before the end is known; activity after it means that the containment leaks: a new incident."""
    key = a_key()
    incident = f"leak-{key}"
    await desk.add(posted("1", finding(key)))
    async with desk.dispatching() as dispatcher:
        await desk.settled(State.STARTED)
        await desk.end(incident)
        await desk.add(
            posted("before", finding(key, **seen(after(-60)))),
            posted("same alert", finding(key)),
            posted("other alert, seen before", finding(key, id="another", **seen(after(-60)))),
        )
        dispatcher.wake()
        found = await desk.settled(State.STARTED, State.KNOWN, State.KNOWN, State.KNOWN)
        assert {one.incidents for one in found} == {(incident,)}
        assert "nothing of this was seen since" in found[1].reason
        assert "has handled this alert" in found[2].reason
        await desk.add(
            posted("after", finding(key, **seen(after(60)))), posted("late", finding(key, **seen(after(-60))))
        )
        dispatcher.wake()
        found = await desk.settled()
        assert {one.state for one in found[4:]} <= {State.STARTED, State.KNOWN, State.JOINED}
        assert found[4].state is State.STARTED
    assert (await desk.site.view(incident)).alerts <= 2


async def test_another_alert_after_the_end(desk: Desk) -> None:
    """Where the source says nothing of when, what was never reported to it is new."""
    key = a_key()
    await desk.add(posted("1", finding(key)))
    async with desk.dispatching() as dispatcher:
        await desk.settled(State.STARTED)
        await desk.end(f"leak-{key}")
        await desk.add(posted("2", finding(key, id="another")))
        dispatcher.wake()
        await desk.settled(State.STARTED, State.STARTED)
    assert await desk.alerts(f"leak-{key}") == 1


async def test_no_more_starts_than_the_runbook_allows(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """The next one is held, and told with the command that starts it; joining is never limited; a replay works."""
    desk.runbook(rules="max_starts: 2")
    keys = [a_key() for _ in range(3)]
    async with desk.dispatching() as dispatcher:
        for number, key in enumerate(keys):
            await desk.add(posted(str(number), finding(key)))
            dispatcher.wake()
            await desk.settled()
        last = (await desk.settled())[-1]
        assert last.state is State.HELD
        assert last.incidents == ()
        assert f"firedoor run leak key={keys[2]}" in last.reason
        assert "is held with 1 alert." in caplog.text
        await desk.add(posted("again", finding(keys[0])))
        dispatcher.wake()
        await desk.settled(State.STARTED, State.STARTED, State.HELD, State.JOINED)
        desk.runbook(rules="max_starts: 3")
        await desk.deliveries.change(ledger.reopen, [last.id])
        dispatcher.wake()
        await desk.settled(State.STARTED, State.STARTED, State.STARTED, State.JOINED)


async def test_a_runbook_that_only_people_start(desk: Desk) -> None:
    """An alert starts nothing, and says how a person would; what a person has started it joins."""
    desk.runbook(rules=PEOPLE_ONLY)
    key = a_key()
    await desk.add(posted("1", finding(key)))
    async with desk.dispatching() as dispatcher:
        [found] = await desk.settled(State.IGNORED)
        assert f"firedoor run leak key={key}" in found.reason
        plan = (await asyncio.to_thread(dispatcher._runbooks.known)).plans["leak"]
        ada = Responder(principal="user:ada", auth="os")
        await desk.site.engine.start(plan, {"key": key}, starter=ada)
        await desk.add(posted("2", finding(key)))
        dispatcher.wake()
        await desk.settled(State.IGNORED, State.JOINED)


async def test_no_worker_for_a_while(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The alert waits and says why; when a worker comes it has counted once."""
    monkeypatch.setattr("firedoor.engine.reports.ANSWER_SECONDS", 0.3)
    await desk.site.worker.aclose()
    key = a_key()
    await desk.add(posted("1", finding(key)), posted("2", finding(key)))
    async with desk.dispatching():
        waiting = await desk.until(lambda found: all(one.reason for one in found))
        assert {one.state for one in waiting} == {State.RECEIVED}
        assert "Neither Temporal nor a worker" in waiting[0].reason
        monkeypatch.setattr("firedoor.engine.reports.ANSWER_SECONDS", 15.0)
        async with desk.site.serving():
            await desk.settled(State.STARTED, State.JOINED)
            assert await desk.alerts(f"leak-{key}") == 2


async def test_an_incident_that_ends_before_its_alerts_are_settled(desk: Desk) -> None:
    """A batch that was taken, by a process that died before it could say so, is not reported to a new incident."""
    key = a_key()
    await desk.add(posted("1", finding(key)), posted("2", finding(key)))
    dispatcher = Dispatcher(desk.site.engine, desk.deliveries, desk.settings)
    await desk.matched(dispatcher)
    batch = await desk.deliveries.change(ledger.claim, f"leak-{key}", {}, datetime.now(UTC))
    assert batch is not None
    seen_ = await desk.site.engine.reports.standing(f"leak-{key}")
    plan = dispatcher._runbooks.known().plans["leak"]
    await dispatcher._reporter._report(batch, plan, seen_)
    await desk.deliveries.change(lambda database: database.execute("UPDATE hit SET state = 'received'"))
    await desk.deliveries.change(lambda database: database.execute("UPDATE delivery SET state = 'received'"))
    await desk.end(f"leak-{key}")
    async with desk.dispatching():
        await desk.settled(State.STARTED, State.JOINED)
    assert (await desk.site.view(f"leak-{key}")).alerts == 2


async def test_a_store_that_fails_is_waited_out(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """The dispatcher goes on when there is room again."""
    await desk.add(posted("1", finding(a_key())))
    await desk.deliveries.change(lambda database: database.execute("ALTER TABLE hit RENAME TO gone"))
    async with desk.dispatching() as dispatcher:
        async with asyncio.timeout(10):
            while "Alerts wait" not in caplog.text:
                await asyncio.sleep(0.02)
        await desk.deliveries.change(lambda database: database.execute("ALTER TABLE gone RENAME TO hit"))
        dispatcher.wake()
        await desk.settled(State.STARTED)


async def test_a_mistake_of_ours_ends_the_dispatcher(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody expected is not waited out in silence: whoever runs it is told."""
    await desk.add(posted("1", finding(a_key())))
    dispatcher = Dispatcher(desk.site.engine, desk.deliveries, desk.settings)
    monkeypatch.setattr(dispatcher._reporter, "deliver", None)
    with pytest.raises(TypeError):
        await asyncio.wait_for(dispatcher.run(), 20)


async def test_old_deliveries_are_removed(desk: Desk) -> None:
    """What is handled goes after 30 days; what waits for a person stays."""
    await desk.add(
        posted("old", finding(severity=1.0)), posted("dead", b"nonsense"), posted("new", finding(severity=1.0))
    )
    async with desk.dispatching():
        await desk.settled(State.IGNORED, State.DEAD, State.IGNORED)
    long_ago = "2026-01-01T00:00:00.000000Z"
    query = "UPDATE delivery SET received_at = ? WHERE key != 'new'"
    await desk.deliveries.change(lambda database: database.execute(query, (long_ago,)))
    async with desk.dispatching():
        found = await desk.until(lambda all_: len(all_) == 2)
    assert [one.key for one in found] == ["dead", "new"]


async def test_two_dispatchers_take_turns(desk: Desk) -> None:
    """One works; when it ends, the other goes on."""
    key = a_key()
    second = await asyncio.to_thread(Deliveries.open, desk.settings.deliveries_path)
    async with desk.dispatching() as first:
        other = asyncio.create_task(Dispatcher(desk.site.engine, second, desk.settings).run())
        await desk.add(posted("1", finding(key)))
        first.wake()
        await desk.settled(State.STARTED)
    await desk.add(posted("2", finding(key)))
    await desk.settled(State.STARTED, State.JOINED)
    other.cancel()
    await asyncio.gather(other, return_exceptions=True)
    await second.close()


async def test_opened_and_closed_under_our_hands(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried a few times, and then later."""
    await desk.add(posted("1", finding(a_key())))
    dispatcher = Dispatcher(desk.site.engine, desk.deliveries, desk.settings)
    await desk.matched(dispatcher)
    [incident] = await desk.deliveries.look(ledger.waiting)
    batch = await desk.deliveries.change(ledger.claim, incident, {}, datetime.now(UTC))

    async def overtaken(*_: Any, **__: Any) -> None:
        return None

    monkeypatch.setattr(desk.site.engine.reports, "report", overtaken)
    assert batch is not None
    with pytest.raises(UnreachableError, match="again and again"):
        await dispatcher._reporter.deliver(batch)
