"""A campaign on the terminal: percent done, not percent sent; who is slow, what is in doubt, what to do. Pure."""

import datetime
import shlex
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from firedoor.campaign import STILL, Flow, MessageState, Standing, Tally
from firedoor.cli.views.paste import Command
from firedoor.cli.views.signs import Sign
from firedoor.engine.campaigns import Picture
from firedoor.phrases import tells
from firedoor.plain import plain
from firedoor.recipient import CampaignRow, Message, Recipient
from firedoor.words import clock, duration, plural

BAR = 20
FLOWS = {
    Flow.PREPARED: Sign("?", "waits for approval", "bold yellow"),
    Flow.RUNNING: Sign("▶", "running", "cyan"),
    Flow.PAUSED: Sign("‖", "paused", "bold blue"),
    Flow.HALTED: Sign("!", "HALTED", "bold red"),
    Flow.STOPPED: Sign("✗", "stopped", "red"),
    Flow.ENDED: Sign("✓", "ended", "green"),
}
#: What a person may still do with it.
VERBS: dict[Flow, tuple[str, ...]] = {
    Flow.RUNNING: ("pause", "stop"),
    Flow.PAUSED: ("resume", "stop"),
    Flow.HALTED: ("retry-failed", "resume", "stop"),
}
TWICE = "It may have arrived: sent again, its reader may get it twice."


def listing(found: Sequence[tuple[CampaignRow, Standing]]) -> RenderableType:
    """Every campaign on a line."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(4):
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for row, standing in found:
        share = Text(f"{_percent(standing.done, standing.customers):>3} % {standing.goal.value}", style="bold")
        told = f"{standing.reached:,} of {plural(standing.customers, 'customers')} reached"
        table.add_row(Text(plain(row.id), style="bold"), FLOWS[row.flow].text(), share, told, _about(row))
    return table


def campaign(picture: Picture, now: datetime.datetime) -> RenderableType:
    """One campaign, whole."""
    row, standing = picture.row, picture.standing
    parts: list[RenderableType] = [*_head(row, standing, now), Text(), _done(standing)]
    for title, tallies in (("by cohort", standing.cohorts), ("by provider", standing.providers)):
        parts += _tallies(title, tallies, standing.goal.value)
    parts += [Text(), _messages(standing), *_unseen(picture), *_losses(picture)]
    parts += _slowest(picture, now)
    parts += _tasks(picture)
    parts += _doubts(picture, now)
    parts += [Text(), *_commands(row)] if row.flow in VERBS else []
    return Group(*parts)


def _head(row: CampaignRow, standing: Standing, now: datetime.datetime) -> Iterator[RenderableType]:
    line = Text.assemble((plain(row.id), "bold"), "  ").append_text(FLOWS[row.flow].text())
    if standing.reason:
        line.append(f": {plain(standing.reason)}")
    yield line
    if row.drill:
        yield Text("DRILL: nobody outside is written to", style="bold blue")
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column(overflow="fold")
    rows.add_row("notice", _about(row).removeprefix("tells customers: "))
    rows.add_row("content", f"sha256 {row.digest[:16]}…")
    if row.began:
        began = datetime.datetime.fromtimestamp(row.began, datetime.UTC)
        rows.add_row("began", f"{clock(began.isoformat(), now)} UTC, {duration((now - began).total_seconds())} ago")
    if row.spec.until:
        rows.add_row("until", row.spec.until)
    yield rows


def _about(row: CampaignRow) -> str:
    return plain(tells(row.spec)) + (f", corrects {plain(row.corrects)}" if row.corrects else "")


def _done(standing: Standing) -> RenderableType:
    """The one line that matters; below it what has to happen before."""
    line = Text(f" {_bar(standing.done, standing.customers)} ", style="green")
    line.append(f"{_percent(standing.done, standing.customers)} % {standing.goal.value}", style="bold")
    line.append(f"  {standing.done:,} of {plural(standing.customers, 'customers')}", style="default")
    before = Text(f" {standing.reached:,} reached{_by_hand(standing)} · {standing.acknowledged:,} acknowledged")
    if standing.holding:
        before.append(f" · {standing.holding:,} waited for", style="yellow")
    return Group(line, before)


def _by_hand(standing: Standing) -> str:
    return f" ({standing.by_hand:,} by hand)" if standing.by_hand else ""


def _tallies(title: str, tallies: Mapping[str, Tally], word: str) -> list[RenderableType]:
    named = {name: tally for name, tally in tallies.items() if name and tally.total}
    if not named:
        return []
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(2):
        table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    done = {name: getattr(one, "remediated" if word == "rotated" else word) for name, one in named.items()}
    for name in sorted(named, key=lambda name: (_percent(done[name], named[name].total), name)):
        one = named[name]
        share = Text(f"{_percent(done[name], one.total)} %", style="bold")
        counts = f"{done[name]:,} of {one.total:,} · {one.reached:,} reached · {one.acknowledged:,} acknowledged"
        table.add_row(f"   {plain(name)}", Text(_bar(done[name], one.total, BAR // 2), style="green"), share, counts)
    return [Text(), Text(f" {title}", style="dim"), table]


def _messages(standing: Standing) -> Text:
    states = [(state, standing.messages.get(state, 0)) for state in MessageState]
    counts = " · ".join(f"{state.value.replace('_', ' ')} {count:,}" for state, count in states if count)
    line = Text.assemble((" messages  ", "dim"), counts or "none yet")
    if standing.wait >= 1:
        line.append(f" · the next in {duration(standing.wait)}", style="dim")
    return line


def _unseen(picture: Picture) -> list[RenderableType]:
    """0 % may also mean that nobody could look."""
    if not picture.unseen or picture.row.flow is Flow.PREPARED:
        return []
    title = Text(" could not be looked at: whether they are replaced is not known", style="yellow")
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for says, count in picture.unseen:
        table.add_row(f"   {plural(count, 'credentials')}", plain(says) or "no reason was given")
    return [Text(), title, table]


def _losses(picture: Picture) -> list[RenderableType]:
    """Why messages did not arrive: what a person looks at before it goes on."""
    if not picture.losses:
        return []
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for one in picture.losses:
        reason = plain(one.reason) or "no reason was given"
        table.add_row(f"   {one.count:,}", f"{one.channel} {one.state.value}", reason)
    return [Text(), Text(" did not arrive", style="dim"), table]


def _slowest(picture: Picture, now: datetime.datetime) -> list[RenderableType]:
    if not picture.slowest or picture.row.flow is Flow.PREPARED:
        return []
    left = picture.standing.holding - len(picture.slowest)
    more = f" (and {left:,} more)" if left > 0 else ""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for one in picture.slowest:
        table.add_row(Text(f"   {plain(one.customer)}", style="bold"), _slow(one, now))
    return [Text(), Text(f" slowest customers{more}", style="dim"), table]


def _slow(one: Recipient, now: datetime.datetime) -> str:
    if one.reached:
        told = f"told {'by hand ' if one.by_hand else ''}{duration(now.timestamp() - one.reached)} ago"
        told += ", acknowledged" if one.acknowledged else ", not acknowledged"
    else:
        told = "not reached yet"
    parts = [*dict.fromkeys((one.cohort, one.exposure)), plural(len(one.credentials), "credentials"), told]
    name = f"{plain(one.name)}: " if one.name and one.name != one.customer else ""
    return name + " · ".join(part for part in parts if part)


def _tasks(picture: Picture) -> list[RenderableType]:
    if not picture.tasks:
        return []
    left = picture.standing.tasks - len(picture.tasks)
    more = f" (and {left:,} more)" if left > 0 else ""
    lines = [Padding(Text(f"! {plain(one.customer)}: {plain(one.task)}", "red"), (0, 0, 0, 3)) for one in picture.tasks]
    advice = Text("     Reach them another way (telephone, their account manager), then say so:", style="dim")
    first = picture.tasks[0].customer if len(picture.tasks) == 1 else "CUSTOMER"
    command = Padding(Command(reaches(picture.row.id, first)), (0, 0, 0, 5))
    return [Text(), Text(f" a person has to see to{more}", style="bold red"), *lines, advice, command]


def reaches(campaign: str, customer: str) -> str:
    """The command that closes the task of a customer."""
    return f"firedoor campaign reached {shlex.quote(campaign)} {shlex.quote(customer)} --reason '…'"


def _doubts(picture: Picture, now: datetime.datetime) -> list[RenderableType]:
    if not picture.doubts:
        return []
    total = picture.standing.messages.get(MessageState.IN_DOUBT, len(picture.doubts))
    lines = [Padding(Text(f"? {_doubt(one, now)}", "yellow"), (0, 0, 0, 3)) for one in picture.doubts]
    command = f"firedoor campaign retry-failed {shlex.quote(picture.row.id)} --in-doubt --reason '…'"
    advice = Text(f"     {TWICE} To do so all the same:", style="dim")
    return [
        Text(),
        Text(f" in doubt: {plural(total, 'messages')}", style="bold yellow"),
        *lines,
        advice,
        Padding(Command(command), (0, 0, 0, 5)),
    ]


def _doubt(one: Message, now: datetime.datetime) -> str:
    at = datetime.datetime.fromtimestamp(one.changed, datetime.UTC).isoformat()
    return f"{plain(one.customer)}, {one.channel} to {one.contact}, {clock(at, now)} UTC: {plain(one.reason)}"


def _commands(row: CampaignRow) -> Iterator[RenderableType]:
    for verb in VERBS[row.flow]:
        reason = " --reason '…'" if verb != "resume" else ""
        yield Padding(Command(f"firedoor campaign {verb} {shlex.quote(row.id)}{reason}"), (0, 0, 0, 1))


def over(picture: Picture) -> bool:
    """Will nothing more come of it?"""
    return picture.row.flow in (Flow.ENDED, Flow.STOPPED)


def still(standing: Standing) -> bool:
    """Does it not send because somebody, or it itself, said so?"""
    return standing.flow in STILL


def _percent(part: int, whole: int) -> int:
    return 100 * part // whole if whole else 0


def _bar(part: int, whole: int, size: int = BAR) -> str:
    full = size * part // whole if whole else 0
    return "█" * full + "░" * (size - full)
