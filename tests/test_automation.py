"""What an alert may start by itself: the plan before and after, and the sentence where nobody could be asked."""

import pytest

from firedoor.automation import GATE, supervised
from firedoor.plan import Auto, Effect, Plan, PlannedStep, Policy
from firedoor.runbook.diagnostics import Code
from tests.compiling import check_compiles, check_rejected

SECURITY = {"security": Policy(sources=("role:security",)), "legal": Policy(sources=("role:legal",))}


def act(name: str, effect: Effect = Effect.REVERSIBLE, *, approval: str = "", always: bool = False) -> PlannedStep:
    """A step that does something."""
    return PlannedStep(id=name, kind="uses", action="test.act", effect=effect, approval=approval, always=always)


def plan(*steps: PlannedStep, auto: Auto = Auto.CONTAIN, policies: dict[str, Policy] | None = None) -> Plan:
    """A plan of these steps."""
    named = SECURITY if policies is None else policies
    return Plan(name="leak", runbook_sha256="0" * 64, steps=steps, auto=auto, policies=named)


def approvals(one: Plan) -> dict[str, str]:
    """Whom each step asks."""
    return {step.id: step.approval for step in one.steps if step.approval}


def test_contain_lets_reads_and_what_can_be_undone_run() -> None:
    """The default: nothing is added to a runbook that asks before it destroys."""
    asked = plan(act("look", Effect.READ), act("off"), act("delete", Effect.DESTRUCTIVE, approval="legal"))
    assert supervised(asked) == asked


def test_contain_asks_before_what_cannot_be_undone() -> None:
    """The first policy is asked, on the step itself, so that people see what it would change."""
    found = supervised(plan(act("off"), act("delete", Effect.DESTRUCTIVE)))
    assert approvals(found) == {"delete": "security"}
    assert [step.id for step in found.steps] == ["off", "delete"]


def test_ask_holds_every_change_at_one_gate() -> None:
    """One word of a person sets off what can be undone; reads go on meanwhile, and own policies stay as they are."""
    found = supervised(
        plan(act("look", Effect.READ), act("off"), act("deny"), act("drop", approval="legal"), auto=Auto.ASK)
    )
    gate, *rest = found.steps
    assert (gate.id, gate.kind, gate.approval) == (GATE, "approval", "security")
    assert {step.id: step.needs for step in rest} == {"look": (), "off": (GATE,), "deny": (GATE,), "drop": ()}


def test_ask_still_shows_what_cannot_be_undone_by_itself() -> None:
    """A destructive step has an approval of its own: the gate shows no changes."""
    found = supervised(plan(act("off"), act("delete", Effect.DESTRUCTIVE), auto=Auto.ASK))
    assert approvals(found) == {GATE: "security", "delete": "security"}


def test_a_step_that_always_runs_asks_by_itself() -> None:
    """The gate ends with an abort, and what runs at every end would never run."""
    found = supervised(plan(act("tidy", always=True), auto=Auto.ASK))
    assert approvals(found) == {"tidy": "security"}


def test_the_gate_has_a_name_of_its_own() -> None:
    """A runbook may have a step that is called so."""
    found = supervised(plan(act(GATE), auto=Auto.ASK))
    assert [step.id for step in found.steps] == [f"{GATE}_2", GATE]


@pytest.mark.parametrize("escalated", [False, True])
def test_silence_is_no_yes_to_what_an_alert_wants(escalated: bool) -> None:
    """A policy after which it goes on without an answer is meant for steps that name it, not for those that are added."""
    goes_on = Policy(sources=("role:security",), expires=600, proceed="minutes count")
    policies = {"oncall": goes_on}
    if escalated:
        first = Policy(sources=("role:security",), expires=600, escalate="lead")
        policies = {"oncall": first, "lead": goes_on}
    own = act("drop", Effect.DESTRUCTIVE, approval="oncall")
    found = supervised(plan(act("delete", Effect.DESTRUCTIVE), own, policies=policies))
    assert approvals(found) == {"delete": "oncall_for_alerts", "drop": "oncall"}
    asked = found.policies["oncall_for_alerts"]
    assert (asked.sources, asked.proceed, asked.escalate, asked.expires) == (("role:security",), "", "", 0)
    assert supervised(plan(own, policies=policies)).policies == policies


def test_a_runbook_that_is_run_by_another_may_do_no_more() -> None:
    """With policies of its own it asks these; without, the step that runs it asks."""
    own = plan(act("look", Effect.READ), act("off"))
    bare = plan(act("off"), policies={})
    steps = (
        PlannedStep(id="own", kind="run", child=own),
        PlannedStep(id="bare", kind="run", child=bare),
        PlannedStep(id="harmless", kind="run", child=plan(act("look", Effect.READ), policies={})),
    )
    gate, first, second, third = supervised(plan(*steps, auto=Auto.ASK)).steps
    assert first.child is not None
    assert [step.id for step in first.child.steps] == [GATE, "look", "off"]
    assert (first.needs, second.needs, third.needs) == ((), (gate.id,), ())
    assert supervised(plan(*steps)) == plan(*steps)


RUNBOOK = """
name: leak
inputs: {{key: {{type: string}}}}
{auto}
triggers:
  - alert: guardduty
    inputs: {{key: '${{{{ alert.access_key_id }}}}'}}
{approvals}
steps:
  drop: {{uses: {action}, with: {{id: '${{{{ inputs.key }}}}'}}}}
"""
POLICY = "approvals: {security: {from: ['role:security']}}"


@pytest.mark.parametrize(
    ("auto", "action"), [("auto: contain", "test.unblock"), ("auto: ask", "test.block"), ("", "test.unblock")]
)
def test_somebody_must_be_there_to_be_asked(auto: str, action: str) -> None:
    """A runbook that alerts start and that names nobody is refused with the steps that would have to ask."""
    says = "`drop` must wait for a person, and `approvals` names nobody"
    text = RUNBOOK.format(auto=auto, action=action, approvals="")
    check_rejected(text, "4:1", Code.NOBODY_TO_ASK, says, "auto: off")


@pytest.mark.parametrize(
    ("auto", "action", "approvals"),
    [
        ("auto: contain", "test.block", ""),
        ("auto: off", "test.unblock", ""),
        ("auto: ask", "test.unblock", POLICY),
    ],
)
def test_what_may_run_by_itself_or_ask(auto: str, action: str, approvals: str) -> None:
    """It compiles, and the plan knows what alerts may do and how often."""
    found = check_compiles(RUNBOOK.format(auto=f"{auto}\nmax_starts: 3", action=action, approvals=approvals))
    assert (found.auto, found.max_starts) == (Auto(auto.removeprefix("auto: ")), 3)


def test_defaults_leave_no_trace_in_a_plan() -> None:
    """A plan of a runbook that says nothing has the digest that it had before there was anything to say."""
    dumped = plan(act("off")).model_dump(mode="json")
    assert {"auto", "max_starts", "channel"}.isdisjoint(dumped)
