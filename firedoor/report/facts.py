"""What the timeline of an incident says, sorted by what a report tells. Pure.

Nothing is concluded here: each fact names the entry that it stands in.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from firedoor.plan import PROVED, Verdict
from firedoor.timeline.entry import OUTCOMES, Entry, Kind
from firedoor.timeline.render import evidence_of

#: What people do that a report names.
DECIDED: Final = frozenset({Kind.APPROVAL, Kind.APPROVAL_BREAK_GLASS, Kind.ANSWER, Kind.DECISION})


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an action ended. `verdict` is empty for what is none."""

    seq: int
    at: str
    step: str
    action: str
    target: str
    status: str
    summary: str
    verdict: str
    changed: bool
    evidence: tuple[dict[str, Any], ...]
    result: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Act:
    """What a person decided. `digest` is of what was shown to whoever approved."""

    seq: int
    at: str
    who: str
    auth: str
    verb: str
    step: str
    reason: str
    digest: str


@dataclass
class Record:
    """An incident, as its timeline tells it."""

    entries: Sequence[Entry]
    opened: Entry
    closed: Entry | None = None
    outcomes: list[Outcome] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)

    @property
    def incident(self) -> str:
        """Its id."""
        return self.opened.incident

    @property
    def title(self) -> str:
        """The runbook's."""
        say = str(self.opened.body.get("say") or "")
        return say.rpartition(": opened by ")[0] or str(self.opened.body.get("runbook") or self.incident)

    @property
    def verdict(self) -> str:
        """Of the whole; empty while it goes on."""
        return str(self.closed.body.get("verdict") or "") if self.closed else ""

    @property
    def is_drill(self) -> bool:
        """Was it one?"""
        return bool(self.opened.body.get("drill"))

    def containments(self) -> list[Outcome]:
        """What carries a verdict: the last outcome of each step and target, in the order in which they first came."""
        last: dict[tuple[str, str], Outcome] = {}
        for one in self.outcomes:
            if one.verdict:
                last[one.step, one.target] = one
        return list(last.values())

    def rotations(self) -> list[Outcome]:
        """What replaced a credential by another."""
        return [one for one in self.containments() if one.result.get("old") and one.result.get("new")]


def record(entries: Sequence[Entry]) -> Record:
    """Read a timeline; `entries` are those of one incident, from the first."""
    found = Record(entries, next((one for one in entries if one.kind == Kind.INCIDENT_OPENED), entries[0]))
    for entry in entries:
        if entry.kind in OUTCOMES and entry.part("action"):
            found.outcomes.append(_outcome(entry))
        elif entry.kind in DECIDED and not entry.part("action"):
            found.acts.append(_act(entry))
        elif entry.kind == Kind.INCIDENT_CLOSED:
            found.closed = entry
    return found


def is_proved(verdict: str) -> bool:
    """Is it one of the verdicts that need nobody?"""
    return verdict in {one.value for one in PROVED}


def is_known(verdict: str) -> bool:
    """Could it be told whether the door is shut?"""
    return verdict != Verdict.UNKNOWN


def _outcome(entry: Entry) -> Outcome:
    action, result = entry.part("action"), entry.part("result")
    inner = result.get("result")
    return Outcome(
        seq=entry.seq,
        at=entry.recorded_at,
        step=str(entry.part("cause").get("step", "")),
        action=str(action.get("name", "")),
        target=str(action.get("target", "")),
        status=str(result.get("status", "")),
        summary=str(result.get("summary") or entry.body.get("say") or ""),
        verdict=str(result.get("verdict") or ""),
        changed=bool(result.get("changed")),
        evidence=tuple(evidence_of(entry)),
        result=inner if isinstance(inner, dict) else {},
    )


def _act(entry: Entry) -> Act:
    actor = entry.part("actor")
    return Act(
        seq=entry.seq,
        at=entry.recorded_at,
        who=str(actor.get("id", "")),
        auth=str(actor.get("auth", "")),
        verb=str(entry.body.get("verb") or entry.kind),
        step=str(entry.part("cause").get("step", "")),
        reason=str(entry.body.get("reason") or ""),
        digest=str(entry.body.get("digest") or ""),
    )
