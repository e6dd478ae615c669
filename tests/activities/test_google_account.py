"""firedoor's own service account at Google: tokens that are kept as long as they live, and what is said without one."""

from collections.abc import Generator
from contextlib import closing

import pytest
from pydantic import SecretStr

from activities import google_account
from activities._http import Http, Request
from activities.access_tokens import AccessTokens
from activities.google_account import send_as
from firedoor.drill.fakes._fake import Fault
from firedoor.drill.fakes._google import FIREDOOR, PROJECT, no
from firedoor.drill.fakes.google import FakeGoogle
from firedoor.errors import StepError
from tests.faking import Fakes

LIST = Request("GET", "/v2/projects/{project}/locations/global/keys", ids={"project": PROJECT})


@pytest.fixture
def fake(fakes: Fakes) -> FakeGoogle:
    """One project."""
    return fakes(FakeGoogle())


@pytest.fixture
def http(fake: FakeGoogle) -> Generator[Http]:
    """A client of it."""
    with closing(Http("google", "Google", fake.url)) as made:
        yield made


def minted(fake: FakeGoogle) -> int:
    """How often a token was asked for."""
    return len([one for one in fake.log if one.path == "/token"])


def test_a_token_is_kept_for_as_long_as_it_lives(fake: FakeGoogle, http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    """One for many calls; a new one some minutes before the old one ends; another account has another."""
    now = [0.0]
    monkeypatch.setattr(google_account, "TOKENS", AccessTokens(lambda: now[0]))
    own = SecretStr(fake.own.file)
    for _ in range(3):
        send_as(http, own, "apikeys", LIST)
    assert minted(fake) == 1
    now[0] = 3300.0
    send_as(http, own, "apikeys", LIST)
    assert minted(fake) == 2
    send_as(http, SecretStr(fake.plant_key(FIREDOOR).file), "apikeys", LIST)
    assert minted(fake) == 3


def test_a_token_that_is_refused_is_replaced_once(fake: FakeGoogle, http: Http) -> None:
    """Google ended it early: the call goes through with another; where that is refused as well, it is said."""
    own = SecretStr(fake.own.file)
    send_as(http, own, "apikeys", LIST)
    fake.tokens.clear()
    send_as(http, own, "apikeys", LIST)
    assert minted(fake) == 2
    refused = no(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
    fake.faults.append(Fault("GET", "/v2/.*", times=9, instead=refused))
    with pytest.raises(StepError, match="does not accept the credential"):
        send_as(http, own, "apikeys", LIST)
    assert minted(fake) == 3


@pytest.mark.parametrize(
    ("spoil", "what"),
    [("clock", "reasonable timeframe"), ("disabled", "Invalid JWT Signature"), ("gone", "account not found")],
)
def test_without_a_token_it_is_said_whose_key_is_not_taken(fake: FakeGoogle, http: Http, spoil: str, what: str) -> None:
    """With Google's own words and without the key; the clock may be the reason."""
    fake.clock_ahead = 7200 if spoil == "clock" else 0
    fake.own.disabled = spoil == "disabled"
    if spoil == "gone":
        fake.accounts.remove(FIREDOOR)
    with pytest.raises(StepError) as raised:
        send_as(http, SecretStr(fake.own.file), "apikeys", LIST)
    assert raised.value.reason == "credentials_expired"
    assert what in raised.value.what
    assert fake.own.id in raised.value.what
    assert "clock" in raised.value.next
    assert "[providers.google]" in raised.value.next
    assert "canary" not in str(raised.value)


def test_what_is_no_key_file_is_said_before_anything_is_sent(fake: FakeGoogle, http: Http) -> None:
    """The setting that is wrong is named, and no part of the value."""
    with pytest.raises(StepError, match="no JSON key file") as raised:
        send_as(http, SecretStr('{"private_key": "canary"}'), "apikeys", LIST)
    assert raised.value.reason == "credentials_missing"
    assert "canary" not in str(raised.value)
    assert fake.log == []


def test_each_host_of_google_has_its_address() -> None:
    """`{host}` in the base_url; a private endpoint has its own, which every host shares or not."""
    for base, expected in (
        ("https://{host}.googleapis.com", "https://iam.googleapis.com"),
        ("https://{host}-inner.p.googleapis.com/", "https://iam-inner.p.googleapis.com"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1"),
    ):
        with closing(Http("google", "Google", base)) as http:
            assert google_account.address(http, "iam") == expected
