"""CEL at run time: what workflows evaluate and render."""

from typing import Any

import pytest

from firedoor.expressions import ExpressionError, evaluate, expressions_in, render

SCOPE = {"inputs": {"n": 5, "f": 1.5, "b": True, "s": "x", "none": None, "m": {"b": 1, "a": 2}, "l": [3, 1, 2]}}


TEN = "[1,2,3,4,5,6,7,8,9,10]"
#: Six loops in each other: a million rounds.
BOTTOMLESS = f"{TEN}.map(a, {TEN}.map(b, {TEN}.map(c, {TEN}.map(d, {TEN}.map(e, {TEN}.map(f, f))))))"


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("inputs.n + 1", 6),
        ("inputs.f >= 1.0", True),
        ("inputs.s == 'x' && inputs.none == null", True),
        ("inputs.l.filter(one, one > 1)", [3, 2]),
        ("{'z': 1, 'a': inputs.m}", {"a": {"a": 2, "b": 1}, "z": 1}),
        ("timestamp('2026-01-01T00:00:00Z')", "2026-01-01T00:00:00Z"),
        ("duration('90s')", "90s"),
        ("null", None),
    ],
)
def test_values_are_json(source: str, value: Any) -> None:
    """Maps come back sorted: CEL's own order differs between processes."""
    found = evaluate(source, SCOPE)
    assert found == value
    assert repr(found) == repr(value)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("inputs.missing", "missing"),
        ("steps.find.owner", "find"),
        ("inputs.n + 'x'", "overload"),
        ("1 +", "Syntax error"),
        ("1 / 0", "zero"),
        ("b'bytes'", "bytearray is not a value"),
        ("inputs.s.matches('(')", "regular expression"),
        ("(" * 50 + "1" + ")" * 50, "recursion"),
        (BOTTOMLESS, "udget"),
    ],
)  # fmt: skip
def test_failures_name_the_expression(source: str, says: str) -> None:
    """Absent fields, wrong types, spent budgets: one kind of error, with the expression in it."""
    with pytest.raises(ExpressionError, match="(?i)" + says) as caught:
        evaluate(source, SCOPE)
    assert f"`{source}`" in str(caught.value)


def test_templates() -> None:
    """One expression alone keeps its type; in a text it becomes text; structures are walked."""
    template = {
        "whole": " ${{ inputs.n }} ",
        "text": "n=${{ inputs.n }} b=${{ inputs.b }} none=${{ inputs.none }}.",
        "list": ["${{ inputs.l }}", 7],
        "braces": "${{ '}}' + \"}}\" }}",
        "plain": "no $ { } expression",
    }
    assert render(template, SCOPE) == {
        "whole": 5,
        "text": "n=5 b=true none=.",
        "list": [[3, 1, 2], 7],
        "braces": "}}}}",
        "plain": "no $ { } expression",
    }
    assert list(expressions_in(template)) == [
        "inputs.n",
        "inputs.n",
        "inputs.b",
        "inputs.none",
        "inputs.l",
        "'}}' + \"}}\"",
    ]
