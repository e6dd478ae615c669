"""From a character of a value to its place in the file."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from firedoor.runbook.positions import positions


@pytest.mark.parametrize(
    ("raw", "value", "found"),
    [
        ("abc", "abc", [0, 1, 2, 3]),
        ("'a''b'", "a'b", [1, 2, 4, 5]),
        ('"a\\n\\x41b"', "a\nAb", [1, 2, 4, 8, 9]),
        ('"a\\\n  b"', "ab", [1, 6, 7]),
        ("a\n   b", "a b", [0, 1, 5, 6]),
        ("|\n  a\n  b\n", "a\nb\n", [4, 5, 8, 9, 10]),
        (">-  # comment\n  a\n  b\n", "a b", [16, 17, 20, 21]),
    ],
)
def test_positions(raw: str, value: str, found: list[int]) -> None:
    """Quotes, escapes, folds and indentation are stepped over."""
    assert positions(raw, value) == found


def test_what_does_not_fit_has_no_positions() -> None:
    """Then the whole value is marked."""
    assert positions("abc", "abd") is None
    assert positions("abc", "ab c") is None


@given(st.text(st.sampled_from("ab'\"\\ \n#:-é😀"), max_size=40), st.sampled_from(["'", '"', "|", ">", ""]))
def test_every_style_can_be_aligned(value: str, style: str) -> None:
    """Whatever YAML writes, each letter of the value is found where it stands."""
    raw = (
        yaml.dump({"k": value}, default_style=style or None, allow_unicode=True, width=30)
        .removeprefix("k:")
        .lstrip(" ")
    )
    raw = raw.removeprefix('"k":').removeprefix("'k':").lstrip(" ")
    node = yaml.compose(f"k: {raw}")
    assert isinstance(node, yaml.MappingNode)
    scalar = node.value[0][1]
    text = f"k: {raw}"[scalar.start_mark.index : scalar.end_mark.index]
    found = positions(text, scalar.value)
    if found is not None:
        letters = [(text[at], char) for at, char in zip(found, scalar.value, strict=False) if char in "ab"]
        assert all(there == char for there, char in letters)
        assert found == sorted(found)
