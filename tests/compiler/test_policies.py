"""Who may approve, and what happens when nobody does."""

import pytest

from firedoor.plan import Policy
from tests.compiling import check_compiles, check_rejected, mistakes

EVERYTHING = """
    name: approvals
    approvals:
      first:
        from: ['role:security', 'user:ada@example.com']
        count: 2
        self: true
        expires: 30m
        then: {escalate: second}
        remind: 5m
        break_glass: true
      second: {from: ['slack:@leads'], expires: 1h, then: {proceed: ' The key is public already. '}}
      third: {from: ['user:eve'], expires: 1h, then: deny, break_glass: 'role:on-call'}
      last: {from: ['user:eve'], remind: 1d, break_glass: false}
    steps:
      gate: {approval: first}
      block:
        for_each: [x, y]
        as: host
        canary: 1
        uses: test.block
        with: {id: '${{ host }}'}
        approval: third
        temporary: 36h
      report:
        always: true
        needs: [block]
        wait: 1m
"""

#: A line under `approvals` (the fourth line) beside the policy `leads`, the column, the code, words, words of what is allowed.
MISTAKES = [
    ("p: {from: ['role:a'], expires: 1h, then: {escalate: leds}}", 55, "unknown-policy", "no approval policy `leds`", "did you mean `leads`?"),
    ("p: {from: ['role:a'], expires: 1h, then: {escalate: p}}", 55, "policy-cycle", "`p` escalates to itself", "leads"),
    ("p: {from: ['role:a'], then: {escalate: leads}}", 25, "misplaced-key", "`then` needs `expires`", "expires: 30m"),
    ("p: {from: ['role:a'], then: deny}", 25, "misplaced-key", "`then` needs `expires`", "expires: 30m"),
    ("p: {from: ['role:a'], expires: 1h, then: {escalate: leads, proceed: 'They are all asleep.'}}", 62, "misplaced-key", "one of them only", "remove"),
    ("p: {from: ['role:a'], expires: 1h, then: {}}", 38, "missing-key", "`then` says nothing", "`escalate`"),
    ("p: {from: ['role:a'], expires: 1h, then: {proceed: because}}", 54, "bad-value", "does not say why", "10 characters"),
    ("p: {from: ['role:a'], expires: 1h, then: {proceed: becausebecause}}", 54, "bad-value", "does not say why", "a sentence"),
    ("p: {from: ['role:a'], expires: 1h, then: {proceed: 'As ${{ inputs.x }} says so'}}", 54, "misplaced-expression", "plain text", ""),
    ("p: {from: ['role:a'], expires: 1h, remind: 1h}", 46, "out-of-bounds", "not shorter than `expires` (1h)", "1m"),
    ("p: {from: ['user:a', 'user:b'], count: 3, self: true}", 42, "policy-unfulfillable", "needs 3 people and names 2", "at most 2"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "column", "code", "says", "allowed"), MISTAKES, ids=[case[0] for case in MISTAKES])
def test_mistakes_in_a_policy(line: str, column: int, code: str, says: str, allowed: str) -> None:
    """One wrong policy, one mistake, at its place."""
    text = f"name: test\napprovals:\n  leads: {{from: ['role:leads']}}\n  {line}\nsteps: {{a: {{wait: 1m}}}}"
    check_rejected(text, f"4:{column}", code, says, allowed)


def test_everything_of_a_policy() -> None:
    """Every key reaches the plan: seconds, the bare name of the role, the reason without what surrounds it."""
    assert check_compiles(EVERYTHING).policies == {
        "first": Policy(
            sources=("role:security", "user:ada@example.com"),
            count=2,
            expires=1800,
            allow_self=True,
            escalate="second",
            remind=300,
            break_glass="break-glass",
        ),
        "second": Policy(sources=("slack:@leads",), expires=3600, proceed="The key is public already."),
        "third": Policy(sources=("user:eve",), expires=3600, break_glass="on-call"),
        "last": Policy(sources=("user:eve",), remind=86400),
    }


def test_escalations_in_a_circle() -> None:
    """Then nobody would ever decide; the policy that leads into the circle is no second mistake."""
    kinds = {"a": "b", "b": "c", "c": "b"}
    lines = "".join(
        f"  {name}: {{from: ['role:x'], expires: 1h, then: {{escalate: {to}}}}}\n" for name, to in kinds.items()
    )
    text = f"name: test\napprovals:\n{lines}steps: {{a: {{wait: 1m}}}}"
    check_rejected(text, "4:55", "policy-cycle", "b → c → b", "let one of them end")


def test_an_escalation_to_a_broken_policy() -> None:
    """What is wrong with the policy is said; that it is escalated to is no second mistake."""
    found = mistakes(
        """
        name: test
        approvals:
          a: {from: ['role:x'], expires: 1h, then: {escalate: b}}
          b: {from: role}
        steps: {a: {approval: a}}
        """
    )
    assert [(one.line, one.code.value) for one in found] == [(4, "wrong-type")]


def test_a_policy_that_says_nothing_new_is_stored_as_before() -> None:
    """A plan has the keys of a policy only where they say something, so that its digest stays what it was."""
    text = "name: test\napprovals: {p: {from: ['role:a'], expires: 1h, then: deny}}\nsteps: {a: {approval: p}}"
    stored = check_compiles(text).model_dump(mode="json")["policies"]["p"]
    assert stored == {"sources": ["role:a"], "count": 1, "expires": 3600, "allow_self": False}
