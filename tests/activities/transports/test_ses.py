"""Mail by Amazon SES: what both the emulator and the fake have, and what only the fake does: quotas, statuses, faults."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from activities.transports._transport import (
    BouncedError,
    BrokenError,
    DoubtError,
    LaterError,
    Letter,
    Receipt,
    RejectedError,
    TransportError,
)
from activities.transports.ses import Ses, open_ses
from firedoor.config import Settings
from firedoor.drill.fakes._fake import Fault, Said
from firedoor.drill.ses import FakeSes
from firedoor.errors import UsageError
from firedoor.mailing import Bounces
from firedoor.notices.rendered import Rendered
from tests.activities.transports.letters import RENDERED, letter, mail
from tests.emulators import Emulator, Keys

BULK = "/v2/email/outbound-bulk-emails"
KEYS = Keys("AKIACANARY0000000000", "canary")


def session_of(emulator: Emulator | None = None) -> Any:
    """boto3 with credentials that are worth nothing elsewhere."""
    return (emulator or Emulator(0)).session(KEYS if emulator is None else Keys("test", "test"))


def settings_at(url: str, **fields: Any) -> Settings:
    """Settings that lead there."""
    ses = {"base_url": url, "region": "us-east-1", "configuration_set": "firedoor"} | fields
    return Settings(home=Path("/nonexistent"), mail=mail(transport="ses", ses=ses, timeout=5))


@pytest.fixture
def fake() -> Iterator[FakeSes]:
    """An account out of the sandbox, which may send as our domain."""
    with FakeSes({"acme.example"}) as running:
        yield running


@asynccontextmanager
async def sending(url: str, emulator: Emulator | None = None, **fields: Any) -> AsyncGenerator[Ses]:
    """A transport."""
    ses = open_ses(settings_at(url, **fields), session_of(emulator))
    try:
        yield ses
    finally:
        await ses.close()


def mailed(aws: Emulator) -> list[dict[str, str]]:
    """What the emulator has mailed to nobody."""
    accounts = httpx.get(f"{aws.url}/_ministack/ses/messages", trust_env=False).json()["messages"]
    return [one for messages in accounts.values() for one in messages]


async def outcomes(fake: FakeSes, *letters: Letter, **fields: Any) -> list[Receipt | TransportError]:
    """What becomes of letters in one call."""
    async with sending(fake.url, **fields) as ses:
        return list(await ses.send(letters))


@pytest.mark.parametrize("stands_in", ["fake", "ministack"])
async def test_content_travels_as_data(stands_in: str, fake: FakeSes, aws: Emulator) -> None:
    """Subject, text and HTML as they were rendered, one message each, with an id each: on the emulator and on the fake."""
    tricky = Rendered("{{subject}} & more", "{{text}}\n", "<p>{{html}} &amp; &lt;b&gt;</p>", "")
    letters = [letter(1), letter(2, rendered=tricky)]
    if stands_in == "fake":
        async with sending(fake.url) as ses:
            found = await ses.send(letters)
        got = [(mail.subject, mail.text, mail.html) for mail in fake.mails]
    else:
        aws.client("sesv2").create_email_identity(EmailIdentity="acme.example")
        async with sending(aws.url, aws, configuration_set="") as ses:
            found = await ses.send(letters)
        got = [(one["Subject"], one["BodyText"], one["BodyHtml"]) for one in mailed(aws)]
    assert all(isinstance(one, Receipt) and one.provider_id and not one.delivered for one in found)
    assert got == [(one.subject, one.text, one.html) for one in (RENDERED, tricky)]


async def test_headers_and_tags_go_with_each_message(fake: FakeSes) -> None:
    """The tag is how an event finds its row; List-Unsubscribe only where it applies; names are encoded."""
    url = "https://acme.example/n/canary/unsubscribe"
    one = letter(1, recipient="Käse, GmbH", language="de")
    await outcomes(fake, one, letter(2, informational=True, unsubscribe=url))
    first, second = fake.mails
    assert first.headers == {"Auto-Submitted": "auto-generated", "Content-Language": "de"}
    assert second.headers["List-Unsubscribe"] == f"<{url}>"
    assert (first.tags, first.configuration_set) == ({"firedoor": one.key}, "firedoor")
    assert (first.name, first.recipient) == ("Käse, GmbH", one.address)
    assert first.sender == "Acme Security <security@acme.example>"


async def test_a_call_carries_what_the_account_may_send_in_a_second(fake: FakeSes) -> None:
    """Up to `per_call`; the pace is the account's too. Before it has told, one at a time."""
    fake.pace.rate = 30.0
    async with sending(fake.url, per_call=20) as ses:
        assert (ses.batch, ses.pace("a@b.example")[0]) == (20, ("ses", 30.0))
    fake.pace.rate = 14.0
    async with sending(fake.url) as ses:
        assert ses.batch == 14
    fake.stop()
    async with sending("http://127.0.0.1:1") as ses:
        assert (ses.batch, ses.pace("a@b.example")[0]) == (1, ("ses", 14.0))
        with pytest.raises(BrokenError, match="cannot be reached") as caught:
            await ses.send([letter()])
        assert caught.value.seconds == 30


STATUSES = [
    ("MESSAGE_REJECTED", RejectedError),
    ("ACCOUNT_THROTTLED", LaterError),
    ("TRANSIENT_FAILURE", LaterError),
    ("ACCOUNT_DAILY_QUOTA_EXCEEDED", LaterError),
    ("INVALID_PARAMETER", RejectedError),
    ("FAILED", RejectedError),
    ("CONFIGURATION_SET_SENDING_PAUSED", BrokenError),
]


@pytest.mark.parametrize(("status", "means"), STATUSES)
async def test_each_entry_has_its_own_status(fake: FakeSes, status: str, means: type[TransportError]) -> None:
    """HTTP 200 is no success: one of three is refused, and its address is in no sentence."""
    fake.statuses[letter(2).address] = status
    found = await outcomes(fake, letter(1), letter(2), letter(3))
    assert [type(one) for one in found] == [Receipt, means, Receipt]
    assert letter(2).address not in str(found[1])
    assert len(fake.mails) == 2


async def test_a_fault_of_the_account_is_everybodys(fake: FakeSes) -> None:
    """Sending is paused, the sender is not verified, the configuration set is not there: a person has to see to it."""
    fake.verified.clear()
    with pytest.raises(BrokenError, match="does not let us send as security@"):
        await outcomes(fake, letter(1), letter(2))
    fake.verified.add("security@acme.example")
    with pytest.raises(BrokenError, match="no such configuration set"):
        await outcomes(fake, letter(1), configuration_set="gone")
    fake.sending = False
    with pytest.raises(BrokenError, match="paused") as caught:
        await outcomes(fake, letter(1))
    assert caught.value.seconds == 0
    assert fake.mails == []


async def test_the_sandbox_takes_verified_recipients_only(fake: FakeSes) -> None:
    """The others fail, and the sentence says why."""
    fake.sandbox = True
    fake.verified.add(letter(2).address)
    first, second = await outcomes(fake, letter(1), letter(2))
    assert isinstance(first, RejectedError)
    assert "sandbox" in first.next
    assert isinstance(second, Receipt)


async def test_one_that_does_not_fit_is_found_among_fifty(fake: FakeSes) -> None:
    """SES refuses the whole call for it: everybody else is sent all the same, once."""
    letters = [letter(number) for number in range(1, 51)]
    letters[17] = letter(18, key="no tag")
    found = await outcomes(fake, *letters)
    assert isinstance(found[17], RejectedError)
    assert sum(isinstance(one, Receipt) for one in found) == 49
    assert (len(fake.mails), fake.twice()) == (49, [])


async def test_a_lost_answer_is_a_doubt_for_each_of_its_entries(fake: FakeSes) -> None:
    """They were sent: nothing is sent again by itself, and only events can tell."""
    fake.faults.append(Fault("POST", BULK, lose_reply=True))
    async with sending(fake.url) as ses:
        found = await ses.send([letter(1), letter(2)])
        assert [type(one) for one in found] == [DoubtError, DoubtError]
        with pytest.raises(DoubtError):
            await ses.find(letter(1))
    assert (len(fake.mails), fake.twice()) == (2, [])


@pytest.mark.parametrize(
    ("said", "means"),
    [
        (Said(429, {"message": "Rate exceeded"}, {"x-amzn-errortype": "TooManyRequestsException"}), LaterError),
        (Said(429, {"error": "slow down"}), LaterError),
        (Said(503, {"message": "busy"}, {"x-amzn-errortype": "ServiceUnavailableException"}), LaterError),
        (Said(500, {"message": "oh"}, {"x-amzn-errortype": "InternalFailure"}), DoubtError),
        (Said(200, b"<html>no json"), DoubtError),
        (Said(200, {"BulkEmailEntryResults": []}), DoubtError),
    ],
    ids=["429", "429 of another", "503", "500", "garbage", "too few results"],
)
async def test_what_a_whole_call_is_answered(fake: FakeSes, said: Said, means: type[TransportError]) -> None:
    """Only where SES says so was nothing sent."""
    fake.faults.append(Fault("POST", BULK, instead=said))
    (found,) = await outcomes(fake, letter())
    assert type(found) is means


async def test_what_ses_cannot_carry_is_not_sent(fake: FakeSes) -> None:
    """International addresses bounce, content beyond the limit fails; the rest of the call goes."""
    large = letter(2, rendered=Rendered("s", "x" * 262_144, "", ""))
    found = await outcomes(fake, letter(1, address="käse@müller.example"), large, letter(3, address="a@müller.example"))
    assert [type(one) for one in found] == [BouncedError, RejectedError, Receipt]
    assert [mail.recipient for mail in fake.mails] == ["a@xn--mller-kva.example"]


async def test_large_messages_share_fewer_calls(fake: FakeSes) -> None:
    """A call has a megabyte at most; those without HTML go by themselves."""
    large = Rendered("s", "x" * 200_000, "<p>h</p>", "")
    letters = [letter(number, rendered=large) for number in range(1, 7)]
    found = await outcomes(fake, *letters, letter(7, rendered=Rendered("s", "t", "", "")))
    assert all(isinstance(one, Receipt) for one in found)
    assert [one.path for one in fake.log].count(BULK) == 3
    assert fake.mails[-1].html == ""


async def test_the_identity_that_lets_us_send(fake: FakeSes) -> None:
    """For `firedoor doctor`: the domain, the address, or none."""
    async with sending(fake.url) as ses:
        assert ses.verified() == "acme.example"
        fake.verified.add("security@acme.example")
        assert ses.verified() == "security@acme.example"
        fake.verified.clear()
        assert ses.verified() == ""
        account = ses.account()
        assert (account.rate, account.production, account.sends, account.left) == (1000.0, True, True, 50_000.0)


def test_ses_signs_by_itself(fake: FakeSes) -> None:
    """A key of our own would not be used: that is said."""
    settings = settings_at(fake.url)
    own = settings.mail.model_copy(update={"dkim": settings.mail.dkim.model_copy(update={"key": "env:KEY"})})
    with pytest.raises(UsageError, match="SES signs by itself"):
        open_ses(settings.model_copy(update={"mail": own}), session_of())


def test_ses_takes_bounces_by_itself(fake: FakeSes) -> None:
    """It sends them nowhere else: an address for them would not be used."""
    settings = settings_at(fake.url)
    own = settings.mail.model_copy(update={"bounces": Bounces(address="bounces@acme.example")})
    with pytest.raises(UsageError, match="SES takes bounces itself"):
        open_ses(settings.model_copy(update={"mail": own}), session_of())
