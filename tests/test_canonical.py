"""Canonical JSON, judged by the published JCS vectors and by the `rfc8785` package."""

import json
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from firedoor.canonical import MAX_SAFE_INTEGER, NotCanonicalError, canonical_bytes, check_canonical, sha256_hex
from tests.shared import SHARED, needs_shared

VECTORS = SHARED / "vectors" / "jcs-cyberphone"
#: Outside our subset: a number written with a fraction, and keys that are not ASCII.
REFUSED = {"french.json", "structures.json", "values.json", "weird.json"}

ascii_keys = st.text(st.characters(max_codepoint=127), max_size=8)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-MAX_SAFE_INTEGER, max_value=MAX_SAFE_INTEGER)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(ascii_keys, inner, max_size=5),
    max_leaves=30,
)


@pytest.mark.parametrize("path", sorted((VECTORS / "input").glob("*.json")), ids=lambda path: path.name)
def test_jcs_vectors(path: Path) -> None:
    """A published vector inside the subset gives its published bytes; one outside is refused."""
    value = json.loads(path.read_text())
    if path.name in REFUSED:
        with pytest.raises(NotCanonicalError):
            canonical_bytes(value)
    else:
        assert (VECTORS / "output" / path.name).read_bytes() == canonical_bytes(value)


@needs_shared
def test_jcs_vectors_are_complete() -> None:
    """All six published documents are run, not an empty folder."""
    assert 6 == len(list((VECTORS / "input").glob("*.json")))


@given(values)
def test_agrees_with_rfc8785(value: Any) -> None:
    """Whatever the subset can hold is written as the reference implementation writes it."""
    assert rfc8785.dumps(value) == canonical_bytes(value)


@given(st.dictionaries(ascii_keys, values, max_size=6), st.randoms())
def test_order_of_keys_does_not_matter(value: dict[str, Any], random: Any) -> None:
    """Equal objects give equal bytes, however they were built."""
    keys = list(value)
    random.shuffle(keys)
    assert canonical_bytes(value) == canonical_bytes({key: value[key] for key in keys})


@given(values.filter(lambda value: isinstance(value, dict)), st.sampled_from([1.5, 2**53, -(2**53), b"bytes", {1, 2}]))
def test_a_misfit_is_found_wherever_it_is(value: dict[str, Any], misfit: Any) -> None:
    """A float, a large integer or another type is refused, at any depth, with its place."""
    with pytest.raises(NotCanonicalError, match=r"\$\.deep\[1\]\.misfit: "):
        canonical_bytes({**value, "deep": [value, {"misfit": misfit}]})


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"ü": 1}, "not an ASCII string"),
        ({1: 2}, "not an ASCII string"),
        ({"a": 1, 2: 3}, "not an ASCII string"),
        ({"a": {"\ud800": 1}}, "not an ASCII string"),
        ("\ud800", "lone surrogate"),
        (float("nan"), "float is not"),
        (object(), "object is not"),
    ],
)
def test_what_is_refused(value: Any, sentence: str) -> None:
    """Keys beyond ASCII, lone surrogates and foreign types are refused with a reason."""
    with pytest.raises(NotCanonicalError, match=sentence):
        check_canonical(value)


@pytest.mark.parametrize("depth", [260, 5_000])
def test_deep_and_circular_values_are_refused(depth: int) -> None:
    """A value that is nested too deeply, or contains itself, is refused instead of crashing."""
    deep: list[Any] = []
    for _ in range(depth):
        deep = [deep]
    circular: list[Any] = []
    circular.append(circular)
    for value in (deep, circular):
        with pytest.raises(NotCanonicalError, match="nested too deeply"):
            canonical_bytes(value)


def test_sha256_hex() -> None:
    """The digest is the one of FIPS 180-4's example."""
    assert "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" == sha256_hex(b"abc")
