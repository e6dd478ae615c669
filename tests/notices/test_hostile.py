"""What the authors of notices and the names of customers try: each of these once worked, or could have."""

import contextlib
import os
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as trying
from hypothesis import strategies as st

from activities.transports._mrkdwn import message_blocks
from firedoor.config import Settings
from firedoor.errors import UsageError
from firedoor.notices import rendering
from firedoor.notices.composing import Composer
from firedoor.notices.folder import LONGEST, Notice, load_notice, read_notice
from firedoor.notices.links import LinkError, Links
from firedoor.notices.manifest import parse_manifest
from firedoor.notices.rendering import NoticeError, Text
from firedoor.notices.specimen import SOMEBODY, shown_to, specimen
from tests.noticing import MANIFEST, Write


def rendered(text: str, **variables: Any) -> str:
    """A text of a notice, for a reader."""
    notice = Notice("test", 1, parse_manifest(MANIFEST, "notice.toml"), {"en/body.txt": text})
    return Text(notice, "en/body.txt").render({"credentials": [{"name": "a"}] * 50, **variables})


LOOP = "{% for a in values %}{% for b in values %}{% endfor %}{% endfor %}"


def test_a_loop_that_writes_nothing_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two loops over a long text turn ten thousand million times, and nothing of it is output that could be counted."""
    monkeypatch.setattr(rendering, "PATIENCE", 0.05)
    began = time.monotonic()
    for text in (LOOP, "{% for a in values if a == 'x' %}{% for b in values if b == 'y' %}{% endfor %}{% endfor %}"):
        with pytest.raises(NoticeError, match="took longer"):
            rendered(text.replace("in values", 'in "' + "x" * 90_000 + '"'))
    with pytest.raises(NoticeError, match="took longer"):
        rendered(LOOP, values=["x"] * 100_000)
    assert time.monotonic() - began < 5
    assert rendered("{% for a in credentials %}{{ loop.index }}{% if loop.last %}!{% endif %}{% endfor %}").endswith(
        "50!"
    )


@pytest.mark.parametrize(
    "text",
    [
        "{{ " + "(" * 300 + "1" + ")" * 300 + " }}",
        "{{ " + "not " * 20_000 + "1 }}",
        "{{ a" + ".b" * 2_000 + " }}",
        "{% if 1 %}" * 2_000,
        "{{ " + "9" * 5_000 + " }}",
        '{{ "\\ud800" }}',
        '{{ customer.name.__class__ }}{{ ""["__class__"] }}',
        "{% for a in credentials|of a loop %}{% endfor %}",
        "{% include '/etc/passwd' %}",
        "{% extends '../../x' %}",
        "{{ self }}{{ cycler }}{{ lipsum }}",
    ],
)
def test_no_text_gets_out_or_stumbles(text: str) -> None:
    """A sentence with the place, and no traceback."""
    with pytest.raises(NoticeError):
        rendered(text, customer={"name": "Acme"})


@pytest.mark.parametrize("text", ["a = " + "[" * 50_000, 'title = "x"\na = ' + "{a = " * 5_000, "\0", "title = 1"])
def test_a_manifest_that_is_a_bomb(text: str) -> None:
    """It is refused with its place."""
    with pytest.raises(UsageError, match=r"notice\.toml"):
        parse_manifest(text, "notice.toml")


def test_files_that_are_none(write: Write, settings: Settings) -> None:
    """A pipe would be waited for, a huge file fill the memory, a link lead elsewhere."""
    write()
    folder = Path(settings.notices.folder) / "test"
    os.mkfifo(folder / "layout.html")
    os.mkfifo(folder / "en" / "pipe.txt")
    assert "layout.html" not in load_notice("test", 1, settings).texts
    body = folder / "en" / "body.txt"
    with body.open("wb") as file:
        file.truncate(4 << 30)
    with pytest.raises(UsageError, match="more characters"):
        read_notice(folder)
    body.unlink()
    body.symlink_to("/etc/hostname")
    with pytest.raises(UsageError, match="leads out of its notice's folder"):
        read_notice(folder)
    assert LONGEST < 4 << 30


class Elements(HTMLParser):
    """What a mail program makes of a mail: its elements, and where its links lead."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.links: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        self.found.append((tag, tuple(name for name, _ in attrs)))
        self.links |= {value or "" for name, value in attrs if name in {"href", "src"}}


TRICKS = st.one_of(
    st.text(max_size=60),
    st.sampled_from([
        "<!channel>", "<script>alert(1)</script>", '"><img src=x onerror=y>', "[Log in](https://evil.example/)",
        "https://evil.example/login", "\u202egnp.exe", "a\r\nBcc: eve@evil.example", "`x` **b** <@U0CANARY>", "{{ 7*7 }}",
        "&lt;!here&gt;", "x](https://evil.example)", "javascript://evil.example/%0aalert(1)", "＜script＞",
    ]),
)  # fmt: skip


def test_whoever_names_itself_writes_no_notice(settings: Settings) -> None:
    """Names of companies, people and keys are text: no element, no link, no mention, no line of their own."""
    composer = Composer(settings, specimen(settings, "provider-keys-exposed", 1, 1_777_939_200.0))

    def written(company: str, person: str, key: str) -> tuple[Elements, str, str]:
        credential = SOMEBODY.credentials[0].model_copy(update={"name": key, "scope": key})
        contact = SOMEBODY.contacts[0].model_copy(update={"name": person})
        somebody = SOMEBODY.model_copy(update={"name": company, "contacts": (contact,), "credentials": (credential,)})
        recipient = shown_to(somebody)
        made = composer.compose(recipient, recipient.ways[0])
        blocks = message_blocks(made.subject, made.slack)
        return Elements(made.html), made.subject, "\n".join(block["text"]["text"] for block in blocks[1:])

    plain, _, plain_slack = written("Acme", "Ada", "KEY")

    @trying(max_examples=40, deadline=None)
    @given(company=TRICKS, person=TRICKS, key=TRICKS)
    def tried(company: str, person: str, key: str) -> None:
        html, subject, slack = written(company, person, key)
        assert (html.found, html.links) == (plain.found, plain.links)
        assert subject.isprintable()
        assert slack.count("<") == plain_slack.count("<")

    tried()


def test_no_name_is_a_link(settings: Settings) -> None:
    """Mail programs and Slack make a link of every address that they see."""
    composer = Composer(settings, specimen(settings, "provider-keys-exposed", 1, 1_777_939_200.0))
    somebody = SOMEBODY.model_copy(update={"name": "Acme, now at https://evil.example/login"})
    recipient = shown_to(somebody)
    made = composer.compose(recipient, recipient.ways[0])
    for text in (made.subject, made.text, made.html, made.slack):
        assert "://evil" not in text


@given(st.one_of(st.text(max_size=200), st.binary(max_size=80).map(lambda one: one.hex())))
def test_no_token_is_guessed(token: str) -> None:
    """Whatever is asked for: a sentence, and nothing opens."""
    with pytest.raises(LinkError):
        Links(b"k" * 32, "https://a.example").read(token, 0)


@given(st.text(max_size=300))
def test_any_manifest_is_one_or_is_refused(text: str) -> None:
    """Never a traceback."""
    with contextlib.suppress(UsageError):
        parse_manifest(text, "notice.toml")
