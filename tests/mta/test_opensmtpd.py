"""Mail by a real mail server: Debian's OpenSMTPD, which queues a message and relays it to a server of ours.

It has one queue and one control socket for the machine: `make test-mta` runs this alone, as root. In clear, without a
log-in: the TLS of Debian 12's build (6.8.0p2 on OpenSSL 3) fails in every handshake, openssl's own client included.
STARTTLS and AUTH are tested with aiosmtpd.
"""

import asyncio
import subprocess
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from activities.transports._transport import BouncedError, Receipt, RejectedError, TransportError
from activities.transports.smtp import Smtp, open_smtp
from firedoor.campaign import MessageState
from firedoor.local import free_port
from firedoor.notices.rendered import Rendered
from firedoor.outbox.mail_reports import read
from tests.activities.transports.letters import RENDERED, letter, mail
from tests.activities.transports.servers import Script, does, scripted
from tests.returned_mail import KEY

pytestmark = pytest.mark.mta

SMTPD = Path("/usr/sbin/smtpd")
#: Seconds for it to start, and to hand a message on.
PATIENCE = 20.0
CONFIGURATION = """
smtp max-message-size "64K"
listen on 127.0.0.1 port {port} hostname mail.acme.example
action "on" relay host smtp://127.0.0.1:{onwards} helo mail.acme.example
match from any for domain "gone.example" reject
match from any for any action "on"
"""


@dataclass(frozen=True, slots=True)
class Mta:
    """It runs. It hands everything on to `onwards`."""

    port: int
    onwards: int


@pytest.fixture
def mta(tmp_path: Path) -> Iterator[Mta]:
    """OpenSMTPD on loopback, ended by its process id.

    One for each test: it avoids for a while a server whose connection has ended, as ours do with their test.
    """
    assert SMTPD.is_file(), "OpenSMTPD is not installed: apt-get install --no-install-recommends opensmtpd"
    configuration = tmp_path / "smtpd.conf"
    found = Mta(free_port(), free_port())
    configuration.write_text(CONFIGURATION.format(port=found.port, onwards=found.onwards))
    configuration.chmod(0o600)
    with (tmp_path / "log").open("wb") as log:
        running = subprocess.Popen([SMTPD, "-d", "-f", str(configuration)], stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait(running, found.port, tmp_path / "log")
            yield found
        finally:
            running.terminate()
            running.wait(PATIENCE)


def _wait(running: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    async def greeted() -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        line = await reader.readline()
        writer.close()
        return line.startswith(b"220")

    until = time.monotonic() + PATIENCE
    while not asyncio.run(greeted()):
        assert running.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.05)


@asynccontextmanager
async def sending(mta: Mta, **fields: Any) -> AsyncGenerator[Smtp]:
    """A transport to it."""
    settings = mail(host="127.0.0.1", port=mta.port, security="none", timeout=10, **fields)
    smtp = open_smtp(settings, lambda reference: SecretStr(""))
    try:
        yield smtp
    finally:
        await smtp.close()


async def one(smtp: Smtp, number: int = 1, **fields: Any) -> Receipt | TransportError:
    """What becomes of one letter."""
    (outcome,) = await smtp.send([letter(number, **fields)])
    return outcome


async def arrived(onwards: Script, count: int) -> None:
    """Wait until so many messages were handed on. All of them are: the queue is the machine's, and the next test's too."""
    async with asyncio.timeout(PATIENCE):
        while len(onwards.kept) < count:
            await asyncio.sleep(0.02)


async def test_a_message_goes_through_a_real_server(mta: Mta) -> None:
    """Several on one connection; its id in the queue is the receipt; what it hands on reads as it was rendered."""
    onwards = Script()
    async with scripted(onwards, port=mta.onwards), sending(mta) as smtp:
        for number in (1, 2, 3):
            outcome = await one(smtp, number)
            assert isinstance(outcome, Receipt)
            assert outcome.provider_id.startswith("2.0.0")
        await arrived(onwards, 3)
    content = onwards.kept[0].content
    assert isinstance(content, bytes)
    found = message_from_bytes(content, policy=policy.default)
    assert found["subject"] == RENDERED.subject
    assert found["message-id"] in {f"<{number:040x}@acme.example>" for number in (1, 2, 3)}
    plain = found.get_body(("plain",))
    assert plain is not None
    assert plain.get_content().replace("\r\n", "\n") == RENDERED.text


async def test_what_a_real_server_refuses(mta: Mta) -> None:
    """A recipient, and a message that is too large: the next letter goes by the same connection."""
    large = Rendered("s", "stolen keys\n" * 8_000, "", "")
    onwards = Script()
    async with scripted(onwards, port=mta.onwards), sending(mta) as smtp:
        assert isinstance(await one(smtp, address="ada@gone.example"), BouncedError)
        assert isinstance(await one(smtp, rendered=large), RejectedError)
        assert isinstance(await one(smtp, 2), Receipt)
        await arrived(onwards, 1)


async def test_what_a_real_server_sends_back_is_read(mta: Mta) -> None:
    """It takes a message, is refused by the next server, and tells that by mail, to the address of the settings."""
    onwards = does("rcpt", "550 5.1.1 <ADDRESS>: no such user")
    async with scripted(onwards, port=mta.onwards), sending(mta, bounces={"address": "bounces@acme.example"}) as smtp:
        assert isinstance(await one(smtp, key=KEY), Receipt)
        await arrived(onwards, 1)
    [envelope] = onwards.kept
    assert envelope.rcpt_tos == ["bounces@acme.example"]
    assert isinstance(envelope.content, bytes)
    [told] = read(envelope.content).feedback
    assert (told.key, told.state, told.to) == (KEY, MessageState.BOUNCED, frozenset({"ada1@customer.example"}))
