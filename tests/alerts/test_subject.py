"""The words for how bad an alert is, and the names for what it is about."""

from typing import Any

import pytest

from firedoor.alerts._severity import WORDS, rank, severity
from firedoor.alerts._subject import NAMES, moment, subject, tags


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("critical",), 9.0),
        ((" High ",), 7.0),
        (("error",), 7.0),
        (("WARNING",), 5.0),
        (("medium",), 5.0),
        (("info",), 2.0),
        (("P1",), 9.0),
        (("P5",), 1.0),
        (("7.5",), 7.5),
        ((10,), 10.0),
        (("", None, "low", "critical"), 2.0),
        (("rosebud", "high"), 7.0),
        (("rosebud",), 0.0),
        (("nan", "inf", "-1", "11", [], {}), 0.0),
        ((), 0.0),
    ],
)
def test_severities(given: tuple[Any, ...], expected: float) -> None:
    """The first that says one counts; what nobody knows is 0."""
    assert severity(*given) == expected


def test_a_priority_is_no_severity() -> None:
    """1 is the highest priority, and nearly the lowest severity; what is no rank stays what it is."""
    assert (severity(rank(1)), severity(rank(" 2")), severity(1)) == (9.0, 7.0, 1.0)
    assert [rank(one) for one in ("P1", "high", 9, None, "")] == ["P1", "high", 9, None, ""]


def test_no_word_has_two_severities() -> None:
    """The table is a function."""
    words = [word for group in WORDS.values() for word in group]
    assert len(words) == len(set(words))
    assert all(word == word.lower() for word in words)


def test_names() -> None:
    """Case and separators do not matter; the earlier mapping counts; what a template left empty is not there."""
    labels = {"Aws-Access-Key.ID": " AKIA1 ", "region": "null", "Account ID": "1", "provider": "<no value>"}
    fields = subject(labels, {"aws_access_key_id": "AKIA2", "region": "eu-west-1"})
    assert fields == dict.fromkeys(NAMES, "") | {
        "access_key_id": "AKIA1",
        "credential": "AKIA1",
        "provider": "aws",
        "account": "1",
        "region": "eu-west-1",
    }


def test_a_credential_of_another_provider() -> None:
    """Is no access key."""
    fields = subject({"credential": "key_1", "provider": "openai"})
    assert (fields["credential"], fields["provider"], fields["access_key_id"]) == ("key_1", "openai", "")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a:b:c, d ,,null", {"a": "b:c", "d": ""}),
        (["a:b", 5, None, ":x"], {"a": "b"}),
        (None, {}),
        ({"a": "b"}, {}),
    ],
)
def test_tags(given: Any, expected: dict[str, str]) -> None:
    """From a list or a text."""
    assert tags(given) == expected


@pytest.mark.parametrize("given", [None, "", "soon", [], "nan", "inf", 10**400, -(10**15)])
def test_what_is_no_time(given: Any) -> None:
    """Is empty."""
    assert moment(given) == ""
