"""What servers of strangers try on whoever brings them mail or calls their webhooks: each of these once worked, or could have."""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from activities.transports import _replies
from activities.transports._mrkdwn import message_blocks, mrkdwn
from activities.transports._replies import Stage, refused, shown
from activities.transports._transport import BouncedError, BrokenError, Letter, Receipt, TransportError
from activities.transports.smtp import open_smtp
from activities.transports.webhook import open_webhooks
from firedoor.drill.certificate import loopback_certificate
from firedoor.mailing import Webhooks
from tests.activities.transports.letters import letter, mail

PASSWORD = "canary-password-0123456789"


async def outcome_of(letter_: Letter, port: int, **fields: object) -> Receipt | TransportError:
    """What becomes of a letter at a server on this machine."""
    given = {"host": "127.0.0.1", "port": port, "security": "none", "timeout": 1} | fields
    smtp = open_smtp(mail(**given), lambda _: SecretStr(PASSWORD))
    try:
        (outcome,) = await smtp.send([letter_])
        return outcome
    finally:
        await smtp.close()


@asynccontextmanager
async def saying(*lines: bytes, tls: ssl.SSLContext | None = None) -> AsyncGenerator[tuple[int, list[bytes]]]:
    """A server that answers each line with the next of these; after what begins with 220 to STARTTLS it speaks TLS."""
    heard: list[bytes] = []
    open_: list[asyncio.StreamWriter] = []
    greeting, *answers = lines

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_.append(writer)
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await answer_all(reader, writer)

    async def answer_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        for answer in answers:
            line = await reader.readline()
            if not line:
                break
            heard.append(line)
            writer.write(answer)
            await writer.drain()
            if tls and line.upper().startswith(b"STARTTLS"):
                await writer.start_tls(tls)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], heard
    finally:
        server.close()
        for writer in open_:
            writer.transport.abort()
        await asyncio.sleep(0)


async def test_what_is_said_before_tls_does_not_count_after_it(tmp_path: Path) -> None:
    """Whoever sits in between appends answers to `220 go ahead`: they are not taken for those of the server."""
    ca_file, context = loopback_certificate(tmp_path)
    forged = (
        b"220 go ahead\r\n250-forged\r\n250 AUTH PLAIN\r\n235 come in\r\n250 ok\r\n250 ok\r\n354 go\r\n250 forged\r\n"
    )
    ehlo = b"250-here\r\n250 STARTTLS\r\n"
    async with saying(b"220 hi\r\n", ehlo, forged, b"550 5.7.1 nobody\r\n", tls=context) as (port, heard):
        with pytest.raises(BrokenError) as broken:
            await outcome_of(letter(), port, security="starttls", ca_file=str(ca_file))
    assert "nobody" in broken.value.what
    assert [line[:4].upper() for line in heard] == [b"EHLO", b"STAR", b"EHLO"]


async def test_no_starttls_is_no_mail() -> None:
    """Whoever takes STARTTLS out of the answer gets neither a password nor a letter."""
    async with saying(b"220 hi\r\n", b"250 AUTH PLAIN LOGIN\r\n") as (port, heard):
        with pytest.raises(BrokenError, match="offers no STARTTLS"):
            await outcome_of(letter(), port, security="starttls", username="acme", password="env:X")
    assert [line[:4] for line in heard] == [b"EHLO"]


@pytest.mark.parametrize("told", [PASSWORD, f"\0acme\0{PASSWORD}"])
async def test_a_server_that_repeats_the_password(told: str) -> None:
    """Its answer is shown and kept; what it was told is not."""
    repeated = told if told == PASSWORD else base64.b64encode(told.encode()).decode()
    refusal = f"535 5.7.8 not {repeated} here\r\n".encode()
    async with saying(b"220 hi\r\n", b"250-here\r\n250 AUTH PLAIN\r\n", refusal, refusal) as (port, _):
        with pytest.raises(BrokenError) as broken:
            await outcome_of(letter(), port, username="acme", password="env:X")
    assert "not (the password) here" in broken.value.what


async def test_a_server_that_does_not_stop_talking() -> None:
    """An answer of megabytes, in one line or in many: it is not waited for, and not kept."""
    for endless in (b"250-" + b"x" * 4_000_000, b"250-more\r\n" * 400_000):
        async with saying(b"220 hi\r\n", endless) as (port, _):
            with pytest.raises(TransportError) as refusal:
                await outcome_of(letter(), port)
        assert len(refusal.value.what) < 600


def test_no_address_is_repeated_in_a_reason() -> None:
    """A server names where it would have forwarded to: reasons go where no addresses are kept."""
    text = "5.1.1 <ada@customer.example> forwards to <Eve.Canary@elsewhere.example> (mailto:eve@elsewhere.example)"
    said = refused(Stage.RCPT, 550, text, "ada@customer.example").what
    assert "elsewhere" not in said
    assert "customer.example" not in said
    assert len(shown("ok 1@mx " + "x" * 10_000_000)) == _replies.LONGEST_REPLY


@pytest.fixture
async def inside() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A service of this machine that takes whatever it is told."""
    async with saying(b"", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as running:
        yield running


@pytest.mark.parametrize(
    "host",
    [
        "127.1",
        "2130706433",
        "0177.0.0.1",
        "127.0.0.1.",
        "0",
        "%31%32%37.1",
        "\uff11\uff12\uff17.1",
        "[::ffff:127.0.0.1]",
    ],
)
async def test_numbers_that_are_read_as_an_address(host: str, inside: tuple[int, list[bytes]]) -> None:
    """`127.1` is this machine to the system, and aiohttp asks nobody about a host of digits."""
    port, heard = inside
    # In clear calls are allowed, to this network only.
    transport = open_webhooks(
        Webhooks.model_validate({"networks": ["192.0.2.0/24"], "timeout": 1}),
        lambda _: SecretStr(f"http://{host}:{port}/hook"),
    )
    try:
        (outcome,) = await transport.send([letter(channel="webhook", address="env:FIREDOOR_SECRET_HOOK")])
    finally:
        await transport.close()
    assert isinstance(outcome, BouncedError), outcome
    assert heard == []


SLACK_TRICKS: Sequence[tuple[str, str]] = [
    ("<!channel> <@U0CANARY>", "&lt;!channel&gt; &lt;@U0CANARY&gt;"),
    ("see https://acme.example/n/t.", "see <https://acme.example/n/t>."),
    ("[how](https://acme.example/how)", "<https://acme.example/how|how>"),
    ("https://a.example/x|y>z", "<https://a.example/x>|y&gt;z"),
    ("**https://a.example/b**", "*<https://a.example/b>*"),
    ("`https://a.example`", "`https://a.example`"),
]


@pytest.mark.parametrize(("written", "shown_as"), SLACK_TRICKS)
def test_slack_makes_nothing_of_a_text_that_we_have_not_made(written: str, shown_as: str) -> None:
    """Mentions are text, and what is a link we say: Slack looks for no others (`verbatim`)."""
    assert mrkdwn(written) == shown_as
    _, section = message_blocks("s", written)
    assert section["text"]["verbatim"] is True
