"""What a mail's HTML may not have: what loads from elsewhere, runs, asks, or leaves out who cannot see. Pure."""

from collections.abc import Iterator
from html.parser import HTMLParser

#: Elements that run, load or ask, and mostly do not arrive.
_NEVER = frozenset({"script", "iframe", "object", "embed", "form", "input", "link", "video", "audio", "base", "svg"})
_REMOTE = ("url(http", "url(//", "url('http", 'url("http', "@import")
_LOADS = frozenset({"src", "srcset", "background", "poster"})


class _Reading(HTMLParser):
    """Collects what is wrong, and what has to be there."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.wrong: list[tuple[int, str]] = []
        self.language = False
        self.title = ""
        self._in = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        line = self.getpos()[0]
        given = {name: value or "" for name, value in attrs}
        self._in = tag
        if tag in _NEVER:
            self._mind(line, f"<{tag}> has no place in a mail: it runs, loads or asks.")
        if tag == "html":
            self.language = bool(given.get("lang"))
        if tag == "meta" and given.get("http-equiv", "").lower() == "refresh":
            self._mind(line, "A mail does not lead anywhere by itself (meta refresh).")
        if tag == "img":
            self._image(line, given)
        for name, value in given.items():
            if name.startswith("on"):
                self._mind(line, f"{name}= would run something.")
            if name in _LOADS and tag != "img" and not value.startswith("data:"):
                self._mind(line, f"{name}= loads from elsewhere, which tells who has read the mail.")
            if name == "href" and value.lower().lstrip().startswith(("javascript:", "data:")):
                self._mind(line, "A link leads to a page, and runs nothing.")
            if name == "style":
                self._style(line, value)

    def handle_data(self, data: str) -> None:
        if self._in == "title":
            self.title += data
        if self._in == "style":
            self._style(self.getpos()[0], data)

    def handle_endtag(self, tag: str) -> None:
        self._in = ""

    def _image(self, line: int, given: dict[str, str]) -> None:
        if not given.get("src", "").startswith("data:"):
            self._mind(line, "An image from elsewhere tells who has read the mail: put it into the mail (data:).")
        if given.get("width") in {"0", "1"} or given.get("height") in {"0", "1"}:
            self._mind(line, "An image that nobody sees only counts readers.")
        if "alt" not in given:
            self._mind(line, "An image says in alt= what it shows.")

    def _style(self, line: int, text: str) -> None:
        if any(word in text.lower().replace(" ", "") for word in _REMOTE):
            self._mind(line, "A style loads from elsewhere, which tells who has read the mail.")

    def _mind(self, line: int, what: str) -> None:
        self.wrong.append((line, what))


def minded(html: str, *, whole: bool) -> Iterator[tuple[int, str]]:
    """What is wrong with the HTML, with its line; of a `whole` document also what it lacks."""
    reading = _Reading()
    reading.feed(html)
    reading.close()
    yield from reading.wrong
    if whole and not reading.language:
        yield 1, "<html> says in lang= which language it is in: screen readers pronounce it by that."
    if whole and not reading.title.strip():
        yield 1, "The document has no <title>."
