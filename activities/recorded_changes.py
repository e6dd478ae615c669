"""What an incident changed, read from the timeline: the ground that undo stands on."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from activities._action import Context, performs
from firedoor.errors import StepError
from firedoor.incident import Evidence, Outcome
from firedoor.steps.timeline import Changes, RecordedChanges
from firedoor.timeline.entry import Entry, Kind

Inverses = dict[str, list[dict[str, Any]]]


@performs(RecordedChanges)
def recorded_changes(step: RecordedChanges, context: Context) -> Outcome:
    """The inverses of the newest run of an incident."""
    if context.timeline is None:
        raise StepError("record_failed", "This worker has no timeline to read.")
    entries = [stored.entry for stored in context.timeline.entries(incident=step.incident)]
    if not entries:
        raise StepError("not_found", f"The timeline of this worker has no incident {step.incident}.")
    changes = inverses(entries, step.steps)
    count = sum(map(len, changes.values()))
    return Outcome(
        summary=f"{count} changes of {step.incident} can be taken back.",
        result=Changes(changes=changes).model_dump(mode="json"),
        evidence=(Evidence(source="timeline", says=f"{len(entries)} entries, the last one {entries[-1].id}"),),
    )


def inverses(entries: Sequence[Entry], steps: Iterable[str]) -> Inverses:
    """For each step the arguments of the inverses of what it changed, in the order in which they have to run.

    A target that was changed in several rounds is taken back round by round, the newest first; between two rounds of
    one target stand those of all others.
    """
    newest = _newest_run(entries)
    own = [entry for entry in entries if entry.part("cause").get("run") == newest]
    made = _made(own)
    rounds: dict[str, dict[str, dict[int, dict[str, Any]]]] = {step: {} for step in steps}
    for entry in own:
        inverse = entry.part("preview").get("inverse")
        cause = entry.part("cause")
        if entry.kind == Kind.ACTION_INTENT and inverse and cause.get("step") in rounds and entry.id in made:
            by_target = rounds[cause["step"]].setdefault(entry.part("action")["target_key"], {})
            # The first attempt of a round has the true state before it; a repetition begins where that one left it.
            by_target.setdefault(cause["round"], inverse.get("arguments", {}))
    return {step: _in_order(by_target) for step, by_target in rounds.items()}


def _in_order(by_target: dict[str, dict[int, dict[str, Any]]]) -> list[dict[str, Any]]:
    newest_first: list[list[dict[str, Any]]] = []
    for by_round in reversed(by_target.values()):
        distinct: list[dict[str, Any]] = []
        for number in sorted(by_round, reverse=True):
            if by_round[number] not in distinct:
                distinct.append(by_round[number])
        newest_first.append(distinct)
    generations = itertools.zip_longest(*newest_first)
    return [arguments for generation in generations for arguments in generation if arguments is not None]


def _newest_run(entries: Iterable[Entry]) -> str:
    runs = [str(entry.part("cause").get("run", "")) for entry in entries if entry.kind == Kind.INCIDENT_OPENED]
    return runs[-1] if runs else ""


def _made(entries: Iterable[Entry]) -> set[str]:
    """The ids of the intents whose change was made, or may have been."""
    made: set[str] = set()
    for entry in entries:
        result = entry.part("result")
        if entry.kind == Kind.ACTION_INTENT:
            made.add(entry.id)
        elif entry.kind == Kind.ACTION_OUTCOME and result["status"] == "ok" and not result.get("changed"):
            made.discard(entry.ref)
    return made
