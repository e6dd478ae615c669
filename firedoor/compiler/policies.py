"""Inputs, identity and approval policies: what stands around the steps."""

import re

from firedoor.inputs import checked_input, pattern_problem
from firedoor.plan import Input, Policy
from firedoor.runbook.diagnostics import Code, choices
from firedoor.runbook.document import Document
from firedoor.runbook.model import ApprovalSpec, InputSpec
from firedoor.runbook.parser import Draft

SOURCE = re.compile(r"user:[^\s@:][^\s:]*|role:[a-z][a-z0-9_-]*|slack:@[^\s@]+|slack:U[A-Z0-9]+")


def plan_inputs(draft: Draft) -> dict[str, Input]:
    """The inputs, with their patterns and defaults checked."""
    return {name: _input(draft.document, name, spec) for name, spec in draft.runbook.inputs.items()}


def _input(document: Document, name: str, spec: InputSpec) -> Input:
    required = "default" not in spec.model_fields_set
    declared = Input(
        type=spec.type, description=spec.description, pattern=spec.pattern, default=None, required=required
    )
    path = ("inputs", name)
    if spec.pattern:
        problem = pattern_problem(spec.pattern)
        if spec.type not in ("string", "list"):
            what = f"`{name}` is {spec.type}; only a string or a list has a pattern."
            document.add(Code.MISPLACED_KEY, (*path, "pattern"), what, key=True)
        elif problem:
            what = f"The pattern of `{name}` is not RE2: {problem}."
            document.add(Code.BAD_PATTERN, (*path, "pattern"), what, "no look-around, no back-references")
        if problem or spec.type not in ("string", "list"):
            declared = declared.model_copy(update={"pattern": ""})
    if required:
        return declared
    problem = ""
    try:
        # Texts are converted where they come from a command line, not where a type could have been written.
        if isinstance(spec.default, str) == (spec.type == "string"):
            return declared.model_copy(update={"default": checked_input(declared, spec.default)})
        problem = f"is {spec.default!r}, not of type {spec.type}"
    except ValueError as error:
        problem = str(error)
    what = "is empty" if spec.default is None else problem
    allowed = f"a value of type {spec.type}, or no `default` at all: then the input is required"
    document.add(Code.BAD_DEFAULT, (*path, "default"), f"The default of `{name}` {what}.", allowed)
    return declared


def check_identity(draft: Draft) -> None:
    """Identity names inputs, each once."""
    for index, name in enumerate(draft.runbook.identity):
        path = ("identity", index)
        if name in draft.runbook.identity[:index]:
            draft.document.add(Code.DUPLICATE_KEY, path, f"`{name}` is named twice.")
        elif name not in draft.runbook.inputs and not draft.is_broken("inputs", name):
            allowed = choices(name, draft.runbook.inputs) or "declare it under `inputs`"
            draft.document.add(Code.UNKNOWN_INPUT, path, f"There is no input `{name}`.", allowed)


def plan_policies(draft: Draft) -> dict[str, Policy]:
    """The approval policies that their people could fulfil."""
    return {name: _policy(draft.document, name, spec) for name, spec in draft.runbook.approvals.items()}


def _policy(document: Document, name: str, spec: ApprovalSpec) -> Policy:
    path = ("approvals", name, "from")
    for index, source in enumerate(spec.sources):
        if not SOURCE.fullmatch(source):
            what = f"`{source}` names nobody who could approve."
            document.add(Code.BAD_VALUE, (*path, index), what, "user:NAME, role:NAME, slack:@GROUP")
        elif source in spec.sources[:index]:
            document.add(Code.DUPLICATE_KEY, (*path, index), f"`{source}` is named twice.", "one person counts once")
    people = {source for source in spec.sources if source.startswith("user:")}
    if not spec.sources:
        document.add(Code.POLICY_UNFULFILLABLE, path, f"`{name}` names nobody: it could never be fulfilled.")
    elif len(people) == len(set(spec.sources)) < spec.count:
        what = f"`{name}` needs {spec.count} people and names {len(people)}: it could never be fulfilled."
        document.add(Code.POLICY_UNFULFILLABLE, (*path[:-1], "count"), what, f"at most {len(people)}, or more people")
    return Policy(
        sources=tuple(dict.fromkeys(spec.sources)), count=spec.count, expires=spec.expires, allow_self=spec.allow_self
    )
