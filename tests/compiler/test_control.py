"""Steps that people keep in their hands: canaries, what takes itself back, what runs at the end, what can be undone."""

import pytest

from firedoor.compiler import compile_runbook
from firedoor.plan import Effect, Retry, Undo
from firedoor.runbook import RunbookErrors
from firedoor.steps._step import Step
from tests.compiler.test_plan import EVERYTHING
from tests.compiling import ACTIONS, Block, check_compiles, check_rejected, mistakes, steps
from tests.contracts import TEST_STEPS

HEAD = "name: test\napprovals: {p: {from: ['role:a']}}"
BLOCK = "uses: test.block, with: {id: x}"

#: The digest that the plan of `EVERYTHING` (without `self`) had before the language had any of this.
DIGEST_BEFORE = "de2397c7acf8bac187214179f9a583e2c99a2acab863de0aab1a14b737a09eec"

#: A step in the fifth line, the column, the code, words, words of what is allowed.
MISTAKES = [
    (f"a: {{{BLOCK}, approval: p, canary: 5}}", 53, "misplaced-key", "`canary` needs `for_each` beside it", "approve the rest"),
    (f"a: {{for_each: [y], as: t, {BLOCK}, canary: 5}}", 62, "misplaced-key", "`canary` needs `approval` beside it", ""),
    (f"a: {{{BLOCK}, canary: 5}}", 40, "misplaced-key", "`for_each` and `approval` beside it", ""),
    ("a: {wait: 1m, canary: 5}", 17, "misplaced-key", "`wait` takes no `canary`", "`uses`"),
    (f"a: {{for_each: [y], as: t, {BLOCK}, approval: p, canary: 0}}", 83, "out-of-bounds", "at least 1", ""),
    (f"a: {{for_each: [y], as: t, {BLOCK}, approval: p, canary: 1001}}", 83, "out-of-bounds", "at most 1000", ""),
    ("a: {uses: test.rotate, with: {token: '${{ steps.find.best }}'}, temporary: 36h}", 67, "not-undoable", "`test.rotate` cannot be undone", "allowed: test.block"),
    ("a: {uses: test.unblock, with: {id: x}, temporary: 36h}", 42, "not-undoable", "`test.unblock` cannot be undone", "test.block"),
    ("a: {uses: test.search, with: {query: x}, temporary: 36h}", 44, "not-undoable", "changes nothing", "test.block"),
    ("a: {wait: 1m, temporary: 36h}", 17, "misplaced-key", "`wait` takes no `temporary`", "`uses`"),
    (f"a: {{{BLOCK}, temporary: 30s}}", 51, "out-of-bounds", "between 1m and 365d", ""),
    (f"a: {{{BLOCK}, temporary: 366d}}", 51, "out-of-bounds", "between 1m and 365d", ""),
    (f"a: {{{BLOCK}, temporary: long}}", 51, "bad-duration", "`long` is not a duration", "30s, 5m"),
    ("a: {wait: 1m, always: maybe}", 25, "wrong-type", "`maybe`; it must be true or false", ""),
    ("a: {uses: test.search, with: {query: x}, until: 'true', every: 1s, within: 1h}", 66, "out-of-bounds", "3,600 readings; at most 2,000", "every: 2s"),
    ("a: {uses: test.search, with: {query: x}, until: 'true', every: 5m, within: 30d}", 66, "out-of-bounds", "8,640 readings", "every: 1296s"),
]  # fmt: skip

#: Steps after one called `late` that has `always`; where it is said that they wait for it.
WAITING = [
    ("a: {needs: [find, late], wait: 1m}", 21),
    ("a: {if: steps.late.state == 'done', wait: 1m}", 11),
    ("a: {uses: test.block, with: {id: 'x ${{ steps.late.id }}'}}", 43),
]


@pytest.mark.parametrize(("line", "column", "code", "says", "allowed"), MISTAKES, ids=[case[0] for case in MISTAKES])
def test_mistakes(line: str, column: int, code: str, says: str, allowed: str) -> None:
    """One wrong step, one mistake, at its place."""
    check_rejected(steps(line, head=HEAD), f"5:{column}", code, says, allowed)


@pytest.mark.parametrize(("line", "column"), WAITING)
def test_nothing_waits_for_what_runs_at_the_end(line: str, column: int) -> None:
    """A step without `always` cannot wait for one with it: that one waits for it. Said where the dependency stands."""
    text = steps(line, "late: {uses: test.revoke, with: {id: x}, always: true}", head=HEAD)
    check_rejected(text, f"5:{column}", "waits-for-always", "`a` waits for `late`", "give `a` an `always: true`")


def test_a_broken_always_is_one_mistake() -> None:
    """Whether the step may wait is not asked while nobody knows what was meant."""
    found = mistakes(steps("a: {needs: [late], wait: 1m, always: 1}", "late: {wait: 1m, always: true}"))
    assert [(one.line, one.code.value) for one in found] == [(4, "wrong-type")]


def test_no_action_that_can_be_undone() -> None:
    """Where nothing can be undone, the sentence says so instead of an empty list."""
    with pytest.raises(RunbookErrors) as caught:
        compile_runbook(steps("a: {uses: test.revoke, with: {id: x}, temporary: 1h}"), TEST_STEPS)
    (found,) = caught.value.diagnostics
    assert found.allowed == "no action that is known here can be undone"


def test_what_the_plan_says() -> None:
    """Canary, duration, the end, and how the change is taken back, as the workflow needs it."""
    text = steps(
        f"a: {{for_each: [y], as: t, {BLOCK}, approval: p, canary: 5, temporary: 36h}}", "b: {wait: 1m}", head=HEAD
    )
    find, blocked, waited = check_compiles(text).steps
    assert blocked.loop is not None
    assert (blocked.loop.canary, blocked.temporary) == (5, 129600)
    retry = Retry(attempts=3)
    assert blocked.undo == Undo(action="test.unblock", effect=Effect.DESTRUCTIVE, timeout=240, retry=retry)
    assert blocked.changeable == ("region",)
    assert (find.undo, find.changeable, waited.undo, waited.always) == (None, (), None, False)


def test_an_undo_that_does_not_exist() -> None:
    """An action whose undo is not among the actions has none."""
    assert check_compiles(steps("a: {uses: test.unblock, with: {id: x}}")).steps[-1].undo is None


def test_what_runs_at_the_end_stands_at_the_end() -> None:
    """Any step may have `always`, read any other, and wait for its like; what they need still comes first."""
    plan = check_compiles(
        steps(
            "last: {always: true, needs: [tell], wait: 1m}",
            "tell: {always: true, ask: {prompt: '${{ steps.b.id }}', fields: {ok: {type: boolean}}}}",
            "b: {uses: test.revoke, with: {id: x}}",
        )
    )
    assert [(step.id, step.always, step.needs, step.mentions) for step in plan.steps] == [
        ("find", False, (), ()),
        ("b", False, (), ()),
        ("tell", True, ("b",), ("b",)),
        ("last", True, ("tell",), ()),
    ]


def test_as_many_readings_as_fit() -> None:
    """The pace that a refusal proposes is accepted."""
    for every, within in (("1296s", "30d"), ("2s", "1h"), ("1s", "2000s")):
        line = f"a: {{uses: test.search, with: {{query: x}}, until: 'true', every: {every}, within: {within}}}"
        assert check_compiles(steps(line)).steps[-1].until


def test_a_plan_without_any_of_it_is_what_it_was() -> None:
    """Incidents that run keep the digest of their plan, and the same runbook gives the same plan."""
    assert check_compiles(EVERYTHING.replace(", self: true", "")).digest() == DIGEST_BEFORE


def test_only_the_undo_is_new_in_a_plan_of_before() -> None:
    """With actions that can be undone, the plan differs in `undo` and `changeable` and in nothing else."""

    class Plain(Block):
        """The same action, as it was before it could be undone."""

        undo = ""
        changeable = ()

    text = steps(f"a: {{{BLOCK}}}")
    known: tuple[dict[str, type[Step]], ...] = (ACTIONS, ACTIONS | {Plain.action: Plain})
    stored, before = (compile_runbook(text, one).model_dump(mode="json")["steps"] for one in known)
    assert [{key: one[key] for key in one if key not in ("undo", "changeable")} for one in stored] == before
    assert [sorted(one.keys() - two.keys()) for one, two in zip(stored, before, strict=True)] == [
        [],
        ["changeable", "undo"],
    ]
