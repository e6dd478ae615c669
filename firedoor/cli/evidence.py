"""What a person adds to the record: a sentence, files, another alert."""

import base64
import mimetypes
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from firedoor.alerts import SOURCES
from firedoor.cli.case import case, tell
from firedoor.cli.parameters import IncidentName, Output
from firedoor.deliveries.message import alert_of
from firedoor.errors import RefusedError, UsageError
from firedoor.incident import Attachment, Decision
from firedoor.runbook.document import SECRET

#: A larger file is no note: Temporal would have to carry it.
MOST_BYTES = 1 << 20

Words = Annotated[str, Parameter(help="The note. Quotes are not needed.")]
Files = Annotated[
    tuple[Path, ...], Parameter(name="--file", negative="", help="A file to keep with it, up to 1 MiB. Repeatable.")
]
Anyway = Annotated[bool, Parameter(name="--anyway", negative="", help="Add it although it looks like a live secret.")]
Message = Annotated[Path, Parameter(help="The file of the alert: one message, as the source sent it.")]
SourceName = Annotated[str, Parameter(help=f"Who sent the alert: {', '.join(SOURCES)}.")]


async def note(
    incident: IncidentName, /, *text: Words, file: Files = (), anyway: Anyway = False, output: Output = "text"
) -> None:
    """Add a sentence, or files, to the timeline.

    What is in the timeline stays there. What looks like a live secret is
    refused, for everybody who gets the record could use it.

    Example
      firedoor note 7EXAMPLE called the customer, they confirm
      firedoor note 7EXAMPLE 'mail of the researcher' --file mail.eml
    """
    said = " ".join(text) or ", ".join(path.name for path in file)
    if not said.strip():
        raise UsageError("The note is empty.", next="Usage: firedoor note INCIDENT TEXT… [--file PATH]…")
    attachments = tuple(attachment(path, anyway=anyway) for path in file)
    if not anyway:
        _without_secret(said, "The note")
    one = await case(incident)
    await one.decide("note", Decision(responder=one.responder, reason=said, attachments=attachments), output)


async def attach(incident: IncidentName, file: Message, /, *, source: SourceName, output: Output = "text") -> None:
    """Attach another alert to a running incident.

    The file holds one message as the source sent it. It is checked, counted and
    recorded; the incident goes on as it was.

    Example
      firedoor attach 7EXAMPLE finding.json --source guardduty
    """
    alert = alert_of(source, {}, _read(file))
    one = await case(incident)
    number = await one.engine.attach(one.incident, alert, one.responder)
    tell(one.incident, f"{alert.title or alert.id} is attached: alert {number} of this incident.", output)


def attachment(path: Path, *, anyway: bool) -> Attachment:
    """A file as it travels. Raises `UsageError` where it is unreadable or too large, `RefusedError` for a secret."""
    data = _read(path)
    if not anyway:
        _without_secret(data.decode("latin-1"), f"{path}")
    kind, _ = mimetypes.guess_type(path.name)
    return Attachment(
        name=path.name, type=kind or "application/octet-stream", data=base64.b64encode(data).decode("ascii")
    )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}.", changed="Nothing was changed.", next="Correct the path."
        ) from None
    if len(data) > MOST_BYTES:
        raise UsageError(
            f"{path} is larger than 1 MiB, too large for the timeline.",
            changed="Nothing was changed.",
            next="Keep it where your evidence is kept, and note where that is and its SHA-256:\n"
            f"firedoor note INCIDENT \"disk image in the evidence store, $(sha256sum '{path}')\"\n"
            "Or attach the part of it that matters.",
        )
    return data


def _without_secret(text: str, where: str) -> None:
    if SECRET.search(text):
        raise RefusedError(
            f"{where} holds what looks like a live secret. It was not added.",
            changed="Nothing was changed.",
            next="Take the secret out: the timeline is kept, exported and read by many.\n"
            "If it is none, or is dead already, add --anyway.",
        )
