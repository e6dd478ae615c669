"""What the workflow itself adds to the timeline: decisions, states, what people did."""

from dataclasses import dataclass
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from firedoor.errors import FiredoorError
from firedoor.incident import Note
from firedoor.timeline.entry import Draft, Kind
from firedoor.timeline.writer import Writer


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
        body: dict[str, Any] = {"actor": _actor(note), "cause": cause, **note.body}
        draft = Draft(
            kind=Kind(note.kind),
            incident=note.incident,
            idem=f"{info.namespace}/{info.workflow_id}/{info.workflow_run_id}/{note.key}",
            body=body,
        )
        try:
            [receipt] = await self.writer.append(draft)
        except FiredoorError as error:
            raise ApplicationError(error.what, type="record_failed") from error
        return receipt.id


def _actor(note: Note) -> dict[str, Any]:
    if note.actor is None:
        return {"kind": "workflow", "id": note.incident}
    kind = "human" if note.actor.principal.startswith("user:") else "system"
    return {"kind": kind, "id": note.actor.principal, "auth": note.actor.auth}
