"""What a file of customers from elsewhere may hold: never a traceback, and nothing that steers a terminal."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firedoor.customers.paging import Pages
from firedoor.customers.reading import Reading, read_pages
from firedoor.errors import UsageError

VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.just("\ud800\x1b[2J")),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=6,
)
NAMES = st.sampled_from(["id", "name", "language", "zone", "hours", "contacts", "credentials", "\x1b[31m"])
PARTS = st.sampled_from(["role", "channel", "address", "name", "provider", "store", "id", "fingerprint", "\ud800"])
ADDRESSES = ["security", "email", "webhook", "slack", "https://[", "https://a:b", "a@b", "env:X", "\0", "٣"]
LISTS = st.lists(st.dictionaries(PARTS, st.one_of(VALUES, st.sampled_from(ADDRESSES)), max_size=4), max_size=3)
CUSTOMERS = st.dictionaries(NAMES, st.one_of(VALUES, LISTS, st.just("acme")), max_size=5)


def read(text: str) -> Reading:
    """A file; what it is told of can be shown as it is."""
    reading = read_pages([text], {}, lambda _: False)
    for fault in reading.faults:
        assert fault.what.isprintable(), fault.what
        assert fault.allowed.isprintable(), fault.allowed
    return reading


@settings(max_examples=60, deadline=None)
@given(st.lists(CUSTOMERS, max_size=3))
def test_any_document(customers: list[object]) -> None:
    """Every mistake is a sentence, whatever the document is made of."""
    read(json.dumps(customers))


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    """CSV, JSON or neither."""
    read(text)
    read("customer,role,channel,address,notify_within_hours\n" + text)
    read("[" + text)


LINKS = st.lists(
    st.sampled_from(
        ["<", ">", ";", ",", '"', "\\", "=", "rel", "next", "anchor", "/2", "//evil.example", "@", ":", "[", " "]
    ),
    max_size=14,
).map("".join)


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(LINKS, st.text(max_size=60), LINKS.map("<{}>; rel=next".format), LINKS.map("<?2>; rel=next, {}".format))
)
def test_any_link(link: str) -> None:
    """Whatever a header says, nobody else is asked; what is refused is a sentence that can be shown as it is."""
    pages, said = Pages("https://crm.example/customers"), ""
    try:
        pages.turn(link)
    except UsageError as error:
        said = error.what
    assert said.isprintable()
    assert pages.url.startswith("https://crm.example/")


@pytest.mark.parametrize(
    "text",
    [
        '[{"id": "a", "contacts": [{"\\ud800\\u001b[31m": "x"}]}]',
        '[{"id": "a", "hours": "' + "9" * 5000 + '"}]',
        '[{"id": "a", "hours": ' + "9" * 5000 + "}]",
        "[" * 100_000,
        '{"a":' * 100_000,
        'customer\n"' + "x" * 70_000,
    ],
)
def test_what_once_fell_over(text: str) -> None:
    """Half characters, numbers of thousands of digits, brackets without end."""
    assert read(text).faults
