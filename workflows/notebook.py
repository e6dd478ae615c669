"""What a workflow writes into the timeline of its incident, and what it has people told."""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from firedoor.incident import Attachment, Responder
    from firedoor.notes import Note, Notice

RECORD = "timeline.record"
TELL = "people.tell"
PATIENCE = timedelta(seconds=30)
TELLING = timedelta(minutes=5)
#: For what has to come about however long it takes.
ENDLESS = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=PATIENCE)


class Notebook:
    """The notes and notices of one workflow about one incident."""

    def __init__(self, incident: str) -> None:
        self.incident = incident
        self.told = 0
        self._telling: list[workflow.ActivityHandle[Any]] = []

    async def note(
        self,
        key: str,
        kind: str,
        say: str,
        *,
        actor: Responder | None = None,
        step: str = "",
        attachments: tuple[Attachment, ...] = (),
        **body: Any,
    ) -> str:
        """Add an entry to the timeline; returns its id when it is durable. The same key is one entry, ever."""
        note = Note(
            incident=self.incident,
            key=key,
            kind=kind,
            actor=actor,
            step=step,
            body={"say": say, **body},
            attachments=attachments,
        )
        entry: str = await workflow.execute_local_activity(
            RECORD, note, result_type=str, start_to_close_timeout=PATIENCE, retry_policy=ENDLESS
        )
        return entry

    def tell(
        self, to: tuple[str, ...], sentence: str, *, step: str = "", command: str = "", urgent: bool = False
    ) -> None:
        """Have people told. The incident does not wait for it; a channel that fails is recorded, and nothing else."""
        self.told += 1
        notice = Notice(
            incident=self.incident,
            key=f"tell/{self.told}",
            step=step,
            to=to,
            sentence=sentence,
            command=command,
            urgent=urgent,
        )
        self._telling.append(
            workflow.start_activity(
                TELL,
                notice,
                start_to_close_timeout=PATIENCE,
                schedule_to_close_timeout=TELLING,
                summary=sentence,
                cancellation_type=workflow.ActivityCancellationType.TRY_CANCEL,
            )
        )

    async def told_all(self) -> None:
        """Wait for the notices that are under way."""
        await asyncio.gather(*self._telling, return_exceptions=True)
