"""`firedoor erase`: what is known of somebody, deleted from the record's values; and the holds that forbid it."""

import dataclasses
import secrets
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from firedoor.cli.consent import consent
from firedoor.cli.console import err, out, write_json
from firedoor.cli.identity import responder
from firedoor.cli.parameters import Output, Reason, Yes
from firedoor.config import Settings, load
from firedoor.customers.registry import Registry
from firedoor.customers.unsubscribed import Unsubscribed
from firedoor.errors import UsageError
from firedoor.outbox import erasing
from firedoor.outbox.forgetting import Forgotten, forget
from firedoor.outbox.publishing import Publisher
from firedoor.outbox.store import Outbox
from firedoor.plain import plain
from firedoor.timeline.disclosures import EVERYBODY, Disclosures, Hold
from firedoor.timeline.entry import Draft, Kind
from firedoor.timeline.erasure import Erasure, erase_subject, preview
from firedoor.timeline.store import Timeline
from firedoor.words import plural

#: What this does not touch, while it is still true.
STILL = " It is still a customer: the next import without it takes it out of the registry, then erase it once more."

Subject = Annotated[str, Parameter(help="The customer whose values are erased; * is everybody, for a hold.")]
OnHold = Annotated[bool, Parameter(name="--hold", negative="", help="Let nothing of it be erased: a legal hold.")]
Release = Annotated[bool, Parameter(name="--release", negative="", help="End its hold.")]


def erase(
    subject: Subject = "",
    /,
    *,
    reason: Reason = "",
    hold: OnHold = False,
    release: Release = False,
    yes: Yes = False,
    output: Output = "text",
) -> None:
    """Erase what the record knows of a customer, for good.

    The timeline holds digests; the values behind them (who was written to, and
    where) are deleted, and in each incident an entry says that they were, on
    which basis, and by whom. Proofs and exports stay valid. Campaigns forget its
    name, addresses and credentials and write to it no more; its personal page is
    gone; their counts stay. Earlier versions of the registry forget it as well. Not
    reached: exports that were handed out with values, backups, what Temporal keeps,
    lists of affected customers, and mail that has left.

    A hold, and its end, are recorded too. Without a customer: the holds.

    Examples
      firedoor erase acme --reason 'GDPR Art. 17, request of 2026-11-20'
      firedoor erase acme --hold --reason 'litigation 4711'
      firedoor erase '*' --hold --reason 'the regulator has asked'
    """
    settings = load()
    _refuse_stray(subject, reason, hold=hold, release=release)
    with Disclosures.open(settings.disclosures_path) as disclosures:
        if not subject:
            found = disclosures.holds()
            _print(output, [dataclasses.asdict(one) for one in found], _holds(found))
        elif hold or release:
            _hold(settings, disclosures, subject, reason, release=release, output=output)
        else:
            _erase(settings, disclosures, subject, reason, yes=yes, output=output)


def _refuse_stray(subject: str, reason: str, *, hold: bool, release: bool) -> None:
    """Raise `UsageError` for what does not go together."""
    usage = "Usage: firedoor erase CUSTOMER [--hold|--release] --reason TEXT"
    if hold and release:
        raise UsageError("--hold and --release are opposites.", changed="Nothing was changed.", next=usage)
    if not subject and (hold or release or reason):
        raise UsageError("Whose?", changed="Nothing was changed.", next=usage)
    if subject and not reason.strip():
        raise UsageError("Why? The reason is recorded.", changed="Nothing was changed.", next=usage)
    if subject == "*" and not (hold or release):
        raise UsageError("Everybody is never erased at once.", changed="Nothing was changed.", next=usage)


def _hold(
    settings: Settings, disclosures: Disclosures, subject: str, reason: str, *, release: bool, output: str
) -> None:
    by = responder(settings).principal
    if not release:
        at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        _record(settings, _holding(disclosures, subject, reason, by, "set"))
        disclosures.hold(Hold(subject, reason, by, at))
        said = f"{subject} is on hold: nothing of it is erased until `firedoor erase '{subject}' --release`."
    elif any(one.subject == subject for one in disclosures.holds()):
        _record(settings, _holding(disclosures, subject, reason, by, "ended"))
        disclosures.release(subject)
        said = f"The hold on {subject} has ended."
    else:
        said = f"There was no hold on {subject}."
    _print(output, [dataclasses.asdict(one) for one in disclosures.holds()], Text(plain(said)))


def _record(settings: Settings, draft: Draft) -> None:
    with Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log) as timeline:
        timeline.append([draft])


def _holding(disclosures: Disclosures, subject: str, reason: str, by: str, done: str) -> Draft:
    """A hold was set, or has ended: whose it is, is a digest, which is erased with the rest."""
    idem = f"hold/{secrets.token_hex(16)}"
    everybody = subject == EVERYBODY
    whose = {} if everybody else {"_sd": disclosures.seal(subject, [("held", subject)], name=idem)}
    say = f"A legal hold on {'everything' if everybody else 'a customer'} was {done}: {reason}"
    body = {"actor": {"kind": "human", "id": by}, "decision": f"hold.{done}", "reason": reason, "say": say, **whose}
    return Draft(Kind.DECISION, "", idem, body)


@dataclass(frozen=True, slots=True)
class _Known:
    """What there is of a customer outside of the timeline's values."""

    earlier: int
    today: bool
    campaigns: tuple[str, ...]
    messages: int
    unsubscribed: int

    def __bool__(self) -> bool:
        return bool(self.earlier or self.campaigns or self.unsubscribed)


@dataclass(frozen=True, slots=True)
class _Stores:
    """Where something of a customer may be. There need be no campaigns."""

    disclosures: Disclosures
    timeline: Timeline
    registry: Registry
    unsubscribed: Unsubscribed
    outbox: Outbox | None

    def known(self, subject: str) -> _Known:
        places = self.outbox.look(erasing.places, subject) if self.outbox else []
        campaigns, messages = tuple(one.id for one in places), sum(one.messages for one in places)
        return _Known(*self.registry.traces(subject), campaigns, messages, self.unsubscribed.known(subject))

    def erase(self, subject: str, known: _Known, reason: str, by: str) -> tuple[Erasure, Forgotten]:
        """Erase all of it; the values last, for what is still being recorded makes some."""
        told = Forgotten((), 0, scoured=True)
        if self.outbox:
            told = forget(Publisher(self.outbox, self.timeline, self.disclosures), subject, reason=reason, by=by)
        done = erase_subject(self.disclosures, self.timeline, subject, reason=reason, by=by)
        if known.earlier:
            self.timeline.append([_forgetting(known.earlier, reason, by)])
            self.registry.forget(subject)
        self.unsubscribed.forget(subject)
        return done, told


def _erase(settings: Settings, disclosures: Disclosures, subject: str, reason: str, *, yes: bool, output: str) -> None:
    by = responder(settings).principal
    with ExitStack() as stack:
        timeline = stack.enter_context(Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log))
        registry = stack.enter_context(Registry.open(settings.customers_path))
        there = settings.outbox_path.exists()
        outbox = stack.enter_context(Outbox.open(settings.outbox_path)) if there else None
        stores = _Stores(disclosures, timeline, registry, Unsubscribed(settings.unsubscribed_path), outbox)
        would, known = preview(disclosures, timeline, subject), stores.known(subject)
        still = STILL if known.today else ""
        if not would.values and not known:
            # What was erased while somebody read the file may still be in its log.
            disclosures.scour()
            said = f"Nothing is kept about {subject} that could be erased.{still}"
            _print(output, _facts(would, known), Text(plain(said)))
            return
        if not yes:
            err().print(Text(plain(f"{_would(would, known)} Nobody can bring them back.")))
        consent("Type yes to erase them:", yes=yes, otherwise=f"Nothing of {subject} was erased")
        done, told = stores.erase(subject, known, reason, by)
    _print(output, _facts(done, known), Text(plain(_said(done, told, known) + still)))


def _forgetting(earlier: int, reason: str, by: str) -> Draft:
    """What the log says of it; whose it was it does not say, and each is another."""
    say = f"{plural(earlier, 'earlier versions')} of a customer erased from the registry: {reason}"
    body = {"actor": {"kind": "human", "id": by}, "digests": [], "basis": reason, "say": say}
    return Draft(Kind.REDACTION, "", f"redaction/registry/{secrets.token_hex(16)}", body)


def _facts(one: Erasure, known: _Known) -> dict[str, object]:
    return {
        **dataclasses.asdict(one),
        "earlier_versions": known.earlier,
        "still_a_customer": known.today,
        "campaigns": known.campaigns,
        "messages": known.messages,
        "unsubscribed": known.unsubscribed,
    }


def _would(would: Erasure, known: _Known) -> str:
    values = f"{plural(would.values, 'values')}, in {plural(len(would.incidents), 'incidents')}"
    told = f"Of {would.subject}, {values}, and {plural(known.earlier, 'earlier versions')} in the registry"
    if known.campaigns:
        told += f", and {plural(known.messages, 'messages')} of {', '.join(known.campaigns)}"
    return f"{told} would be erased."


def _said(done: Erasure, told: Forgotten, known: _Known) -> str:
    where = f" Recorded in {', '.join(done.incidents)}." if done.incidents else ""
    text = f"✓ Of {done.subject}, {plural(done.values, 'values')} erased.{where}"
    if known.earlier:
        text += f" {plural(known.earlier, 'earlier versions')} erased from the registry."
    if told.campaigns:
        text += f" Forgotten by {', '.join(told.campaigns)}, with {plural(told.messages, 'messages')}: nothing more"
        text += " is sent to it, and its personal page is gone."
    if done.scoured and told.scoured:
        return text
    return f"{text} Another process is reading the file: repeat this when it has ended, so that its log is emptied."


def _holds(found: list[Hold]) -> RenderableType:
    if not found:
        return Text("Nothing is on hold.")
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_row(*(Text(title, style="dim") for title in ("WHO", "SINCE", "BY", "WHY")))
    for one in found:
        table.add_row(*(Text(plain(cell)) for cell in (one.subject, one.at[:10], one.by, one.reason)))
    return table


def _print(output: str, facts: object, said: RenderableType) -> None:
    if output == "json":
        write_json(facts)
    else:
        out().print(said)
