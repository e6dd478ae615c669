"""What comes out of a drill: `result.json`."""

from collections import Counter

from firedoor.clock import OPEN, ClockState
from firedoor.incident import Evidence, Failure, IncidentState, IncidentView, StepState
from firedoor.plan import Frozen, Verdict
from firedoor.timeline.verify import Class, Verification
from firedoor.words import plural


class Attempt(Frozen):
    """One call of somebody on the stage, and the emulator's answer to it.

    `answer` is `ok`, or the error code that came back; `at` is RFC 3339 UTC with milliseconds.
    """

    who: str
    call: str
    answer: str
    at: str


class Proof(Frozen):
    """What the emulator itself answered after the incident had ended.

    `doubts` are the sentences that speak against containment; empty means that it is proved. `calls` counts what each
    credential of the attacker got over the whole drill: `{"the leaked key": {"ok": 12, "InvalidClientTokenId": 30}}`.
    """

    doubts: tuple[str, ...] = ()
    probes: tuple[Attempt, ...] = ()
    calls: dict[str, dict[str, int]] = {}
    attacker_last_success: str = ""
    attacker_first_refusal: str = ""
    #: The longest time in which the workload got no answer that it could use, in seconds.
    workload_interrupted: float = 0.0
    sentence: str = ""
    #: What was counted besides, for people: `{"told": "4,812 of 5,000 customers"}`.
    facts: dict[str, str] = {}
    #: What `firedoor verify` finds in the exported timeline, by class: `{"UNANCHORED": 1}`.
    record: dict[str, int] = {}

    @property
    def holds(self) -> bool:
        """Is containment proved?"""
        return bool(self.probes) and not self.doubts


def with_record(proof: Proof, found: Verification) -> Proof:
    """The proof, with what the exported timeline is worth: a record that does not verify proves nothing."""
    counts = Counter(finding.kind.value for finding in found.findings)
    faults = [f"The exported timeline does not verify: {fault.place}: {fault.say}" for fault in found.of(Class.FAILED)]
    said = "every byte is what was signed" if found.ok else "it does not verify"
    facts = proof.facts and {**proof.facts, "record": f"{plural(found.entries, 'entries')}, and {said}"}
    return proof.model_copy(update={"record": dict(counts), "doubts": (*proof.doubts, *faults), "facts": facts})


def with_clocks(proof: Proof, view: IncidentView) -> Proof:
    """The proof, with what became of the incident's clocks: what was missed speaks against it."""
    if not view.clocks:
        return proof
    late = [one for one in view.clocks if one.state in {ClockState.MISSED, ClockState.LATE}]
    doubts = [f"The clock {one.name} was not met in time." for one in late]
    states = Counter("open" if one.state in OPEN else one.state.value for one in view.clocks)
    said = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    return proof.model_copy(update={"doubts": (*proof.doubts, *doubts), "facts": {**proof.facts, "clocks": said}})


class StepResult(Frozen):
    """One step of the incident: where it ended, with what verdict and on what evidence."""

    id: str
    action: str = ""
    state: StepState
    verdict: Verdict | None = None
    summary: str = ""
    evidence: tuple[Evidence, ...] = ()
    failure: Failure | None = None


class DrillResult(Frozen):
    """The outcome of a drill.

    `contained` is true only if the runbook says so on the provider's evidence, the attacker's next calls were refused,
    the workload went on, and the exported timeline verifies. `seconds` run from the alert to the end of the proof,
    `setup_seconds` before it.
    """

    scenario: str
    incident: str
    runbook: str
    #: The file of the runbook that was rehearsed: the user's own copy, or the one that ships with firedoor.
    file: str
    contained: bool
    sentence: str
    state: IncidentState
    verdict: Verdict | None = None
    seconds: float
    setup_seconds: float
    #: Seconds from the alert to the attacker's last call that worked.
    attacker_out_after: float
    #: How often the worker had to be started again.
    worker_restarts: int = 0
    steps: tuple[StepResult, ...] = ()
    proof: Proof
    #: What a drill shortens or leaves out, so that nobody takes it for the real thing.
    shortened: tuple[str, ...] = ()
    #: What was said in Slack, in lines (`firedoor drill --slack`): messages as they stand at the end, who did what.
    conversation: tuple[str, ...] = ()
