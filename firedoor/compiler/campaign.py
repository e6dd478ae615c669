"""`campaign:`: whether its notice, its people and its times fit; and the step that its escalation becomes."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from firedoor.campaign import Audience, Remaining
from firedoor.compiler.arguments import Arguments, has_template
from firedoor.compiler.checker import Checker, Place
from firedoor.compiler.complaints import Names
from firedoor.compiler.kinds import STRING, Kind, fits, kind_of
from firedoor.expressions import TEMPLATE
from firedoor.plan import Campaign, Cohort
from firedoor.runbook.campaign import CampaignSpec, EscalateSpec
from firedoor.runbook.diagnostics import Code, choices
from firedoor.runbook.document import Document, Path
from firedoor.runbook.model import StepSpec
from firedoor.runbook.parser import Draft
from firedoor.runbook.values import written
from firedoor.steps._step import Step

#: The step that `escalate` becomes is called after the campaign's.
ESCALATION = "_escalation"
#: What its expressions call one credential that is left.
LEFT = "credential"
#: An argument of such an action that is filled in by itself: what was changed since must not be touched.
SINCE = "unchanged_since"
#: How often a campaign may look: each look stays in Temporal's history.
MAX_LOOKS = 20_000
LISTED = Kind("LIST", (STRING,))
#: What another campaign could not reach: its customers are told of these credentials alone.
LEFTOVER = Kind("LIST", (kind_of(Remaining),))


class Facts(BaseModel):
    """What `customer` is in `cohorts` (`activities.campaigns.audience`): what is known before it is written to.

    `credentials` is how many of its credentials are exposed, `providers` whose they are.
    """

    id: str
    name: str
    language: str
    zone: str
    hours: int
    exposure: str
    credentials: int
    providers: list[str]
    channels: list[str]


class Followed(BaseModel):
    """What `customer` is in `until`: who it is, and how far (`firedoor.outbox.until`)."""

    exposure: str
    cohort: str
    reached: bool
    acknowledged: bool
    remediated: bool


@dataclass(frozen=True, slots=True)
class NoticeShape:
    """What a runbook has to know of a notice: the variables of each of its versions, with whether each is optional."""

    versions: Mapping[int, Mapping[str, bool]]


def unfold(draft: Draft, contracts: Mapping[str, type[Step]]) -> None:
    """Put the step that each `escalate` stands for behind its campaign, as if it had been written there."""
    found: dict[str, StepSpec] = {}
    for name, spec in draft.runbook.steps.items():
        found[name] = spec
        _move(draft, name)
        escalate = spec.campaign.escalate if spec.campaign else None
        if escalate is None:
            continue
        own = f"{name}{ESCALATION}"
        if own in draft.runbook.steps:
            what = f"`{own}` is taken: the escalation of `{name}` becomes a step of that name."
            draft.document.add(Code.BAD_NAME, ("steps", own), what, "any other name", key=True)
            continue
        found[own] = _escalation(name, spec, escalate, contracts.get(escalate.uses))
        draft.document.moved["steps", own] = ("steps", name, "campaign", "escalate")
    draft.runbook = draft.runbook.model_copy(update={"steps": found})


def _move(draft: Draft, name: str) -> None:
    """What was taken out of an escalation was taken out of its step."""
    own, inside = ("steps", f"{name}{ESCALATION}"), ("steps", name, "campaign", "escalate")
    for path in tuple(draft.broken):
        if path[: len(inside)] == inside[: len(path)] and len(path) > 1:
            draft.broken.add((*own, *path[len(inside) :]))


def _escalation(name: str, spec: StepSpec, escalate: EscalateSpec, contract: type[Step] | None) -> StepSpec:
    arguments = dict(escalate.with_)
    fields = contract.model_fields if contract else {}
    if LEFT in fields:
        arguments.setdefault(LEFT, f"${{{{ {LEFT} }}}}")
    if SINCE in fields:
        arguments.setdefault(SINCE, f"${{{{ {LEFT}.since }}}}")
    return StepSpec.model_validate(
        {
            "uses": escalate.uses,
            "title": f"Escalate: {spec.title or name}",
            "for_each": f"${{{{ steps.{name}.remaining }}}}",
            "as": LEFT,
            "with": arguments,
            "approval": escalate.approval,
            "always": spec.always,
        }
    )


@dataclass(frozen=True, slots=True)
class CampaignCompiler:
    """One campaign: `path` is that of its step. `notices` is None where they are not known here."""

    checker: Checker
    draft: Draft
    path: Path
    spec: CampaignSpec
    notices: Mapping[str, NoticeShape] | None

    @property
    def document(self) -> Document:
        """Where mistakes are noted."""
        return self.checker.document

    def plan(self, values: Mapping[str, Any]) -> tuple[Campaign, set[str]]:
        """The campaign, and the qualified names that it reads. `values` are the notice's own variables."""
        spec, names = self.spec, set[str]()
        names |= self._values(values)
        names |= self._people()
        self._cohorts()
        self._until()
        self._ways()
        self._times()
        return (
            Campaign(
                notice=spec.notice,
                version=spec.version,
                to=spec.to if spec.to is not None else (),
                cohorts=tuple(Cohort(name=name, when=when.strip()) for name, when in spec.cohorts.items()),
                channels=spec.channels.of,
                every=spec.channels.every,
                canary=spec.canary,
                settle=spec.settle,
                halt=spec.halt,
                until=(spec.until or "").strip(),
                remind=tuple(spec.remind),
                recheck=spec.recheck,
                within=spec.within,
                escalates=spec.escalate.after if spec.escalate else 0,
                quiet=(spec.quiet.from_, spec.quiet.to) if spec.quiet else (),
                corrects=spec.corrects.strip(),
            ),
            names,
        )

    def _at(self, *keys: str | int) -> Path:
        return (*self.path, "campaign", *keys)

    def _values(self, values: Mapping[str, Any]) -> set[str]:
        """The notice exists, in this version, and gets what it needs."""
        spec = self.spec
        arguments = Arguments(self.checker, (*self.path, "with"), self._at("notice"))
        shape = self.notices.get(spec.notice) if self.notices is not None else None
        if self.draft.is_broken(*map(str, self.path), "with"):
            return set()
        if shape is None:
            if self.notices is not None:
                allowed = choices(spec.notice, self.notices) or "no notice is known here"
                what = f"There is no notice `{spec.notice}`."
                self.document.add(Code.UNKNOWN_NOTICE, self._at("notice"), what, allowed)
            return arguments.of_texts(values)
        if spec.version not in shape.versions:
            have = ", ".join(map(str, shape.versions))
            what = f"The notice `{spec.notice}` has no version {spec.version}."
            self.document.add(Code.UNKNOWN_NOTICE, self._at("version"), what, f"it has {have}")
            return arguments.of_texts(values)
        return arguments.of_notice(spec.notice, shape.versions[spec.version], values)

    def _people(self) -> set[str]:
        """`to` is an audience or names; a correction goes to the readers of what it corrects."""
        spec = self.spec
        if not spec.corrects:
            if spec.to is None and not self.draft.is_broken(*map(str, self._at("to"))):
                what, allowed = "`campaign` does not say whom to tell.", "to: ${{ steps.affected.customers }}"
                self.document.add(Code.MISSING_KEY, self._at(), what, allowed, key=True)
            return self._to(spec.to)
        if spec.to is not None:
            what = "A correction goes to those who got what it corrects: `to` and `corrects` exclude each other."
            self.document.add(Code.MISPLACED_KEY, self._at("to"), what, "remove one of the two", key=True)
        if spec.version == 1:
            what = "A correction is a later version of its notice; this is version 1."
            self.document.add(Code.OUT_OF_BOUNDS, self._at("corrects"), what, "version: 2", key=True)
        return self.checker.template(spec.corrects, self._at("corrects"))

    def _to(self, to: str | list[str] | None) -> set[str]:
        path = self._at("to")
        if isinstance(to, list):
            if not to:
                self.document.add(Code.BAD_VALUE, path, "`to` names nobody.", "names of customers, or an audience")
            return {name for index, one in enumerate(to) for name in self.checker.template(one, (*path, index))}
        if to is None:
            return set()
        whole = TEMPLATE.fullmatch(to.strip())
        if whole is None:
            what = "`to` takes one expression and nothing around it, or a list of customers' names."
            self.document.add(Code.MISPLACED_EXPRESSION, path, what, "${{ steps.NAME.customers }}")
            return set()
        source = whole.group(1)
        start = to.index("${{") + 3 + len(source) - len(source.lstrip())
        typed = self.checker.check(source.strip(), Place(path, start))
        if typed is None:
            return set()
        if not any(fits(typed.kind, kind) for kind in (kind_of(Audience), LISTED, LEFTOVER)):
            what = f"`to` takes customers; this is {typed.kind.words()}."
            span = self.document.within(path, start, start + len(source.strip()))
            self.document.add(Code.EXPRESSION_TYPE, span, what, "what `customers.affected_by` returned, or their names")
        return set(typed.names)

    def _cohorts(self) -> None:
        checker = self._of_customer()
        last = len(self.spec.cohorts) - 1
        for index, (name, when) in enumerate(self.spec.cohorts.items()):
            path = self._at("cohorts", name)
            checker.condition(when, path, ("customer", kind_of(Facts)))
            if when.strip() == "true" and index != last:
                what = f"`{name}` takes every customer, so that none is left for the cohorts below it."
                self.document.add(Code.BAD_VALUE, path, what, "put it last: the first that fits wins", key=True)

    def _until(self) -> None:
        spec, path = self.spec, self._at("until")
        if spec.until is not None:
            self._of_customer().condition(spec.until, path, ("customer", kind_of(Followed)))
            self._check_cohort(spec.until, path)
            return
        for key in ("remind", "recheck", "within", "escalate"):
            if key in spec.model_fields_set:
                what = f"`{key}` needs `until` beside it: without it nobody is followed."
                self.document.add(Code.MISPLACED_KEY, self._at(key), what, "until: customer.remediated", key=True)

    def _check_cohort(self, until: str, path: Path) -> None:
        if "customer.cohort" in until and not self.spec.cohorts:
            what = "`until` reads `customer.cohort`, and there are no `cohorts`."
            self.document.add(Code.UNKNOWN_NAME, path, what, "declare them in `campaign`")

    def _of_customer(self) -> Checker:
        """A checker that knows nothing but `customer`: what is asked of each of them is asked in the store."""
        return Checker(self.document, Names(only="customer"))

    def _ways(self) -> None:
        channels, path = self.spec.channels.of, self._at("channels")
        if not channels:
            self.document.add(Code.BAD_VALUE, path, "`channels` names no way to the customers.", "[slack, email]")
        for index, channel in enumerate(channels):
            if channel in channels[:index]:
                self.document.add(Code.DUPLICATE_KEY, (*path, index), f"`{channel}` is named twice.")
        quiet = self.spec.quiet
        if quiet and quiet.from_ == quiet.to:
            what = "`quiet` begins and ends at the same time: it would be the whole day or none of it."
            self.document.add(Code.BAD_VALUE, self._at("quiet", "to"), what, "{from: '22:00', to: '07:00'}")

    def _times(self) -> None:
        spec = self.spec
        for index, (before, after) in enumerate(itertools.pairwise(spec.remind), 1):
            if after <= before:
                what = f"Reminders come one after the other: {written(after)} is not after {written(before)}."
                self.document.add(Code.OUT_OF_BOUNDS, self._at("remind", index), what, "[24h, 48h, 72h]")
        last = max(spec.remind, default=0)
        if spec.escalate and spec.escalate.after <= last:
            what = f"It would escalate before the last reminder, which comes after {written(last)}."
            allowed = f"longer than {written(last)}"
            self.document.add(Code.OUT_OF_BOUNDS, self._at("escalate", "after"), what, allowed)
        end = max(last, spec.escalate.after if spec.escalate else 0)
        if spec.within < end and spec.until is not None:
            what = f"It is followed for {written(spec.within)}, and has something to do after {written(end)}."
            key = "within" if "within" in spec.model_fields_set else "remind"
            self.document.add(Code.OUT_OF_BOUNDS, self._at(key), what, "a longer `within`")
        if spec.until is not None and spec.within // spec.recheck > MAX_LOOKS:
            what = f"That is {spec.within // spec.recheck:,} looks; at most {MAX_LOOKS:,}."
            self.document.add(Code.OUT_OF_BOUNDS, self._at("recheck"), what, "a longer `recheck` or a shorter `within`")


def check_escalation(document: Document, path: Path, escalate: EscalateSpec, contract: type[Step] | None) -> None:
    """What an escalation does has to be about a credential that is left."""
    if contract is None or LEFT in contract.model_fields or _mentions(escalate.with_.values()):
        return
    what = f"`{contract.action}` takes no `{LEFT}`, and `with` reads none: it would do the same for every customer."
    place = (*path, "campaign", "escalate", "uses")
    document.add(Code.MISSING_ARGUMENT, place, what, f"${{{{ {LEFT}.id }}}} in `with`")


def _mentions(values: Iterable[Any]) -> bool:
    return any(has_template(value) and LEFT in str(value) for value in values)
