"""One compilation: a runbook and, below it, the runbooks that it runs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from firedoor.canonical import sha256_hex
from firedoor.compiler.arguments import INPUT_KINDS
from firedoor.compiler.campaign import NoticeShape, unfold
from firedoor.compiler.checker import Checker
from firedoor.compiler.clocks import Clockwork
from firedoor.compiler.complaints import Names
from firedoor.compiler.endings import check_endings
from firedoor.compiler.fields import steps_read
from firedoor.compiler.kinds import STRING
from firedoor.compiler.order import circles, in_order
from firedoor.compiler.policies import check_identity, plan_inputs, plan_policies
from firedoor.compiler.steps import Workbench, fields_of_steps
from firedoor.compiler.triggers import check_automation, plan_triggers
from firedoor.deadlines.regimes import Regime, shipped
from firedoor.errors import UsageError
from firedoor.plan import Auto, Input, Plan, PlannedStep
from firedoor.runbook.diagnostics import Code, Diagnostic, RunbookErrors, choices
from firedoor.runbook.document import MAX_BYTES, Document, Span, read
from firedoor.runbook.document import Path as Place
from firedoor.runbook.parser import Draft, draft_of
from firedoor.steps._step import Step

#: What `incident.…` has, in every expression of a step.
INCIDENT = {"id": STRING, "runbook": STRING, "severity": STRING}
#: How the types of firedoor's own workflows begin; those of incidents are the names of their runbooks.
OURS = "firedoor-"
MAX_GENERATIONS = 5
MAX_STEPS = 10_000


@dataclass(slots=True)
class Compilation:
    """The actions and runbooks that exist, and what was compiled already."""

    contracts: Mapping[str, type[Step]]
    runbooks: Mapping[str, Path | str]
    known: dict[str, Plan | None] = field(default_factory=dict)
    chain: list[str] = field(default_factory=list)
    #: How many steps a runbook has, those that it runs included.
    sizes: dict[str, int] = field(default_factory=dict)
    #: Mistakes in the runbooks that are run.
    below: list[Diagnostic] = field(default_factory=list)
    #: The notices that campaigns may send, by name; None where they are not known.
    notices: Mapping[str, NoticeShape] | None = None
    #: What `regime` of a clock may name.
    regimes: Mapping[str, Regime] = field(default_factory=shipped)

    def plan(self, text: str, file: str, digest: str) -> Plan:
        """Compile one runbook. Raises `RunbookErrors`."""
        document = read(text, file)
        draft = draft_of(document)
        unfold(draft, self.contracts)
        self._check_name(draft, Path(file))
        self.chain.append(draft.runbook.name)
        try:
            plan = self._plan(draft, digest)
        finally:
            self.chain.pop()
        if document.found or self.below:
            raise RunbookErrors([*document.diagnostics(), *self.below])
        return plan

    def _check_name(self, draft: Draft, file: Path) -> None:
        """A runbook of a folder is found by its file's name, and named by its own: by alerts, commands, incidents."""
        own = draft.runbook.name
        if draft.is_broken("name"):
            return
        if own.startswith(OURS):
            what = f"`{own}` cannot be a runbook's name: firedoor's own workflows are called {OURS}… in Temporal."
            draft.document.add(Code.BAD_NAME, ("name",), what, f"any name that does not begin with {OURS}")
        for name, known in self.runbooks.items():
            if name != own and isinstance(known, Path) and known.resolve() == file.resolve():
                what = f"This runbook is called `{own}`, and its file {file.name}."
                allowed = f"rename the file to {own}{file.suffix}, or write `name: {name}`"
                draft.document.add(Code.FILE_NAME, ("name",), what, allowed)

    def _plan(self, draft: Draft, digest: str) -> Plan:
        runbook = draft.runbook
        inputs = plan_inputs(draft)
        check_identity(draft)
        policies = plan_policies(draft)
        triggers = plan_triggers(draft, inputs)
        bench = Workbench(
            draft=draft,
            checker=Checker(draft.document, self._names(draft, inputs)),
            contracts=self.contracts,
            policies=policies,
            child=lambda name, place: self._child(draft.document, name, place),
            notices=self.notices,
        )
        planned = {name: bench.plan(name, spec) for name, spec in runbook.steps.items()}
        clocks, read = Clockwork(draft, bench.checker, policies, self.regimes).plan()
        # Under names that no step can have: what a clock reads of a `for_each` has to be kept as well.
        bench.names |= {f"clocks.{name}": names for name, names in read.items()}
        size = self._size(planned.values())
        if size > MAX_STEPS:
            what = f"With the runbooks that it runs, the runbook has {size:,} steps; at most {MAX_STEPS:,}."
            draft.document.add(Code.TOO_LARGE, ("steps",), what, key=True)
        self.sizes[runbook.name] = size
        plan = Plan(
            name=runbook.name,
            title=runbook.title,
            description=runbook.description,
            severity=runbook.severity,
            mode=runbook.mode,
            runbook_sha256=digest,
            inputs=inputs,
            identity=tuple(runbook.identity),
            triggers=triggers,
            policies=policies,
            steps=_ordered(bench, planned),
            auto=Auto(runbook.auto),
            max_starts=runbook.max_starts,
            channel=(runbook.slack and runbook.slack.channel) or "",
            clocks=clocks,
        )
        check_automation(plan, draft)
        return plan

    def _size(self, steps: Iterable[PlannedStep]) -> int:
        """Steps, those of children included: each child is part of the plan."""
        return sum(1 + (self.sizes[step.child.name] if step.child else 0) for step in steps)

    def _names(self, draft: Draft, inputs: Mapping[str, Input]) -> Names:
        steps = fields_of_steps(draft, self.contracts)
        lost = {str(path[1]) for path in draft.broken if path[0] == "steps" and len(path) == 2}
        lost |= set(draft.runbook.steps) - set(steps)
        broken = {f"steps.{name}" for name in lost}
        broken |= {".".join(map(str, path[:2])) for path in draft.broken if path[0] == "inputs"}
        return Names(
            steps=steps,
            inputs={name: INPUT_KINDS[one.type] for name, one in inputs.items() if f"inputs.{name}" not in broken},
            incident=INCIDENT,
            broken=frozenset(broken),
            loops=frozenset(spec.as_ for spec in draft.runbook.steps.values() if spec.as_),
            implied=frozenset(name for name, spec in draft.runbook.steps.items() if spec.campaign),
        )

    def _child(self, document: Document, name: str, place: Place) -> Plan | None:
        """The plan of a runbook that a step runs; None if it has none, which is noted."""
        if name in self.chain:
            circle = " → ".join((*self.chain[self.chain.index(name) :], name))
            document.add(Code.RUNBOOK_CYCLE, place, f"Runbooks run each other in a circle: {circle}.")
            return None
        if name not in self.runbooks:
            allowed = choices(name, self.runbooks) or "no other runbook is known here"
            document.add(Code.UNKNOWN_RUNBOOK, place, f"There is no runbook `{name}`.", allowed)
            return None
        if len(self.chain) >= MAX_GENERATIONS:
            what = f"Runbooks run each other {MAX_GENERATIONS + 1} deep; at most {MAX_GENERATIONS}."
            document.add(Code.OUT_OF_BOUNDS, place, what)
            return None
        if name not in self.known:
            self.known[name] = None
            try:
                text, file = source_of(self.runbooks[name])
                inner = replace(self, below=[])
                self.known[name] = inner.plan(text, file, sha256_hex(text.encode("utf-8", "surrogatepass")))
            except RunbookErrors as errors:
                self.below += errors.diagnostics
        child = self.known[name]
        if child is None:
            what = f"The runbook `{name}` has mistakes of its own; they are reported below."
            document.add(Code.CHILD_BROKEN, place, what)
        elif child.name != name:
            document.add(
                Code.UNKNOWN_RUNBOOK, place, f"The file of `{name}` holds a runbook that is called `{child.name}`."
            )
        return child


def source_of(source: str | Path) -> tuple[str, str]:
    """The text of a runbook and the name to report mistakes under. Raises `RunbookErrors`, `UsageError`."""
    if isinstance(source, str):
        return source, "runbook.yaml"
    file = str(source)
    try:
        with source.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.", changed="Nothing was started.") from None
    document = Document(file, "")
    if len(data) > MAX_BYTES:
        document.add(Code.TOO_LARGE, Span(0, 1), f"{source.name} is larger than 1 MiB; a runbook is not.")
    try:
        text = data[:MAX_BYTES].decode()
    except UnicodeDecodeError as error:
        if not document.found:
            what = (
                f"{source.name} is not a text in UTF-8: the byte {data[error.start]:#04x} at {error.start} cannot be."
            )
            document.add(Code.YAML_SYNTAX, Span(0, 1), what)
        text = ""
    document.check()
    return text, file


def _ordered(bench: Workbench, planned: Mapping[str, PlannedStep]) -> tuple[PlannedStep, ...]:
    """The steps with what they need, each after that, and those with `always` last. Circles are noted."""
    specs = bench.draft.runbook.steps
    needs = {name: bench.needs(name, specs[name]) for name in planned}
    for circle in circles(needs):
        what = f"These steps wait for each other, so none could start: {' → '.join((*circle, circle[0]))}."
        bench.draft.document.add(Code.CYCLE, ("steps", circle[0]), what, "take one of the dependencies away", key=True)
    check_endings(bench.draft, needs)
    read_whole = {name for names in bench.names.values() for name in names if name.endswith((".results", ".remaining"))}
    found: list[PlannedStep] = []
    for name in sorted(in_order(needs), key=lambda name: specs[name].always):
        step = planned[name]
        _, results = steps_read(bench.names[name])
        update: dict[str, object] = {
            "needs": tuple(needs[name]),
            "mentions": tuple(sorted((results & bench.index.keys()) - {name}, key=bench.index.__getitem__)),
        }
        if step.loop is not None and f"steps.{name}.results" in read_whole:
            update["loop"] = step.loop.model_copy(update={"collect": True})
        if step.campaign is not None and f"steps.{name}.remaining" in read_whole:
            update["campaign"] = step.campaign.model_copy(update={"collect": True})
        found.append(step.model_copy(update=update))
    return tuple(found)
