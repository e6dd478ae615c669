"""The format of entries: what becomes one, what is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.canonical import canonical_bytes
from firedoor.timeline.entry import MAX_ENTRY, Draft, Entry, EntryError, Kind, prepare

LOG = "firedoor.example/test"
STORE = (b'{"boot":""}', b'"id-1"', b'""', b'"2026-11-23T15:51:00.000000Z"', b"0")
GOOD = prepare(Draft(Kind.NOTE, "inc-1", "idem", {"say": "hello"}), LOG).entry_bytes(*STORE)


def draft(**body: Any) -> Draft:
    """A note with this body."""
    return Draft(Kind.NOTE, "inc-1", "idem", body)


def test_an_entry_is_canonical_json() -> None:
    """The bytes of an entry are the format's example, to the byte."""
    assert (
        b'{"clock":{"boot":""},"id":"id-1","incident":"inc-1","kind":"note","log":"firedoor.example/test","prev":"",'
        b'"recorded_at":"2026-11-23T15:51:00.000000Z","say":"hello","seq":0,"v":1}'
    ) == GOOD


@given(st.dictionaries(st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=2, max_size=9), st.text()))
def test_body_survives(body: dict[str, str]) -> None:
    """Whatever a caller writes is read back, and stays in canonical order around the store's own fields."""
    body = {f"x_{key}": text.encode("utf-8", "replace").decode() for key, text in body.items() if text != "\0"}
    data = prepare(draft(**body), LOG).entry_bytes(*STORE)
    entry = Entry.parse(data)
    assert body == entry.body
    assert data == json.dumps(entry.fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def test_odd_keys_and_texts_never_move_the_stores_fields() -> None:
    """Quotes, commas and NUL characters, also in keys, and keys after the last field of the store."""
    tricky = {"say": 'x:"\0', 'a","clock":"': '":"\\u0000"', "list": ["\0"], "zz": ","}
    assert tricky == Entry.parse(prepare(draft(**tricky), LOG).entry_bytes(*STORE)).body


def test_shared_parts_are_parts_of_the_body() -> None:
    """A part handed over as canonical bytes gives the entry that the same part inside the body gives."""
    cause = {"step": "deactivate", "attempt": 1}
    apart = Draft(Kind.NOTE, "inc-1", "idem", {"say": "hello"}, shared={"cause": canonical_bytes(cause)})
    inside = Draft(Kind.NOTE, "inc-1", "idem", {"say": "hello", "cause": cause})
    assert prepare(apart, LOG).parts == prepare(inside, LOG).parts
    assert apart.content() == inside.body


@pytest.mark.parametrize("field", ["v", "log", "id", "seq", "prev", "recorded_at", "clock", "kind", "incident", "ref"])
def test_a_body_cannot_set_the_stores_fields(field: str) -> None:
    """A caller can set neither place nor time nor kind of an entry through its body."""
    with pytest.raises(EntryError, match=f"its body sets {field}"):
        prepare(draft(**{field: "x"}), LOG)


def test_size_limit() -> None:
    """An entry of more than 65,535 bytes is refused with the two numbers; just below the limit it is not."""
    prepare(draft(say="x" * 64_900), LOG)
    with pytest.raises(EntryError, match="and an entry at most 65,135") as caught:
        prepare(draft(say="x" * 65_100), LOG)
    assert "Nothing was recorded." == caught.value.changed


@pytest.mark.parametrize("body", [{"n": 1.5}, {"n": 2**53}, {"ü": 1}, {"say": "\ud800"}, {"say": b"bytes"}])
def test_not_canonical(body: dict[str, Any]) -> None:
    """A body that canonical JSON cannot hold is refused."""
    with pytest.raises(EntryError, match="canonical JSON cannot"):
        prepare(draft(**body), LOG)


def test_idem_is_needed() -> None:
    """A draft without a name cannot be recorded once, so it is refused."""
    with pytest.raises(EntryError, match="no idem"):
        prepare(Draft(Kind.NOTE, "inc-1", "", {}), LOG)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[]", "not an object"),
        (b"[" * 60_000, "nested too deeply"),
        (GOOD + b" " * MAX_ENTRY, "at most 65,535"),
        (GOOD.replace(b'"seq":0', b'"seq":0,"seq":1'), "'seq' stands twice"),
        (GOOD.replace(b'"boot":""', b'"boot":"","boot":"x"'), "'boot' stands twice"),
        (GOOD.replace(b'"seq":0', b'"seq":0.0'), "not an integer"),
        (GOOD.replace(b'"seq":0', b'"seq":NaN'), "not an integer"),
        (GOOD.replace(b'"seq":0', b'"seq":-1'), "wrong type of seq"),
        (GOOD.replace(b'"seq":0', b'"seq":true'), "wrong type of seq"),
        (GOOD.replace(b'"prev":""', b'"prev":null'), "wrong type of prev"),
        (GOOD.replace(b'{"boot":""}', b"[]"), "wrong type of clock"),
        (GOOD.replace(b'"v":1', b'"v":2'), "version 2"),
        (GOOD.replace(b'"prev":"",', b""), "without 'prev'"),
    ],
)
def test_parse_refuses(data: bytes, sentence: str) -> None:
    """Bytes that two readers could read in two ways are not an entry."""
    with pytest.raises(EntryError, match=sentence):
        Entry.parse(data)


def test_an_unknown_kind_can_be_read() -> None:
    """A later version's kinds do not make a log unreadable."""
    entry = Entry.parse(GOOD.replace(b'"note"', b'"later.kind"'))
    assert "later.kind" == entry.kind
    assert {} == entry.part("say")
