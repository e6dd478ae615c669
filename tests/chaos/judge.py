"""What has to hold after every fault, whatever it was. Pure: the record and the world go in, findings come out.

A finding is a sentence; no finding means that the promise was kept.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import pairwise

from firedoor.incident import Failure, IncidentState, IncidentView
from firedoor.plan import Verdict
from firedoor.timeline.entry import Entry, Kind
from firedoor.timeline.verify import Class, Verification

NOTHING = "Nothing was changed."


@dataclass(frozen=True, slots=True)
class Witness:
    """What the world says: its targets, when each was changed (monotonic clock), which are shut."""

    targets: Sequence[str]
    writes: Mapping[str, Sequence[float]]
    shut: AbstractSet[str]


@dataclass
class History:
    """The entries of one incident about its step, by target."""

    intents: dict[str, list[Entry]] = field(default_factory=dict)
    #: The first outcome that says `ok`, and that nothing is left to prove.
    done: dict[str, Entry] = field(default_factory=dict)
    #: Outcomes that say `ok`, all of them.
    good: list[tuple[str, Entry]] = field(default_factory=list)
    #: Ids of entries that are answered, and how.
    answered: set[str] = field(default_factory=set)
    reconciled: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, entries: Sequence[Entry], targets: Sequence[str]) -> "History":
        """Sort the entries."""
        history = cls()
        for entry in entries:
            if entry.kind not in {Kind.ACTION_INTENT, Kind.ACTION_OUTCOME, Kind.ACTION_RECONCILED}:
                continue
            name = targets[int(entry.part("action")["target_key"])]
            if entry.kind == Kind.ACTION_INTENT:
                history.intents.setdefault(name, []).append(entry)
                continue
            history.answered.add(entry.ref)
            if entry.kind == Kind.ACTION_RECONCILED:
                history.reconciled.add(entry.ref)
            elif entry.part("result")["status"] == "ok":
                history.good.append((name, entry))
                if entry.part("result").get("verdict") == Verdict.CONTAINED:
                    history.done.setdefault(name, entry)
        return history

    def open(self) -> list[Entry]:
        """Intents that nothing answers."""
        return [one for intents in self.intents.values() for one in intents if one.id not in self.answered]


def moment(entry: Entry) -> float:
    """When an entry was written, in seconds of the monotonic clock."""
    return float(entry.clock["mono_us"]) / 1e6


def judge(view: IncidentView, entries: Sequence[Entry], witness: Witness) -> list[str]:
    """Every promise that was broken so far."""
    history = History.of(entries, witness.targets)
    return [
        *claims(history, witness),
        *intents(history, witness),
        *repeats(history, witness),
        *order(entries),
        *end(view, history, witness),
    ]


def claims(history: History, witness: Witness) -> list[str]:
    """Every outcome that says ok is true of the world."""
    found = [f"{name} is recorded as done, and is not shut" for name in history.done if name not in witness.shut]
    for name, outcome in history.good:
        if outcome.part("result").get("changed") and not witness.writes.get(name):
            found.append(f"{name} is recorded as changed, and the world saw no change")
    return found


def intents(history: History, witness: Witness) -> list[str]:
    """Every change in the world has an intent that was there before."""
    found = []
    for name, times in witness.writes.items():
        begun = [moment(intent) for intent in history.intents.get(name, ())]
        found += [f"{name} was changed without an intent" for at in times if not any(one < at for one in begun)]
    return found


def repeats(history: History, witness: Witness) -> list[str]:
    """What has a recorded outcome is neither begun nor changed again."""
    found = []
    for name, outcome in history.done.items():
        recorded = moment(outcome)
        found += [
            f"{name} was changed after its outcome was recorded" for at in witness.writes.get(name, ()) if at > recorded
        ]
        later = [one for one in history.intents[name] if one.seq > outcome.seq]
        found += [f"{name} was begun again after its outcome was recorded" for _ in later]
    return found


def order(entries: Sequence[Entry]) -> list[str]:
    """The record is opened once and closed once at most, and its entries are numbered without a gap."""
    kinds = [entry.kind for entry in entries]
    found = []
    if kinds.count(Kind.INCIDENT_OPENED) != 1:
        found.append(f"the incident was opened {kinds.count(Kind.INCIDENT_OPENED)} times")
    if kinds.count(Kind.INCIDENT_CLOSED) > 1:
        found.append("the incident was closed more than once")
    found += ["an entry is missing" for one, two in pairwise(entries) if two.seq != one.seq + 1]
    return found


def end(view: IncidentView, history: History, witness: Witness) -> list[str]:
    """Nothing is lost at the end; and what a person is told while it stands is true."""
    step = view.steps[0]
    if view.state is IncidentState.COMPLETED:
        found = [f"{name} was lost" for name in witness.targets if name not in history.done]
        found += [f"the attempt {one.id} stays in doubt" for one in history.open()]
        return found if view.verdict is Verdict.CONTAINED else [*found, f"it ended with the verdict {view.verdict}"]
    if view.state is not IncidentState.NEEDS_ATTENTION or step.failure is None:
        return [f"it is {view.state}, and nobody is told why"]
    return truth(step.failure, history, witness)


def truth(failure: Failure, history: History, witness: Witness) -> list[str]:
    """Does the sentence about what was changed agree with the world?"""
    found = []
    if failure.changed == NOTHING and witness.writes:
        found.append(f"a person is told {NOTHING!r}, and {sorted(witness.writes)} were changed")
    if not failure.changed and witness.writes:
        found.append("a person is not told that something may have been changed")
    if not failure.what or not failure.next:
        found.append("a person is not told what happened, or what to do")
    counted = failure.changed.partition(" of ")[0]
    if counted.isdigit() and int(counted) != len(history.done):
        found.append(f"a person is told that {counted} are done, and {len(history.done)} are recorded")
    return found


def sealed(verification: Verification) -> list[str]:
    """The export of an incident that has ended verifies, and nothing in it is left open."""
    found = (*verification.of(Class.FAILED), *verification.of(Class.UNRESOLVED))
    return [f"verify: {one.place}: {one.say}" for one in found]
