"""What the workflow itself adds to the timeline: decisions, states, what people did."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from firedoor.canonical import sha256_hex
from firedoor.errors import FiredoorError
from firedoor.incident import Attachment
from firedoor.notes import Note
from firedoor.timeline.entry import Draft, Kind
from firedoor.timeline.writer import Writer

#: Parts of a note over this many bytes go beside the log, by their SHA-256.
INLINE = 8192


@dataclass(frozen=True, slots=True)
class TimelineActivities:
    """Activities on the timeline of this worker."""

    writer: Writer

    @activity.defn(name="timeline.record")
    async def record(self, note: Note) -> str:
        """Append the note; the same key in the same run is one entry. Returns the entry's id.

        Raises a retryable failure while the timeline cannot be written: the workflow waits for it.
        """
        info = activity.info()
        cause: dict[str, Any] = {"ns": info.namespace, "wf": info.workflow_id, "run": info.workflow_run_id}
        if note.step:
            cause["step"] = note.step
        said, beside = _apart(note.body)
        files = tuple(_file(attachment) for attachment in note.attachments)
        body: dict[str, Any] = {"actor": _actor(note), "cause": cause, **said}
        if files:
            body["evidence"] = [
                {"name": one.name, "type": one.type, "size": len(data), "sha256": sha256_hex(data)}
                for one, data in zip(note.attachments, files, strict=True)
            ]
        draft = Draft(
            kind=Kind(note.kind),
            incident=note.incident,
            idem=f"{info.namespace}/{info.workflow_id}/{info.workflow_run_id}/{note.key}",
            body=body,
            attachments=(*beside, *files),
        )
        try:
            [receipt] = await self.writer.append(draft)
        except FiredoorError as error:
            raise ApplicationError(error.what, type="record_failed") from error
        return receipt.id


def _apart(body: dict[str, Any]) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    """The body with every large part (a list of 10,000 inputs) replaced by its digest, and these parts as evidence."""
    said: dict[str, Any] = {}
    beside = []
    for key, value in body.items():
        text = json.dumps(value, sort_keys=True).encode()
        if len(text) <= INLINE:
            said[key] = value
            continue
        said[key] = {"sha256": sha256_hex(text), "size": len(text), "type": "application/json"}
        beside.append(text)
    return said, tuple(beside)


def _file(attachment: Attachment) -> bytes:
    try:
        return base64.b64decode(attachment.data, validate=True)
    except binascii.Error as error:
        raise ApplicationError(
            f"The file {attachment.name} is not base64.", type="invalid_arguments", non_retryable=True
        ) from error


def _actor(note: Note) -> dict[str, Any]:
    """Who it was, and how the front door made sure of it."""
    if note.actor is None:
        return {"kind": "workflow", "id": note.incident}
    kind = "human" if note.actor.principal.startswith("user:") else "system"
    identity = {"identity": note.actor.identity} if note.actor.identity else {}
    return {"kind": kind, "id": note.actor.principal, "auth": note.actor.auth, **identity}
