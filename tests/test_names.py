"""What a person calls an incident."""

import pytest

from firedoor.errors import UsageError
from firedoor.names import named

KNOWN = {"leak-one.gate": "leak-one", "leak-one": "", "leak-two": "", "leak-two.example": ""}


@pytest.mark.parametrize(
    ("text", "name"),
    [("leak-two", "leak-two"), ("one", "leak-one"), ("leak-o", "leak-one"), ("one.gate", "leak-one.gate")],
)
def test_what_names_one_incident(text: str, name: str) -> None:
    """The whole id always; else a part that only one has, where an incident stands before those of its steps."""
    assert named(text, KNOWN, nowhere="nowhere") == name


def test_a_dot_alone_makes_no_child() -> None:
    """`leak-two.example` was started by nobody's step: a beginning of both names neither."""
    with pytest.raises(UsageError, match=r"fits 2 incidents: leak-two, leak-two\.example"):
        named("leak-t", KNOWN, nowhere="nowhere")


def test_what_names_none() -> None:
    """What there is, at most five of it; or that there is nothing."""
    many = dict.fromkeys((f"door-{number}" for number in range(7)), "")
    with pytest.raises(UsageError, match=r"Not here\. There are door-0, door-1, door-2, door-3, door-4 and 2 more"):
        named("window", many, nowhere="Not here")
    with pytest.raises(UsageError, match=r"Not here\. There is door-0\."):
        named("window", {"door-0": ""}, nowhere="Not here")
    with pytest.raises(UsageError, match="Not here: there are none at all"):
        named("window", {}, nowhere="Not here")
