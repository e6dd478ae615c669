"""Inputs, identity and approval policies: what stands around the steps."""

import re

from firedoor.compiler.checker import Checker
from firedoor.compiler.complaints import Names
from firedoor.compiler.order import circles
from firedoor.inputs import checked_input, pattern_problem
from firedoor.plan import Input, Policy
from firedoor.runbook.diagnostics import Code, choices
from firedoor.runbook.document import Document
from firedoor.runbook.model import ApprovalSpec, InputSpec, ThenSpec
from firedoor.runbook.parser import Draft
from firedoor.runbook.values import written

#: Fewer characters than this give no reason.
SHORTEST_REASON = 10
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
    """The approval policies that their people could fulfil, and that end somewhere when nobody answers."""
    specs = draft.runbook.approvals
    for name, spec in specs.items():
        _check_people(draft.document, name, spec)
        _check_times(draft, name, spec)
        if spec.then is not None:
            _check_then(draft, ("approvals", name, "then"), spec.then)
    _check_escalations(draft)
    return {name: _policy(spec) for name, spec in specs.items()}


def _policy(spec: ApprovalSpec) -> Policy:
    then = spec.then or ThenSpec(escalate=None, proceed=None)
    return Policy(
        sources=tuple(dict.fromkeys(spec.sources)),
        count=spec.count,
        expires=spec.expires,
        allow_self=spec.self_,
        escalate=then.escalate or "",
        proceed=(then.proceed or "").strip(),
        remind=spec.remind,
        break_glass=spec.break_glass,
    )


def _check_people(document: Document, name: str, spec: ApprovalSpec) -> None:
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


def _check_times(draft: Draft, name: str, spec: ApprovalSpec) -> None:
    path = ("approvals", name)
    if "then" in spec.model_fields_set and not spec.expires and not draft.is_broken(*path, "expires"):
        what = "`then` needs `expires` beside it: without it the question stays open for ever."
        draft.document.add(Code.MISPLACED_KEY, (*path, "then"), what, "expires: 30m", key=True)
    if 0 < spec.expires <= spec.remind:
        what = f"`remind` is not shorter than `expires` ({written(spec.expires)}): nobody would ever be reminded."
        draft.document.add(Code.OUT_OF_BOUNDS, (*path, "remind"), what, f"1m, and shorter than {written(spec.expires)}")


def _check_then(draft: Draft, path: tuple[str, ...], then: ThenSpec) -> None:
    document, words = draft.document, then.proceed
    if then.escalate is None and words is None and not any(broken[: len(path)] == path for broken in draft.broken):
        document.add(Code.MISSING_KEY, path, "`then` says nothing.", "`deny`, `escalate` or `proceed`", key=True)
    if words is None:
        return
    if then.escalate is not None:
        what = "`then` has `escalate` and `proceed`; it can be one of them only."
        document.add(Code.MISPLACED_KEY, (*path, "proceed"), what, "remove one of the two", key=True)
    Checker(document, Names()).plain(words, (*path, "proceed"))
    if len(words.strip()) < SHORTEST_REASON or not re.search(r"\S\s+\S", words):
        what = "`proceed` does not say why nobody has to approve."
        allowed = f"a sentence of {SHORTEST_REASON} characters or more: people are shown it, and it is recorded"
        document.add(Code.BAD_VALUE, (*path, "proceed"), what, allowed)


def _check_escalations(draft: Draft) -> None:
    """Each policy that is asked next exists, and the last of them ends."""
    specs, document = draft.runbook.approvals, draft.document
    following: dict[str, list[str]] = {name: [] for name in specs}
    for name, spec in specs.items():
        target = spec.then.escalate if spec.then else None
        path = ("approvals", name, "then", "escalate")
        others = choices(target or "", specs.keys() - {name}) or "declare another one under `approvals`"
        if target is None or draft.is_broken("approvals", target):
            continue
        if target == name:
            document.add(Code.POLICY_CYCLE, path, f"`{name}` escalates to itself.", others)
        elif target not in specs:
            document.add(Code.UNKNOWN_POLICY, path, f"There is no approval policy `{target}`.", others)
        else:
            following[name].append(target)
    for circle in circles(following):
        what = f"These policies escalate in a circle, so nobody would ever decide: {' → '.join((*circle, circle[0]))}."
        path = ("approvals", circle[0], "then", "escalate")
        document.add(Code.POLICY_CYCLE, path, what, "let one of them end: `then: deny`, or with `proceed`")
