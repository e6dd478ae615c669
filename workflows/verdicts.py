"""What the steps' verdicts add up to, and the sentence that a person reads at the end. Pure."""

from collections.abc import Collection

from temporalio import workflow

from workflows.record import StepRecord

with workflow.unsafe.imports_passed_through():
    from firedoor.incident import FINAL_STATES, StepState
    from firedoor.plan import PROVED, Verdict

#: The worst first.
_ORDER = (Verdict.NOT_CONTAINED, Verdict.NOT_RESTORED, Verdict.UNKNOWN, Verdict.CONTAINED, Verdict.RESTORED)


def verdict_of(records: Collection[StepRecord]) -> Verdict | None:
    """The worst of all verdicts that are owed; None if none is."""
    verdicts = {verdict for record in records if (verdict := owed(record)) is not None}
    return next((verdict for verdict in _ORDER if verdict in verdicts), None)


def owed(record: StepRecord) -> Verdict | None:
    """The verdict that this step adds to the incident's, or None if it adds none."""
    step = record.step
    due = step.containment or step.restores or (step.child is not None and record.verdict is not None)
    if not due:
        return None
    if record.state is StepState.SKIPPED and not record.skipped_by_person:
        return None
    if record.state is StepState.DONE and record.progress is not None and record.progress.total == 0:
        return None
    if record.verdict is None or record.state not in FINAL_STATES:
        return Verdict.UNKNOWN
    return record.verdict


def sentence(records: Collection[StepRecord], *, undoing: bool) -> str:
    """What came of it."""
    by_verdict: dict[Verdict, list[str]] = {}
    for record in records:
        verdict = owed(record)
        if verdict is not None:
            by_verdict.setdefault(verdict, []).append(record.step.id)
    verdict = verdict_of(records)
    if verdict is None:
        return "There was nothing to undo." if undoing else "There was nothing to contain."
    steps = listed(by_verdict[verdict])
    if verdict in PROVED:
        steps = listed([record.step.id for record in records if owed(record) is not None])
    return _SENTENCES[verdict, undoing].format(steps=steps)


_SENTENCES = {
    (Verdict.CONTAINED, False): "Contained: the provider's own answers confirm {steps}.",
    (Verdict.NOT_CONTAINED, False): "NOT contained: {steps} did not hold.",
    (Verdict.UNKNOWN, False): "Containment is NOT proved: {steps} has no answer that proves it.",
    (Verdict.RESTORED, True): "Restored: the provider's own answers confirm {steps}.",
    (Verdict.NOT_RESTORED, True): "NOT restored: {steps} was changed by somebody else since, and was left as it is.",
    (Verdict.UNKNOWN, True): "That all is as it was is NOT proved: {steps} has no answer that proves it.",
}


def listed(names: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(", ".join(names).rsplit(", ", 1))
