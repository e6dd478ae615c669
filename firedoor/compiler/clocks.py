"""Clocks: whether what a runbook says of them exists, and what the data of deadlines makes of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from firedoor.clock import MET, MOMENTS
from firedoor.compiler.checker import Checker
from firedoor.compiler.fields import steps_read
from firedoor.compiler.order import circles
from firedoor.compiler.policies import SOURCE
from firedoor.deadlines.regimes import Regime, Stage, limits_of
from firedoor.plan import Clock, Limit, Policy
from firedoor.runbook.clocks import BY_HAND, ClockSpec
from firedoor.runbook.diagnostics import Code, choices
from firedoor.runbook.document import Path
from firedoor.runbook.parser import Draft

#: What a clock of no regime starts at, if it does not say.
USUAL_START = "aware"
KINDS = ("regime", "contract", "due")


@dataclass(frozen=True, slots=True)
class Clockwork:
    """What the clocks of one runbook are compiled with."""

    draft: Draft
    checker: Checker
    policies: Mapping[str, Policy]
    regimes: Mapping[str, Regime]

    def plan(self) -> tuple[tuple[Clock, ...], dict[str, set[str]]]:
        """The clocks in the order of the file, and by each the qualified names that its `met` reads."""
        names: dict[str, set[str]] = {}
        found = [self._clock(name, spec, names) for name, spec in self.draft.runbook.clocks.items()]
        self._check_circles(found)
        return tuple(found), names

    def _clock(self, name: str, spec: ClockSpec, names: dict[str, set[str]]) -> Clock:
        path: Path = ("clocks", name)
        self.checker.plain(spec.title, (*path, "title"))
        given = [kind for kind in KINDS if getattr(spec, kind) is not None]
        broken = any(self.draft.is_broken("clocks", name, kind) for kind in KINDS)
        if len(given) != 1 and not broken:
            what = f"`{name}` has {' and '.join(f'`{kind}`' for kind in given)}" if given else f"`{name}` has no term"
            allowed = "exactly one of `regime`, `contract` and `due`"
            self._add(Code.MISSING_KEY, path, f"{what}; a clock has exactly one.", allowed, key=True)
        if spec.stage is not None and spec.regime is None and not broken:
            self._add(Code.MISPLACED_KEY, (*path, "stage"), "`stage` belongs to a `regime`.", "remove it", key=True)
        clock = Clock(
            name=name,
            title=spec.title,
            limits=self._own_limits(spec),
            remind=tuple(sorted(set(spec.remind), reverse=True)),
            to=self._people(spec, path),
            campaign=self._campaign(spec, path),
        )
        if spec.regime is not None:
            clock = self._of_regime(clock, spec, path)
        return clock.model_copy(
            update={"limits": self._started(clock.limits, spec, path), **self._met(spec, path, names)}
        )

    def _own_limits(self, spec: ClockSpec) -> tuple[Limit, ...]:
        if spec.contract is not None:
            return (Limit(after=USUAL_START, amount=spec.contract.hours or 0, unit="hours"),)
        return (Limit(after=USUAL_START, amount=spec.due or 0, unit="seconds"),)

    def _campaign(self, spec: ClockSpec, path: Path) -> str:
        """The step whose customers' contracts count; empty where none is meant."""
        if spec.contract is None:
            return ""
        step, where = spec.contract.campaign, (*path, "contract")
        broken = any(self.draft.is_broken("clocks", str(path[-1]), "contract", key) for key in ("hours", "campaign"))
        if (step is None) == (spec.contract.hours is None) and not broken:
            what = "A contract gives `hours`, or names the `campaign` whose customers have them."
            self._add(Code.MISSING_KEY, where, what, "one of the two", key=True)
        if step is None:
            return ""
        campaigns = {name for name, one in self.draft.runbook.steps.items() if one.campaign is not None}
        if step not in campaigns and not self.draft.is_broken("steps", step):
            what = f"There is no campaign `{step}`."
            self._add(Code.UNKNOWN_STEP, (*where, "campaign"), what, choices(step, campaigns))
        if spec.met is not None:
            what = "Whether a contract is met is seen in the outbox: when its customers were reached."
            self._add(Code.MISPLACED_KEY, (*path, "met"), what, "remove `met`", key=True)
        return step

    def _of_regime(self, clock: Clock, spec: ClockSpec, path: Path) -> Clock:
        """With what the data say: a snapshot, which a running incident keeps."""
        name = spec.regime or ""
        regime = self.regimes.get(name)
        if regime is None:
            self._add(
                Code.UNKNOWN_REGIME, (*path, "regime"), f"There is no regime `{name}`.", choices(name, self.regimes)
            )
            return clock
        found = self._stage(regime, spec, path)
        if found is None:
            return clock
        key, stage = found
        return clock.model_copy(
            update={
                "title": spec.title or stage.title or regime.title,
                "limits": tuple(self._anchored(limit, name, spec, path) for limit in limits_of(stage)),
                "regime": name,
                "stage": key,
                "jurisdiction": regime.jurisdiction,
                "says": stage.says,
                "source": stage.source or regime.source,
                "reviewed": regime.reviewed,
                "confidence": stage.confidence or regime.confidence,
                "data": regime.data,
            }
        )

    def _stage(self, regime: Regime, spec: ClockSpec, path: Path) -> tuple[str, Stage] | None:
        if spec.stage is None and len(regime.stages) == 1:
            return next(iter(regime.stages.items()))
        if spec.stage is None:
            what = f"`{spec.regime}` wants {len(regime.stages)} things sent: `stage` says which."
            self._add(Code.MISSING_KEY, path, what, choices("", regime.stages), key=True)
        elif spec.stage not in regime.stages:
            what = f"`{spec.regime}` has no stage `{spec.stage}`."
            self._add(Code.UNKNOWN_REGIME, (*path, "stage"), what, choices(spec.stage, regime.stages))
        else:
            return spec.stage, regime.stages[spec.stage]
        return None

    def _anchored(self, limit: Limit, regime: str, spec: ClockSpec, path: Path) -> Limit:
        """A stage that starts when an earlier one was met: that one's clock in this runbook."""
        if limit.after in MOMENTS or spec.starts is not None:
            return limit
        stage = limit.after.removesuffix(MET)
        for name, other in self.draft.runbook.clocks.items():
            if other.regime == regime and other.stage == stage:
                return limit.model_copy(update={"after": f"{name}{MET}"})
        if not any(broken[:1] == ("clocks",) for broken in self.draft.broken):
            what = f"This starts when stage `{stage}` of `{regime}` is met, and no clock here is about that."
            self._add(
                Code.UNKNOWN_REGIME, path, what, f"add a clock for it, or say what starts it: {_starts()}", key=True
            )
        return limit

    def _started(self, limits: tuple[Limit, ...], spec: ClockSpec, path: Path) -> tuple[Limit, ...]:
        """With the start that the runbook itself gives, in place of the first limit's."""
        if spec.starts is None:
            return limits
        others = self.draft.runbook.clocks.keys() - {path[-1]}
        clock = spec.starts.removesuffix(MET)
        known = spec.starts in MOMENTS or (spec.starts.endswith(MET) and clock in others)
        if not known and not self.draft.is_broken("clocks", clock):
            what = f"Nothing is called `{spec.starts}` that could start a clock."
            self._add(Code.UNKNOWN_REGIME, (*path, "starts"), what, _starts(*sorted(map(str, others))))
        first, *rest = limits
        return (first.model_copy(update={"after": spec.starts}), *rest)

    def _people(self, spec: ClockSpec, path: Path) -> tuple[str, ...]:
        """The sources that are told, with those of the policies that are named."""
        found: list[str] = []
        for index, who in enumerate(spec.to):
            if who in self.policies:
                found += self.policies[who].sources
            elif SOURCE.fullmatch(who):
                found.append(who)
            elif not self.draft.is_broken("approvals", who):
                allowed = ", ".join([*sorted(self.policies), "user:NAME, role:NAME, slack:@GROUP"])
                self._add(
                    Code.UNKNOWN_POLICY, (*path, "to", index), f"`{who}` names nobody who could be told.", allowed
                )
        if not spec.to:
            self._add(Code.MISSING_KEY, (*path, "to"), "`to` names nobody: nobody would be told.", "a policy", key=True)
        return tuple(dict.fromkeys(found))

    def _met(self, spec: ClockSpec, path: Path, names: dict[str, set[str]]) -> dict[str, object]:
        if spec.met is None or spec.met == BY_HAND:
            return {}
        typed = self.checker.condition(spec.met, (*path, "met"))
        if typed is None:
            return {}
        names[str(path[-1])] = set(typed.names)
        mentioned, _ = steps_read(set(typed.names))
        return {"met": spec.met.strip(), "mentions": tuple(sorted(mentioned & self.draft.runbook.steps.keys()))}

    def _check_circles(self, clocks: list[Clock]) -> None:
        follows = {
            clock.name: [limit.after.removesuffix(MET) for limit in clock.limits if limit.after.endswith(MET)]
            for clock in clocks
        }
        follows = {
            name: [other for other in others if other in follows and other != name] for name, others in follows.items()
        }
        for circle in circles(follows):
            what = f"These clocks wait for each other, so none could start: {' → '.join((*circle, circle[0]))}."
            self._add(Code.CYCLE, ("clocks", circle[0]), what, _starts(), key=True)

    def _add(self, code: Code, path: Path, what: str, allowed: str = "", *, key: bool = False) -> None:
        self.draft.document.add(code, path, what, allowed, key=key)


def _starts(*clocks: str) -> str:
    """What a clock may start at."""
    return ", ".join([*MOMENTS, *(f"{name}{MET}" for name in clocks[:5])])
