"""Making a report: an export beside it, verified, and the page that tells it."""

import datetime
from dataclasses import dataclass
from pathlib import Path

from firedoor.config import Settings
from firedoor.errors import UsageError
from firedoor.outbox.store import Outbox
from firedoor.report.clocks import clocks
from firedoor.report.contents import Findings, document
from firedoor.report.facts import record
from firedoor.report.markdown import markdown
from firedoor.report.page import page
from firedoor.report.proofs import Proofs, proofs
from firedoor.report.told import Told, campaigns
from firedoor.timeline.export import export
from firedoor.timeline.store import Timeline

WRITERS = {".html": page, ".md": markdown}


@dataclass(frozen=True, slots=True)
class Made:
    """A written report, and the bundle that proves it."""

    path: Path
    bundle: Path
    proofs: Proofs


def make(settings: Settings, incident: str, path: Path, by: str) -> Made:
    """Write the report of an incident to `path`, `.html` or `.md`, and the export that proves it beside it (NAME.zip).

    `by` asks for it. Raises `UsageError` for another ending and for a file that exists, `TimelineError` when the
    timeline does not verify.
    """
    if path.suffix not in WRITERS:
        raise UsageError(f"{path} is neither .html nor .md.", next="Name the file by what it should be.")
    if path.exists():
        raise UsageError(f"{path} exists.", changed="It was not touched.", next="Give the report another name.")
    bundle = path.with_suffix(".zip")
    with Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log) as timeline:
        export(timeline, incident, bundle, by, f"the report {path.name}")
    found = findings(settings, incident, bundle)
    write(found, path)
    return Made(path, bundle, found.proofs)


def write(findings: Findings, path: Path) -> None:
    """Write a report to a file that must not exist."""
    with path.open("x", encoding="utf-8") as file:
        file.write(WRITERS[path.suffix](document(findings)))


def findings(settings: Settings, incident: str, bundle: Path) -> Findings:
    """All that a report is made of, as the stores have it now; proved by `bundle`, which was exported before."""
    now = datetime.datetime.now(datetime.UTC)
    with Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log) as timeline:
        entries = [stored.entry for stored in timeline.entries(incident)]
        public_key = str(timeline.verifier)
    return Findings(
        record=record(entries),
        proofs=proofs(bundle.read_bytes(), bundle.name, public_key),
        made=f"{now:%Y-%m-%d %H:%M:%S}",
        campaigns=_campaigns(settings, incident, now.timestamp()),
        clocks=clocks(entries),
    )


def _campaigns(settings: Settings, incident: str, now: float) -> tuple[Told, ...]:
    if not settings.outbox_path.exists():
        return ()
    with Outbox.open(settings.outbox_path) as outbox:
        return campaigns(outbox, incident, now)
