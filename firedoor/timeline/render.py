"""A timeline for people: rows for a terminal, and Markdown for an export.

Pure. Text in entries may come from an attacker (user names, error messages): control characters never reach a terminal,
and markup never reaches a page.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from firedoor.timeline.entry import INTENTS, OUTCOMES, Entry, Kind

_FALLBACK = {
    Kind.INCIDENT_OPENED: "The incident was opened.",
    Kind.INCIDENT_CLOSED: "The incident was closed.",
    Kind.STEP_SKIPPED: "The step was skipped.",
    Kind.STEP_NEEDS_ATTENTION: "The step waits for a person.",
    Kind.APPROVAL_REQUESTED: "Approval was asked for.",
    Kind.EXPORT: "The timeline was exported.",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One entry as one line: number in the incident, time (UTC), who or what, step, sentence, verdict if it has one."""

    seq: int
    time: str
    kind: str
    who: str
    step: str
    say: str
    verdict: str = ""


def rows(entries: Iterable[Entry]) -> list[Row]:
    """The lines of a timeline, in the order of its entries."""
    return [
        Row(
            seq=entry.seq,
            time=printable(entry.recorded_at[:19].replace("T", " ")),
            kind=printable(entry.kind),
            who=_who(entry),
            step=printable(str(entry.part("cause").get("step", ""))),
            say=printable(_say(entry)),
            verdict=printable(str(entry.part("result").get("verdict") or "")),
        )
        for entry in entries
    ]


def unresolved(entries: Sequence[Entry]) -> list[Entry]:
    """Intents that no outcome refers to: nobody has recorded how they ended.

    An intent over many messages is open as long as one of them is.
    """
    answered = {entry.ref for entry in entries if entry.kind in OUTCOMES}
    ended: dict[str, set[object]] = {}
    for entry in entries:
        if entry.kind == Kind.NOTIFICATION_OUTCOME:
            ended.setdefault(entry.ref, set()).update(_ended(entry))
    return [
        entry
        for entry in entries
        if entry.kind in INTENTS and (entry.id not in answered or not _promised(entry) <= ended.get(entry.id, set()))
    ]


def _promised(entry: Entry) -> set[object]:
    """The messages that an intent announces; none where it is about something else."""
    return {row for row, _ in _messages(entry)}


def _ended(entry: Entry) -> set[object]:
    """The messages of which an outcome says more than that they are on their way, or wait again."""
    return {row for row, went in _messages(entry) if went and went[-1] not in {"sending", "queued"}}


def _messages(entry: Entry) -> Iterator[tuple[int, list[object]]]:
    """The messages of an entry by their numbers, each with the states that it went through."""
    for item in _objects(entry.fields.get("messages")):
        row, went = item.get("row"), item.get("went")
        if isinstance(row, int):
            states = [step[0] for step in went if isinstance(step, list) and step] if isinstance(went, list) else []
            yield row, states


def _objects(value: object) -> list[dict[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def printable(text: str) -> str:
    """The text without characters that steer a terminal or hide what is there; as one line.

    The same as `firedoor.plain.plain`, in a module that needs nothing but the format, as whoever verifies does.
    """
    return "".join(
        " " if char in "\n\t" else "\ufffd" if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else char
        for char in text
    )


def _who(entry: Entry) -> str:
    actor = entry.part("actor")
    name = printable(str(actor.get("id") or actor.get("kind") or "firedoor"))
    behind = actor.get("on_behalf_of")
    return f"{name} for {printable(str(behind))}" if behind else name


def _say(entry: Entry) -> str:
    action, result = entry.part("action"), entry.part("result")
    say = entry.fields.get("say") or result.get("summary")
    if not say and entry.kind in INTENTS:
        change = entry.fields.get("change")
        say = f"Begins{f': {change}' if change else ''}"
    sentence = str(say or _FALLBACK.get(Kind(entry.kind) if entry.kind in set(Kind) else Kind.NOTE) or entry.kind)
    if result.get("status") not in {None, "ok"}:
        sentence = f"{str(result['status']).capitalize()}: {sentence}"
    if not action:
        return sentence
    name = " ".join(str(action[key]) for key in ("name", "target") if action.get(key))
    return f"{name}: {sentence}" if name else sentence


def markdown(entries: Sequence[Entry]) -> str:
    """A timeline as Markdown: every entry, what has no outcome, and the evidence."""
    first = entries[0]
    lines = [
        f"# Timeline of {_cell(first.incident)}",
        "",
        f"Log `{_cell(first.log)}`. {len(entries)} entries. Times are UTC, from the machine that recorded them.",
        "",
        "This page is for reading. What proves it are the files in `entries/`; `VERIFY.md` says how.",
        "",
        "| # | time | who | step | what | verdict |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows(entries):
        cells = (str(row.seq), row.time, row.who, row.step, row.say, row.verdict)
        lines.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
    open_intents = unresolved(entries)
    if open_intents:
        lines += ["", "## Without an outcome", "", "These actions were begun, and nothing says how they ended.", ""]
        lines += [f"- {row.seq}: {_cell(row.say)}" for row in rows(open_intents)]
    evidence = [line for entry in entries for line in _evidence(entry)]
    if evidence:
        lines += ["", "## Evidence", "", *evidence]
    return "\n".join([*lines, ""])


def evidence_of(entry: Entry) -> list[dict[str, object]]:
    """What an entry names as evidence; parts of another shape are left out."""
    found = entry.fields.get("evidence")
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _evidence(entry: Entry) -> Iterable[str]:
    for item in evidence_of(entry):
        says = ": ".join(str(item[key]) for key in ("source", "says") if item.get(key))
        digest = f" (`evidence/{_cell(str(item['sha256']))}`)" if item.get("sha256") else ""
        yield f"- {entry.seq}: {_cell(says)}{digest}"


def _cell(text: str) -> str:
    safe = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{char}" if char in "\\`*_{}[]|#!" else char for char in safe)
