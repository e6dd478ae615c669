"""What came of the targets of a slice: counted while the lanes work, reported at the end."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from firedoor.errors import StepError
from firedoor.incident import Call, FailedTarget, Failure, Mode, Outcome, Preview, Report, Target
from firedoor.plan import PROVED, OnError, Verdict
from firedoor.steps._step import Step

PREVIEWS = 50


@dataclass
class Tally:
    """What came of the targets of a slice."""

    call: Call
    contract: type[Step]
    done: int = 0
    failed: list[FailedTarget] = field(default_factory=list)
    not_started: list[str] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    previews: dict[int, Preview] = field(default_factory=dict)
    blast: Counter[str] = field(default_factory=Counter)
    digests: dict[str, str] = field(default_factory=dict)
    stopped: bool = False

    def add(self, target: Target, result: Outcome | Failure) -> None:
        """Count one target. A containment that is not proved counts as failed."""
        failure = result if isinstance(result, Failure) else self._unproved(result)
        if failure is not None:
            self.failed.append(FailedTarget(key=target.key, name=target.name, failure=failure))
            self.stopped = self.stopped or self.call.on_error is OnError.STOP
        elif isinstance(result, Outcome):
            self._count(target, result)

    def retryable(self) -> list[FailedTarget]:
        """Failures that Temporal's retry may cure."""
        return [one for one in self.failed if StepError.REASONS.get(one.failure.reason, False)]

    def report(self, adopted: int) -> Report:
        """The activity's answer."""
        return Report(
            done=self.done,
            adopted=adopted,
            failed=tuple(self.failed),
            not_started=tuple(self.not_started),
            results=tuple(self.results),
            # The first ones in the order of the targets, not of their answers: two looks show the same ones.
            previews=tuple(self.previews[key] for key in sorted(self.previews)[:PREVIEWS]),
            blast=dict(self.blast),
            digests=self.digests,
        )

    def hold(self) -> None:
        """Begin no more targets; those that were begun finish."""
        self.stopped = True

    def _count(self, target: Target, outcome: Outcome) -> None:
        self.done += 1
        if self.call.collect:
            self.results.append(outcome.result)
        if outcome.preview:
            self.blast.update(outcome.preview.blast)
            self.digests[target.key] = outcome.preview.digest(self.contract.action, target.arguments)
            self.previews[int(target.key)] = outcome.preview

    def _unproved(self, outcome: Outcome) -> Failure | None:
        if self.call.mode is Mode.PLAN or outcome.verdict in PROVED:
            return None
        read_back = outcome.verdict is None and bool(outcome.evidence)
        if read_back if self.call.restores else not self.contract.containment:
            return None
        verdict = outcome.verdict or Verdict.UNKNOWN
        return Failure(reason=verdict.value, what=outcome.summary, changed="The change may have been made.")
