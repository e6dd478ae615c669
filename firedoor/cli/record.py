"""`firedoor timeline` and `firedoor export`: the record. Needs the store, and no Temporal."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from firedoor.cli.console import out, write_json
from firedoor.cli.identity import responder
from firedoor.cli.parameters import IncidentName, Output
from firedoor.cli.views import timeline as timeline_view
from firedoor.config import Settings, load
from firedoor.timeline.disclosures import Disclosures
from firedoor.timeline.export import export as export_incident
from firedoor.timeline.store import Timeline

#: What else a person may do who has named no incident.
HINT = "firedoor list shows them all."

Target = Annotated[Path, Parameter(help="The file to write; it must not exist yet.")]
WithRecipients = Annotated[
    bool,
    Parameter(
        name="--with-recipients",
        negative="",
        help="Give away who was written to as well: what is erased later stays in that file.",
    ),
]
Purpose = Annotated[str, Parameter(help="What it is for. It becomes part of the timeline.")]


def timeline(incident: IncidentName, /, *, output: Output = "text") -> None:
    """Read the timeline of an incident.

    What was decided, begun and done, by whom, when (UTC), and with what result.
    With -o json the entries are as they were signed.
    """
    settings = load()
    with Timeline.read(settings.timeline_path) as store:
        entries = [stored.entry for stored in store.entries(store.find(incident, HINT))]
    if output == "json":
        write_json([entry.fields for entry in entries])
    else:
        out().print(timeline_view.timeline(entries))


def export(
    incident: IncidentName,
    file: Target,
    /,
    *,
    purpose: Purpose = "",
    with_recipients: WithRecipients = False,
    output: Output = "text",
) -> None:
    """Write an incident's timeline to a file that others can verify.

    Entries, proofs, the signed checkpoint, evidence, and a timeline.md to read.
    Hand the log's public key over by another way than the file. The export itself
    becomes part of the timeline. Who was written to stays here, unless it is asked
    for: the file holds digests of them.
    """
    settings = load()
    with Timeline.read(settings.timeline_path) as reading:
        name = reading.find(incident, HINT)
    with (
        Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log) as store,
        Disclosures.open(settings.disclosures_path) if with_recipients else nullcontext() as disclosures,
    ):
        who = responder(settings).principal
        written = export_incident(store, name, file, who, purpose, disclosures=disclosures)
    if output == "json":
        facts = {"incident": name, "file": str(written.path), "entries": written.entries, "sha256": written.sha256}
        write_json(facts | {"key": str(public_key_path(settings))})
        return
    console = out()
    console.print(f"{written.path}: {written.entries:,} entries of {name}", soft_wrap=True)
    key = public_key_path(settings)
    console.print(f"sha256  {written.sha256}", style="dim")
    console.print(f"key     {key}", style="dim", soft_wrap=True)
    console.print(f"firedoor verify {written.path} --key {key.name}", style="cyan", soft_wrap=True)


def public_key_path(settings: Settings) -> Path:
    """The public half of the signing key."""
    return settings.signing_key_path.with_name(f"{settings.signing_key_path.name}.pub")
