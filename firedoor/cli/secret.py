"""Secrets that a person gives: asked for without being shown, and handed to the worker's side, which stores them.

Here they live in a local variable and in a pipe. The server's form hands them over in the same way: `desk.ask`.
"""

import getpass
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from firedoor import desk
from firedoor.cli.case import Case
from firedoor.cli.console import err, interactive
from firedoor.errors import FiredoorError, UsageError
from firedoor.plain import plain
from firedoor.providers import providers
from firedoor.steps._step import Credential

SecretStdin = Annotated[
    bool,
    Parameter(name="--secret-stdin", negative="", help="Read the secret from stdin: for scripts, and for long ones."),
]

#: A terminal cuts lines that are longer off, without a word.
LINE = 4095
#: What the provider or the place says of a value that another one may cure.
WRONG_VALUE = "invalid_arguments"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A secret that a step asks for: `name` for people, whose credential it is, where it goes."""

    step: str
    name: str
    credential: Credential
    into: Sequence[str]
    target: str = ""
    description: str = ""
    required: bool = True


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a secret is now: the credential without its value, and the sentence that says so."""

    credential: dict[str, Any]
    sentence: str


def on_command_line(name: str) -> UsageError:
    """Why a secret is not taken from a command line."""
    return UsageError(
        f"{name} is a secret, and was not taken from the command line: there it stays in the shell's history, and "
        "every process of this machine can read it.",
        changed="Nothing was changed, and nothing was stored.",
        next="If it was the real one, it has leaked: create another. Leave it out, and you are asked for it without it "
        "being shown; a script pipes it in with --secret-stdin.",
    )


def check_reachable(names: Sequence[str], *, stdin: bool) -> None:
    """Raise `UsageError` where secrets can be had neither from a person nor from stdin, before anything is done."""
    if stdin and len(names) > 1:
        raise UsageError(
            f"--secret-stdin gives one secret, and there are {len(names)}: {', '.join(names)}.",
            changed="Nothing was changed.",
            next="Answer on a terminal.",
        )
    if not stdin and not interactive():
        raise UsageError(
            f"{', '.join(names)} is a secret, and there is nobody to ask here, for this is no terminal.",
            changed="Nothing was changed.",
            next="Run it on a terminal, or pipe the secret in and add --secret-stdin.",
        )


async def take(one: Case, wanted: Wanted, *, stdin: bool) -> Stored | None:
    """Ask for a secret and have it stored; None where it may be left out, and is. Raises `FiredoorError`.

    On a terminal a value that cannot be the right one is asked for again.
    """
    console = err()
    if not stdin:
        console.print(_said(wanted))
    while True:
        value = _piped() if stdin else _typed(wanted)
        if not value and not wanted.required:
            return None
        try:
            with console.status("Asking the provider, storing it, reading it back…"):
                stored = await _store(one, wanted, value)
        except desk.DeskError as error:
            if stdin or error.reason != WRONG_VALUE:
                raise
            console.print(plain(f"{error.what} {error.next}"), style="yellow")
            continue
        console.print(plain(stored.sentence), style="green")
        return stored


def _said(wanted: Wanted) -> Text:
    """Whose it is and where it goes, before it is asked for."""
    known = providers().get(wanted.credential.provider)
    title = known.title if known else wanted.credential.provider
    lines = [
        f"{wanted.description or wanted.name}",
        f"  goes into  {' and '.join(wanted.into)}",
        f"  {title} is asked whether it works. firedoor itself keeps only its fingerprint.",
    ]
    text = Text(plain("\n".join(lines)))
    text.stylize("bold", 0, len(plain(lines[0])))
    return text


def _typed(wanted: Wanted) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            # Not rich's own prompt: that is written before the terminal stops showing what is typed or pasted.
            value = getpass.getpass(f"{plain(wanted.name)} (not shown): ", stream=sys.stderr)
    except EOFError:
        raise UsageError(f"No value was given for {wanted.name}.", changed="Nothing was changed.") from None
    except getpass.GetPassWarning:
        raise UsageError(
            "This terminal cannot be kept from showing what is typed, so the secret is not asked for here.",
            changed="Nothing was changed.",
            next="Pipe it in, and add --secret-stdin.",
        ) from None
    if len(value.encode()) >= LINE:
        raise UsageError(
            f"A terminal takes {LINE} bytes in a line, and this value may have been cut off there.",
            changed="Nothing was changed.",
            next="Pipe it in, and add --secret-stdin.",
        )
    return value.strip()


def _piped() -> str:
    return sys.stdin.read().strip()


async def _store(one: Case, wanted: Wanted, value: str) -> Stored:
    question = {
        "incident": one.incident,
        "step": wanted.step,
        "target": wanted.target,
        "responder": one.responder.model_dump(mode="json"),
        "credential": wanted.credential.model_dump(mode="json"),
        "into": list(wanted.into),
        "value": value,
    }
    answer = await desk.ask("activities.intake", question)
    return Stored(answer["credential"], str(answer["sentence"]))


def though_stored(error: FiredoorError, again: str) -> FiredoorError:
    """The error of a decision that did not get through after the value was stored."""
    error.changed = f"The secret is stored, but the incident has not been told. {error.changed}".strip()
    error.next = f"{error.next}\n{again}, with the same value: it is recognised.".strip()
    return error
