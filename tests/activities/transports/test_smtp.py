"""Mail by SMTP against servers that refuse, stall and hang up at every stage: what is known afterwards, and what is not."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from activities.transports._transport import (
    BouncedError,
    BrokenError,
    DoubtError,
    LaterError,
    Receipt,
    RejectedError,
    TransportError,
)
from activities.transports.smtp import Smtp, open_smtp
from firedoor.drill.certificate import loopback_certificate
from firedoor.drill.mail import MailServer
from firedoor.errors import UsageError
from firedoor.notices.rendered import Rendered
from tests.activities.transports.letters import letter, mail
from tests.activities.transports.servers import DROP, KEEP_DROP, KEEP_STALL, STALL, Script, does, scripted

#: Seconds: tests of silence wait so long.
SHORT = 0.3


def secret(reference: str) -> SecretStr:
    """The password behind any reference."""
    return SecretStr(reference.partition(":")[2])


@asynccontextmanager
async def sending(script: Script, **fields: Any) -> AsyncGenerator[Smtp]:
    """A transport to a server."""
    given = {"host": "127.0.0.1", "port": script.port, "security": "none", "timeout": SHORT} | fields
    async with opened(**given) as smtp:
        yield smtp


@asynccontextmanager
async def opened(**fields: Any) -> AsyncGenerator[Smtp]:
    """A transport by settings."""
    smtp = open_smtp(mail(**fields), secret)
    try:
        yield smtp
    finally:
        await smtp.close()


async def one(smtp: Smtp, number: int = 1, **fields: Any) -> Receipt | TransportError:
    """What becomes of one letter."""
    (outcome,) = await smtp.send([letter(number, **fields)])
    return outcome


async def test_letters_go_one_after_the_other_on_one_connection() -> None:
    """One recipient each; the server's own name for a message is its receipt."""
    async with scripted(Script()) as server, sending(server) as smtp:
        outcomes = [await one(smtp, number) for number in (1, 2, 3)]
        assert outcomes == [Receipt(f"2.0.0 Queued as CANARY{number}") for number in (1, 2, 3)]
        assert [envelope.rcpt_tos for envelope in server.kept] == [[f"ada{n}@customer.example"] for n in (1, 2, 3)]
        assert server.connections == 1
        content = server.kept[0].content
        assert isinstance(content, bytes)
        assert b"\r\n.hidden\r\n" in content


#: Stage, what the server does there, what that means, and whether the connection is used again.
STAGES = [
    ("mail", "451 4.3.0 Try later", LaterError, True),
    ("mail", "552 5.3.4 Message too big", RejectedError, True),
    ("mail", DROP, LaterError, False),
    ("mail", STALL, LaterError, False),
    ("rcpt", "450 4.2.0 Greylisted", LaterError, True),
    ("rcpt", "550 5.1.1 No such user", BouncedError, True),
    ("rcpt", "553 Mailbox name not allowed", BouncedError, True),
    ("rcpt", "421 4.3.2 Shutting down", LaterError, False),
    ("rcpt", DROP, LaterError, False),
    ("rcpt", STALL, LaterError, False),
    ("content", "451 4.3.0 Try later", LaterError, True),
    ("content", "554 5.7.1 Looks like spam", RejectedError, True),
    ("content", "550 5.2.2 Mailbox full", BouncedError, True),
    ("content", KEEP_DROP, DoubtError, False),
    ("content", KEEP_STALL, DoubtError, False),
    ("content", DROP, DoubtError, False),
]


@pytest.mark.parametrize("pipelining", [False, True])
@pytest.mark.parametrize(("stage", "word", "means", "again"), STAGES)
async def test_what_goes_wrong_with_one_letter(
    stage: str, word: str, means: type[TransportError], again: bool, pipelining: bool
) -> None:
    """Before the final dot nothing was sent; after it a lost answer is a doubt. The next letter is sent in any case."""
    async with scripted(replace(does(stage, word), pipelining=pipelining)) as server, sending(server) as smtp:
        outcome = await one(smtp)
        assert isinstance(outcome, TransportError)
        assert type(outcome) is means or (means is LaterError and isinstance(outcome, LaterError))
        assert ("Nothing was sent" in outcome.changed) is (means is not DoubtError)
        assert isinstance(await one(smtp, 2), Receipt)
        assert server.connections == (1 if again else 2)
        assert len(server.kept) == (2 if word in {KEEP_DROP, KEEP_STALL} else 1)


@pytest.mark.parametrize(
    ("stage", "word", "seconds"),
    [
        ("mail", "550 5.7.1 Sender refused", 0),
        ("mail", "530 5.7.0 Authentication required", 0),
        ("rcpt", "554 5.7.1 ADDRESS: Relay access denied", 0),
        ("greeting", "554 5.7.1 Your network is blocked", 0),
        ("greeting", "450 4.3.2 System not accepting messages", 30),
        ("greeting", DROP, 30),
        ("greeting", STALL, 30),
    ],
)
async def test_what_is_wrong_for_everybody(stage: str, word: str, seconds: float) -> None:
    """The way is broken: for some seconds, or until a person has seen to it."""
    async with scripted(does(stage, word)) as server, sending(server) as smtp:
        with pytest.raises(BrokenError) as caught:
            await one(smtp)
        assert caught.value.seconds == seconds
        assert "ada1@" not in str(caught.value)
        assert isinstance(await one(smtp, 2), Receipt)


@pytest.mark.parametrize(("address", "told"), [("", "security@acme.example"), ("bounces@acme.example",) * 2])
async def test_what_comes_back_goes_where_the_settings_say(address: str, told: str) -> None:
    """MAIL FROM is whom servers tell later what became of a message; its readers see the sender."""
    async with scripted(Script()) as server, sending(server, bounces={"address": address}) as smtp:
        assert isinstance(await one(smtp), Receipt)
        [envelope] = server.kept
        assert envelope.mail_from == told
        assert isinstance(envelope.content, bytes)
        assert b"From: Acme Security <security@acme.example>\r\n" in envelope.content


async def test_a_busy_server_is_asked_later() -> None:
    """421 at the greeting is about too many connections, not about a letter."""
    async with scripted(Script(greeting=["421 4.7.0 Too many connections"])) as server, sending(server) as smtp:
        outcome = await one(smtp)
        assert isinstance(outcome, LaterError)
        assert outcome.seconds == 30


async def test_nobody_is_there() -> None:
    """A server that is down is asked again by itself."""
    async with scripted(Script()) as server:
        port = server.port
    async with opened(host="127.0.0.1", port=port, security="none") as smtp:
        with pytest.raises(BrokenError, match="cannot be reached") as caught:
            await one(smtp)
    assert caught.value.seconds == 30


@pytest.mark.parametrize("pipelining", [False, True])
async def test_a_limit_of_messages_a_connection_costs_nobody_an_attempt(pipelining: bool) -> None:
    """`421 too many messages` before a message was begun: it goes by a new connection, at once."""
    async with scripted(Script(most=2, pipelining=pipelining)) as server, sending(server) as smtp:
        outcomes = [await one(smtp, number) for number in range(1, 6)]
        assert all(isinstance(outcome, Receipt) for outcome in outcomes)
        assert (len(server.kept), server.connections) == (5, 3)


async def test_a_connection_that_was_cut_meanwhile_is_opened_again() -> None:
    """An idle limit of the server, a firewall: no letter notices."""
    async with scripted(Script()) as server, sending(server) as smtp:
        assert isinstance(await one(smtp), Receipt)
        server.mail.append(DROP)
        assert isinstance(await one(smtp, 2), Receipt)
        assert (len(server.kept), server.connections) == (2, 2)


async def test_many_lanes_have_a_connection_each() -> None:
    """As many as letters are on their way at once, and no more afterwards."""
    async with scripted(Script()) as server, sending(server, connections=4) as smtp:
        assert smtp.lanes == 4
        for _ in range(2):
            outcomes = await asyncio.gather(*(one(smtp, number) for number in range(1, 5)))
            assert all(isinstance(outcome, Receipt) for outcome in outcomes)
        assert (len(server.kept), server.connections) == (8, 4)


async def test_a_reply_that_names_the_recipient_does_not_when_it_is_kept() -> None:
    """What is kept of replies goes where no addresses are; it is one line, without control characters."""
    async with scripted(Script(rcpt=["550 5.1.1 <ADDRESS>: \x1b[31munknown"])) as server, sending(server) as smtp:
        outcome = await one(smtp)
        assert isinstance(outcome, BouncedError)
        assert "ada1@" not in outcome.what
        assert "\x1b" not in outcome.what
        assert "(the address)" in outcome.what


@pytest.mark.parametrize("utf8", [True, False])
async def test_an_international_address_needs_a_server_that_knows_them(utf8: bool) -> None:
    """Else it bounces, so that the next contact is tried. A domain alone goes to every server."""
    async with scripted(Script(utf8=utf8)) as server, sending(server) as smtp:
        outcome = await one(smtp, address="käse@müller.example")
        assert isinstance(outcome, Receipt) is utf8
        assert isinstance(outcome, BouncedError) is not utf8
        assert isinstance(await one(smtp, 2, address="ada@müller.example"), Receipt)
        assert server.kept[-1].rcpt_tos == ["ada@xn--mller-kva.example"]
        assert server.connections == 1
        if utf8:
            assert server.kept[0].rcpt_tos == ["käse@xn--mller-kva.example"]
            assert "SMTPUTF8" in server.kept[0].mail_options


async def test_an_address_that_is_none_bounces_without_a_server() -> None:
    """Nobody is asked."""
    async with scripted(Script()) as server, sending(server) as smtp:
        assert isinstance(await one(smtp, address="a@b\r\nRCPT TO:<all@evil.example>"), BouncedError)
        assert server.connections == 0


async def test_what_is_in_doubt_cannot_be_looked_up() -> None:
    """SMTP has no way: the error says by which key the server's log can be searched."""
    async with scripted(Script()) as server, sending(server) as smtp:
        with pytest.raises(DoubtError) as caught:
            await smtp.find(letter())
        assert letter().key in caught.value.next


async def test_a_dot_that_never_left_is_no_doubt() -> None:
    """A server that stops reading in the middle of a message has surely not taken it."""
    large = letter(rendered=Rendered("s", "stolen keys\n" * 450_000, "", ""))

    class Deaf(asyncio.Protocol):
        def __init__(self, script: Script) -> None:
            self.script = script
            self.buffer = b""

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            self.transport = transport
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            self.script.lines.append(transport)
            transport.write(b"220 deaf\r\n")

        def data_received(self, data: bytes) -> None:
            self.buffer += data
            if self.buffer.endswith(b"DATA\r\n"):
                self.transport.pause_reading()
                self.transport.write(b"354 go on\r\n")
            else:
                self.transport.write(b"250 fine\r\n")

    async with scripted(Script(), Deaf) as server, sending(server) as smtp:
        (outcome,) = await smtp.send([large])
        assert isinstance(outcome, LaterError)
        assert outcome.changed == "Nothing was sent."


class Eager(asyncio.Protocol):
    """Takes a message although it has refused the first recipient, and counts what it is told."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.words: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.script.connections += 1
        transport.write(b"220 eager\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer all commands of a piece in one piece."""
        self.words.append(data)
        self.transport.write(b"".join(map(self._answer, data.splitlines()[:3])))

    def _answer(self, line: bytes) -> bytes:
        if line.startswith(b"EHLO"):
            return b"250-eager\r\n250 PIPELINING\r\n"
        refuses = line.startswith(b"RCPT") and self.script.connections == 1
        known = {b"MAIL": b"250 2.1.0 fine\r\n", b"DATA": b"354 go on\r\n"}
        return b"550 5.1.1 nobody\r\n" if refuses else known.get(line[:4], b"250 fine\r\n")


async def test_a_server_that_waits_for_a_message_to_nobody_gets_none() -> None:
    """Commands that went out together were answered each: after a refusal nothing is sent into a 354."""
    lines: list[Eager] = []

    def connection(script: Script) -> Eager:
        lines.append(Eager(script))
        return lines[-1]

    async with scripted(Script(), connection) as server, sending(server) as smtp:
        assert isinstance(await one(smtp), BouncedError)
        assert [word[:4] for word in lines[0].words] == [b"EHLO", b"MAIL"]
        assert lines[0].words[1].count(b"\r\n") == 3
        assert isinstance(await one(smtp, 2), Receipt)
        assert server.connections == 2


@pytest.mark.parametrize("answer", [b"hello\r\n", b"250-" + b"a" * 40_000])
async def test_an_answer_that_is_none_leaves_a_doubt(answer: bytes) -> None:
    """After the final dot: a server that speaks something else may have taken the message."""

    class Strange(Eager):
        def data_received(self, data: bytes) -> None:
            if data.endswith(b"\r\n.\r\n"):
                self.transport.write(answer)
            else:
                super().data_received(data)

    async with scripted(Script(connections=1), Strange) as server, sending(server) as smtp:
        outcome = await one(smtp)
        assert isinstance(outcome, DoubtError)
        assert "no answer" in outcome.what


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    """The mail server of drills: STARTTLS, then a log-in."""
    with MailServer(tmp_path_factory.mktemp("mail")) as running:
        yield running


def leading_to(server: MailServer, **fields: Any) -> AbstractAsyncContextManager[Smtp]:
    """A transport to it."""
    return opened(**server.settings() | {"password": f"env:{server.password}"} | fields)


async def test_with_starttls_and_a_log_in(server: MailServer) -> None:
    """As most installations have it; `check` connects and signs in, and sends nothing."""
    async with leading_to(server) as smtp:
        assert await smtp.check() == f"127.0.0.1:{server.port} answers by starttls, signed in as firedoor"
        before = len(server.mailbox)
        assert isinstance(await one(smtp), Receipt)
        assert len(server.mailbox) == before + 1


async def test_a_wrong_password_is_for_a_person(server: MailServer) -> None:
    """It is not tried again by itself, and it is in no error."""
    async with leading_to(server, password="env:canary-wrong") as smtp:
        with pytest.raises(BrokenError, match="AUTH with 535") as caught:
            await one(smtp)
    assert caught.value.seconds == 0
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_certificate_by_nobody_is_not_taken(server: MailServer, host: str) -> None:
    """The sentence says where to put that of an authority of one's own."""
    async with leading_to(server, host=host, ca_file="") as smtp:
        with pytest.raises(BrokenError, match="does not prove who it is") as caught:
            await one(smtp)
    assert "ca_file" in caught.value.next


async def test_without_starttls_nothing_is_said_in_clear() -> None:
    """A server that offers none is not used, whoever took it out on the way."""
    async with scripted(Script()) as plain, sending(plain, security="starttls") as smtp:
        with pytest.raises(BrokenError, match="offers no STARTTLS"):
            await one(smtp)
        assert plain.kept == []


async def test_tls_from_the_first_byte(tmp_path: Path) -> None:
    """`security = "tls"`, and what a server says that begins in clear."""
    ca_file, context = loopback_certificate(tmp_path)
    async with scripted(Script()) as plain, sending(plain, security="tls", ca_file=str(ca_file)) as smtp:
        with pytest.raises(BrokenError, match="does not speak TLS"):
            await one(smtp)
    async with scripted(Script(), tls=context) as server, sending(server, security="tls", ca_file=str(ca_file)) as smtp:
        assert isinstance(await one(smtp), Receipt)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "no host"),
        ({"host": "smtp.acme.example", "security": "none", "username": "u"}, "password could be read"),
        ({"host": "smtp.acme.example", "ca_file": "/dev/null/none"}, "ca_file"),
        ({"host": "smtp.acme.example", "sender": ""}, "no sender"),
    ],
)
def test_settings_that_cannot_work_say_so(fields: dict[str, Any], said: str) -> None:
    """Before anything is connected to."""
    with pytest.raises(UsageError, match=said):
        open_smtp(mail(**fields), secret)


def test_the_pace_is_that_of_all_mail_and_of_the_domain() -> None:
    """Addresses of a domain share its limit however they are written."""
    smtp = open_smtp(mail(host="smtp.acme.example", rate=50, domain_rate=5), secret)
    assert smtp.pace("ada@Müller.example") == (("mail", 50.0), ("mail xn--mller-kva.example", 5.0))
    assert smtp.pace("no address") == (("mail", 50.0), ("mail ", 5.0))
