"""`clocks:` compiled: what the data make of it, and every mistake at its place."""

import pytest

from firedoor.compiler import compile_runbook
from firedoor.deadlines.regimes import Regime
from firedoor.plan import Limit
from tests.compiling import check_compiles, check_rejected, steps

HEAD = "name: test\napprovals: {legal: {from: ['role:legal', 'user:ada']}}\nclocks:\n"


def runbook(*clocks: str) -> str:
    """A runbook with these clocks; the first stands in the fourth line."""
    return steps(head=HEAD + "\n".join(f"  {clock}" for clock in clocks))


def test_a_clock_has_what_the_data_say_of_its_regime() -> None:
    """As a snapshot in the plan; people are those of the policies and those that are named."""
    plan = check_compiles(
        runbook(
            "sec: {regime: sec-8k-1.05, to: [legal, 'slack:@board'], remind: [4h, 24h, 4h]}",
            "done: {due: 36h, starts: detected, to: [legal], met: steps.find.state == 'done', title: Ours}",
            "paper: {contract: {hours: 24}, to: [legal], met: by hand}",
        )
    )
    [sec, done, paper] = plan.clocks
    assert sec.title == "SEC 8-K Item 1.05"
    assert sec.to == ("role:legal", "user:ada", "slack:@board")
    assert sec.remind == (86400, 14400)
    assert (sec.regime, sec.stage, sec.confidence, sec.data) == ("sec-8k-1.05", "filing", "source", "2026-11-23")
    assert sec.limits == (
        Limit(
            after="materiality_decided",
            amount=4,
            unit="business_days",
            zone="America/New_York",
            calendar="US",
            at="17:30",
        ),
    )
    assert done.limits == (Limit(after="detected", amount=129600, unit="seconds"),)
    assert (done.met, done.mentions, done.confidence) == ("steps.find.state == 'done'", ("find",), "own")
    assert (paper.limits, paper.met) == ((Limit(after="aware", amount=24, unit="hours"),), "")


def test_a_stage_that_follows_another_starts_when_that_is_met() -> None:
    """By whatever name the runbook gives it; or when the runbook says."""
    plan = check_compiles(
        runbook(
            "first: {regime: dora, stage: initial, to: [legal]}",
            "second: {regime: dora, stage: intermediate, to: [legal]}",
            "other: {regime: dora, stage: intermediate, starts: classified, to: [legal]}",
            "third: {regime: dora, stage: final, starts: second.met, to: [legal]}",
        )
    )
    assert [[limit.after for limit in clock.limits] for clock in plan.clocks] == [
        ["classified", "aware"],
        ["first.met"],
        ["classified"],
        ["second.met"],
    ]


def test_plans_without_clocks_keep_their_digest() -> None:
    """What is not there is not in the dump that the digest is taken of."""
    assert "clocks" not in check_compiles(steps()).model_dump()


def test_ones_own_regimes_can_be_named() -> None:
    """And take the place of those that ship."""
    own = Regime.model_validate(
        {
            "title": "Ours",
            "source": "the handbook",
            "reviewed": "2026-11-29",
            "data": "7",
            "stages": {"board": {"limits": [{"after": "aware", "amount": 2}]}},
        }
    )
    text = "name: own\nclocks: {x: {regime: ours, to: ['role:a']}}\nsteps: {a: {wait: 1s}}\n"
    [clock] = compile_runbook(text, regimes={"ours": own}).clocks
    assert (clock.title, clock.stage, clock.data) == ("Ours", "board", "7")


@pytest.mark.parametrize(
    ("clock", "place", "code", "says", "allowed"),
    [
        ("x: {regime: gdpx, to: [legal]}", "4:15", "unknown-regime", "no regime `gdpx`", "did you mean `gdpr`?"),
        ("x: {regime: gdpr, to: [legal]}", "4:3", "missing-key", "wants 3 things sent", "authority, controller"),
        ("x: {regime: gdpr, stage: b, to: [legal]}", "4:28", "unknown-regime", "has no stage `b`", "authority"),
        ("x: {regime: nis2, stage: final, to: [legal]}", "4:3", "unknown-regime", "no clock here is about", "aware"),
        ("x: {due: 1h, stage: b, to: [legal]}", "4:16", "misplaced-key", "`stage` belongs to a `regime`", ""),
        ("x: {to: [legal]}", "4:3", "missing-key", "`x` has no term", "exactly one of"),
        ("x: {due: 1h, contract: {hours: 1}, to: [legal]}", "4:3", "missing-key", "`contract` and `due`", "one of"),
        ("x: {due: 1h, to: []}", "4:16", "missing-key", "`to` names nobody", ""),
        ("x: {due: 1h, to: [lgeal]}", "4:21", "unknown-policy", "`lgeal` names nobody", "legal, user:NAME"),
        ("x: {due: 1h, starts: noon, to: [legal]}", "4:24", "unknown-regime", "called `noon`", "detected, aware"),
        ("x: {due: 1h, starts: x.met, to: [legal]}", "4:24", "unknown-regime", "called `x.met`", "detected"),
        ("x: {due: 1h, to: [legal], met: 1 + 1}", "4:34", "expression-type", "must be true or false", ""),
        ("x: {due: 1h, to: [legal], met: steps.b.state == ''}", "4:34", "unknown-step", "no step `b`", "find"),
        ("x: {due: 1, to: [legal]}", "4:12", "bad-duration", "is not a duration", "30s"),
        ("x: {contract: {hours: 0}, to: [legal]}", "4:25", "out-of-bounds", "at least 1", ""),
        ("x: {contract: {}, to: [legal]}", "4:7", "missing-key", "A contract gives `hours`, or names", "one of"),
        ("x: {contract: {campaign: find}, to: [legal]}", "4:28", "unknown-step", "no campaign `find`", ""),
        ("x: {due: 1h, to: [legal], titel: a}", "4:29", "unknown-key", "A clock has no key `titel`", "title"),
        ("x: {due: 1h, to: [legal], title: '${{ inputs.a }}'}", "4:36", "misplaced-expression", "plain text", ""),
    ],
)
def test_mistakes_of_a_clock(clock: str, place: str, code: str, says: str, allowed: str) -> None:
    """Each at its place, with what is allowed."""
    check_rejected(runbook(clock), place, code, says, allowed)


def test_clocks_that_wait_for_each_other() -> None:
    """Neither could ever start."""
    text = runbook("x: {due: 1h, starts: y.met, to: [legal]}", "y: {due: 1h, starts: x.met, to: [legal]}")
    check_rejected(text, "4:3", "cycle", "x → y → x")
