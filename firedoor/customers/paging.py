"""The pages of an answer, each of which names the next: `Link: <…>; rel="next"` (RFC 8288). Pure.

A page that is overlooked is customers who are forgotten, and one of somebody else gets a token that is not for it.
So a header that cannot be read, another origin, a circle and an endless answer are refused.
"""

import re
from collections.abc import Iterator
from urllib.parse import urldefrag, urljoin, urlsplit

from firedoor.customers import fields
from firedoor.customers.reading import UNCHANGED
from firedoor.errors import UsageError

#: A hundred thousand customers, a hundred a page.
MOST_PAGES = 1_000

_PORTS = {"http": 80, "https": 443}
_TARGET = re.compile(r"[\s,]*<([^<>]*)>\s*")
_PARAMETER = re.compile(r';\s*([^\s=;,"<>]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"<>]*)))?\s*')


class Pages:
    """Where a reader of an answer stands: `url` is the page, `where` what it is called where people read it."""

    def __init__(self, first: str) -> None:
        self.url = first
        self._first = address(first)
        self._seen = {first}

    @property
    def where(self) -> str:
        """The page, without anything that may be secret."""
        return self._first if len(self._seen) == 1 else f"Page {len(self._seen):,} of {self._first}"

    def turn(self, link: str) -> bool:
        """Go on to the page that this one's `Link` header names; False: it is the last. Raises `UsageError`."""
        following = self._following(link)
        if not following:
            return False
        if _origin(following) != _origin(self.url):
            host = fields.shown(urlsplit(following).hostname or "elsewhere")
            raise self._wrong(f"names a page at {host} as the next, where no token of it shall go")
        if following in self._seen:
            raise self._wrong("names a page that was read before as the next: it goes round in a circle")
        if len(self._seen) >= MOST_PAGES:
            raise self._wrong(f"is not the last of {MOST_PAGES:,} pages")
        self.url = following
        self._seen.add(following)
        return True

    def _following(self, link: str) -> str:
        """The address of the next page, or nothing."""
        try:
            found = {urldefrag(urljoin(self.url, target)).url for target in self._targets(link)}
            for url in found:
                _origin(url)
        except ValueError:
            raise self._wrong("does not say in a way that can be read which page is the next") from None
        if len(found) > 1:
            raise self._wrong("names two pages as the next")
        return found.pop() if found else ""

    def _targets(self, link: str) -> Iterator[str]:
        """What is `next` to this page. Raises `ValueError` for a header that cannot be read and may say it."""
        at = 0
        while target := _TARGET.match(link, at):
            at, said = target.end(), dict[str, str]()
            while parameter := _PARAMETER.match(link, at):
                at = parameter.end()
                said.setdefault(parameter[1].lower(), parameter[2] or parameter[3] or "")
            # With an anchor a link says what is next to something else.
            here = urljoin(self.url, said.get("anchor", "")) == self.url
            if here and "next" in said.get("rel", "").lower().split():
                yield target[1]
        if link[at:].strip(" \t,;") and "next" in link.lower():
            raise ValueError

    def _wrong(self, what: str) -> UsageError:
        next = "Let it answer all customers at once, or export a file, and import that."
        return UsageError(f"{self.where} {what}.", changed=UNCHANGED, next=next)


def address(url: str) -> str:
    """An address as it may be shown and recorded: without login, query and fragment."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _origin(url: str) -> tuple[str, str, int | None, bool]:
    """Whom an address leads to, and whether it brings a login of its own. Raises `ValueError`."""
    parts = urlsplit(url)
    port = parts.port if parts.port is not None else _PORTS.get(parts.scheme)
    return parts.scheme, parts.hostname or "", port, "@" in parts.netloc
