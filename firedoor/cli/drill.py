"""`firedoor drill`: rehearse an incident on emulators, and prove the end of it."""

import contextlib
import difflib
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from firedoor.cli.console import err, out, write_json
from firedoor.cli.parameters import Output
from firedoor.cli.screen import Screen
from firedoor.cli.views import conversation as conversation_view
from firedoor.cli.views import timeline as timeline_view
from firedoor.config import load
from firedoor.drill.ai_gateway_breached import CUSTOMERS, AiGatewayBreached
from firedoor.drill.conversation import WIDTH
from firedoor.drill.door import Door, Terminal
from firedoor.drill.in_slack import InSlack
from firedoor.drill.rehearsal import Audience
from firedoor.drill.rehearsal import drill as rehearse
from firedoor.drill.result import DrillResult
from firedoor.drill.scenario import Scenario
from firedoor.drill.scenarios import SCENARIOS
from firedoor.drill.slack.local import LocalSlack
from firedoor.errors import Exit, UsageError
from firedoor.timeline.entry import Entry
from firedoor.words import duration

#: A timeline with more entries is shown in short.
LINES = 150

Name = Annotated[str, Parameter(help=f"Which drill: {', '.join(SCENARIOS)}. Default: aws-access-key-leaked.")]
Keep = Annotated[
    Path | None,
    Parameter(
        help=(
            "Leave report.html, result.json, incident.zip, timeline.pub, the data and any conversation.txt in this new "
            "folder."
        )
    ),
]
InTheirSlack = Annotated[
    bool,
    Parameter(
        name="--slack",
        negative=(),
        help="People decide in a Slack on this machine, by its buttons. Shows the conversation at the end.",
    ),
]
Customers = Annotated[
    int, Parameter(help=f"Of {AiGatewayBreached.name}: how many customers there are. Default: {CUSTOMERS}.")
]


async def drill(
    name: Name = "aws-access-key-leaked",
    /,
    *,
    slack: InTheirSlack = False,
    customers: Customers = 0,
    keep: Keep = None,
    output: Output = "text",
) -> int:
    """Rehearse an incident on this machine, with proof.

    Starts a Temporal server, a worker and an emulator of their own, plants an
    attacker beside a production workload, and lets the runbook contain it. The
    proof is that the emulator refuses the attacker afterwards.

    With --slack the alert arrives at a `firedoor serve`, or somebody types
    /firedoor, and whoever is on call answers in Slack. That Slack is a fake on
    loopback; nothing is sent anywhere.

    Exit code 3 when containment was not proved.
    """
    scenario = _scenario(name, customers)
    with _door(in_slack=slack or scenario.in_slack) as door:
        return await _drill(scenario, door, keep, output, conversation=slack)


@contextlib.contextmanager
def _door(*, in_slack: bool) -> Generator[Door]:
    """How people come in."""
    if not in_slack:
        yield Terminal()
        return
    console = out()
    width = min(WIDTH, console.width) if console.is_terminal else WIDTH
    with LocalSlack() as running:
        yield InSlack(running, width=width)


async def _drill(scenario: Scenario, door: Door, keep: Path | None, output: Output, *, conversation: bool) -> int:
    if output == "json":
        result = await rehearse(scenario, load(), Audience(), keep, door)
        write_json(result.model_dump(mode="json"))
        return _code(result)
    record: list[Entry] = []
    console = out()
    console.print(Text(scenario.title, style="bold"))
    with Screen(console) as screen:
        async with screen.ticking():
            audience = Audience(show=screen.show, tell=screen.tell, record=record.extend)
            result = await rehearse(scenario, load(), audience, keep, door)
    _end(result, record, keep, conversation=conversation)
    return _code(result)


def _scenario(name: str, customers: int) -> Scenario:
    if name == AiGatewayBreached.name:
        return AiGatewayBreached(customers or CUSTOMERS)
    if customers:
        raise UsageError(f"The drill {name} has no customers.", next=f"--customers is for {AiGatewayBreached.name}.")
    if name in SCENARIOS:
        return SCENARIOS[name]()
    near = difflib.get_close_matches(name, SCENARIOS, n=1, cutoff=0.4)
    raise UsageError(
        f"There is no drill {name!r}.",
        next=f"Did you mean {near[0]}?" if near else f"There are: {', '.join(SCENARIOS)}.",
    )


def _code(result: DrillResult) -> int:
    return int(Exit.OK if result.contained else Exit.NOT_CONTAINED)


def _end(result: DrillResult, record: Sequence[Entry], keep: Path | None, *, conversation: bool) -> None:
    console = out()
    if conversation and result.conversation:
        console.print(Text("\nSlack", style="bold"))
        console.print(conversation_view.conversation(result.conversation), end="")
    console.print(Text("\nTimeline", style="bold"))
    console.print(timeline_view.timeline(record) if len(record) <= LINES else timeline_view.short(record))
    console.print()
    icon, style = ("✓", "bold green") if result.contained else ("✗", "bold red")
    console.print(Text(f"{icon} {result.sentence}", style=style))
    for name, value in result.proof.facts.items():
        console.print(Text.assemble((f"  {name:<16}", "dim"), value))
    took = f"{duration(result.seconds)} from the report to the proof, {duration(result.setup_seconds)} to set up"
    console.print(Text(took, style="dim"))
    if keep:
        command = f"firedoor verify {keep / 'incident.zip'} --key {keep / 'timeline.pub'}"
        console.print(command, style="cyan", soft_wrap=True)
        console.print(f"The report: {keep / 'report.html'}", soft_wrap=True)
    for sentence in result.shortened:
        err().print(Text(f"Shortened: {sentence}", style="dim"))
