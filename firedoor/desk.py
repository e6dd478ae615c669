"""Programs of the worker's side that a person at a front door needs at once, without an incident.

A front door never imports `activities`: it starts `python -m PROGRAM` there, with one line of JSON in and one line of
JSON out. A question may hold a secret: it goes through a pipe, never through an argument, a variable or a file.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from firedoor.app import app_folder
from firedoor.errors import FiredoorError

#: As `python -m`, but found in the folder that is its first argument, whatever the working directory holds: a relative
#: FIREDOOR_HOME keeps its meaning, and nobody's `boto3.py` beside the person is imported (-P).
_START = (
    "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); "
    "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
)
#: Seconds.
PATIENCE = 300.0


class DeskError(FiredoorError):
    """What a program of the worker's side answered instead of a result; `reason` is its own word."""

    def __init__(self, what: str, *, reason: str = "desk_failed", changed: str = "", next: str = "") -> None:
        super().__init__(what, changed=changed, next=next)
        self.reason = reason


async def ask(
    program: str,
    question: Mapping[str, Any],
    *,
    patience: float = PATIENCE,
    environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The answer of a program (`activities.intake`) to a question. It may take `patience` seconds.

    `environment` is the program's whole environment; None: ours.

    An answer `{"error": {"reason", "what", "changed", "next"}}` is raised as `DeskError`, as is no answer at all. A
    person who interrupts waits until the program has ended by itself: nothing is left half-way.
    """
    line = json.dumps(question).encode() + b"\n"
    answer = await asyncio.to_thread(_run, program, line, patience, environment)
    if isinstance(error := answer.get("error"), dict):
        known = {key: str(error.get(key, "")) for key in ("reason", "what", "changed", "next")}
        raise DeskError(known.pop("what"), **known)
    return answer


def _run(program: str, line: bytes, patience: float, environment: Mapping[str, str] | None) -> dict[str, Any]:
    command = [sys.executable, "-P", "-c", _START, str(app_folder()), program]
    try:
        # In a session of its own: what a terminal sends on Ctrl-C is not for a program that is changing something.
        done = subprocess.run(
            command,
            input=line,
            capture_output=True,
            timeout=patience,
            start_new_session=True,
            check=False,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        raise _silent(program, f"gave no answer in {patience:g} s, and was ended") from None
    try:
        answer = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        answer = None
    if not isinstance(answer, dict):
        raise _silent(program, f"ended with code {done.returncode} and no answer{_fault(done.stderr)}")
    return answer


def _fault(trace: bytes) -> str:
    """The type of the error that a trace ends with. Never its text, which could hold what was asked."""
    last = trace.decode(errors="replace").strip().rpartition("\n")[2]
    word = last.partition(":")[0]
    return f" ({word})" if word.isidentifier() or word.replace(".", "").isidentifier() else ""


def _silent(program: str, how: str) -> DeskError:
    return DeskError(
        f"The worker's side of firedoor ({program}) {how}.",
        changed="What it had begun stands in the timeline.",
        next="firedoor doctor says whether everything is there. Then try again: what was done is recognised.",
    )
