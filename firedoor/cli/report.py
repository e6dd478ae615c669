"""`firedoor report`: an incident for people who were not there. Needs the stores, and no Temporal."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from firedoor.cli.console import out, write_json
from firedoor.cli.identity import responder
from firedoor.cli.parameters import IncidentName, Output
from firedoor.cli.record import HINT, public_key_path
from firedoor.config import load
from firedoor.report.making import make
from firedoor.timeline.store import Timeline

Target = Annotated[Path, Parameter(help="The page to write, .html or .md; neither it nor its bundle, .zip, may exist.")]


def report(incident: IncidentName, file: Target, /, *, output: Output = "text") -> None:
    """Write the report of an incident, with its proof beside it.

    What happened, each verdict with its evidence, what was rotated, how many
    customers were told and have rotated, clocks, who approved what. The export
    that proves it is written beside it, and becomes part of the timeline.

    Example
      firedoor report 7EXAMPLE report.html
    """
    settings = load()
    with Timeline.read(settings.timeline_path) as reading:
        name = reading.find(incident, HINT)
    made = make(settings, name, file, responder(settings).principal)
    seen = made.proofs.verification
    if output == "json":
        facts = {"incident": name, "file": str(made.path), "bundle": str(made.bundle), "sha256": seen.bundle_sha256}
        write_json(facts | {"entries": seen.entries, "verified": seen.ok, "key": str(public_key_path(settings))})
        return
    console = out()
    console.print(f"{made.path}: the report of {name}", soft_wrap=True)
    console.print(f"{made.bundle}: {seen.entries:,} entries that prove it", soft_wrap=True)
    console.print(f"sha256  {seen.bundle_sha256}", style="dim")
    console.print(f"firedoor verify {made.bundle} --key {public_key_path(settings).name}", style="cyan", soft_wrap=True)
