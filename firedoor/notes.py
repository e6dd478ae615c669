"""What an incident writes down besides its actions, and what it has people told. Pure data."""

from typing import Any

from firedoor.incident import Attachment, Responder
from firedoor.plan import Frozen


class Note(Frozen):
    """An entry that a workflow or a person adds to the timeline: see `firedoor.timeline.entry` for the kinds.

    `key` is unique in the incident's run: the same key recorded twice is one entry.
    """

    incident: str
    key: str
    kind: str
    actor: Responder | None = None
    body: dict[str, Any] = {}
    step: str = ""
    attachments: tuple[Attachment, ...] = ()


class Notice(Frozen):
    """Something that people should hear now: who (sources of a policy, or principals), and the sentence.

    `urgent` notices are about what nobody agreed to beforehand: glass that was broken.
    """

    incident: str
    key: str
    step: str = ""
    to: tuple[str, ...]
    sentence: str
    command: str = ""
    urgent: bool = False
