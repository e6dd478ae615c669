"""Personal links: nobody can make one, change one, or use one for ever."""

import base64
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from firedoor.config import Settings
from firedoor.errors import UsageError
from firedoor.notices.links import NOWHERE, Link, LinkError, Links, Purpose, load_key

NOW = 1_777_939_200.0
LINK = Link("gateway-breached-1a2b.notify", "acme", "security-2", int(NOW) + 60, Purpose.ACKNOWLEDGE)


def test_link_says_whose_it_is(settings: Settings) -> None:
    """A token gives back the campaign, the customer, the contact, the purpose and the end."""
    links = Links.open(settings)
    url = links.personal(LINK.campaign, LINK.customer, LINK.contact, LINK.expires)
    assert url.startswith("https://notices.beacon.example/n/")
    assert links.read(url.rpartition("/")[2], NOW) == LINK
    assert len(url) < 160


def test_purposes_are_told_apart(settings: Settings) -> None:
    """Who may unsubscribe has not acknowledged."""
    links = Links.open(settings)
    url = links.personal(LINK.campaign, LINK.customer, LINK.contact, LINK.expires, Purpose.UNSUBSCRIBE)
    assert links.read(url.rpartition("/")[2], NOW).purpose is Purpose.UNSUBSCRIBE


def test_same_reader_gets_the_same_link_in_every_process(settings: Settings) -> None:
    """The key is made once and kept, readable for its owner alone."""
    assert Links.open(settings).token(LINK) == Links.open(settings).token(LINK)
    assert settings.link_key_path.stat().st_mode & 0o777 == 0o600


def test_every_bit_of_a_token_counts(settings: Settings) -> None:
    """A token with any one bit changed opens nothing."""
    links = Links.open(settings)
    token = links.token(LINK)
    data = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    for place in range(len(data) * 8):
        changed = bytearray(data)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(LinkError, match="not one of ours"):
            links.read(base64.urlsafe_b64encode(changed).rstrip(b"=").decode(), NOW)


@pytest.mark.parametrize("token", ["", "a", "AQE", "ä", "a b", "=" * 8, "A" * 40, "A" * 10_000, "../../etc/passwd"])
def test_what_is_no_token_opens_nothing(token: str, settings: Settings) -> None:
    """Whatever is typed into the address is answered with one sentence."""
    with pytest.raises(LinkError, match="not complete, or not one of ours"):
        Links.open(settings).read(token, NOW)


def test_other_spelling_of_a_token_is_none(settings: Settings) -> None:
    """There is one text for a token: padding and stray bits make another."""
    links = Links.open(settings)
    token = links.token(LINK)
    with pytest.raises(LinkError):
        links.read(token + "=", NOW)


def test_link_of_another_installation_opens_nothing(settings: Settings) -> None:
    """Another key, other links."""
    token = Links(b"k" * 32, "").token(LINK)
    with pytest.raises(LinkError):
        Links.open(settings).read(token, NOW)


def test_link_of_another_version_opens_nothing() -> None:
    """A version that is not this one is refused, even sealed with the right key."""
    links = Links(b"k" * 32, "")
    head = bytes((2, 1)) + LINK.expires.to_bytes(4, "big")
    names = b"a\0b\0c"
    token = base64.urlsafe_b64encode(head + links._seal(head, names) + names).rstrip(b"=").decode()
    with pytest.raises(LinkError):
        links.read(token, NOW)


def test_link_expires(settings: Settings) -> None:
    """At its end a link opens nothing, and the sentence says so."""
    links = Links.open(settings)
    token = links.token(LINK)
    assert links.read(token, LINK.expires - 1) == LINK
    with pytest.raises(LinkError, match="has expired"):
        links.read(token, LINK.expires)


def test_public_copy_has_an_address(settings: Settings) -> None:
    """It is the campaign's, and safe in a path; without a public address it leads visibly nowhere."""
    assert Links.open(settings).public("a b/c") == "https://notices.beacon.example/notices/a%20b%2Fc"
    assert Links(b"k" * 32, "").public("a").startswith(NOWHERE)


def test_all_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    """However many begin at the same moment, all have the key that is in the file; nothing else is left there."""
    path = tmp_path / "deep" / "links.key"
    together = threading.Barrier(8)

    def load() -> str:
        together.wait()
        return load_key(path).hex()

    with ThreadPoolExecutor(8) as pool:
        keys = {one.result() for one in [pool.submit(load) for _ in range(8)]}
    assert keys == {path.read_text().strip()}
    assert [one.name for one in path.parent.iterdir()] == ["links.key"]


@pytest.mark.parametrize("text", ["", "zz", "00" * 31])
def test_damaged_key_is_said(text: str, tmp_path: Path) -> None:
    """A key that was cut off makes no links that nobody could read later."""
    (tmp_path / "links.key").write_text(text)
    with pytest.raises(UsageError, match="does not hold a key"):
        load_key(tmp_path / "links.key")


def test_key_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """A folder that is none is told with its name."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be read or made"):
        load_key(tmp_path / "file" / "links.key")
