"""Alerts that are held or dead are told in Slack: once, in few words, and again only when there are more."""

import sqlite3
from pathlib import Path

from firedoor.deliveries import Deliveries, NewDelivery
from firedoor.drill.slack.local import LocalSlack
from firedoor.server.stranded import QUIET, Stranded
from tests.server.test_chat import BY_SOCKET, configured
from tests.slack.telling import client_at, heads, says


class Clock:
    """A clock that a test turns."""

    now = 0.0

    def __call__(self) -> float:
        """The seconds."""
        return self.now


async def wait(deliveries: Deliveries, number: int, state: str, title: str = "A key leaked") -> None:
    """A delivery that nobody has dealt with."""
    added = await deliveries.add(NewDelivery("pager", "pagerduty", f"{number}", {}, b"{}"))

    def settle(database: sqlite3.Connection) -> None:
        values = (state, title, f"2026-11-29T03:00:{number:02d}Z", added.id)
        query = (
            "UPDATE delivery SET state = ?, matched = 1, title = ?, reason = 'leak: no', handled_at = ? WHERE id = ?"
        )
        database.execute(query, values)

    await deliveries.change(settle)


async def test_what_waits_is_told_once(slack: LocalSlack, tmp_path: Path) -> None:
    """With what to do; a stranger's title calls nobody; more of them only after a while, and after a restart nothing."""
    settings = configured(tmp_path / "home", slack, **BY_SOCKET)
    clock = Clock()
    async with client_at(slack, settings) as client, Deliveries.open(settings.deliveries_path) as deliveries:
        stranded = Stranded(settings, deliveries, clock=clock)
        await stranded.tell(client)
        assert heads(slack) == []

        await wait(deliveries, 1, "held", "<!channel> A key leaked")
        await wait(deliveries, 2, "dead", title="")
        await wait(deliveries, 3, "started")
        for _ in range(3):
            await stranded.tell(client)
        [message] = heads(slack)
        assert message.text == "2 alerts may need a person: 1 held, 1 dead"
        assert "pager: &lt;!channel&gt; A key leaked — leak: no" in says(message)
        assert "pager: 2 — leak: no" in says(message)
        assert "firedoor alerts --state held" in says(message)

        for number in range(4, 10):
            await wait(deliveries, number, "dead")
        await stranded.tell(client)
        assert len(heads(slack)) == 1
        clock.now += QUIET
        await stranded.tell(client)
        assert heads(slack)[-1].text == "6 alerts may need a person: 0 held, 6 dead"
        assert "8 wait in all." in says(heads(slack)[-1])

        await Stranded(settings, deliveries, clock=clock).tell(client)
        assert len(heads(slack)) == 2
