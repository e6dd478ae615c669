"""The modals: what a runbook still needs, why a step is denied, what a step asks. Pure.

A modal carries in `private_metadata` what it is about (`Slip`), so that any process can take its submission.
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from firedoor.arguments import typed
from firedoor.errors import UsageError
from firedoor.incident import StepView
from firedoor.inputs import KINDS, checked_input
from firedoor.plan import Ask, Field, Input, Plan
from firedoor.slack.drawing.fields import (
    MOST_HINT,
    MOST_VALUE,
    TRUE,
    Block,
    choice_field,
    chosen,
    cut,
    filled,
    number_field,
    plain,
    text_field,
    tick_field,
    told,
    yes_no_field,
)

MOST_TITLE = 24
MOST_METADATA = 3000
#: Slack takes 100 blocks; a paragraph above and one below are ours.
MOST_FIELDS = 95
CALLBACK = "firedoor."

View = dict[str, Any]
Errors = dict[str, str]


@dataclass(frozen=True, slots=True)
class Slip:
    """What a form is about, and where its answer goes. `incident` is a runbook's name where one is started."""

    verb: str
    incident: str = ""
    step: str = ""
    digest: str = ""
    channel: str = ""
    thread: str = ""

    def text(self) -> str:
        """As `private_metadata`, at most 3,000 characters. Raises `UsageError` where the names are longer."""
        text = json.dumps({key: value for key, value in asdict(self).items() if value}, separators=(",", ":"))
        if len(text) > MOST_METADATA:
            raise UsageError("The names in this are too long for a form of Slack.", changed="Nothing was changed.")
        return text

    @classmethod
    def of(cls, view: Mapping[str, Any]) -> "Slip":
        """What a submitted view is about. Raises `UsageError` for one that is not ours."""
        try:
            found = json.loads(view["private_metadata"])
            slip = cls(**{str(key): str(value) for key, value in found.items()})
        except (KeyError, ValueError, TypeError, AttributeError):
            slip = None
        if slip is None or view.get("callback_id") != CALLBACK + slip.verb:
            raise UsageError("This form is not one that firedoor knows.", changed="Nothing was changed.")
        return slip


def view(slip: Slip, title: str, blocks: list[Block], submit: str = "") -> View:
    """A modal; without `submit` it only shows something."""
    made: View = {
        "type": "modal",
        "callback_id": CALLBACK + slip.verb,
        "private_metadata": slip.text(),
        "title": plain(title, MOST_TITLE),
        "close": plain("Cancel" if submit else "Close", MOST_TITLE),
        "blocks": blocks,
    }
    return made | {"submit": plain(submit, MOST_TITLE)} if submit else made


def loading(slip: Slip, title: str) -> View:
    """What stands there while the incident is asked: Slack gives three seconds for a first view."""
    return view(slip, title, [told("Looking at the incident…")])


# Starting


def start_form(plan: Plan, slip: Slip, given: Mapping[str, Any] | None = None) -> View:
    """A form of a runbook's inputs. `given` are values that are known already; defaults stand in the other fields.

    Of more inputs than a modal holds the required ones come first, and the others keep their defaults.
    """
    known = given or {}
    names = sorted(plan.inputs, key=lambda name: not plan.inputs[name].required)
    shown = list(plan.inputs) if len(names) <= MOST_FIELDS else names[:MOST_FIELDS]
    says = plan.title or plan.name
    if left := len(names) - len(shown):
        says += f"\n{left} more inputs keep their defaults. firedoor run {plan.name} takes all of them."
    blocks = [told(says), *(_input_field(name, plan.inputs[name], known.get(name)) for name in shown)]
    return view(slip, plan.title or plan.name, blocks, "See the plan")


def _input_field(name: str, declared: Input, given: Any) -> Block:
    initial = _initial(declared.default if given is None else given)
    what: dict[str, Any] = {"hint": _input_hint(declared), "initial": initial, "optional": not declared.required}
    match declared.type:
        case "integer":
            return number_field(name, name, **what)
        case "boolean":
            return yes_no_field(name, name, **what)
        case kind:
            return text_field(name, name, lines=kind == "list", **what)


def _initial(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case list() | tuple():
            return "\n".join(str(member) for member in value)
        case _:
            return str(value)


def _input_hint(declared: Input) -> str:
    kind = "" if declared.type in {"string", "boolean"} else KINDS[declared.type].partition(":")[0]
    lines = "one a line" if declared.type == "list" else ""
    matching = f"matching {declared.pattern}" if declared.pattern else ""
    shape = ", ".join(part for part in (kind, lines, matching) if part)
    return ". ".join(part.strip().rstrip(".") for part in (declared.description, shape) if part)


def started(plan: Plan, submitted: Mapping[str, Any]) -> tuple[dict[str, Any], Errors]:
    """The inputs that a submitted `start_form` gives, complete and typed; or what is wrong, by block."""
    typed_in = filled(submitted)
    values: dict[str, Any] = {}
    errors: Errors = {}
    for name, declared in plan.inputs.items():
        text = typed_in.get(name)
        if text is None:
            if declared.required:
                errors[name] = _wrong("This is needed", declared)
            values[name] = declared.default
            continue
        try:
            values[name] = checked_input(declared, _members(text) if declared.type == "list" else text.strip())
        except ValueError as error:
            errors[name] = _wrong(f"This {error}", declared)
    return values, errors


def _members(text: str) -> list[str]:
    return [member for line in text.splitlines() for member in (part.strip() for part in line.split(",")) if member]


def _wrong(why: str, declared: Input) -> str:
    return cut(f"{why}. {declared.description}".strip(), MOST_HINT)


# Deciding


def reason_form(slip: Slip, title: str, says: str, submit: str) -> View:
    """Why: what deny, skip and abort need. Abort may take back what was done."""
    blocks = [told(says), text_field("reason", "Why", hint="It becomes part of the timeline.", lines=True)]
    if slip.verb == "abort":
        hint = "An incident of its own does that, under the approvals that it takes."
        blocks.append(tick_field("undo", "And then", "Take back what was done", hint=hint))
    return view(slip, title, blocks, submit)


def note_form(slip: Slip, text: str = "") -> View:
    """A note for the timeline; `text` stands there already."""
    field = text_field("reason", "Note", initial=text, lines=True)
    return view(slip, "Write a note", [told(slip.incident), field], "Write it")


def retry_form(slip: Slip, step: StepView) -> View:
    """Run a step again, with other values for the arguments that may be changed."""
    blocks = [told(f"{step.id} runs again. What has a recorded outcome is not done again.")]
    if step.failure:
        blocks.append(told(f"It failed: {step.failure.what}"))
    if step.progress and step.failed:
        blocks.append(tick_field("failed", "Which targets", "Only those that failed"))
    blocks += [_argument_field(name, step) for name in step.changeable[:MOST_FIELDS] if name in step.arguments]
    blocks.append(text_field("reason", "Why", hint="It becomes part of the timeline.", optional=True, lines=True))
    return view(slip, "Retry", blocks, "Retry")


def _argument_field(name: str, step: StepView) -> Block:
    value = step.arguments[name]
    now = ",".join(str(one) for one in value) if isinstance(value, list) else _initial(value)
    return text_field(
        f"argument.{name}", name, hint="As it is now; change it if it is wrong.", initial=now, optional=True
    )


def retried(step: StepView, submitted: Mapping[str, Any]) -> tuple[dict[str, Any], Errors]:
    """The arguments that a submitted `retry_form` changes, with their types; or what is wrong, by block."""
    fields = filled(submitted)
    values: dict[str, Any] = {}
    errors: Errors = {}
    for name in step.changeable:
        text = fields.get(f"argument.{name}")
        if text is None or text == _argument_field(name, step)["element"].get("initial_value"):
            continue
        try:
            values |= typed({name: text}, step)
        except UsageError as error:
            errors[f"argument.{name}"] = cut(f"{error.what} {error.next}", MOST_HINT)
    return values, errors


def answer_form(slip: Slip, ask: Ask) -> View:
    """What a step asks. A secret is never typed into Slack: then the form says where it is."""
    blocks = [told(ask.prompt)]
    if secrets := ask.secrets():
        blocks.append(told(secret_elsewhere(slip.incident, slip.step, list(secrets))))
        return view(slip, "Answer", blocks)
    for name, field in list(ask.fields.items())[:MOST_FIELDS]:
        blocks.append(_answer_field(name, field))
    blocks.append(text_field("reason", "Why", hint="If there is something to say.", optional=True, lines=True))
    return view(slip, "Answer", blocks, "Answer")


def secret_elsewhere(incident: str, step: str, names: list[str]) -> str:
    """Where a secret is given instead."""
    command = shlex.join(("firedoor", "answer", incident, step))
    return (
        f"{', '.join(names)} is a secret. It must not be typed into Slack, which keeps what is typed. On a terminal "
        f"it is asked for without being shown, and goes straight to where the runbook wants it:\n{command}"
    )


def _answer_field(name: str, field: Field) -> Block:
    block = f"field.{name}"
    what: dict[str, Any] = {"hint": field.description, "optional": not field.required}
    if field.choices:
        return choice_field(block, name, field.choices, **what)
    if field.type == "boolean":
        return yes_no_field(block, name, **what)
    if field.type == "integer":
        return number_field(block, name, **what)
    return text_field(block, name, lines=True, **what)


def answered(ask: Ask, submitted: Mapping[str, Any]) -> tuple[dict[str, Any], Errors]:
    """The answers of a submitted `answer_form`, with their types; or what is wrong, by block."""
    fields = filled(submitted)
    values: dict[str, Any] = {}
    errors: Errors = {}
    for name, field in ask.fields.items():
        text = fields.get(f"field.{name}")
        try:
            if text is not None:
                values[name] = _answer(field, text)
            elif field.required:
                errors[f"field.{name}"] = "This is needed."
        except ValueError as error:
            errors[f"field.{name}"] = str(error)
    return values, errors


def _answer(field: Field, text: str) -> Any:
    if field.choices:
        if choice := chosen(text, field.choices):
            return choice
        raise ValueError(cut(f"It is one of {', '.join(field.choices)}.", MOST_HINT))
    if field.type == "boolean":
        return text == TRUE
    if field.type == "integer":
        try:
            return checked_input(Input(type="integer"), text)
        except ValueError as error:
            raise ValueError(f"This {error}.") from None
    return text[:MOST_VALUE]


def reason_of(submitted: Mapping[str, Any]) -> str:
    """What was written as the reason."""
    return filled(submitted).get("reason", "").strip()


def ticked(submitted: Mapping[str, Any], name: str) -> bool:
    """Was this box ticked?"""
    return filled(submitted).get(name) == TRUE
