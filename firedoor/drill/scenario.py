"""A scenario: what is planted, who acts in it, how it is reported, and how containment is proved.

`firedoor/drill/rehearsal.py` stages any scenario; adding one is a module and a line in `firedoor/drill/scenarios.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from firedoor.config import Settings
from firedoor.drill.result import Proof
from firedoor.incident import Verb
from firedoor.plan import Plan
from firedoor.supervisor import Supervisor


@dataclass(frozen=True, slots=True)
class Reply:
    """What the scripted responder does when a step waits: the verb, its reason, and for `answer` the form.

    With `after`, not before that step has ended.
    """

    verb: Verb
    reason: str = ""
    answers: Mapping[str, Any] = field(default_factory=dict)
    after: str = ""


class Scenario(ABC):
    """One rehearsal. Its methods are called in the order in which they stand here."""

    #: The name of the drill and of the runbook that must be started.
    name: ClassVar[str]
    #: One line for people.
    title: ClassVar[str]
    #: What is so when `begin` has returned.
    begun: ClassVar[str] = "The attacker is in: every stolen credential works. Production works as well."
    #: Who answers and approves.
    responder: ClassVar[str] = "user:ada"
    #: Step → what the responder does when it waits for somebody, or sleeps.
    script: ClassVar[Mapping[str, Reply]]
    #: What is shorter than in a real incident, in sentences.
    shortened: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    async def set_up(self, supervisor: Supervisor, settings: Settings, folder: Path, plan: Plan) -> None:
        """Start emulators in `folder` and plant what is there before the incident.

        The responder gets the permissions that `plan` needs, and no others.
        """

    @abstractmethod
    def configuration(self) -> Mapping[str, Any]:
        """What goes into the drill's firedoor.toml, a table by its name."""

    @abstractmethod
    def worker_environment(self) -> Mapping[str, str]:
        """The variables that only the worker gets: the responder's credentials."""

    @abstractmethod
    async def begin(self) -> None:
        """Let the attacker and the workload loose; returns when the attack is seen to succeed."""

    def alert(self) -> tuple[str, bytes] | None:
        """The alert that reports it: its source, and the body as it would arrive; None: a person starts it."""
        return None

    def inputs(self) -> Mapping[str, str]:
        """What the person types who starts it."""
        return {}

    def pasted(self, step: str) -> Mapping[str, str]:
        """What the responder types into the hidden prompts of a step, by field."""
        return {}

    async def heard(self, step: str) -> bool:
        """The responder has done something at a step: whoever on the stage hears of it acts now. Did anybody?"""
        return False

    @abstractmethod
    async def prove(self) -> Proof:
        """Ask the emulators, now that the incident has ended: is the attacker out, is the workload alive?"""

    @abstractmethod
    async def tear_down(self) -> None:
        """Stop everybody. The emulators end with the supervisor."""
