"""A scenario: what is planted, who acts in it, how it is reported, and how containment is proved.

`firedoor/drill/rehearsal.py` stages any scenario; adding one is a module and a line in `firedoor/drill/scenarios.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from firedoor.config import Settings
from firedoor.drill.result import Proof
from firedoor.drill.slack.local import LocalSlack
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
    #: Whether its people are in Slack, and its alert arrives at a `firedoor serve`, however the drill is started.
    in_slack: ClassVar[bool] = False
    #: Whether mass work has a process of its own, as `firedoor up` starts it.
    bulk_apart: ClassVar[bool] = False
    #: An incident that has not ended after this many seconds is aborted, and the drill has proved nothing.
    limit: float = 150.0

    def adapted(self, runbook: str) -> str:
        """The text of the runbook as it is rehearsed: changed where `shortening` says so, and nowhere else."""
        return runbook

    def shortening(self) -> tuple[str, ...]:
        """What is shorter in this run."""
        return self.shortened

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

    def enter(self, slack: LocalSlack) -> None:
        """The Slack in which its people are, where they are in one, before anything is said there."""
        self.slack = slack

    async def settle(self, settings: Settings, tell: Callable[[str], None]) -> None:
        """The drill's own data folder is there, and nothing runs on it yet: put into it what belongs there.

        `tell` is for sentences about the stage, from now on.
        """
        self.settings, self.tell = settings, tell

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
