"""The mail server of drills: what it takes, what it refuses when told to, and what it finds wrong with a message."""

import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import pytest

from firedoor.drill.mail import MailServer

SENDER = "security@vendor.example"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MailServer]:
    """A server with STARTTLS and AUTH."""
    with MailServer(tmp_path) as running:
        yield running


def client(server: MailServer, *, password: str = "", timeout: float = 5.0) -> aiosmtplib.SMTP:
    """A client that trusts the server, and signs in."""
    return aiosmtplib.SMTP(
        hostname="127.0.0.1",
        port=server.port,
        start_tls=True,
        tls_context=ssl.create_default_context(cafile=str(server.ca_file)),
        username=server.username,
        password=password or server.password,
        timeout=timeout,
    )


def message(to: str, key: str = "1", text: str = "Rotate it: http://127.0.0.1:1/n/abc.def") -> EmailMessage:
    """A message as a notice is."""
    made = EmailMessage()
    made["Message-ID"], made["Date"] = f"<{key}@vendor.example>", "Mon, 04 May 2026 10:00:00 +0000"
    made["From"], made["To"], made["Subject"] = SENDER, to, "Ihr Schlüssel"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(f"{text} ü")
    made.add_alternative(f"<p>{text}</p>", subtype="html")
    return made


async def test_it_takes_what_a_client_sends_that_trusts_it_and_signs_in(server: MailServer) -> None:
    """The message stands in the mailbox of its recipient, whole, and its link is found."""
    async with client(server) as smtp:
        await smtp.send_message(message("Ada@customer.example"))
    [mail] = server.mailbox.of("ada@customer.example")
    assert mail.message["Subject"] == "Ihr Schlüssel"
    assert mail.links("http://127.0.0.1:1/n/") == ["http://127.0.0.1:1/n/abc.def"]
    assert list(server.mailbox.faults()) == []


async def test_who_does_not_sign_in_sends_nothing(server: MailServer) -> None:
    """A wrong password is refused, and so is a client that does without."""
    with pytest.raises(aiosmtplib.SMTPAuthenticationError):
        await client(server, password="guessed").connect()
    bare = aiosmtplib.SMTP(hostname="127.0.0.1", port=server.port, start_tls=False)
    async with bare:
        with pytest.raises(aiosmtplib.SMTPResponseException):
            await bare.sendmail(SENDER, ["ada@customer.example"], b"Subject: x\r\n\r\nx\r\n")
    assert len(server.mailbox) == 0


async def test_faults_come_when_they_are_asked_for(server: MailServer) -> None:
    """An unknown mailbox, a busy one that takes it later, a message refused after DATA: each in SMTP's own words."""
    server.faults.bounced.add("gone@customer.example")
    server.faults.later["busy@customer.example"] = 1
    async with client(server) as smtp:
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
            await smtp.send_message(message("gone@customer.example"))
        assert refused.value.recipients[0].code == 550
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as busy:
            await smtp.send_message(message("busy@customer.example"))
        assert busy.value.recipients[0].code == 451
        await smtp.send_message(message("busy@customer.example"))
        server.faults.deferred = 1
        with pytest.raises(aiosmtplib.SMTPDataError):
            await smtp.send_message(message("busy@customer.example"))
    assert dict(server.refusals) == {"gone@customer.example": 1, "busy@customer.example": 1}
    assert len(server.mailbox) == 1


async def test_an_answer_that_is_lost_leaves_the_message_there(server: MailServer) -> None:
    """The message is taken while its sender hears nothing: what a sender must not send again."""
    server.faults.lost = 1
    async with client(server) as smtp:
        with pytest.raises(aiosmtplib.SMTPServerDisconnected):
            await smtp.send_message(message("ada@customer.example"))
    assert len(server.mailbox) == 1


async def test_while_it_is_down_nobody_gets_in(server: MailServer) -> None:
    """Open connections are dropped; afterwards it listens where it did."""
    async with client(server) as smtp:
        with server.down():
            with pytest.raises(aiosmtplib.SMTPException):
                await smtp.send_message(message("ada@customer.example"))
            with pytest.raises(aiosmtplib.SMTPConnectError):
                await client(server).connect()
    async with client(server) as smtp:
        await smtp.send_message(message("ada@customer.example"))
    assert len(server.mailbox) == 1


async def test_what_is_wrong_with_a_message_is_said(server: MailServer) -> None:
    """The same Message-ID twice, a part that is missing, another's address, a secret."""
    half = message("ada@customer.example", "2")
    half.clear_content()
    half.set_content("text only")
    async with client(server) as smtp:
        await smtp.send_message(message("ada@customer.example"))
        await smtp.send_message(message("bob@customer.example"))
        await smtp.send_message(half)
        await smtp.sendmail(SENDER, ["eve@customer.example"], message("ada@customer.example", "3").as_bytes())
        await smtp.send_message(message("dan@customer.example", "4", "sk-canary0123456789abcdef0123456789abcdef"))
    assert sorted(server.mailbox.faults()) == [
        "2 messages have the Message-ID <1@vendor.example>.",
        "The message to ada@customer.example has no text/html part.",
        "The message to dan@customer.example holds a secret.",
        "The message to eve@customer.example is addressed to ada@customer.example.",
    ]
