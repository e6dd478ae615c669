"""The record of an incident on the terminal, and what a verification of its export found. Pure."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from firedoor.cli.views.signs import VERDICTS, Sign
from firedoor.plan import Verdict
from firedoor.report.document import Mark
from firedoor.report.story import story
from firedoor.timeline.entry import Entry
from firedoor.timeline.render import printable, rows, unresolved
from firedoor.timeline.verify import Class, Verification
from firedoor.words import plural

SIGNS = {
    Class.FAILED: Sign("✗", "FAILED", "bold red"),
    Class.UNRESOLVED: Sign("!", "UNRESOLVED", "bold yellow"),
    Class.ERASED: Sign("·", "ERASED", "dim"),
    Class.WITHHELD: Sign("?", "WITHHELD", "yellow"),
    Class.UNANCHORED: Sign("○", "UNANCHORED", "dim"),
}

#: Findings of a kind that are shown: of a campaign nearly every entry has values that are not in the file.
MOST = 10

MEANINGS = {
    Class.FAILED: "altered, or never what it claims to be: do not rely on this file",
    Class.UNRESOLVED: "begun, and nothing says how it ended",
    Class.ERASED: "deleted for good, as an entry says; the rest is as it was signed",
    Class.WITHHELD: "named, and not in this file",
    Class.UNANCHORED: "nobody outside the log's own host has vouched for it",
}


def timeline(entries: Sequence[Entry]) -> RenderableType:
    """One entry after the other, under the date of its day; what has no outcome at the end."""
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(justify="right", style="dim", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    day = ""
    for row in rows(entries):
        date, _, time = row.time.partition(" ")
        if date != day:
            table.add_row("", Text(date, style="bold"), Text("UTC", style="bold"))
            day = date
        text = Text()
        if row.step:
            text.append(f"{row.step}: ", style="bold")
        text.append(row.say.removeprefix(f"{row.step}: "))
        if row.verdict in {verdict.value for verdict in Verdict}:
            sign = VERDICTS[Verdict(row.verdict)]
            text.append(f"  {sign.icon} {sign.word}", style=sign.style)
        # The workflow's own decisions bear the incident's name, which everybody knows here.
        if row.who != printable(entries[0].incident):
            text.append(f"  {row.who}", style="dim")
        table.add_row(str(row.seq), f"{time:<10}", text)
    open_ends = unresolved(entries)
    if not open_ends:
        return table
    numbers = ", ".join(str(entry.seq) for entry in open_ends)
    return Group(table, Text(f"\n! Begun, with no recorded end: {numbers}", style="bold yellow"))


def short(entries: Sequence[Entry]) -> RenderableType:
    """What was decided and changed: of many targets of one step one line."""
    told = story(entries)
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(justify="right", style="dim", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    for time, step, what, who, number in told.rows:
        said = what.word if isinstance(what, Mark) else str(what)
        text = Text.assemble((f"{step}: " if step else "", "bold"), said, (f"  {who}" if who else "", "dim"))
        table.add_row(str(number), str(time), text)
    return Group(table, Text(told.more, style="dim"))


def verification(found: Verification, key: str) -> RenderableType:
    """What a file proves and what it does not: each class apart, the last line in one word."""
    facts = Table.grid(padding=(0, 2, 0, 0))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    facts.add_row("incident", printable(found.incident) or "-")
    facts.add_row("log", f"{printable(found.log)}, {plural(found.size, 'entries')} at the checkpoint")
    facts.add_row("entries", f"{found.entries:,}")
    facts.add_row("exported", f"{printable(found.exported_at)} by {printable(found.requested_by)}")
    facts.add_row("key", f"{found.key_id}, {key}")
    facts.add_row("sha256", found.bundle_sha256)
    parts: list[RenderableType] = [facts]
    for kind, sign in SIGNS.items():
        if findings := found.of(kind):
            parts.append(Text(f"\n{sign.icon} {sign.word}: {MEANINGS[kind]}", style=sign.style))
            parts += [Text(f"  {printable(one.place)}: {printable(one.say)}") for one in findings[:MOST]]
            if len(findings) > MOST:
                parts.append(Text(f"  … and {len(findings) - MOST:,} more: -o json lists them all", style="dim"))
    word = Text("\n✓ VERIFIED: every byte is what was signed.", style="bold green")
    if not found.ok:
        word = Text("\n✗ FAILED: do not rely on this file.", style="bold red")
    return Group(*parts, word)
