"""Deliveries of alerts: the list, one in full, and what a payload would start. Pure."""

import datetime
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from firedoor.cli.views.signs import Sign
from firedoor.deliveries import Delivery, Hit, State
from firedoor.deliveries.trial import Trial, Would
from firedoor.plain import plain
from firedoor.words import clock

STATES = {
    State.RECEIVED: Sign("○", "received", "cyan"),
    State.STARTED: Sign("▶", "started", "green"),
    State.JOINED: Sign("✓", "joined", "green"),
    State.KNOWN: Sign("✓", "known", "dim"),
    State.IGNORED: Sign("-", "ignored", "dim"),
    State.HELD: Sign("?", "HELD", "bold yellow"),
    State.DEAD: Sign("✗", "DEAD", "bold red"),
}
#: Of a body, so much is shown; `-o json` has all of it.
MOST_SHOWN = 4_000


def listing(found: Sequence[Delivery], now: datetime.datetime) -> Table:
    """One line a delivery; below it, why it is where it is."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(5):
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    heads = ("STATE", "DOOR", "SEEN", "RECEIVED UTC", "ID", "ALERT AND INCIDENT")
    table.add_row(*(Text(title, style="dim") for title in heads))
    for one in found:
        door = one.door if one.door == one.source else f"{one.door} ({one.source})"
        what = Text(plain(one.name))
        for name in one.incidents:
            what.append(f"\n→ {plain(name)}", style="cyan")
        if one.reason and one.state not in {State.STARTED, State.JOINED}:
            what.append(f"\n{plain(one.reason.splitlines()[0])}", style="dim")
        received = clock(one.received_at, now)
        table.add_row(STATES[one.state].text(), plain(door), f"{one.seen}", received, one.id, what)
    return table


def hint(counts: Mapping[State, int], *, shown: State | None) -> str:
    """What to do about those that wait for a person."""
    waiting = [state for state in (State.DEAD, State.HELD) if counts[state] and state is not shown]
    if shown is not None and shown in {State.DEAD, State.HELD} and counts[shown]:
        return f"firedoor alerts show ID says more; firedoor alerts replay --state {shown.value} tries them again."
    said = " and ".join(f"{counts[state]:,} {state.value}" for state in waiting)
    return f"{said}: firedoor alerts {', '.join(f'--state {state.value}' for state in waiting)}" if waiting else ""


def whole(one: Delivery, hits: Sequence[Hit], now: datetime.datetime) -> RenderableType:
    """All that is known of a delivery."""
    return Group(*_whole(one, hits, now))


def _whole(one: Delivery, hits: Sequence[Hit], now: datetime.datetime) -> Iterator[RenderableType]:
    yield STATES[one.state].text().append(f"  {plain(one.name)}", style="bold")
    facts = Table.grid(padding=(0, 2, 0, 0))
    facts.add_row("id", one.id)
    facts.add_row("door", plain(f"/hooks/{one.door} ({one.source})"))
    facts.add_row("key", plain(one.key))
    facts.add_row("received", f"{clock(one.received_at, now)} UTC" + (f", {one.seen} times" if one.seen > 1 else ""))
    if one.handled_at:
        facts.add_row("handled", f"{clock(one.handled_at, now)} UTC, attempt {one.attempts}")
    for name in one.incidents:
        facts.add_row("incident", Text(plain(name), style="cyan"))
    yield facts
    if one.reason:
        yield Text(f"\n{plain(one.reason)}")
    for hit in hits:
        words = " ".join(f"{name}={value}" for name, value in hit.inputs.items())
        line = Text("\n").append_text(STATES[hit.state].text()).append(f"  {hit.runbook}: {plain(hit.incident)}")
        yield line.append(f"\n  {plain(words)}", style="dim")
    against = [line for line in one.against.splitlines() if line not in one.reason.splitlines()]
    if against:
        yield Text("\n" + "\n".join(plain(line) for line in against), style="dim")
    headers = "".join(f"{name}: {value}\n" for name, value in one.headers.items())
    body = one.body.decode("utf-8", "replace")
    more = f"\n… and {len(body) - MOST_SHOWN:,} more characters: -o json" if len(body) > MOST_SHOWN else ""
    yield Text(f"\n{plain(headers)}{plain(body[:MOST_SHOWN])}{more}")


def trials(found: Sequence[Trial], note: str) -> RenderableType:
    """What each alert of a payload would start."""
    parts = [part for one in found for part in _trial(one)]
    if not found:
        parts = [Text(f"It holds no alert: {plain(note) or 'it reports nothing.'}")]
    return Group(*parts)


def _trial(one: Trial) -> Iterator[RenderableType]:
    alert = one.alert
    kind = f"{alert.type}, " if alert.type and alert.type != alert.title else ""
    yield Text(plain(alert.title or alert.id), style="bold").append(
        plain(f"  {alert.source} ({kind}severity {alert.severity:g})"), style="dim"
    )
    for would in one.would:
        yield from _would(would)
    if not one.would:
        yield Text("✗ It starts nothing.", style="yellow")
    for reason in one.against:
        yield Text(f"  {plain(reason)}", style="dim")


def _would(would: Would) -> Iterator[RenderableType]:
    if would.starts:
        yield Text("✓ ", style="green").append(f"{would.runbook} would start, or join, {plain(would.incident)}")
    else:
        yield Text("✗ ", style="yellow").append(f"{would.runbook} fits, but only people start it (auto: off):")
        yield Text(f"    {plain(would.command)}", style="cyan")
    for name, value in would.inputs.items():
        yield Text(f"    {name}={plain(str(value))}")
    if would.starts:
        changes = ", ".join(would.at_once) or "nothing"
        yield Text(f"    at once (auto: {would.auto.value}) it changes: {changes}")
        for step, policy in would.asks.items():
            yield Text(f"    {step} waits for people: {policy}", style="dim")
