"""`firedoor campaign bounces`: mail that servers have sent back, from a pipe, a file or a Maildir.

A mail server that hands a mail to a program goes by its exit code, and knows those of sysexits.h. What the program says
it may send back to whoever wrote the mail: so a pipe says nothing unless something is wrong.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from enum import IntEnum
from pathlib import Path

from firedoor.cli import failure
from firedoor.cli.console import err, out, write_json
from firedoor.config import load
from firedoor.engine.campaigns import Campaigns
from firedoor.errors import Exit, FiredoorError, UsageError
from firedoor.outbox import mail_reports
from firedoor.outbox.feedback import Feedback
from firedoor.plain import plain
from firedoor.words import full_stop, plural

PIPE = "-"
#: What no campaign here has sent, or sent elsewhere: who was written to by a list or a forward is not known here.
UNKNOWN = "no message that a campaign here has sent to that address"


class Sysexit(IntEnum):
    """What a mail server understands: give the mail up, or keep it and try again later."""

    DATA = 65
    LATER = 75


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as it came. `place` is its file in a Maildir's `new`, where a mail lies that nobody has dealt with."""

    name: str
    raw: bytes
    place: Path | None = None

    def settle(self) -> None:
        """Nobody has to look at it any more: it is seen."""
        if self.place:
            with suppress(FileNotFoundError):
                self.place.rename(self.place.parents[1] / "cur" / f"{self.place.name.partition(':')[0]}:2,S")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a mail, for each message that it told something of.

    `became`: the state of the message; else `noted`, `unknown`, `left alone` or `unreadable`. `says` is for a person.
    """

    mail: str
    became: str
    says: str
    campaign: str = ""
    customer: str = ""
    contact: str = ""

    def line(self) -> str:
        """For a person."""
        who = f" ({self.customer}, {self.contact}, in {self.campaign})" if self.customer else ""
        return plain(f"{self.mail}: {self.became}{who}: {full_stop(self.says or 'its server gives no reason')}")


async def bounces(source: str, output: str) -> int:
    """Read mail that came back: `-` is a pipe, else a file or a Maildir. The exit code."""
    if source != PIPE:
        outcomes = await _settled(_files(Path(source)), output)
        return int(Exit.FAILED if _unreadable(outcomes) else Exit.OK)
    try:
        outcomes = await _settled(iter([_piped()]), output, quiet=not out().is_terminal)
    except OSError as error:
        return _later(
            FiredoorError(f"The data folder cannot be used: {error.strerror}.", changed="Nothing was changed.")
        )
    except FiredoorError as error:
        return _later(error)
    return int(Sysexit.DATA if _unreadable(outcomes) else Exit.OK)


def _later(error: FiredoorError) -> int:
    """Whatever it is, it can be put right: the mail server keeps the mail until then."""
    failure.show(error, err())
    return Sysexit.LATER


def _piped() -> Mail:
    """The mail on standard input. Raises `UsageError` where a person sits there."""
    if sys.stdin.isatty():
        raise UsageError("Which mail?", next="Usage: firedoor campaign bounces FILE|MAILDIR|- < MAIL")
    raw = sys.stdin.buffer.read(mail_reports.MOST_READ)
    # Who writes it must be able to write all of it.
    while sys.stdin.buffer.read(mail_reports.MOST_READ):
        pass
    return Mail("the mail", raw)


def _files(path: Path) -> Iterator[Mail]:
    """A file, or what is new in a Maildir. Raises `UsageError`."""
    try:
        if not path.is_dir():
            yield Mail(str(path), _read(path))
            return
        if not all((path / name).is_dir() for name in ("new", "cur")):
            raise UsageError(
                f"{path} is no Maildir: it has no `new` and `cur`.",
                changed="Nothing was changed.",
                next="Name a Maildir, or one mail in a file.",
            )
        for one in sorted((path / "new").iterdir()):
            # Somebody else may read the same Maildir.
            with suppress(FileNotFoundError):
                yield Mail(one.name, _read(one), one)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}.",
            changed="What was read before it stands." if path.is_dir() else "Nothing was changed.",
            next="Check the path, and who may read it. To read a mail twice changes nothing.",
        ) from None


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(mail_reports.MOST_READ)


async def _settled(mails: Iterator[Mail], output: str, *, quiet: bool = False) -> Sequence[Outcome]:
    """Keep what the mails say, and tell everybody who is to know. Raises `FiredoorError`: the rest is as it was."""
    settings, outcomes, behind = load(), list[Outcome](), dict[str, None]()
    with ExitStack() as stack:
        campaigns: Campaigns | None = None
        for mail in mails:
            told, outcome = _told(mail)
            if told:
                campaigns = campaigns or stack.enter_context(Campaigns.open(settings))
                outcome = [_heard(mail, one, campaigns) for one in told]
                if all(one.became != "unknown" for one in outcome):
                    mail.settle()
            outcomes += outcome
        for campaign in dict.fromkeys(one.campaign for one in outcomes if one.became != "noted" and one.campaign):
            behind |= dict.fromkeys(await campaigns.spread(campaign)) if campaigns else {}
    _say(outcomes, [*behind], output, quiet=quiet)
    return outcomes


def _told(mail: Mail) -> tuple[Sequence[Feedback], list[Outcome]]:
    """What a mail says of messages; where it says nothing, why it does not."""
    try:
        reading = mail_reports.read(mail.raw)
    except UsageError as error:
        return (), [Outcome(mail.name, "unreadable", error.what)]
    return reading.feedback, [Outcome(mail.name, "left alone", f"it is {reading.note}")]


def _heard(mail: Mail, told: Feedback, campaigns: Campaigns) -> Outcome:
    message = campaigns.outbox.event(told, time.time())
    if message is None:
        return Outcome(mail.name, "unknown", UNKNOWN)
    whose = (message.campaign, message.customer, message.contact)
    if told.state is None:
        return Outcome(mail.name, "noted", told.reason, *whose)
    late = "" if message.state is told.state else f"told that it is {told.state.value}, too late to count: "
    return Outcome(mail.name, message.state.value, late + told.reason, *whose)


def _say(outcomes: Sequence[Outcome], behind: Sequence[str], output: str, *, quiet: bool) -> None:
    """What came of all of them. A pipe only hears what could not be read."""
    if output == "json":
        write_json({"mails": [asdict(one) for one in outcomes], "behind": [*behind]})
        return
    for one in outcomes:
        console = err() if one.became == "unreadable" else out()
        if not quiet or one.became == "unreadable":
            console.print(one.line())
    if quiet:
        return
    if len(outcomes) != 1:
        counts = Counter(one.became for one in outcomes)
        every = ", ".join(f"{count:,} {became}" for became, count in sorted(counts.items()))
        out().print(plain(f"{plural(len({one.mail for one in outcomes}), 'mails')}{': ' if every else ''}{every}."))
    for late in behind:
        err().print(plain(f"! {late}"), style="yellow")


def _unreadable(outcomes: Sequence[Outcome]) -> bool:
    return any(one.became == "unreadable" for one in outcomes)
