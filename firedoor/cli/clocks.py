"""`firedoor clocks`: legal and contractual deadlines, and what a person says of them. Nothing is ever filed."""

import datetime
from typing import Annotated

from cyclopts import Parameter

from firedoor.cli.case import case, given, tell
from firedoor.cli.console import err, out, write_json
from firedoor.cli.parameters import Output
from firedoor.cli.views import clocks as clocks_view
from firedoor.clock import MOMENTS, NOT_ADVICE, ClockView
from firedoor.config import load
from firedoor.engine import Engine
from firedoor.engine.clocks import all_clocks, clocks_of, decide_clock
from firedoor.errors import Exit, UsageError
from firedoor.incident import Decision, Timing
from firedoor.plain import plain

Words = Annotated[
    str,
    Parameter(
        help="An incident, to see its clocks; or declare, met or waive, the incident, and what happened or which clock."
    ),
]
At = Annotated[str, Parameter(help="Of declare and met: when, as 2026-11-29T14:30:00Z. Default: now.")]
Why = Annotated[
    str,
    Parameter(name=("--reason", "-r"), help="Of declare: the facts known then. Of met and waive: why. It is recorded."),
]

#: The words of a person, and the workflow's.
TASKS: dict[str, Timing] = {"declare": "declare", "met": "meet", "waive": "waive"}
USAGE = (
    "Usage: firedoor clocks [INCIDENT]\n"
    "       firedoor clocks declare INCIDENT MOMENT [--at TIME] --reason TEXT\n"
    "       firedoor clocks met INCIDENT CLOCK [--at TIME] --reason TEXT\n"
    "       firedoor clocks waive INCIDENT CLOCK --reason TEXT"
)


async def clocks(*words: Words, at: At = "", reason: Why = "", output: Output = "text") -> int:
    """List the clocks of all open incidents, the nearest first.

    Of one incident with its name: also those that were met or waived. Clocks
    start at moments: detected and aware firedoor sees by itself; declare says
    that it was classified, that materiality was decided, or corrects one.
    met says that somebody has sent what had to be sent; waive that it was
    decided not to. Each is recorded with its reason; nothing is ever filed.

    This is not legal advice: confirm every deadline with counsel.

    Examples
      firedoor clocks
      firedoor clocks declare 7EXAMPLE classified --reason '5,000 clients'
      firedoor clocks met 7EXAMPLE authority --reason 'receipt 4711'
      firedoor clocks waive 7EXAMPLE sec --reason 'not material, see memo'
    """
    match words:
        case [task, incident, name] if task in TASKS:
            given(reason)
            about = {"moment": name} if task == "declare" else {"clock": name}
            await _decide(TASKS[task], incident, {**about, "at": at, "reason": reason}, output)
            return 0
        case [task, *_] if task in TASKS:
            raise UsageError(f"`clocks {task}` takes an incident, and {_second(task)}.", next=USAGE)
        case [] | [_]:
            if at or reason:
                raise UsageError("A list takes neither --at nor --reason.", next=USAGE)
            return await _list(*words, output=output)
        case _:
            raise UsageError(f"{words[0]!r} is none of {', '.join(TASKS)}.", changed="Nothing was changed.", next=USAGE)


def _second(task: str) -> str:
    return f"what happened: {', '.join(MOMENTS)}" if task == "declare" else "the name of one of its clocks"


async def _decide(verb: Timing, incident: str, said: dict[str, str], output: Output) -> None:
    one = await case(incident)
    decision = Decision.model_validate({"responder": one.responder, **said})
    tell(one.incident, await decide_clock(one.engine, one.incident, verb, decision), output)


async def _list(incident: str = "", *, output: Output) -> int:
    engine = await Engine.connect(load())
    silent: list[str] = []
    if incident:
        found = await clocks_of(engine, await engine.find(incident))
    else:
        found, silent = await all_clocks(engine)
    if output == "json":
        write_json({"clocks": [one.model_dump(mode="json") for one in found], "unknown": silent, "note": NOT_ADVICE})
    elif found:
        now = datetime.datetime.now(datetime.UTC)
        out().print(clocks_view.clocks([_plain(one) for one in found], now, incidents=not incident))
    elif not silent:
        out().print("No clock runs. `clocks:` in a runbook names the deadlines that its incidents start.")
    if silent:
        err().print(f"No worker tells of the clocks of {', '.join(silent)}: there may be more.", style="bold red")
    return int(Exit.UNREACHABLE if silent else Exit.OK)


def _plain(one: ClockView) -> ClockView:
    """Reasons and titles are people's texts: nothing in them may steer the terminal."""
    texts = {name: plain(value) for name, value in one if type(value) is str}
    return one.model_copy(update=texts)
