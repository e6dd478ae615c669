"""Which page is the next: the header Link of RFC 8288, and what of it is refused."""

import pytest

from firedoor.customers import paging
from firedoor.customers.paging import Pages
from firedoor.customers.reading import Reading, read_pages
from firedoor.errors import UsageError

HERE = "https://crm.example/api/customers?per_page=2"


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("", ""),
        ('<https://crm.example/api/customers?page=2>; rel="next"', "https://crm.example/api/customers?page=2"),
        ('<https://crm.example:443/x?a=1,2;3>; rel="next"', "https://crm.example:443/x?a=1,2;3"),
        ("</x>; rel=next", "https://crm.example/x"),
        ("<?page=2#top>;rel=next", "https://crm.example/api/customers?page=2"),
        ("</last>; rel=last, </2>; rel=next, </1>; rel=first", "https://crm.example/2"),
        ('</last>; rel="last",</2>; title="a=\\"b\\", <c>; rel=x"; REL = "last Next"', "https://crm.example/2"),
        ('</2>; rel="next"; rel="prev"', "https://crm.example/2"),
        ('</2>; rel="prev"; rel="next"', ""),
        ('</2>; rel="nextish"', ""),
        ('</2>; anchor="/other"; rel="next"', ""),
        (f'</2>; anchor="{HERE}"; rel="next"', "https://crm.example/2"),
        ('</2>; rel="next", <https://crm.example/2>; rel="next"', "https://crm.example/2"),
        ("</style.css>; rel=preload; as=style", ""),
        ("nonsense", ""),
    ],
)
def test_the_next_page(link: str, url: str) -> None:
    """Whatever stands beside it, in whichever order and case; nothing where this is the last."""
    pages = Pages(HERE)
    assert pages.turn(link) is bool(url)
    assert pages.url == (url or HERE)


@pytest.mark.parametrize(
    ("link", "sentence"),
    [
        ("<https://evil.example/2>; rel=next", "names a page at “evil.example” as the next"),
        ("<//evil.example/2>; rel=next", "at “evil.example”"),
        ("<http://crm.example/2>; rel=next", "at “crm.example”"),
        ("<https://crm.example:444/2>; rel=next", "at “crm.example”"),
        ("<https://user:canary@crm.example/2>; rel=next", "at “crm.example”"),
        ("<https://crm.example.evil.example/2>; rel=next", "at “crm.example.evil.example”"),
        ("<javascript:alert(1)>; rel=next", "at “elsewhere”"),
        ("<https://crm.example:99999/2>; rel=next", "in a way that can be read"),
        ("<https://[/2>; rel=next", "in a way that can be read"),
        ('</2; rel="next"', "in a way that can be read"),
        ('</2>; rel="next', "in a way that can be read"),
        ('</2>; rel=next, </3>; rel="next"', "names two pages as the next"),
        ("<>; rel=next", "goes round in a circle"),
        ("<#2>; rel=next", "goes round in a circle"),
    ],
)
def test_a_page_that_is_not_gone_to(link: str, sentence: str) -> None:
    """Another origin, the same page again, a header that may say it and cannot be read: never half of the customers."""
    pages = Pages(HERE)
    with pytest.raises(UsageError, match=sentence) as refused:
        pages.turn(link)
    assert "https://crm.example/api/customers " in refused.value.what
    assert "canary" not in str(refused.value)
    assert "Nothing was changed" in refused.value.changed
    assert pages.url == HERE


def test_a_circle_and_an_endless_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was read before is not read again, and a server that always has one more is left."""
    pages = Pages(HERE)
    assert pages.turn("</2>; rel=next")
    assert pages.turn("</3>; rel=next")
    assert pages.where == "Page 3 of https://crm.example/api/customers"
    with pytest.raises(UsageError, match=r"Page 3 of .* goes round in a circle"):
        pages.turn("</2>; rel=next")
    monkeypatch.setattr(paging, "MOST_PAGES", 3)
    with pytest.raises(UsageError, match="is not the last of 3 pages"):
        pages.turn("</4>; rel=next")


def read(*pages: str) -> Reading:
    """Pages, read as one."""
    return read_pages(pages, {}, lambda _: False)


def test_pages_are_one_registry() -> None:
    """Rows of one customer may stand on two pages; each page is CSV or JSON by itself."""
    reading = read(
        "customer,name\nacme,Acme\n",
        "customer,security.email\r\nacme,s@acme.example\r\nglobex,s@globex.example\r\n",
        '[{"id": "initech"}]',
        "[]",
    )
    assert [(one.id, one.name, len(one.contacts)) for one in reading.customers] == [
        ("acme", "Acme", 1),
        ("globex", "", 1),
        ("initech", "", 0),
    ]


def test_lines_are_counted_through_all_pages() -> None:
    """A mistake on a later page has its line among all of them; so has what stands there twice."""
    reading = read('[{"id": "acme"},\n {"id": "globex"}]', '[\n{"id": "acme"},\n{"id": "b c"}]\n', "customer,name\n,x")
    assert [(fault.line, fault.what) for fault in reading.faults] == [
        (4, "acme stands there twice, first in line 1."),
        (5, "customer: “b c” is no id."),
        (7, "The row names no customer."),
    ]
