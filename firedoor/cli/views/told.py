"""One customer of a campaign on the terminal: how far it is, with whom it was told, where each message stands. Pure."""

import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from firedoor.campaign import MessageState
from firedoor.engine.campaigns import Told
from firedoor.plain import plain
from firedoor.recipient import Message, Recipient
from firedoor.words import clock, duration, plural

COLOURS = {
    MessageState.BOUNCED: "red",
    MessageState.FAILED: "red",
    MessageState.COMPLAINED: "yellow",
    MessageState.IN_DOUBT: "bold yellow",
}


def told(found: Told, campaign: str, now: datetime.datetime) -> RenderableType:
    """All of it."""
    one = found.recipient
    parts: list[RenderableType] = [Text.assemble((plain(found.asked), "bold"), f" in {plain(campaign)}")]
    if line := _shared(found):
        parts.append(Text(f" {plain(line)}", style="yellow"))
    parts.append(Text(f" {plain(_far(one, now))}"))
    if one.task:
        parts.append(Text(f" ! {plain(one.task)}", style="red"))
    return Group(*parts, Text(), _messages(found, now))


def _shared(found: Told) -> str:
    """With whom it is told, for an address of which both are reached."""
    first, others = found.recipient.customer, [one for one in found.others if one != found.asked]
    if found.asked != first:
        more = f" and {', '.join(others)}" if others else ""
        return f"It is told with {first}{more} in one message, for they have one contact. All below is {first}'s."
    return f"{', '.join(others)} {'is' if len(others) == 1 else 'are'} told in its message." if others else ""


def _far(one: Recipient, now: datetime.datetime) -> str:
    steps = [
        ("reached by hand" if one.by_hand else "reached", one.reached),
        ("acknowledged", one.acknowledged),
        ("rotated", one.remediated),
    ]
    said = [f"{word} {duration(now.timestamp() - at)} ago" if at else f"not {word}" for word, at in steps]
    parts = [*dict.fromkeys((one.name, one.cohort, one.exposure)), plural(len(one.credentials), "credentials"), *said]
    return " · ".join(part for part in parts if part)


def _messages(found: Told, now: datetime.datetime) -> RenderableType:
    if not found.messages:
        return Text(" no message", style="dim")
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(3):
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for one in found.messages:
        state = Text(one.state.value.replace("_", " "), style=COLOURS.get(one.state, ""))
        table.add_row(f" {_what(one)}", _to(one), state, _since(one, now))
    return table


def _what(one: Message) -> str:
    return f"reminder {one.reminder}" if one.reminder else "notice"


def _to(one: Message) -> str:
    return plain(f"{one.channel} to {one.contact}" + (f" ({one.address})" if one.address else ""))


def _since(one: Message, now: datetime.datetime) -> str:
    at = datetime.datetime.fromtimestamp(one.changed, datetime.UTC)
    when = f"{clock(at.isoformat(), now)} UTC" if one.changed else ""
    return plain(": ".join(filter(None, [when, one.reason])))
