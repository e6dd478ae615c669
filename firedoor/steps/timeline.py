"""Contracts of the steps that read firedoor's own timeline."""

from typing import Any, ClassVar

from pydantic import Field

from firedoor.plan import Effect
from firedoor.steps._step import Result, Step


class Changes(Result):
    """What an incident changed, and how each change is taken back."""

    changes: dict[str, list[dict[str, Any]]] = Field(
        description="For each step the arguments of its inverse, one set a changed target, the newest change first."
    )


class RecordedChanges(Step):
    """Read from the timeline what an incident changed and how it is taken back. Undo runs on it.

    The inverse of each change was recorded before the change was made. A change whose outcome is in doubt counts as
    made: its inverse looks at the provider before it acts, as every action does.
    Format of what is read: https://c2sp.org/tlog-checkpoint over the entries that docs/reference/timeline.md describes.
    """

    action: ClassVar[str] = "timeline.recorded_changes"
    effect: ClassVar[Effect] = Effect.READ
    result: ClassVar[type[Result]] = Changes

    incident: str = Field(min_length=1, description="The incident.")
    steps: list[str] = Field(description="The steps whose changes are read.")
