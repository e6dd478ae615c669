"""An incident in the hands of a person: the engine, its id, who acts. What every deciding verb begins and ends with."""

import difflib
from dataclasses import dataclass

from firedoor.cli.console import out, write_json
from firedoor.cli.identity import responder
from firedoor.config import load
from firedoor.engine import Engine
from firedoor.errors import UsageError
from firedoor.incident import Decision, IncidentView, Responder, StepView, Verb
from firedoor.plain import plain


@dataclass(frozen=True, slots=True)
class Case:
    """One incident and who acts on it. `people` are the principals of `[people]`."""

    engine: Engine
    incident: str
    responder: Responder
    people: tuple[str, ...] = ()

    async def view(self) -> IncidentView:
        """Where the incident stands."""
        return await self.engine.view(self.incident)

    async def step(self, name: str) -> StepView:
        """Where a step stands. Raises `UsageError` with the nearest names."""
        return step_of(await self.view(), name)

    async def decide(self, verb: Verb, decision: Decision, output: str) -> None:
        """Send a decision, and say what it did. Raises `RefusedError` with the workflow's sentence."""
        tell(self.incident, await self.engine.decide(self.incident, verb, decision), output)


async def case(incident: str) -> Case:
    """The incident that `incident` names, for the person at this command line."""
    settings = load()
    engine = await Engine.connect(settings)
    people = tuple(f"user:{name}" for name in settings.people)
    return Case(engine, await engine.find(incident), responder(settings), people)


def step_of(view: IncidentView, name: str) -> StepView:
    """A step by its name. Raises `UsageError` with the nearest names."""
    names = [step.id for step in view.steps]
    if name in names:
        return view.steps[names.index(name)]
    near = difflib.get_close_matches(name, names, n=2, cutoff=0.5)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"Its steps: {', '.join(names)}."
    raise UsageError(f"{view.id} has no step {name!r}.", changed="Nothing was changed.", next=hint)


def tell(incident: str, sentence: str, output: str) -> None:
    """Say what was done."""
    if output == "json":
        write_json({"incident": incident, "done": sentence})
    else:
        out().print(plain(sentence))


def given(reason: str) -> None:
    """Raises `UsageError` where a reason is needed and empty."""
    if not reason.strip():
        raise UsageError("The reason is empty.", next="Say why with --reason TEXT: it becomes part of the timeline.")
