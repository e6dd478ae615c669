"""How a state looks: a sign, a word and a style. The word alone must do, for whoever sees no colour. Pure."""

from dataclasses import dataclass

from rich.text import Text

from firedoor.incident import IncidentState, StepState
from firedoor.plan import Effect, Verdict
from firedoor.words import plural


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign of one column, a word, a rich style."""

    icon: str
    word: str
    style: str

    def text(self) -> Text:
        """The sign and the word."""
        return Text(f"{self.icon} {self.word}", style=self.style)


STEPS = {
    StepState.PENDING: Sign("○", "pending", "dim"),
    StepState.WAITING_APPROVAL: Sign("?", "needs approval", "bold yellow"),
    StepState.WAITING_ANSWER: Sign("?", "needs answer", "bold yellow"),
    StepState.SLEEPING: Sign("◷", "sleeping", "blue"),
    StepState.PAUSED: Sign("‖", "paused", "bold blue"),
    StepState.RUNNING: Sign("▶", "running", "cyan"),
    StepState.NEEDS_ATTENTION: Sign("!", "NEEDS YOU", "bold red"),
    StepState.DONE: Sign("✓", "done", "green"),
    StepState.SKIPPED: Sign("-", "skipped", "dim"),
    StepState.ABORTED: Sign("✗", "aborted", "red"),
}

INCIDENTS = {
    IncidentState.RUNNING: Sign("▶", "running", "cyan"),
    IncidentState.WAITING: Sign("?", "waits for people", "bold yellow"),
    IncidentState.PAUSED: Sign("‖", "paused", "bold blue"),
    IncidentState.NEEDS_ATTENTION: Sign("!", "NEEDS YOU", "bold red"),
    IncidentState.COMPLETED: Sign("✓", "completed", "green"),
    IncidentState.ABORTED: Sign("✗", "aborted", "red"),
}

VERDICTS = {
    Verdict.CONTAINED: Sign("✓", "contained", "bold green"),
    Verdict.NOT_CONTAINED: Sign("✗", "NOT CONTAINED", "bold red"),
    Verdict.UNKNOWN: Sign("?", "UNKNOWN", "bold yellow"),
    Verdict.RESTORED: Sign("✓", "restored", "bold green"),
    Verdict.NOT_RESTORED: Sign("✗", "NOT RESTORED", "bold red"),
}

EFFECTS = {
    Effect.READ: Sign("○", "reads", "dim"),
    Effect.REVERSIBLE: Sign("●", "changes", "yellow"),
    Effect.DESTRUCTIVE: Sign("!", "DESTROYS", "bold red"),
}


def blast(counts: dict[str, int]) -> str:
    """The blast radius in words, the largest number first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return " · ".join(plural(number, kind) for kind, number in ordered if number)
