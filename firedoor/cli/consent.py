"""The word yes: what is asked of a person before something is sent that changes more than the record."""

from firedoor.cli.console import err, interactive
from firedoor.errors import RefusedError


def consent(question: str, *, yes: bool, otherwise: str, next: str = "Add --yes to go on without being asked.") -> None:
    """Ask for the word yes. Raises `RefusedError`, with `otherwise` as its beginning, for any other word.

    `question` ends in a colon. `next` says what to do where there is nobody to ask.
    """
    if yes:
        return
    if not interactive():
        raise RefusedError(
            f"{otherwise}: there is nobody to ask here, for this is no terminal.",
            changed="Nothing was changed.",
            next=next,
        )
    if err().input(f"{question} ").strip() != "yes":
        raise RefusedError(f"{otherwise}: that was not the word yes.", changed="Nothing was changed.")
