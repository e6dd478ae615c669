"""A plan that was read and saved: what each step would change, so that a run can be held to exactly that.

Pure. `saved` makes one of a plan run, `document` and `parse` are its JSON, `compare` says what differs in a later plan
run. The SHA-256 finds damage, not forgery: whoever can write the file could have written a runbook as well. What guards
the run is that everything is read again, and that the worker refuses a change with another digest.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, ValidationError

from firedoor.canonical import NotCanonicalError, digest_of, sha256_hex
from firedoor.errors import UsageError
from firedoor.forecast import undecided, unread
from firedoor.incident import FINAL_STATES, IncidentView, Preview, StepState, StepView
from firedoor.inputs import resolve_inputs
from firedoor.plan import Effect, Plan

VERSION: Literal[1] = 1
#: The digest of no change at all.
NOTHING = digest_of({})
#: Of a step on thousands of targets, as many changes are kept in full. The digest stands for all.
MOST_PREVIEWS = 50
#: A larger file is none of ours.
MOST_BYTES = 64 * 2**20
AGAIN = "Make a new one: firedoor plan RUNBOOK INPUT=VALUE… --save FILE"


class Strict(BaseModel):
    """A part of a file that we wrote: anything else in it is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class SavedStep(Strict):
    """What one step would change. `digest` stands for all of it, on every target; it is empty where it changes nothing.

    `decided` is False where that is known only when the plan runs. `state` is the one that the plan run gave it.
    """

    id: str
    state: str
    decided: bool
    digest: str
    targets: int
    blast: dict[str, int]
    previews: tuple[Preview, ...]


class SavedPlan(Strict):
    """A compiled plan, its inputs, and what it would change: when read (RFC 3339), by whom, in a drill or for real."""

    version: Literal[1]
    plan: Plan
    digest: str
    inputs: dict[str, Any]
    read: str
    by: str
    drill: bool
    incomplete: tuple[str, ...]
    steps: tuple[SavedStep, ...]

    def document(self) -> bytes:
        """The file: one JSON document, with a SHA-256 over all the rest of it."""
        content = self.model_dump(mode="json")
        return (json.dumps(content | {"sha256": _sum(content)}, indent=1, ensure_ascii=False) + "\n").encode(
            "utf-8", "surrogatepass"
        )

    def shown(self) -> dict[str, str]:
        """The digest of what each step would change, for the engine: the worker refuses any other change.

        A step that was going to change nothing is bound as well: to nothing.
        """
        changing = {step.id for step in self.plan.steps if step.kind == "uses" and step.effect is not Effect.READ}
        return {step.id: step.digest or NOTHING for step in self.steps if step.decided and step.id in changing}

    def later(self) -> tuple[str, ...]:
        """The steps whose changes are decided only when the plan runs."""
        return tuple(step.id for step in self.steps if not step.decided)


@dataclass(frozen=True, slots=True)
class Difference:
    """What one step would change now, other than when the plan was saved: a line for each thing that differs."""

    step: str
    lines: tuple[str, ...]


def saved(plan: Plan, view: IncidentView) -> SavedPlan:
    """What a plan run found, to be kept."""
    later = undecided(plan, view)
    return SavedPlan(
        version=VERSION,
        plan=plan,
        digest=plan.digest(),
        inputs=view.inputs,
        read=view.ended or view.started,
        by=view.starter.principal,
        drill=view.drill,
        incomplete=unread(view),
        steps=tuple(_kept(step, decided=step.id not in later) for step in view.steps),
    )


def _kept(step: StepView, *, decided: bool) -> SavedStep:
    return SavedStep(
        id=step.id,
        state=step.state.value,
        decided=decided,
        digest=step.digest,
        targets=step.progress.total if step.progress else len(step.previews),
        blast=step.blast,
        previews=step.previews[:MOST_PREVIEWS],
    )


def parse(data: bytes, name: str) -> SavedPlan:
    """Read a file named `name`. Raises `UsageError` unless it is whole, unaltered, of this version, and complete."""
    content = _content(data, name)
    if content.get("version") != VERSION:
        _refuse(
            f"{name} is a saved plan of version {content.get('version')!r}; this firedoor reads version {VERSION}.",
            "Use the firedoor that saved it, or make a new one with this: firedoor plan … --save FILE",
        )
    said = content.pop("sha256", None)
    if said != _sum(content):
        _refuse(f"{name} is damaged or was altered: its SHA-256 does not fit what stands in it.", AGAIN)
    try:
        # JSON mode: there a list is a tuple, and a text a state.
        found = SavedPlan.model_validate_json(json.dumps(content))
        fits = _fits(found, content)
    except (ValidationError, NotCanonicalError, RecursionError) as error:
        _refuse(f"{name} is no saved plan: {_misfit(error)}.", AGAIN)
    if not fits:
        _refuse(f"{name} contradicts itself: its plan is not the one that its digest and its steps are of.", AGAIN)
    if resolve_inputs(found.plan, found.inputs) != found.inputs:
        _refuse(f"{name} contradicts itself: its inputs are not those of its plan.", AGAIN)
    if found.incomplete:
        unknown = ", ".join(found.incomplete)
        _refuse(f"The plan in {name} is incomplete: what these would do could not be read: {unknown}.", AGAIN)
    if found.drill:
        _refuse(f"The plan in {name} was read in a drill: it is about emulators.", AGAIN)
    return found


def _misfit(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return "the plan in it is malformed"
    first = error.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def _content(data: bytes, name: str) -> dict[str, Any]:
    if len(data) > MOST_BYTES:
        _refuse(f"{name} is too large for a saved plan: {len(data):,} bytes.", AGAIN)
    try:
        content = json.loads(data, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        _refuse(f"{name} is no saved plan, or only a part of one: it is not whole JSON.", AGAIN)
    if not isinstance(content, dict):
        _refuse(f"{name} is no saved plan.", AGAIN)
    return {str(key): value for key, value in content.items()}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _fits(found: SavedPlan, content: Mapping[str, Any]) -> bool:
    """Is everything in the file understood, and are plan, digest and steps of one piece?"""
    states = {state.value for state in FINAL_STATES}
    return (
        found.model_dump(mode="json") == content
        and found.plan.digest() == found.digest
        and [step.id for step in found.steps] == [step.id for step in found.plan.steps]
        and all(step.digest or not step.previews for step in found.steps)
        and (bool(found.incomplete) or all(step.state in states for step in found.steps))
    )


def _sum(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256_hex(text.encode("utf-8", "surrogatepass"))


def _refuse(what: str, next_: str) -> NoReturn:
    raise UsageError(what, changed="Nothing was started.", next=next_)


def compare(was: SavedPlan, view: IncidentView) -> tuple[Difference, ...]:
    """What a later plan run would change other than the saved one, step by step; empty where all is the same.

    A step that was undecided then and is now is no difference: the runbook's own approvals guard it.
    """
    now = saved(was.plan, view)
    new = {step.id: step for step in now.steps}
    told = {step.id: step for step in view.steps}
    found = []
    for step in was.steps:
        lines = tuple(_differences(step, new.get(step.id), told.get(step.id)))
        if lines:
            found.append(Difference(step.id, lines))
    return tuple(found)


def _differences(was: SavedStep, now: SavedStep | None, told: StepView | None) -> Iterator[str]:
    if now is None or told is None:
        yield "it is not in the plan any more"
        return
    if told.failure or now.state not in {state.value for state in FINAL_STATES}:
        yield f"it could not be read: {told.failure.what if told.failure else told.summary or now.state}"
        return
    if was.decided != now.decided or (was.decided and was.state != now.state):
        yield f"it was {_fate(was)} → it is {_fate(now)}"
    if was.digest == now.digest:
        return
    if was.targets != now.targets:
        yield f"targets: {was.targets:,} → {now.targets:,}"
    lines = [*_blasts(was, now), *_previews(was, now)]
    # The digest is of all targets; what is kept is of the first of them.
    yield from lines or ["what it would change is not what it was, in a part of which only the digest is kept"]


def _fate(step: SavedStep) -> str:
    if not step.decided:
        return "decided when it runs"
    return "skipped" if step.state == StepState.SKIPPED.value else "going to run"


def _blasts(was: SavedStep, now: SavedStep) -> Iterator[str]:
    for kind in dict.fromkeys((*was.blast, *now.blast)):
        before, after = was.blast.get(kind, 0), now.blast.get(kind, 0)
        if before != after:
            yield f"{kind} touched: {before:,} → {after:,}"


def _previews(was: SavedStep, now: SavedStep) -> Iterator[str]:
    """What became of each change, as far as they are kept. It is known by how it is taken back, or by its words."""
    if len(was.previews) == len(now.previews) == 1:
        yield from _values(was.previews[0], now.previews[0])
        return
    old = {_name(one): one for one in was.previews}
    new = {_name(one): one for one in now.previews}
    yield from (f"gone: {old[name].change}" for name in old if name not in new)
    yield from (f"new: {new[name].change}" for name in new if name not in old)
    for name, one in old.items():
        if name in new:
            yield from (f"{new[name].change}: {line}" for line in _values(one, new[name]))


def _name(preview: Preview) -> str:
    return preview.inverse.words() if preview.inverse else preview.change


def _values(was: Preview, now: Preview) -> Iterator[str]:
    if was.change != now.change:
        yield f"change: {was.change} → {now.change}"
    if was.effect is not now.effect:
        yield f"effect: {was.effect.value} → {now.effect.value}"
    for name in dict.fromkeys((*was.before, *now.before)):
        before, after = was.before.get(name), now.before.get(name)
        if before != after:
            yield f"{name}: {_word(before)} → {_word(after)}"


def _word(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
