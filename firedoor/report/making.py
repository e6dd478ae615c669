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


def make(settings: Settings, incident: str, path: Path, by: str, bundle: Path | None = None) -> Made:
    """Write the report of an incident to `path`, `.html` or `.md`.

    It is proved by a bundle: `bundle`, which was exported before, or one that is exported beside it now as `by` asks
    (NAME.zip). Raises `UsageError` for another ending and for a file that exists, `TimelineError` when the timeline
    does not verify.
    """
    write = WRITERS.get(path.suffix)
    if write is None:
        raise UsageError(f"{path} is neither .html nor .md.", next="Name the file by what it should be.")
    if path.exists():
        raise UsageError(f"{path} exists.", changed="It was not touched.", next="Give the report another name.")
    beside = bundle or path.with_suffix(".zip")
    with Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log) as timeline:
        if bundle is None:
            export(timeline, incident, beside, by, f"the report {path.name}")
        entries = [stored.entry for stored in timeline.entries(incident)]
        public_key = str(timeline.verifier)
    now = datetime.datetime.now(datetime.UTC)
    found = proofs(beside.read_bytes(), beside.name, public_key)
    findings = Findings(
        record=record(entries),
        proofs=found,
        made=f"{now:%Y-%m-%d %H:%M:%S}",
        campaigns=_campaigns(settings, incident, now.timestamp()),
        clocks=clocks(entries),
    )
    with path.open("x", encoding="utf-8") as file:
        file.write(write(document(findings)))
    return Made(path, beside, found)


def _campaigns(settings: Settings, incident: str, now: float) -> tuple[Told, ...]:
    if not settings.outbox_path.exists():
        return ()
    with Outbox.open(settings.outbox_path) as outbox:
        return campaigns(outbox, incident, now)
