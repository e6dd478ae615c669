"""The judge of the faults: each broken promise is a finding, and an honest record has none."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from firedoor.canonical import canonical_bytes
from firedoor.incident import Failure, IncidentState, IncidentView, Responder, StepState, StepView
from firedoor.plan import Verdict
from firedoor.timeline.entry import Draft, Entry, Kind
from firedoor.timeline.store import Timeline
from tests.chaos.judge import NOTHING, Witness, judge

HONEST = ("opened", "intent", "change", "outcome")


class Story:
    """A record and a world, told one event at a time."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self.writes: list[float] = []
        self.intent = ""

    def tell(self, events: Sequence[str]) -> list[Entry]:
        """What each word means, in order; the entries that came of it."""
        for number, event in enumerate(events):
            if event == "change":
                self.writes.append(self._now(number))
            elif event == "opened":
                self._append(number, Kind.INCIDENT_OPENED)
            elif event == "intent":
                self.intent = self._append(number, Kind.ACTION_INTENT)
            elif event == "reconciled":
                self._append(number, Kind.ACTION_RECONCILED, {"status": "ok"})
            else:
                verdict = "unknown" if event == "unproved" else "contained"
                self._append(number, Kind.ACTION_OUTCOME, {"status": "ok", "changed": True, "verdict": verdict})
        return [stored.entry for stored in self.timeline.entries("story")]

    def _now(self, number: int) -> float:
        """A moment between two entries: a filler entry tells it."""
        draft = Draft(Kind.NOTE, "other", f"filler/{number}", {"say": "now"})
        self.timeline.append([draft])
        return float(self.timeline.entries("other")[-1].entry.clock["mono_us"]) / 1e6

    def _append(self, number: int, kind: Kind, result: dict[str, object] | None = None) -> str:
        action = canonical_bytes({"name": "test.shut", "target": "key", "target_key": "0"})
        draft = Draft(
            kind,
            "story",
            f"{number}",
            {"result": result} if result else {"say": "so"},
            ref=self.intent if result else "",
            shared={"action": action},
        )
        [receipt] = self.timeline.append([draft])
        return receipt.id


def view(state: IncidentState, failure: Failure | None = None) -> IncidentView:
    """What a person sees of it."""
    step = StepView(id="act", kind="uses", title="", state=StepState.DONE, failure=failure)
    starter = Responder(principal="user:ada", auth="os")
    verdict = Verdict.CONTAINED if state is IncidentState.COMPLETED else None
    return IncidentView(id="story", runbook="r", plan="p", state=state, verdict=verdict, starter=starter, steps=(step,))


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    """An empty one."""
    with Timeline.open(tmp_path / "timeline.sqlite", tmp_path / "timeline.key", "test/log") as timeline:
        yield Story(timeline)


@pytest.mark.parametrize(
    ("events", "found"),
    [
        (HONEST, []),
        (("opened", "intent", "intent", "change", "outcome", "reconciled"), ["the attempt * stays in doubt"]),
        ((*HONEST, "change"), ["key was changed after its outcome was recorded"]),
        ((*HONEST, "intent", "outcome"), ["key was begun again after its outcome was recorded"]),
        (("opened", "change", "intent", "outcome"), ["key was changed without an intent"]),
        (("opened", "intent", "outcome"), ["key is recorded as changed, and the world saw no change"]),
        (("opened", "intent", "change", "unproved"), ["key was lost"]),
        (("opened", *HONEST), ["the incident was opened 2 times"]),
    ],
)
def test_broken_promises_of_an_ended_incident_are_found(story: Story, events: Sequence[str], found: list[str]) -> None:
    """Repeated, unrecorded, invented, lost and left open."""
    entries = story.tell(events)
    witness = Witness(("key",), {"key": story.writes} if story.writes else {}, {"key"})
    said = judge(view(IncidentState.COMPLETED), entries, witness)
    assert [one if "stays in doubt" not in one else "the attempt * stays in doubt" for one in said] == found


def test_an_ok_that_is_not_true_of_the_world_is_found(story: Story) -> None:
    """The record says done, and the world says that it is open."""
    entries = story.tell(HONEST)
    said = judge(view(IncidentState.COMPLETED), entries, Witness(("key",), {"key": story.writes}, frozenset()))
    assert said == ["key is recorded as done, and is not shut"]


@pytest.mark.parametrize(
    ("changed", "next_", "found"),
    [
        ("The change may have been made.", "Retry.", []),
        (NOTHING, "Retry.", ["a person is told 'Nothing was changed.', and ['key'] were changed"]),
        ("", "Retry.", ["a person is not told that something may have been changed"]),
        ("3 of 4 targets are done.", "Retry.", ["a person is told that 3 are done, and 0 are recorded"]),
        ("It may have been made.", "", ["a person is not told what happened, or what to do"]),
    ],
)
def test_untrue_sentences_are_found(story: Story, changed: str, next_: str, found: list[str]) -> None:
    """What a person is told of an attempt that died in doubt."""
    entries = story.tell(("opened", "intent", "change"))
    failure = Failure(reason="unreachable", what="AWS does not answer.", changed=changed, next=next_)
    witness = Witness(("key",), {"key": story.writes}, {"key"})
    assert judge(view(IncidentState.NEEDS_ATTENTION, failure), entries, witness) == found
