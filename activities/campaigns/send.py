"""Send what is due of a campaign: exactly one message for each row of the outbox, whatever dies when.

One sender at a time works on a campaign. It first finds out what became of the messages that an earlier one had begun;
then it sends, until nothing is due or the flow of the campaign says no. It may be stopped anywhere, by anything.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from activities.campaigns.commits import Commits
from activities.campaigns.lanes import Sender, Way
from activities.campaigns.letters import Letters
from activities.campaigns.recovering import found
from activities.transports._transport import Transport
from firedoor.campaign import Flow, Standing, Work
from firedoor.errors import FiredoorError, RefusedError
from firedoor.outbox import claims, reading
from firedoor.outbox.publishing import Publisher
from firedoor.outbox.states import OVER
from firedoor.outbox.store import Outbox
from firedoor.turn import Turn

#: Seconds between two looks at the flow, between two reports to the timeline, and until it is our turn.
FLOW, TELL, TURN = 0.25, 0.5, 0.2
#: What is due so soon is waited for. Seconds.
SOON = 2.0
#: Seconds that messages on their way get to come to their end when the work is cancelled.
GRACE = 20.0


def _no_heartbeat() -> None:
    """Nobody waits for a sign of life."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What a sender works with. `heartbeat` is called at least once a second; `clock` is seconds since the epoch."""

    outbox: Outbox
    publisher: Publisher
    transports: Mapping[str, Transport]
    heartbeat: Callable[[], None] = _no_heartbeat
    clock: Callable[[], float] = time.time


async def send(work: Work, letters: Letters, bench: Bench) -> Standing:
    """Send what is due to the first `work.upto` customers. `Standing.wait` says in how many seconds more will be due.

    Raises `RefusedError` where the campaign is not what was approved, and `StoreError`, `TimelineError`,
    `DisclosureError` where a record cannot be written: nothing is sent without one. All of it can be asked again.
    """
    row = await asyncio.to_thread(bench.outbox.campaign, work.campaign)
    if row.digest != work.digest:
        raise RefusedError(f"The campaign {row.id} is not what was approved.", changed="Nothing was sent.")
    turn = await _turn(bench, row.id)
    try:
        await _work(work, letters, bench)
    finally:
        turn.give()
    return await asyncio.to_thread(_standing, work, bench)


async def _turn(bench: Bench, campaign: str) -> Turn:
    """Wait until no other sender is at this campaign. One that died is at none."""
    number = await asyncio.to_thread(bench.outbox.look, reading.number, campaign)
    turn = Turn(bench.outbox.path.with_name(f"{bench.outbox.path.stem}-{number}.lock"))
    while not turn.take():
        bench.heartbeat()
        await asyncio.sleep(TURN)
    return turn


async def _work(work: Work, letters: Letters, bench: Bench) -> None:
    ways = {channel: Way(channel, transport) for channel, transport in bench.transports.items()}
    commits = Commits(bench.outbox, bench.clock)
    sender = Sender(bench.outbox, bench.publisher, letters, commits, ways, bench.clock)
    beside = [asyncio.create_task(_watch(sender, bench)), asyncio.create_task(_tell(sender, bench))]
    sending = asyncio.create_task(_send(work, sender, bench))
    try:
        await asyncio.shield(sending)
    except asyncio.CancelledError:
        # What is on the wire gets the time to end; the rest of it the next sender has to look for.
        sender.stop()
        await asyncio.wait([sending], timeout=GRACE)
        sending.cancel()
        raise
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(sending, *beside, return_exceptions=True)
        await commits.close()
    await asyncio.to_thread(_finish, sender, bench)


async def _send(work: Work, sender: Sender, bench: Bench) -> None:
    await _recover(sender, bench)
    outbox = bench.outbox
    while sender.going:
        await asyncio.to_thread(outbox.change, claims.catch_up, work.campaign, bench.clock())
        due = await asyncio.to_thread(outbox.look, claims.due, work.campaign, work.upto, bench.clock())
        if due:
            await sender.send(due)
            continue
        then = await asyncio.to_thread(outbox.look, claims.next_due, work.campaign, work.upto)
        if then is None or then - bench.clock() > SOON:
            return
        await asyncio.sleep(max(0.0, then - bench.clock()))


async def _recover(sender: Sender, bench: Bench) -> None:
    """Find out what became of the messages that an earlier sender had begun."""
    ids = await asyncio.to_thread(bench.outbox.look, claims.sending, sender.campaign)
    for message, recipient in await asyncio.to_thread(bench.outbox.look, claims.letters, ids):
        outcome = await found(message, recipient, sender.letters, bench.transports, bench.clock())
        await sender.commits.settle([outcome], [])


async def _watch(sender: Sender, bench: Bench) -> None:
    """Stop when the flow says so, and show that we are alive."""
    while sender.going:
        bench.heartbeat()
        try:
            flow = await asyncio.to_thread(bench.outbox.look, claims.flow, sender.campaign)
        except FiredoorError as error:
            sender.stop(error)
            continue
        if flow is not Flow.RUNNING:
            sender.stop()
        await asyncio.sleep(FLOW)
    while True:
        bench.heartbeat()
        await asyncio.sleep(FLOW)


async def _tell(sender: Sender, bench: Bench) -> None:
    """Keep the timeline up to date. While it cannot be written nothing is sent."""
    while sender.going:
        try:
            await asyncio.to_thread(bench.publisher.tell, sender.campaign)
        except FiredoorError as error:
            sender.stop(error)
        await asyncio.sleep(TELL)


def _finish(sender: Sender, bench: Bench) -> None:
    """Mark what will not be sent, tell the rest, and fail if something has."""
    with contextlib.suppress(FiredoorError) if sender.error else contextlib.nullcontext():
        if bench.outbox.campaign(sender.campaign).flow in OVER:
            bench.outbox.unsend(sender.campaign, bench.clock())
        bench.publisher.tell(sender.campaign)
    if sender.error:
        raise sender.error


def _standing(work: Work, bench: Bench) -> Standing:
    now = bench.clock()
    standing = bench.outbox.standing(work.campaign, now)
    then = bench.outbox.look(claims.next_due, work.campaign, work.upto)
    wait = max(0.0, then - now) if then is not None and standing.flow not in OVER else 0.0
    return standing.model_copy(update={"wait": wait})
