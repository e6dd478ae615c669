"""The shape of approval policies: what may be written, and what is said of the rest."""

import pytest

from firedoor.runbook import parse
from firedoor.runbook.model import ThenSpec
from firedoor.runbook.values import written
from tests.compiling import check_rejected

#: A key of a policy, its place in the line, the code, words, words of what is allowed.
MISTAKES = [
    ("then: denyy", 31, "bad-value", "`approvals.p.then` cannot be `denyy`", "`deny`, {escalate: POLICY} or {proceed:"),
    ("then: ", 31, "bad-value", "cannot be `empty`", "`deny`"),
    ("then: [deny]", 31, "bad-value", "`approvals.p.then` cannot be", "`deny`"),
    ("then: {escalte: q}", 32, "unknown-key", "`then` has no key `escalte`", "did you mean `escalate`?"),
    ("then: {escalate: 5}", 42, "wrong-type", "the number 5", "quotes"),
    ("then: {proceed: {}}", 41, "wrong-type", "a mapping; it must be text", ""),
    ("break_glass: on-call", 38, "bad-value", "cannot be `on-call`", "role:NAME"),
    ("break_glass: role:On-Call", 38, "bad-value", "cannot be `role:On-Call`", "true (the role `break-glass`)"),
    ("break_glass: [a]", 38, "bad-value", "`approvals.p.break_glass` cannot be", "false"),
    ("self: 1", 31, "wrong-type", "must be true or false", ""),
    ("allow_self: true", 25, "unknown-key", "An approval policy has no key `allow_self`", "self"),
    ("remind: 30s", 33, "out-of-bounds", "between 1m and 1d", ""),
    ("remind: 2d", 33, "out-of-bounds", "between 1m and 1d", ""),
    ("remind: 5", 33, "bad-duration", "`5` is not a duration", "5m"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "column", "code", "says", "allowed"), MISTAKES, ids=[case[0] for case in MISTAKES])
def test_mistakes(key: str, column: int, code: str, says: str, allowed: str) -> None:
    """One wrong key, one mistake, at its place."""
    head = "name: test\nsteps: {a: {wait: 1m}}\napprovals:"
    check_rejected(f"{head}\n  p: {{from: ['role:a'], {key}, expires: 4d}}", f"4:{column}", code, says, allowed)


@pytest.mark.parametrize(
    ("given", "role"), [("true", "break-glass"), ("false", ""), ("role:on-call", "on-call"), ("'role:a'", "a")]
)
def test_who_may_break_the_glass(given: str, role: str) -> None:
    """`true` means the role that is called so; another is named as in `from`."""
    text = f"name: a\napprovals: {{p: {{from: [], break_glass: {given}}}}}\nsteps: {{a: {{wait: 1m}}}}"
    assert parse(text, "runbook.yaml").approvals["p"].break_glass == role


@pytest.mark.parametrize(
    ("given", "then"),
    [
        ("deny", None),
        ("{escalate: q}", ThenSpec(escalate="q", proceed=None)),
        ("{proceed: x}", ThenSpec(escalate=None, proceed="x")),
    ],
)
def test_what_comes_then(given: str, then: ThenSpec | None) -> None:
    """To deny is what happens anyway; the others are mappings."""
    text = f"name: a\napprovals: {{p: {{from: [], then: {given}}}}}\nsteps: {{a: {{wait: 1m}}}}"
    assert parse(text, "runbook.yaml").approvals["p"].then == then


@pytest.mark.parametrize(
    ("seconds", "text"), [(1, "1s"), (60, "1m"), (90, "90s"), (5400, "90m"), (129600, "36h"), (172800, "2d")]
)
def test_durations_are_written_as_they_are_read(seconds: int, text: str) -> None:
    """In the largest unit that is exact, so that a proposal can be copied."""
    assert written(seconds) == text
    plan = parse(f"name: a\nsteps: {{a: {{wait: {text}}}}}", "runbook.yaml")
    assert plan.steps["a"].wait == seconds
