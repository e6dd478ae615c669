"""Triggers: alerts and chat words that start the runbook."""

from collections.abc import Mapping

from firedoor.alerts import SOURCES, Alert
from firedoor.automation import unasked
from firedoor.compiler.arguments import Arguments
from firedoor.compiler.checker import Checker
from firedoor.compiler.complaints import Names
from firedoor.compiler.kinds import kinds_of_model
from firedoor.plan import Input, Plan, Trigger
from firedoor.runbook.diagnostics import Code, choices
from firedoor.runbook.document import Path
from firedoor.runbook.model import TriggerSpec
from firedoor.runbook.parser import Draft


def plan_triggers(draft: Draft, inputs: Mapping[str, Input]) -> tuple[Trigger, ...]:
    """The triggers, checked against the alert model and the runbook's inputs."""
    checker = Checker(draft.document, Names(alert=kinds_of_model(Alert)))
    words: set[str] = set()
    found: list[Trigger] = []
    for index, spec in enumerate(draft.runbook.triggers):
        path: Path = ("triggers", index)
        if any(broken[:2] == path for broken in draft.broken):
            continue
        if (spec.alert is None) == (spec.slack is None):
            what = "A trigger has either `alert` or `slack`."
            draft.document.add(Code.MISSING_KEY if spec.alert is None else Code.MISPLACED_KEY, path, what)
        elif spec.slack is not None:
            found.append(_slack(draft, spec, path, words))
        else:
            found.append(_alert(draft, spec, path, checker, inputs))
    return tuple(found)


def check_automation(plan: Plan, draft: Draft) -> None:
    """Whom an alert's incident would have to ask, somebody must be."""
    if steps := unasked(plan):
        names = ", ".join(f"`{name}`" for name in steps[:5]) + (", …" if len(steps) > 5 else "")
        what = f"When an alert starts this runbook, {names} must wait for a person, and `approvals` names nobody."
        allowed = "Add a policy under `approvals`, or `auto: off`, so that only people start it."
        draft.document.add(Code.NOBODY_TO_ASK, ("triggers",), what, allowed, key=True)


def _slack(draft: Draft, spec: TriggerSpec, path: Path, words: set[str]) -> Trigger:
    word = spec.slack or ""
    if word in words:
        draft.document.add(Code.DUPLICATE_KEY, (*path, "slack"), f"The word `{word}` stands here a second time.")
    words.add(word)
    for key in ("when", "inputs"):
        if key in spec.model_fields_set:
            what = f"A `slack` trigger takes no `{key}`: whoever types the word gives the inputs."
            draft.document.add(Code.MISPLACED_KEY, (*path, key), what, key=True)
    return Trigger(slack=word)


def _alert(draft: Draft, spec: TriggerSpec, path: Path, checker: Checker, inputs: Mapping[str, Input]) -> Trigger:
    source = spec.alert or ""
    if source not in SOURCES:
        what = f"There is no alert source `{source}`: a trigger names the kind of sender, and `alert.door` is its door."
        draft.document.add(Code.UNKNOWN_SOURCE, (*path, "alert"), what, choices(source, SOURCES))
    if spec.when is not None:
        checker.condition(spec.when, (*path, "when"))
    values = dict(spec.inputs)
    if not any(broken[:1] == ("inputs",) for broken in draft.broken):
        arguments = Arguments(checker, (*path, "inputs"), (*path, "alert"))
        given, _ = arguments.of_inputs(draft.runbook.name, inputs, spec.inputs, Code.TRIGGER_INCOMPLETE)
        values = {name: given[name] for name in spec.inputs if name in given}
    return Trigger(alert=source, when=(spec.when or "").strip(), inputs=values)
