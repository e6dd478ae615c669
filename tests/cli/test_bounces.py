"""`firedoor campaign bounces`, as a mail server and a person use it: what it moves, what it says, and how it ends."""

import asyncio
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from email import message_from_bytes
from pathlib import Path

import pytest
from pydantic import SecretStr

from activities.transports.smtp import open_smtp
from firedoor.campaign import MessageState
from firedoor.recipient import Message
from tests.activities.transports.letters import mail
from tests.activities.transports.servers import Script, scripted
from tests.campaigning import CAMPAIGN
from tests.cli.conftest import Cli, Done
from tests.returned_mail import ADDRESS, HEADERS, KEY, complaint, postfix
from tests.sending import Desk, Post, desk, people

Pipe = Callable[[bytes], None]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A data folder with the stores of campaigns, and no Temporal at all."""
    (tmp_path / "firedoor.toml").write_text('log = "test.example/timeline"\n')
    monkeypatch.setenv("FIREDOOR_HOME", str(tmp_path))
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    with desk(tmp_path) as opened:
        yield opened


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Pipe:
    """Puts a mail on standard input."""

    def put(raw: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))

    return put


@pytest.fixture
def sent(store: Desk) -> list[Message]:
    """Three customers with two contacts each were written to."""
    store.prepare(people(3, contacts=("security", "admin")), halt=100)
    asyncio.run(store.send({"email": Post()}))
    return store.outbox.messages(CAMPAIGN)


def returned(message: Message, action: str = "failed", status: str = "5.1.1") -> bytes:
    """What Postfix sends back of a message."""
    return postfix(message.address, HEADERS.replace(KEY, message.key), action, status)


def states(store: Desk) -> list[tuple[str, str]]:
    """What became of each message, by contact."""
    return [(one.contact, one.state.value) for one in store.outbox.messages(CAMPAIGN)]


def test_a_mail_server_pipes_a_bounce(cli: Cli, store: Desk, sent: list[Message], pipe: Pipe) -> None:
    """The next contact waits to be written to, the timeline has it, and a pipe says nothing: its server would send it on."""
    for _ in range(2):
        pipe(b"From MAILER-DAEMON Mon Nov 30 00:00:00 2026\n" + returned(sent[0]))
        assert cli("campaign", "bounces", "-") == Done(0, "", "")
        assert states(store) == [("security", "bounced"), *[("security", "sent")] * 2, ("admin", "queued")]
    assert store.told()[sent[0].id] == ["sending", "sent", "bounced"]
    pipe(complaint(sent=HEADERS.replace(KEY, sent[1].key), to=""))
    assert cli("campaign", "bounces") == Done(0, "", "")
    assert states(store)[1] == ("security", "complained")


def test_a_person_reads_what_came_of_a_file(cli: Cli, sent: list[Message], tmp_path: Path) -> None:
    """Whom it was to, why, and that Temporal does not know yet."""
    (tmp_path / "bounce.eml").write_bytes(returned(sent[0]))
    done = cli("campaign", "bounces", str(tmp_path / "bounce.eml"))
    assert done.code == 0
    assert f"bounced (customer-0, security, in {CAMPAIGN}): failed 5.1.1: 550 5.1.1" in done.out
    assert "! Temporal does not answer" in done.err
    (tmp_path / "late.eml").write_bytes(returned(sent[0], "delivered", "2.0.0"))
    done = cli("campaign", "bounces", str(tmp_path / "late.eml"), "-o", "json")
    [mail] = json.loads(done.out)["mails"]
    assert (mail["became"], mail["customer"]) == ("bounced", "customer-0")
    assert "too late to count" in mail["says"]


def test_a_maildir_keeps_what_nobody_has_dealt_with(cli: Cli, store: Desk, sent: list[Message], tmp_path: Path) -> None:
    """What was understood is seen; answers of people, other mail's bounces and broken reports stay new."""
    box = tmp_path / "Maildir"
    for name in ("new", "cur", "tmp"):
        (box / name).mkdir(parents=True)
    mails = {
        "1.a": returned(sent[0]),
        "2.b": returned(sent[1], "delayed", "4.4.1"),
        "3.c": b"Subject: Re: your keys\n\nWho are you?",
        "4.d": postfix(),
        "5.e": returned(sent[2]).replace(sent[2].address.encode(), b"nobody"),
    }
    for name, raw in mails.items():
        (box / "new" / name).write_bytes(raw)
    done = cli("campaign", "bounces", str(box))
    assert done.code == 1
    assert "5 mails: 1 bounced, 1 left alone, 1 noted, 1 unknown, 1 unreadable." in done.out
    assert "5.e: unreadable: This report of a mail server cannot be read" in done.err
    assert sorted(one.name for one in (box / "cur").iterdir()) == ["1.a:2,S", "2.b:2,S"]
    assert sorted(one.name for one in (box / "new").iterdir()) == ["3.c", "4.d", "5.e"]
    assert states(store)[:3] == [("security", "bounced"), *[("security", "sent")] * 2]
    assert "no mails" not in cli("campaign", "bounces", str(box)).out


def test_other_mail_needs_no_store(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pipe: Pipe) -> None:
    """An answer of somebody is taken and left alone, whatever is away."""
    monkeypatch.setenv("FIREDOOR_HOME", str(tmp_path / "nowhere"))
    for raw in (b"Subject: Re: your keys\n\nThank you.", b"\xff\x00" * 50_000, b""):
        pipe(raw)
        assert cli("campaign", "bounces", "-") == Done(0, "", "")


def test_a_mail_server_keeps_the_mail_while_the_store_is_away(
    cli: Cli, store: Desk, sent: list[Message], pipe: Pipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EX_TEMPFAIL for all that can be put right: no such folder, a settings file that is wrong, a store that is broken."""
    raw = returned(sent[0])

    def ends(says: str) -> None:
        pipe(raw)
        done = cli("campaign", "bounces", "-")
        assert done.code == 75
        assert says in done.err

    monkeypatch.setenv("FIREDOOR_HOME", str(tmp_path / "nowhere"))
    ends("No campaign has been prepared here")
    monkeypatch.setenv("FIREDOOR_HOME", str(tmp_path))
    (tmp_path / "firedoor.toml").write_text("what = is this")
    ends("is not valid TOML")
    (tmp_path / "firedoor.toml").write_text("")
    store.outbox.close()
    for path in tmp_path.glob("outbox.sqlite*"):
        path.write_bytes(b"no database" * 1000)
    ends("The outbox")


def test_a_broken_report_goes_back(cli: Cli, store: Desk, sent: list[Message], pipe: Pipe) -> None:
    """EX_DATAERR: keeping it would change nothing, and a postmaster gets to see it."""
    pipe(postfix().replace(ADDRESS.encode(), b"nobody"))
    done = cli("campaign", "bounces", "-")
    assert (done.code, done.out) == (65, "")
    assert "names no recipient" in done.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("bounces", "nowhere.eml"), "nowhere.eml cannot be read"),
        (("bounces", "."), "is no Maildir"),
        (("bounces", "a", "b"), "takes one name"),
        (("bounces", "a", "--watch"), "--watch goes with show"),
        (("bounces", "a", "--reason", "x"), "--reason goes with"),
    ],
)
def test_what_does_not_go_together(
    cli: Cli, store: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], says: str
) -> None:
    """Said before anything is read."""
    monkeypatch.chdir(tmp_path)
    done = cli("campaign", *arguments)
    assert done.code == 2
    assert says in done.err


def test_a_real_process_ends_as_mail_servers_understand(store: Desk, sent: list[Message], tmp_path: Path) -> None:
    """As an alias starts it: a mail longer than a pipe holds is read to its end, nothing is said."""
    command = [sys.executable, "-m", "firedoor", "campaign", "bounces", "-"]
    raw = returned(sent[0]) + b"x" * 1_000_000
    done = subprocess.run(command, input=raw, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert states(store)[0] == ("security", "bounced")


async def test_there_and_back(cli: Cli, store: Desk, pipe: Pipe) -> None:
    """A server takes a message, sends it back later as it got it, and the next contact is written to."""
    store.prepare(people(1, contacts=("security", "admin")))
    async with scripted(Script()) as server:
        settings = mail(
            host="127.0.0.1", port=server.port, security="none", bounces={"address": "bounces@acme.example"}
        )
        smtp = open_smtp(settings, SecretStr)
        await store.send({"email": smtp})
        [envelope] = server.kept
        assert isinstance(envelope.content, bytes)
        assert envelope.mail_from == "bounces@acme.example"
        assert message_from_bytes(envelope.content)["Auto-Submitted"] == "auto-generated"
        pipe(postfix(envelope.rcpt_tos[0], envelope.content.decode()))
        assert (await asyncio.to_thread(cli, "campaign", "bounces", "-")).code == 0
        assert store.outbox.messages(CAMPAIGN)[0].state is MessageState.BOUNCED
        await store.send({"email": smtp})
        assert [one.rcpt_tos for one in server.kept] == [["security0@customer0.example"], ["admin0@customer0.example"]]
        await smtp.close()
    assert states(store) == [("security", "bounced"), ("admin", "sent")]
