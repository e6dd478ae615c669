"""Steps: of which kind each is, whether its keys and names fit, and what becomes of it in the plan."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from firedoor.compiler.arguments import Arguments, has_template
from firedoor.compiler.asking import plan_ask
from firedoor.compiler.campaign import CampaignCompiler, NoticeShape, check_escalation
from firedoor.compiler.checker import Checker, Place
from firedoor.compiler.fields import fields_of, steps_read
from firedoor.compiler.kinds import DYN, Kind
from firedoor.compiler.undoing import changeable, undo_of, undoable
from firedoor.expressions import ROOTS, TEMPLATE
from firedoor.plan import Ask, Campaign, Effect, Input, Loop, OnError, Plan, PlannedStep, Policy, Retry, Until
from firedoor.runbook.diagnostics import Code, choices
from firedoor.runbook.document import Path
from firedoor.runbook.model import StepSpec
from firedoor.runbook.parser import Draft
from firedoor.runbook.values import written
from firedoor.steps._step import Step

StepKind = Literal["uses", "ask", "wait", "run", "campaign", "approval"]
#: The kinds that say themselves what they are; `approval` is one only where it stands alone.
KINDS: tuple[StepKind, ...] = ("uses", "ask", "wait", "run", "campaign")
COMMON = frozenset({"title", "description", "if", "needs", "always"})
LOOPING = frozenset({"for_each", "as", "concurrency", "on_error"})
REPEATING = frozenset({"until", "every", "within"})
#: What each kind of step takes besides its own key.
KEYS: dict[StepKind, frozenset[str]] = {
    "uses": COMMON | LOOPING | REPEATING | {"canary", "with", "approval", "retry", "timeout", "temporary"},
    "run": COMMON | {"with", "approval"},
    "campaign": COMMON | {"with", "approval"},
    "ask": COMMON,
    "wait": COMMON,
    "approval": COMMON,
}
#: How often `until` may read: each reading stays in Temporal's history.
MAX_READINGS = 2000
DEFAULT_LANES = 10


@dataclass(slots=True)
class Workbench:
    """What the steps of one runbook are compiled with. `child` compiles the runbook that a `run` names."""

    draft: Draft
    checker: Checker
    contracts: Mapping[str, type[Step]]
    policies: Mapping[str, Policy]
    child: Callable[[str, Path], Plan | None]
    notices: Mapping[str, NoticeShape] | None = None
    #: The qualified names that each step reads.
    names: dict[str, set[str]] = field(default_factory=dict)
    #: Where each step stands in the file.
    index: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.index = {name: number for number, name in enumerate(self.draft.runbook.steps)}

    def plan(self, name: str, spec: StepSpec) -> PlannedStep:
        """Compile one step; mistakes are noted in the document."""
        return _StepCompiler(self, name, spec).plan()

    def needs(self, name: str, spec: StepSpec) -> list[str]:
        """The steps that a step waits for, in the order of the file."""
        mentioned, _ = steps_read(self.names.get(name, set()))
        wanted = {*spec.needs, *mentioned} - {name}
        return sorted(wanted & self.index.keys(), key=self.index.__getitem__)


def kind_of_step(spec: StepSpec) -> StepKind | None:
    """The kind of a step; None if it is none or more than one."""
    found: list[StepKind] = [kind for kind in KINDS if getattr(spec, kind) is not None]
    if len(found) == 1:
        return found[0]
    return "approval" if not found and spec.approval is not None else None


def fields_of_steps(draft: Draft, contracts: Mapping[str, type[Step]]) -> dict[str, dict[str, Kind]]:
    """What expressions can read of each step whose fields are known."""
    return {
        name: fields_of(spec, contracts.get(spec.uses or ""))
        for name, spec in draft.runbook.steps.items()
        if not unknowable(draft, name, spec, contracts)
    }


def unknowable(draft: Draft, name: str, spec: StepSpec, contracts: Mapping[str, type[Step]]) -> bool:
    """Has a step such mistakes that nothing can be said about its fields?"""
    parts = any(broken[:2] == ("steps", name) and broken[2:3] != ("with",) for broken in draft.broken)
    return (
        not kind_of_step(spec)
        or (parts and spec.uses is None)
        or (spec.uses is not None and spec.uses not in contracts)
    )


class _StepCompiler:
    def __init__(self, bench: Workbench, name: str, spec: StepSpec) -> None:
        self.bench, self.name, self.spec = bench, name, spec
        self.document = bench.draft.document
        self.path: Path = ("steps", name)
        self.kind: StepKind | None = kind_of_step(spec)
        self.contract = bench.contracts.get(spec.uses or "")
        self.names: set[str] = set()
        self.child: Plan | None = None

    def plan(self) -> PlannedStep:
        self._check_kind()
        self._check_references()
        for key in ("title", "description"):
            self.bench.checker.plain(getattr(self.spec, key), (*self.path, key))
        if self.spec.if_ is not None:
            typed = self.bench.checker.condition(self.spec.if_, (*self.path, "if"))
            self.names |= typed.names if typed else set()
        loop, variable = self._loop()
        until = self._until()
        arguments = self._arguments(variable)
        ask = self._ask()
        campaign = self._campaign()
        self._check_self()
        self._check_temporary()
        self.bench.names[self.name] = self.names
        contract = self.contract
        return PlannedStep(
            id=self.name,
            kind=self.kind or "uses",
            title=self.spec.title,
            action=self.spec.uses or "",
            effect=contract.effect if contract else Effect.DESTRUCTIVE if campaign else Effect.READ,
            containment=contract.containment if contract else False,
            arguments=arguments,
            condition=(self.spec.if_ or "").strip(),
            approval=self.spec.approval or (self.spec.campaign and self.spec.campaign.approval) or "",
            loop=loop,
            until=until,
            retry=self._retry(),
            timeout=self.spec.timeout
            or (contract.timeout if contract else PlannedStep.model_fields["timeout"].default),
            ask=ask,
            wait=self.spec.wait or 0,
            child=self.child,
            undo=undo_of(contract, self.bench.contracts) if contract else None,
            temporary=self.spec.temporary or 0,
            changeable=changeable(contract) if contract else (),
            always=self.spec.always,
            campaign=campaign,
        )

    def _check_kind(self) -> None:
        given = {info.alias or key for key, info in StepSpec.model_fields.items() if key in self.spec.model_fields_set}
        found = [kind for kind in KINDS if getattr(self.spec, kind) is not None]
        if len(found) > 1:
            what = (
                f"The step `{self.name}` has {' and '.join(f'`{kind}`' for kind in found)}; it can be one of them only."
            )
            self.document.add(Code.STEP_KIND, (*self.path, found[1]), what, "make two steps of it", key=True)
        elif not self.kind and not any(broken[:2] == self.path for broken in self.bench.draft.broken):
            what = f"The step `{self.name}` does nothing."
            allowed = "`uses`, `ask`, `wait`, `run`, `campaign`, or `approval`"
            self.document.add(Code.STEP_KIND, self.path, what, allowed, key=True)
        if self.kind is None:
            return
        for key in sorted(given - KEYS[self.kind] - {self.kind}):
            takers = [f"`{kind}`" for kind, keys in KEYS.items() if key in keys]
            what = f"A step with `{self.kind}` takes no `{key}`."
            self.document.add(
                Code.MISPLACED_KEY, (*self.path, key), what, f"it goes with {' or '.join(takers)}", key=True
            )
        self._check_companions(given)

    def _check_companions(self, given: set[str]) -> None:
        if self.kind != "uses":
            return
        for keys, leader in ((LOOPING, "for_each"), (REPEATING, "until")):
            for key in sorted((keys & given) - {leader}):
                if leader not in given and not self._broken(leader):
                    what = f"`{key}` needs `{leader}` beside it."
                    self.document.add(Code.MISPLACED_KEY, (*self.path, key), what, key=True)
        wanted = {"for_each": ("as",), "until": ("every", "within")}
        for leader, followers in wanted.items():
            for key in followers:
                if leader in given and key not in given and not self._broken(key):
                    what = f"`{leader}` needs `{key}` beside it."
                    hint = "the name of the element in `with`" if key == "as" else "a duration: 30s, 5m, 2h, 1d"
                    self.document.add(Code.MISSING_KEY, (*self.path, leader), what, hint, key=True)
        self._check_canary(given)
        if {"for_each", "until"} <= given:
            what = "`until` repeats one read; it does not go with `for_each`."
            self.document.add(Code.MISPLACED_KEY, (*self.path, "until"), what, key=True)

    def _check_canary(self, given: set[str]) -> None:
        lacking = [key for key in ("for_each", "approval") if key not in given and not self._broken(key)]
        if "canary" in given and lacking:
            what = f"`canary` needs {' and '.join(f'`{key}`' for key in lacking)} beside it."
            allowed = "it does the first targets of a `for_each`; people look, and approve the rest"
            self.document.add(Code.MISPLACED_KEY, (*self.path, "canary"), what, allowed, key=True)

    def _broken(self, key: str) -> bool:
        return self.bench.draft.is_broken(*(str(part) for part in self.path), key)

    def _check_references(self) -> None:
        steps, spec = self.bench.draft.runbook.steps, self.spec
        if spec.uses is not None and self.contract is None:
            what = f"There is no action `{spec.uses}`."
            self.document.add(Code.UNKNOWN_ACTION, (*self.path, "uses"), what, choices(spec.uses, self.bench.contracts))
        for index, need in enumerate(spec.needs):
            path = (*self.path, "needs", index)
            if need == self.name:
                self.document.add(Code.CYCLE, path, f"The step `{self.name}` needs itself.")
            elif need not in steps and not self.bench.draft.is_broken("steps", need):
                self.document.add(Code.UNKNOWN_STEP, path, f"There is no step `{need}`.", choices(need, steps))
        self._check_policy(spec.approval, (*self.path, "approval"))
        if spec.ask is not None and spec.ask.of:
            self._check_policy(spec.ask.of, (*self.path, "ask", "of"))
        if spec.campaign is not None:
            self._check_policy(spec.campaign.approval, (*self.path, "campaign", "approval"))

    def _check_policy(self, name: str | None, path: Path) -> None:
        if name is None or name in self.bench.policies or self.bench.draft.is_broken("approvals", name):
            return
        allowed = choices(name, self.bench.policies) or "declare it under `approvals`"
        self.document.add(Code.UNKNOWN_POLICY, path, f"There is no approval policy `{name}`.", allowed)

    def _check_self(self) -> None:
        mentioned, _ = steps_read(self.names)
        if self.name in mentioned:
            what = f"The step `{self.name}` reads its own result before it has one."
            self.document.add(Code.CYCLE, self.path, what, "only `until` may read it", key=True)

    def _check_temporary(self) -> None:
        contracts, contract = self.bench.contracts, self.contract
        if self.spec.temporary is None or contract is None or self.kind != "uses" or undo_of(contract, contracts):
            return
        why = "changes nothing" if contract.effect is Effect.READ else "cannot be undone"
        what = f"`{contract.action}` {why}, so it cannot be temporary."
        allowed = choices("", undoable(contracts)) or "no action that is known here can be undone"
        self.document.add(Code.NOT_UNDOABLE, (*self.path, "temporary"), what, allowed, key=True)

    def _loop(self) -> tuple[Loop | None, tuple[str, Kind] | None]:
        spec = self.spec
        if spec.for_each is None:
            return None, None
        items, element = self._items(spec.for_each, (*self.path, "for_each"))
        name = spec.as_ or ""
        if name in ROOTS:
            what = f"`{name}` is taken: expressions begin with it."
            self.document.add(Code.BAD_NAME, (*self.path, "as"), what, f"any other name than {', '.join(ROOTS)}")
            name = ""
        loop = Loop(
            items=items,
            name=name,
            concurrency=spec.concurrency or DEFAULT_LANES,
            on_error=OnError(spec.on_error or OnError.ASK),
            canary=spec.canary or 0,
        )
        return loop, (name, element) if name else None

    def _items(self, given: str | list[Any], path: Path) -> tuple[str, Kind]:
        """The list of a `for_each` as bare CEL, and the kind of its elements."""
        if isinstance(given, list):
            if has_template(given) or not all(isinstance(one, str | int) for one in given):
                what = "A list that is written out holds texts, whole numbers, true or false."
                self.document.add(Code.WRONG_TYPE, path, what, "or one expression: ${{ … }}")
                return "[]", DYN
            kinds = {type(one) for one in given}
            same = {str: "STRING", int: "INT", bool: "BOOL"}.get(kinds.pop()) if len(kinds) == 1 else None
            # JSON of texts and numbers is CEL.
            return json.dumps(given, ensure_ascii=False), Kind(same) if same else DYN
        whole = TEMPLATE.fullmatch(given.strip())
        if whole is None:
            what = "`for_each` takes one expression, and nothing around it, or a list that is written out."
            self.document.add(Code.MISPLACED_EXPRESSION, path, what, "${{ steps.NAME.FIELD }}")
            return "[]", DYN
        source = whole.group(1)
        start = given.index("${{") + 3 + len(source) - len(source.lstrip())
        typed = self.bench.checker.check(source.strip(), Place(path, start))
        if typed is None:
            return "[]", DYN
        self.names |= typed.names
        if typed.kind.name == "LIST":
            return source.strip(), typed.kind.members[0]
        if typed.kind != DYN:
            self.document.add(Code.EXPRESSION_TYPE, path, f"`for_each` takes a list; this is {typed.kind.words()}.")
        return source.strip(), DYN

    def _until(self) -> Until | None:
        spec = self.spec
        if spec.until is None:
            return None
        path = (*self.path, "until")
        if self.contract is not None and self.contract.effect is not Effect.READ:
            what = f"`{self.contract.action}` changes something; `until` repeats reads only."
            self.document.add(Code.UNTIL_ON_CHANGE, path, what, "put a read after it, and `until` there", key=True)
        typed = self.bench.checker.condition(spec.until, path)
        own = f"steps.{self.name}"
        self.names |= (
            {name for name in typed.names if name != own and not name.startswith(f"{own}.")} if typed else set()
        )
        if spec.every and spec.within:
            self._check_pace(spec.every, spec.within)
        return Until(expression=spec.until.strip(), every=spec.every or 1, within=spec.within or 1)

    def _check_pace(self, every: int, within: int) -> None:
        path = (*self.path, "every")
        if every > within:
            self.document.add(Code.OUT_OF_BOUNDS, path, "`every` is longer than `within`: it would be read once only.")
        elif within // every > MAX_READINGS:
            what = f"That is {within // every:,} readings; at most {MAX_READINGS:,}: each stays in Temporal's history."
            shortest = written(math.ceil(within / MAX_READINGS))
            self.document.add(Code.OUT_OF_BOUNDS, path, what, f"every: {shortest}, or longer")

    def _arguments(self, loop: tuple[str, Kind] | None) -> dict[str, Any]:
        spec, path = self.spec, (*self.path, "with")
        # Where the loop variable is missing or wrong, what uses it is no second mistake.
        if spec.for_each is not None and loop is None:
            return dict(spec.with_)
        arguments = Arguments(self.bench.checker, path, (*self.path, self.kind or "uses"), loop)
        if self.kind == "uses" and self.contract is not None and not self._broken("with"):
            self.names |= arguments.of_action(self.contract, spec.with_)
            runbook = self.bench.draft.runbook
            return {name: getattr(runbook, name) for name in self.contract.inherits} | dict(spec.with_)
        if self.kind == "run" and spec.run is not None:
            self.child = self.bench.child(spec.run, (*self.path, "run"))
            if self.child is not None and not self._broken("with"):
                inputs: Mapping[str, Input] = self.child.inputs
                values, names = arguments.of_inputs(spec.run, inputs, spec.with_, Code.MISSING_ARGUMENT)
                self.names |= names
                return values
        return dict(spec.with_)

    def _ask(self) -> Ask | None:
        ask = self.spec.ask
        if ask is None:
            return None
        path = (*self.path, "ask")
        if not ask.fields and not self._broken("ask"):
            what = "`ask` has no fields: nothing could be answered."
            self.document.add(Code.MISSING_KEY, (*path, "fields"), what, "fields: {healthy: {type: boolean}}", key=True)
        planned, names = plan_ask(ask, path, self.bench.checker)
        self.names |= names
        return planned

    def _campaign(self) -> Campaign | None:
        spec, path = self.spec.campaign, self.path
        if spec is None:
            return None
        if spec.approval is not None and self.spec.approval is not None:
            what = "`approval` stands in the step and in its `campaign`; once is enough."
            self.document.add(Code.MISPLACED_KEY, (*path, "approval"), what, "remove one of the two", key=True)
        if spec.approval is None and self.spec.approval is None and not self._broken("campaign"):
            what = "Nobody approves what customers are told, and it cannot be called back."
            allowed = "approval: POLICY, one of those under `approvals`"
            self.document.add(Code.MISSING_KEY, (*path, "campaign"), what, allowed, key=True)
        if spec.escalate is not None:
            check_escalation(self.document, path, spec.escalate, self.bench.contracts.get(spec.escalate.uses))
        compiler = CampaignCompiler(self.bench.checker, self.bench.draft, path, spec, self.bench.notices)
        campaign, names = compiler.plan(self.spec.with_)
        self.names |= names
        return campaign

    def _retry(self) -> Retry:
        base = self.contract.retry if self.contract else Retry()
        if self.spec.retry is None:
            return base
        given = {key: value for key, value in self.spec.retry.model_dump().items() if value is not None}
        retry = base.model_copy(update=given)
        if retry.ceiling < retry.interval:
            what = f"The longest pause ({retry.ceiling} s) is shorter than the first ({retry.interval} s)."
            key = "ceiling" if "ceiling" in given else "interval"
            self.document.add(Code.OUT_OF_BOUNDS, (*self.path, "retry", key), what)
        return retry
