"""`firedoor erase`: what is known of somebody, deleted from the record's values; and the holds that forbid it."""

import dataclasses
import secrets
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
from firedoor.errors import UsageError
from firedoor.plain import plain
from firedoor.timeline.disclosures import Disclosures, Hold
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
    which basis, and by whom. Proofs and exports stay valid. Earlier versions of
    the registry forget it as well. Not reached: exports that were handed out with
    values, backups, and the messages of campaigns.

    Without a customer: the holds.

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
    if release:
        ended = disclosures.release(subject)
        said = f"The hold on {subject} has ended." if ended else f"There was no hold on {subject}."
    else:
        at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        disclosures.hold(Hold(subject, reason, by, at))
        said = f"{subject} is on hold: nothing of it is erased until `firedoor erase '{subject}' --release`."
    _print(output, [dataclasses.asdict(one) for one in disclosures.holds()], Text(plain(said)))


def _erase(settings: Settings, disclosures: Disclosures, subject: str, reason: str, *, yes: bool, output: str) -> None:
    by = responder(settings).principal
    with (
        Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log) as timeline,
        Registry.open(settings.customers_path) as registry,
    ):
        would = preview(disclosures, timeline, subject)
        earlier, today = registry.traces(subject)
        if not would.values and not earlier:
            # What was erased while somebody read the file may still be in its log.
            disclosures.scour()
            said = f"Nothing is kept about {subject} that could be erased.{STILL if today else ''}"
            _print(output, _facts(would, 0, today=today), Text(plain(said)))
            return
        if not yes:
            values = f"{plural(would.values, 'values')}, in {plural(len(would.incidents), 'incidents')}"
            told = f"Of {subject}, {values}, and {plural(earlier, 'earlier versions')} in the registry would be erased."
            err().print(Text(plain(f"{told} Nobody can bring them back.")))
        consent("Type yes to erase them:", yes=yes, otherwise=f"Nothing of {subject} was erased")
        done = erase_subject(disclosures, timeline, subject, reason=reason, by=by)
        if earlier:
            timeline.append([_forgetting(earlier, reason, by)])
            registry.forget(subject)
    said = _said(done, earlier) + (STILL if today else "")
    _print(output, _facts(done, earlier, today=today), Text(plain(said)))


def _forgetting(earlier: int, reason: str, by: str) -> Draft:
    """What the log says of it; whose it was it does not say, and each is another."""
    say = f"{plural(earlier, 'earlier versions')} of a customer erased from the registry: {reason}"
    body = {"actor": {"kind": "human", "id": by}, "digests": [], "basis": reason, "say": say}
    return Draft(Kind.REDACTION, "", f"redaction/registry/{secrets.token_hex(16)}", body)


def _facts(one: Erasure, earlier: int, *, today: bool) -> dict[str, object]:
    return {**dataclasses.asdict(one), "earlier_versions": earlier, "still_a_customer": today}


def _said(done: Erasure, earlier: int) -> str:
    where = f" Recorded in {', '.join(done.incidents)}." if done.incidents else ""
    text = f"✓ Of {done.subject}, {plural(done.values, 'values')} erased.{where}"
    if earlier:
        text += f" {plural(earlier, 'earlier versions')} erased from the registry."
    if done.scoured:
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
