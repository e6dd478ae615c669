"""The pages for customers: what they show, what they change, and what strangers learn from them: nothing."""

import itertools
import logging
import re
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from firedoor.campaign import Flow, Found
from firedoor.config import Settings
from firedoor.customers.model import Dependency
from firedoor.customers.unsubscribed import Unsubscribed
from firedoor.errors import RefusedError
from firedoor.notices.folder import load_notice
from firedoor.notices.links import Link, Links, Purpose
from firedoor.outbox import erasing
from firedoor.outbox.store import Outbox
from firedoor.recipient import Measure, Way
from firedoor.server import pace
from firedoor.server.app import create_app
from firedoor.server.pace import Pace
from firedoor.server.pages.phrases import DE, EN, LANGUAGES, accepted, phrases
from firedoor.server.site import Site, open_site
from tests.campaigning import ANTHROPIC, CAMPAIGN, DIGEST, OPENAI, PREPARED, campaign, recipient
from tests.server.sns import Sns

PUBLIC = "https://trust.acme.example/firedoor"
SUPPORT = "security@acme.example"
HOSTILE = '<script>alert("canary")</script>\u202e & Söhne\r\nSet-Cookie: a=b'
#: Long after these links were made.
NEVER = 4_000_000_000
FORM = {"sec-fetch-site": "same-origin", "origin": "null"}


@pytest.fixture
def settings(tmp_path: Any) -> Settings:
    """An installation that customers reach from outside."""
    return Settings.model_validate(
        {
            "home": tmp_path / "home",
            "server": {"public_url": PUBLIC},
            "notices": {"company": "Acme Gateway", "support": SUPPORT},
            "temporal_environment": {"TEMPORAL_ADDRESS": "127.0.0.1:1", "TEMPORAL_CONFIG_FILE": "/dev/null"},
        }
    )


@pytest.fixture
async def told(settings: Settings, near: Sns) -> AsyncIterator[Site]:
    """A site whose campaign has two customers; Temporal is nowhere."""
    people = [
        recipient("zenith", 0, (OPENAI, ANTHROPIC)),
        recipient("muster", 1, (replace_name(OPENAI, HOSTILE),), language="de-AT", name=f"Muster {HOSTILE}"),
    ]
    campaign(settings.outbox_path, people)
    async with open_site(settings, near.fetch()) as site:
        yield site


@pytest.fixture
async def client(told: Site) -> AsyncIterator[httpx.AsyncClient]:
    """A browser somewhere, which follows no redirect by itself."""
    transport = httpx.ASGITransport(create_app(told), client=("192.0.2.7", 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as found:
        yield found


def replace_name(credential: Dependency, name: str) -> Dependency:
    """The same key, by another name."""
    return credential.model_copy(update={"name": name})


def path(settings: Settings, customer: str = "zenith", **others: Any) -> str:
    """Where a customer's link leads, as our server sees it."""
    plain: dict[str, Any] = {
        "campaign": CAMPAIGN,
        "customer": customer,
        "contact": "security",
        "expires": NEVER,
        "purpose": Purpose.ACKNOWLEDGE,
    }
    return f"/n/{Links.open(settings).token(Link(**plain | others))}"


class Elements(HTMLParser):
    """The elements of a page, with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Text between elements."""
        self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of this name."""
        return [attributes for name, attributes in self.found if name == tag]


# --- what is shown ----------------------------------------------------------------------------------------------------


async def test_the_page_says_whose_it_is_and_what_is_left(client: httpx.AsyncClient, settings: Settings) -> None:
    """From whom, for whom, which keys, how each is replaced, how to check that it is genuine; nothing is changed."""
    answer = await client.get(path(settings))
    assert answer.status_code == 200
    seen = Elements(answer.text)
    assert seen.of("html") == [{"lang": "en"}]
    for text in (
        "Security notice from Acme Gateway",
        "For Zenith Inc.",
        "2 of your keys have to be replaced",
        "It is confirmed that these keys are in the wrong hands.",
        "OPENAI_API_KEY",
        "key_canary0001",
        "platform.openai.com/api-keys",
        "Delete the old key at Anthropic.",
        "We have not checked it yet.",
        "https://trust.acme.example/",
    ):
        assert text in seen.text
    assert {one["href"] for one in seen.of("a")} == {f"{PUBLIC}/notices/{CAMPAIGN}", f"mailto:{SUPPORT}"}
    with Outbox.open(settings.outbox_path) as outbox:
        assert outbox.recipient(CAMPAIGN, "zenith").acknowledged == 0


async def test_nothing_of_ours_and_nothing_from_elsewhere(client: httpx.AsyncClient, settings: Settings) -> None:
    """No script, no image, nothing to be loaded, no place where we keep a key; all that is shown is the style's hash."""
    answer = await client.get(path(settings))
    names = {name for name, _ in Elements(answer.text).found}
    assert not names & {"script", "img", "link", "iframe", "object", "embed", "video", "input", "base"}
    assert "braintrust:" not in answer.text
    assert "customers/acme" not in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "noindex" in answer.headers["x-robots-tag"]
    assert "set-cookie" not in answer.headers


async def test_what_strangers_have_written_is_text(client: httpx.AsyncClient, settings: Settings) -> None:
    """Markup, direction marks and line ends in names of companies and keys are shown, and do nothing."""
    answer = await client.get(path(settings, "muster"))
    assert "<script>" not in answer.text
    assert "\u202e" not in answer.text
    assert '<script>alert("canary")</script>' in Elements(answer.text).text


async def test_a_customer_reads_its_own_language(client: httpx.AsyncClient, settings: Settings) -> None:
    """The registry's language stands before the browser's; times are those of the customer's zone."""
    answer = await client.get(path(settings, "muster"), headers={"accept-language": "en"})
    assert Elements(answer.text).of("html") == [{"lang": "de"}]
    assert "Einer Ihrer Schlüssel muss ersetzt werden" in answer.text
    assert answer.headers["content-language"] == "de"
    assert DE.says(PREPARED, "Europe/Berlin") == "29. November 2026, 11:00 Uhr (Europe/Berlin)"
    assert EN.says(PREPARED, "Nowhere/Real") == "29 November 2026, 10:00 (UTC)"


@pytest.mark.parametrize(
    ("measure", "said"),
    [
        (Measure(0, Found.CHANGED, "", PREPARED, PREPARED, PREPARED), "It was changed on 29 November 2026, 11:00"),
        (Measure(0, Found.GONE, "", PREPARED, PREPARED, PREPARED), "is no longer stored with us"),
        (Measure(0, Found.REFUSED, "", PREPARED, PREPARED, PREPARED), "OpenAI refuses the old key."),
        (Measure(0, Found.SAME, "", 0, PREPARED, PREPARED), "Last checked on 29 November 2026, 11:00"),
        (
            Measure(0, Found.SAME, "secret reason", 0, PREPARED, PREPARED + 3600),
            "We could not check it on 29 November 2026, 12:00",
        ),
        (Measure(0, Found.UNKNOWN, "secret reason", 0, 0, PREPARED), "do not know yet whether it is replaced"),
    ],
)
async def test_what_was_measured_is_told(
    client: httpx.AsyncClient, settings: Settings, measure: Measure, said: str
) -> None:
    """How a key was replaced and when that was seen; of one that could not be checked, from when the picture is."""
    with Outbox.open(settings.outbox_path) as outbox:
        outbox.measured(CAMPAIGN, {"zenith": [measure]}, PREPARED)
    answer = await client.get(path(settings))
    assert said in Elements(answer.text).text
    assert "secret reason" not in answer.text
    assert ("1 of 2 replaced" in answer.text) == measure.replaced
    assert ("One of your keys has to be replaced" in answer.text) == measure.replaced


async def test_what_is_done_is_said_first(client: httpx.AsyncClient, settings: Settings) -> None:
    """Where all keys are replaced there is no deadline and nothing to be done; what is left stands before what is not."""
    done = [Measure(1, Found.CHANGED, "", PREPARED, PREPARED, PREPARED)]
    with Outbox.open(settings.outbox_path) as outbox:
        outbox.measured(CAMPAIGN, {"zenith": done}, PREPARED)
        first = (await client.get(path(settings))).text
        outbox.measured(CAMPAIGN, {"zenith": [replace(done[0], credential=0)]}, PREPARED)
    assert first.index("OPENAI_API_KEY") < first.index("claude")
    assert "All of your exposed keys are replaced" in (await client.get(path(settings))).text


# --- the button -------------------------------------------------------------------------------------------------------


async def test_only_the_button_acknowledges(client: httpx.AsyncClient, settings: Settings) -> None:
    """A scanner that opens the link has acknowledged nothing; the button has, once, and Temporal need not be there."""
    address = path(settings)
    for _ in range(2):
        await client.head(address)
        await client.get(address)
    with Outbox.open(settings.outbox_path) as outbox:
        assert outbox.recipient(CAMPAIGN, "zenith").acknowledged == 0
        pressed = await client.post(address, headers=FORM)
        assert (pressed.status_code, pressed.headers["cache-control"]) == (303, "no-store")
        assert httpx.URL(f"http://door{address}").join(pressed.headers["location"]).path == address
        first = outbox.recipient(CAMPAIGN, "zenith").acknowledged
        assert first > time.time() - 60
        assert (await client.post(address)).status_code == 303
        assert outbox.recipient(CAMPAIGN, "zenith").acknowledged == first
        assert outbox.recipient(CAMPAIGN, "muster").acknowledged == 0
    after = Elements((await client.get(address)).text)
    assert "You acknowledged this notice on" in after.text
    assert not after.of("form")


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "origin": "null"},
        {"origin": "https://evil.example"},
        {"sec-fetch-site": "same-site"},
    ],
)
async def test_a_button_on_another_page_does_nothing(
    client: httpx.AsyncClient, settings: Settings, headers: dict[str, str]
) -> None:
    """A browser that was led here by another website is sent back to the message."""
    answer = await client.post(path(settings), headers=headers)
    assert answer.status_code == 403
    with Outbox.open(settings.outbox_path) as outbox:
        assert outbox.recipient(CAMPAIGN, "zenith").acknowledged == 0


async def test_our_own_page_may_say_where_it_is(client: httpx.AsyncClient, settings: Settings) -> None:
    """The public address is ours, also behind a proxy that gives us another host."""
    headers = {"origin": "https://trust.acme.example", "sec-fetch-site": "same-origin"}
    assert (await client.post(path(settings), headers=headers)).status_code == 303


# --- links that lead nowhere ------------------------------------------------------------------------------------------


def test_of_a_link(settings: Settings) -> None:
    """Paths are written as the pages take them."""
    assert re.fullmatch(r"/n/[A-Za-z0-9_-]+", path(settings))


async def test_wrong_links_all_get_the_same_answer(
    client: httpx.AsyncClient, settings: Settings, told: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """Changed, cut off, made up, for a customer or campaign that is not there: 404, and no more."""
    caplog.set_level(logging.INFO)
    right = path(settings)
    wrong = [
        right[:-1],
        right[:-1] + ("A" if right[-1] != "A" else "B"),
        f"{right}A",
        "/n/AAAA",
        f"/n/{'A' * 5000}",
        "/n/%00%ff",
        path(settings, "erased"),
        path(settings, campaign="another.notify"),
    ]
    answers = [await client.get(one) for one in wrong]
    pressed = [await client.post(one, headers=FORM) for one in wrong]
    assert {one.status_code for one in (*answers, *pressed)} == {404}
    assert len({one.text for one in (*answers, *pressed)}) == 1
    assert "This link does not work" in answers[0].text
    assert SUPPORT in answers[0].text
    assert answers[0].headers["referrer-policy"] == "no-referrer"
    # The client of this test is no part of the server.
    lines = [one.getMessage() for one in caplog.records if one.name != "httpx"]
    assert any("lost link from 192.0.2.7" in line for line in lines)
    for one in wrong:
        assert not [line for line in lines if one.removeprefix("/n/") in line]
    assert b'firedoor_failed_authentications_total{door="notice"' in told.metrics.text()


async def test_a_link_that_is_too_old_says_so(client: httpx.AsyncClient, settings: Settings) -> None:
    """In the language of its reader; it acknowledges nothing any more. One that expires soon still works."""
    old = path(settings, "muster", expires=int(time.time()) - 1)
    for answer in (await client.get(old), await client.post(old, headers=FORM)):
        assert answer.status_code == 410
        assert "Dieser Link ist zu alt" in answer.text
    with Outbox.open(settings.outbox_path) as outbox:
        assert outbox.recipient(CAMPAIGN, "muster").acknowledged == 0
    assert (await client.get(path(settings, expires=int(time.time()) + 60))).status_code == 200


async def test_lost_links_speak_the_browsers_language(client: httpx.AsyncClient) -> None:
    """Of those that there are, the one that is wanted most; else English."""
    answer = await client.get("/n/AAAA", headers={"accept-language": "fr;q=0.4, de-CH;q=0.9, en;q=0.5"})
    assert "Dieser Link funktioniert nicht" in answer.text
    assert list(accepted("tlh, de;q=0.1, en;q=x")) == ["tlh", "de", "en"]
    assert phrases("tlh") is EN


async def test_what_is_not_approved_has_no_page(client: httpx.AsyncClient, settings: Settings) -> None:
    """A draft for the lawyers has links that lead nowhere yet, and its copy is not public."""
    people = [recipient("early")]
    draft = campaign(settings.outbox_path, people, approved=False, id="other.notify", incident="other", digest="b" * 64)

    async def nowhere() -> None:
        for address in (path(settings, "early", campaign=draft.id), f"/notices/{draft.id}", f"/notices/{draft.digest}"):
            assert (await client.get(address)).status_code == 404

    await nowhere()
    with Outbox.open(settings.outbox_path) as outbox:
        with pytest.raises(RefusedError, match="has not been approved"):
            outbox.steer(draft.id, Flow.RUNNING, "user:eve", "", PREPARED)
        await nowhere()
        # Refused by the lawyers, and stopped: still nobody has agreed to it.
        outbox.steer(draft.id, Flow.STOPPED, "user:ada", "not like this", PREPARED)
    await nowhere()


async def test_no_store_and_no_key_is_made_by_a_visitor(site: Site) -> None:
    """A server that has sent nothing answers, and leaves its folder as it is."""
    transport = httpx.ASGITransport(create_app(site))
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
        assert (await client.get("/n/AAAA")).status_code == 404
        assert (await client.get("/notices/x")).status_code == 404
    assert not site.settings.outbox_path.exists()
    assert not site.settings.link_key_path.exists()


async def test_a_fault_of_ours_is_no_lost_link(client: httpx.AsyncClient, settings: Settings) -> None:
    """Where the store cannot be read the page says that it is our fault, for how long, and nothing of our disk."""
    address = path(settings)
    settings.outbox_path.write_bytes(b"canary" * 2000)
    answer = await client.get(address)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "30"
    assert "outbox" not in answer.text


async def test_whoever_asks_too_often_has_to_wait(client: httpx.AsyncClient, settings: Settings, told: Site) -> None:
    """One client cannot keep the store busy for the others."""
    clock = itertools.repeat(0.0)
    told.pace = Pace(lambda: next(clock))
    statuses = [(await client.get("/n/AAAA")).status_code for _ in range(int(pace.BURST) + 1)]
    assert statuses[-2:] == [404, 429]
    assert (await client.get(path(settings))).headers["retry-after"] == "30"


def test_clients_are_counted_by_network() -> None:
    """Whoever has a whole IPv6 network has one turn; whoever waits may ask again; the oldest are forgotten."""
    now = [0.0]
    counted = Pace(lambda: now[0])
    own = [counted.allows(f"2001:db8::{number:x}") for number in range(int(pace.BURST) + 1)]
    assert own.count(False) == 1
    assert counted.allows("2001:db8:1::1")
    assert not counted.allows("2001:db8::ffff")
    now[0] = 1.0
    assert counted.allows("2001:db8::ffff")
    assert counted.allows("nowhere")
    assert all(counted.allows("127.0.0.1") for _ in own)


# --- the public copy --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [CAMPAIGN, DIGEST, "e" * 64])
async def test_the_signed_copy_is_public(client: httpx.AsyncClient, name: str) -> None:
    """By the campaign or a digest; as a page, and as the very file that was signed."""
    as_page, as_file = await client.get(f"/notices/{name}"), await client.get(f"/notices/{name}.txt")
    assert "— canary AAAA" in Elements(as_page.text).text
    assert as_file.headers["content-type"] == "text/plain; charset=utf-8"
    assert as_file.text == "The public copy of a notice\n\nKeys were exposed.\n\n— canary AAAA\n"
    assert f'href="{CAMPAIGN}.txt"' in as_page.text
    assert (await client.get("/notices/none")).status_code == 404


# --- unsubscribing ----------------------------------------------------------------------------------------------------


async def test_security_notices_cannot_be_stopped(client: httpx.AsyncClient, settings: Settings) -> None:
    """Nobody opts out of being told that a key was stolen, whatever a mail program sends."""
    address = path(settings, purpose=Purpose.UNSUBSCRIBE)
    for answer in (await client.get(address), await client.post(address, content=b"List-Unsubscribe=One-Click")):
        assert "Security notices cannot be stopped" in answer.text
    assert not settings.unsubscribed_path.exists()


async def test_one_click_unsubscribes(client: httpx.AsyncClient, settings: Settings) -> None:
    """RFC 8058: a POST by a mail program, without any page; a person who opens the link is asked first."""
    kept = load_notice("provider-keys-exposed", 1, settings).kept()
    kept["manifest"]["kind"] = "informational"
    ways = (Way("security", "Ada", "email", "ada@x.example"), Way("admin", "Bob", "email", "bob@x.example"))
    campaign(
        settings.outbox_path,
        [recipient("news", ways=ways)],
        id="other.notify",
        incident="other",
        extra={"prepared": PREPARED, "notice": kept},
    )
    store, mine = Unsubscribed(settings.unsubscribed_path), ("news", "email", "ada@x.example")
    link = path(settings, "news", campaign="other.notify", purpose=Purpose.UNSUBSCRIBE)
    asked = await client.get(link)
    assert Elements(asked.text).of("form") == [{"method": "post"}]
    assert store.among([mine]) == frozenset()
    for _ in range(2):
        answer = await client.post(link, content=b"List-Unsubscribe=One-Click")
        assert answer.status_code == 200
        assert "You get no more of these messages" in answer.text
    assert store.among([mine, ("news", "email", "bob@x.example")]) == {mine}
    store.forget("news")
    assert store.among([mine]) == frozenset()
    with Outbox.open(settings.outbox_path) as outbox:
        told = outbox.recipient("other.notify", "news")
        assert not told.acknowledged
        assert [way.address for way in told.ways] == ["bob@x.example"], "nobody reminds it"
        assert [one.state.value for one in outbox.messages("other.notify")] == ["unsent"]


async def test_who_was_erased_has_no_page(client: httpx.AsyncClient, settings: Settings) -> None:
    """Its link is as good as none; the others have theirs."""
    with Outbox.open(settings.outbox_path) as outbox:
        [place] = outbox.look(erasing.places, "zenith")
        assert outbox.change(erasing.erase, place, PREPARED)
    assert (await client.get(path(settings))).status_code == 404
    assert (await client.post(path(settings), headers=FORM)).status_code == 404
    assert (await client.get(path(settings, "muster"))).status_code == 200


# --- languages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_has_the_same_places(language: str) -> None:
    """What is filled in stands in the sentences of every language."""

    def places(text: object) -> set[str]:
        return set(re.findall(r"{\w+}", " ".join(text) if isinstance(text, tuple) else str(text)))

    own = LANGUAGES[language]
    assert len(own.months) == 12
    for field in EN.__slots__:
        assert places(getattr(own, field)) == places(getattr(EN, field)), field
