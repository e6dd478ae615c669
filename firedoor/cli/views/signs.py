"""How a state looks: a sign, a word and a style. The word alone must do, for whoever sees no colour. Pure."""

from dataclasses import dataclass

from rich.text import Text

from firedoor import phrases
from firedoor.incident import IncidentState, StepState
from firedoor.plan import Effect, Verdict


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
    StepState.PENDING: Sign(*phrases.STEPS[StepState.PENDING], "dim"),
    StepState.WAITING_APPROVAL: Sign(*phrases.STEPS[StepState.WAITING_APPROVAL], "bold yellow"),
    StepState.WAITING_ANSWER: Sign(*phrases.STEPS[StepState.WAITING_ANSWER], "bold yellow"),
    StepState.SLEEPING: Sign(*phrases.STEPS[StepState.SLEEPING], "blue"),
    StepState.PAUSED: Sign(*phrases.STEPS[StepState.PAUSED], "bold blue"),
    StepState.RUNNING: Sign(*phrases.STEPS[StepState.RUNNING], "cyan"),
    StepState.NEEDS_ATTENTION: Sign(*phrases.STEPS[StepState.NEEDS_ATTENTION], "bold red"),
    StepState.DONE: Sign(*phrases.STEPS[StepState.DONE], "green"),
    StepState.SKIPPED: Sign(*phrases.STEPS[StepState.SKIPPED], "dim"),
    StepState.ABORTED: Sign(*phrases.STEPS[StepState.ABORTED], "red"),
}

INCIDENTS = {
    IncidentState.RUNNING: Sign(*phrases.INCIDENTS[IncidentState.RUNNING], "cyan"),
    IncidentState.WAITING: Sign(*phrases.INCIDENTS[IncidentState.WAITING], "bold yellow"),
    IncidentState.PAUSED: Sign(*phrases.INCIDENTS[IncidentState.PAUSED], "bold blue"),
    IncidentState.NEEDS_ATTENTION: Sign(*phrases.INCIDENTS[IncidentState.NEEDS_ATTENTION], "bold red"),
    IncidentState.COMPLETED: Sign(*phrases.INCIDENTS[IncidentState.COMPLETED], "green"),
    IncidentState.ABORTED: Sign(*phrases.INCIDENTS[IncidentState.ABORTED], "red"),
}

VERDICTS = {
    Verdict.CONTAINED: Sign(*phrases.VERDICTS[Verdict.CONTAINED], "bold green"),
    Verdict.NOT_CONTAINED: Sign(*phrases.VERDICTS[Verdict.NOT_CONTAINED], "bold red"),
    Verdict.UNKNOWN: Sign(*phrases.VERDICTS[Verdict.UNKNOWN], "bold yellow"),
    Verdict.RESTORED: Sign(*phrases.VERDICTS[Verdict.RESTORED], "bold green"),
    Verdict.NOT_RESTORED: Sign(*phrases.VERDICTS[Verdict.NOT_RESTORED], "bold red"),
}

EFFECTS = {
    Effect.READ: Sign(*phrases.EFFECTS[Effect.READ], "dim"),
    Effect.REVERSIBLE: Sign(*phrases.EFFECTS[Effect.REVERSIBLE], "yellow"),
    Effect.DESTRUCTIVE: Sign(*phrases.EFFECTS[Effect.DESTRUCTIVE], "bold red"),
}
