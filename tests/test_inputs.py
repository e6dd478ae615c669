"""Inputs: from a command line, an alert or a parent runbook to typed values; and the id that they give an incident."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.errors import UsageError
from firedoor.expressions import ExpressionError
from firedoor.inputs import full_match, incident_id, pattern_problem, resolve_inputs
from firedoor.plan import Input, Plan, PlannedStep

STEP = PlannedStep(id="w", kind="wait", wait=60)


def plan(identity: tuple[str, ...] = (), /, **inputs: Input) -> Plan:
    """A plan with these inputs."""
    return Plan(name="leak", runbook_sha256="0" * 64, inputs=inputs, identity=identity, steps=(STEP,))


KEY = Input(type="string", pattern="AKIA[A-Z]+", description="The key that leaked")
NUMBER = Input(type="integer", default=5, required=False)
FLAG = Input(type="boolean")
NAMES = Input(type="list", pattern="[a-z]+")


@pytest.mark.parametrize(
    ("declared", "given", "value"),
    [
        (Input(type="string"), "5", "5"),
        (Input(type="string"), "", ""),
        (NUMBER, "-17", -17),
        (NUMBER, "+17", 17),
        (NUMBER, 17, 17),
        (NUMBER, "9007199254740991", 2**53 - 1),
        (FLAG, "true", True),
        (FLAG, "No", False),
        (FLAG, True, True),
        (NAMES, "a, b,c", ["a", "b", "c"]),
        (NAMES, "", []),
        (NAMES, ["a"], ["a"]),
        (NAMES, ("a",), ["a"]),
    ],
)
def test_values_take_the_type_of_the_input(declared: Input, given: Any, value: Any) -> None:
    """Texts of a command line are converted; typed values stay."""
    assert resolve_inputs(plan(x=declared), {"x": given}) == {"x": value}


@pytest.mark.parametrize(
    ("declared", "given", "says"),
    [
        (KEY, "nope", "x has the value 'nope', which does not match AKIA[A-Z]+ (The key that leaked)"),
        (KEY, "AKIAX\n", "does not match"),
        (KEY, "xAKIAX", "does not match"),
        (KEY, 5, "x is 5, not a text"),
        (NUMBER, "5.5", "x is '5.5', not a whole number"),
        (NUMBER, "9007199254740992", "not a whole number"),
        (NUMBER, True, "x is True, not a whole number"),
        (NUMBER, 2**53, "not a whole number"),
        (NUMBER, "1" * 5000, "not a whole number"),
        (FLAG, "maybe", "x is 'maybe', not true or false"),
        (FLAG, 1, "x is 1, not true or false"),
        (NAMES, "a,B", "x has the value 'B', which does not match [a-z]+"),
        (NAMES, "a,,b", "x has '' as its member 2, not a text"),
        (NAMES, [1], "x has 1 as its member 1"),
        (NAMES, {"a": 1}, "not a list of texts: a,b,c"),
        (NAMES, ["a"] * 100_001, "100,001 members; at most 100,000"),
        (KEY, "x" * 500, "xxx…"),
    ],
)
def test_values_that_do_not_fit(declared: Input, given: Any, says: str) -> None:
    """The sentence says what was given and what is wanted."""
    with pytest.raises(UsageError) as caught:
        resolve_inputs(plan(x=declared), {"x": given})
    assert says in caught.value.what
    assert len(caught.value.what) < 400


def test_everything_is_explained_at_once() -> None:
    """Missing, unknown and wrong inputs, from the runbook, with the usage."""
    with pytest.raises(UsageError) as caught:
        resolve_inputs(plan(key=KEY, number=NUMBER, flag=FLAG), {"ky": "AKIAX", "other": "1", "number": "x"})
    assert caught.value.what.splitlines() == [
        "5 inputs are wrong for leak:",
        "  ky is not an input of leak; did you mean key?",
        "  other is not an input of leak; its inputs: key, number, flag",
        "  key is missing: a text matching AKIA[A-Z]+ (The key that leaked)",
        "  number is 'x', not a whole number",
        "  flag is missing: true or false",
    ]
    assert caught.value.next == "Usage: firedoor run leak key=STRING [number=INTEGER] flag=BOOLEAN"
    assert caught.value.changed == "Nothing was started."


def test_defaults_fill_what_is_not_given() -> None:
    """In the order of the runbook."""
    assert list(resolve_inputs(plan(number=NUMBER, key=KEY), {"key": "AKIAX"}).items()) == [
        ("number", 5),
        ("key", "AKIAX"),
    ]


def test_patterns_take_linear_time() -> None:
    """A pattern that would hang a backtracking engine answers at once."""
    assert full_match("(a+)+b", "a" * 5000) is False


def test_patterns_are_re2() -> None:
    """What RE2 does not have is said, and an error to use."""
    assert pattern_problem("[a-z]+") == ""
    assert "invalid" in pattern_problem("(?=a)")
    with pytest.raises(ExpressionError):
        full_match("(", "a")


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"a": "AKIAFAKE"}, "leak-AKIAFAKE"),
        ({"a": "a.b_c-D"}, "leak-a.b_c-D"),
        ({"a": 5}, "leak-5"),
    ],
)
def test_ids_say_what_they_are_about(values: dict[str, Any], found: str) -> None:
    """A single plain value stands in the id as it is, so that the id can be typed from a report."""
    assert incident_id(plan(("a",), a=Input(type="string")), values, "r") == found


def test_no_identity_is_a_new_incident_each_time() -> None:
    """The caller brings what tells them apart."""
    assert incident_id(plan(a=KEY), {"a": "AKIAX"}, "f00") == "leak-f00"


@given(
    st.lists(
        st.tuples(st.text(max_size=200), st.lists(st.text(max_size=9), max_size=4)),
        min_size=2,
        max_size=6,
        unique_by=repr,
    )
)
def test_different_identities_have_different_ids(values: list[tuple[str, list[str]]]) -> None:
    """Whatever stands in them; and ids are short and plain."""
    two = plan(("a", "b"), a=Input(type="string"), b=Input(type="list"))
    ids = [incident_id(two, {"a": text, "b": names}, "r") for text, names in values]
    assert len(set(ids)) == len(ids)
    assert all(
        len(one) <= 133 and set(one) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
        for one in ids
    )


@given(st.text(max_size=30), st.text(max_size=30))
def test_single_values_never_meet(one: str, other: str) -> None:
    """An id that was hashed cannot be had by writing it out."""
    single = plan(("a",), a=Input(type="string"))
    first = incident_id(single, {"a": one}, "r")
    assert (first == incident_id(single, {"a": other}, "r")) == (one == other)
    if one != (copy := first.removeprefix("leak-")):
        assert incident_id(single, {"a": copy}, "r") != first
