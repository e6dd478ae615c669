"""Wires the verbs and turns every way of ending into an exit code. The one error handler of the command line."""

import contextlib
import difflib
import os
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import NoReturn

from cyclopts import App, CycloptsError

from firedoor.cli import failure
from firedoor.cli.console import abandon_stdout, err, prepare
from firedoor.cli.verbs import VERBS
from firedoor.cli.version import installed_version
from firedoor.errors import Exit, FiredoorError, UsageError

NAMES = tuple(verb.name for verb in VERBS)


def build() -> App:
    """The application. Each verb's module is imported when the verb is used."""
    app = App(name="firedoor", version=installed_version, help_flags=(), help_format="plaintext", backend="asyncio")
    for verb in VERBS:
        app.command(f"firedoor.cli.{verb.place}", name=verb.name, help_flags=())
    return app


def main(arguments: Sequence[str]) -> NoReturn:
    """Run the command line as the process's only work: what nobody expected is kept in a file for a report."""
    sys.excepthook = _unexpected
    prepare()
    _leave(run(arguments))


def _unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    failure.report(kind, error, trace)
    _leave(int(Exit.FAILED))


def _leave(code: int) -> NoReturn:
    """End the process without the interpreter's own end.

    The threads of Temporal's client may still come back to Python while that is being taken down, and then the process
    dies with a signal instead of its exit code (seen in 2 of 13 commands).
    """
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; its exit code (`firedoor.errors.Exit`)."""
    try:
        code = _call(arguments)
        sys.stdout.flush()
    except FiredoorError as error:
        failure.show(error, err())
        return int(error.exit)
    except BrokenPipeError:
        return abandon_stdout()
    except KeyboardInterrupt:
        err().print("\nInterrupted. An incident that is running goes on; `firedoor list` shows it.")
        return int(Exit.INTERRUPTED)
    return code


def _call(arguments: Sequence[str]) -> int:
    verb = next(iter(arguments), "")
    if verb and not verb.startswith("-") and verb not in NAMES:
        near = difflib.get_close_matches(verb, NAMES, n=2, cutoff=0.5)
        hint = f"Did you mean {' or '.join(near)}?" if near else "firedoor --help lists the verbs."
        raise UsageError(f"There is no verb {verb!r}.", next=hint)
    app = build()
    app.suppress_keyboard_interrupt = False
    try:
        result = app(list(arguments), exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        raise UsageError(str(error), next=_usage(verb)) from None
    return int(result or 0)


def _usage(name: str) -> str:
    for verb in VERBS:
        if verb.name == name:
            return f"Usage: firedoor {verb.name} {verb.usage}".rstrip() + f"\nfiredoor {verb.name} --help says more."
    return "firedoor --help lists the verbs."
