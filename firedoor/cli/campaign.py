"""`firedoor campaign`: where campaigns stand, and the hand on their tap."""

import asyncio
import dataclasses
import datetime
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.console import Console, RenderableType

from firedoor.campaign import Flow, MessageState
from firedoor.cli.bounces import PIPE, bounces
from firedoor.cli.consent import consent
from firedoor.cli.console import err, interactive, out, write_json
from firedoor.cli.identity import responder
from firedoor.cli.painter import Painter
from firedoor.cli.parameters import Output, Watch, Yes
from firedoor.cli.views import campaign as campaign_view
from firedoor.cli.views import told as told_view
from firedoor.config import Settings, load
from firedoor.engine.campaigns import Campaigns, Picture, Steered
from firedoor.errors import Exit, UsageError
from firedoor.plain import plain
from firedoor.words import plural

#: Seconds between two pictures.
TICK = 1.0
#: Customers, tasks and doubts that are shown.
MOST = 10

Task = Annotated[
    Literal["list", "show", "pause", "resume", "retry-failed", "reached", "stop", "bounces"],
    Parameter(
        help="list (the default): all of them. show: one, with --watch live. pause and resume. retry-failed: send again"
        " what was lost. reached: somebody has telephoned these customers. stop: for good. bounces: read mail that came"
        " back.",
        show_choices=False,
    ),
]
Name = Annotated[
    str,
    Parameter(
        help="The campaign, INCIDENT.STEP; or a part of that which only one has, or its incident. Of bounces: a file, a"
        " Maildir, or - for standard input.",
        allow_leading_hyphen=True,
    ),
]
Customers = Annotated[
    str, Parameter(help="Of reached: the customers, as the registry calls them. Of show: one, to see its messages.")
]
Listed = Annotated[
    Path | None,
    Parameter(
        name="--file",
        allow_leading_hyphen=True,
        help="Of reached: a file with customers, one a line; - is standard input.",
    ),
]
Why = Annotated[
    str, Parameter(name=("--reason", "-r"), help="Why. It becomes part of the timeline; stop and reached need it.")
]
InDoubt = Annotated[
    bool,
    Parameter(
        name="--in-doubt", negative="", help="Of retry-failed: also what may have arrived, which then arrives twice."
    ),
]
#: The options, and what they go with.
BELONGS: dict[str, tuple[str, ...]] = {
    "reason": ("pause", "resume", "retry-failed", "reached", "stop"),
    "in_doubt": ("retry-failed",),
    "file": ("reached",),
    "watch": ("show",),
}
#: What each verb makes of a campaign.
STEERS: dict[str, tuple[Flow, str]] = {
    "pause": (Flow.PAUSED, "is paused: no further message leaves"),
    "resume": (Flow.RUNNING, "goes on"),
    "stop": (Flow.STOPPED, "is stopped for good: what has not left will not"),
}


async def campaign(
    task: Task = "list",
    name: Name = "",
    /,
    *customers: Customers,
    file: Listed = None,
    reason: Why = "",
    in_doubt: InDoubt = False,
    watch: Watch = False,
    yes: Yes = False,
    output: Output = "text",
) -> int:
    """See how far customers are, and steer what is sent to them.

    What counts is who has replaced its credentials, not who was written to: by
    cohort and by provider, the slowest customers first. What needs a person, and
    what is in doubt, stands below with what to do.

    stop and pause take effect within a second, with Temporal down as well: every
    sender looks into the store before each message. Nothing is sent twice by
    itself; retry-failed sends again what surely did not arrive, and --in-doubt
    also what may have. reached closes the task of whoever was told another way, by
    telephone say: the contract's clock counts it.

    bounces reads what mail servers send back later, and goes on to the next
    contact. It ends as they understand: docs/how-to/mail.md.

    Example
      firedoor campaign show 7EXAMPLE --watch
      firedoor campaign show 7EXAMPLE acme
      firedoor campaign reached 7EXAMPLE acme --reason 'telephoned Ada, their CISO'
      firedoor campaign stop 7EXAMPLE.notify --reason 'wrong list'
    """
    _refuse_stray(task, name, customers=customers, file=file, reason=reason, in_doubt=in_doubt, watch=watch)
    if task == "bounces":
        return await bounces(name or PIPE, output)
    if task == "list":
        return _list(load(), output)
    with Campaigns.open(load()) as campaigns:
        found = campaigns.find(name)
        if task == "show" and watch:
            return await _watch(campaigns, found, output)
        if task == "show":
            return _told(campaigns, found, customers[0], output) if customers else _show(campaigns, found, output)
        if task == "retry-failed":
            return await _retry(campaigns, found, reason, doubtful=in_doubt, yes=yes, output=output)
        if task == "reached":
            return await _reached(campaigns, found, [*customers, *_listed(file)], reason, output)
        return await _steer(campaigns, found, task, reason, output)


def _refuse_stray(task: str, name: str, **given: Any) -> None:
    """Raises `UsageError` for an option that belongs to another task, and for a name that is missing."""
    for option, tasks in BELONGS.items():
        if given[option] and task not in tasks:
            word = f"--{option.replace('_', '-')}"
            raise UsageError(f"{word} goes with {' and '.join(tasks)}, not with {task}.")
    several = given["customers"][1:] or given["watch"] if task == "show" else task != "reached"
    if given["customers"] and several:
        raise UsageError(f"{task} takes one name: {given['customers'][-1]!r} is one word too many.")
    if task not in {"list", "bounces"} and not name:
        raise UsageError(f"Which campaign? {task} needs its name.", next="firedoor campaign list shows them.")
    if task == "list" and name:
        raise UsageError("list takes no name.", next=f"Usage: firedoor campaign show {name}")


def _reason(task: str, reason: str) -> str:
    """The reason; a stop has to have one."""
    if reason.strip() or task != "stop":
        return reason.strip()
    if interactive():
        reason = err().input("Why is it stopped? It becomes part of the timeline: ").strip()
    if not reason:
        what = "A stop needs a reason: it is for good, and the timeline keeps why."
        raise UsageError(what, changed="Nothing was changed.", next="Add --reason TEXT.")
    return reason


def _none(output: str) -> int:
    if output == "json":
        write_json([])
    else:
        out().print("There are no campaigns. docs/how-to/campaigns.md says how a runbook tells customers.")
    return 0


def _list(settings: Settings, output: str) -> int:
    if not settings.outbox_path.exists():
        return _none(output)
    with Campaigns.open(settings) as campaigns:
        found = campaigns.all()
    if output == "json":
        write_json(
            [
                {"incident": row.incident, "step": row.step, "began": row.began, **standing.model_dump(mode="json")}
                for row, standing in found
            ]
        )
    elif found:
        out().print(campaign_view.listing(found))
    else:
        return _none(output)
    return 0


def _show(campaigns: Campaigns, found: str, output: str) -> int:
    picture = campaigns.picture(found, MOST)
    if output == "json":
        write_json(document(picture))
    else:
        out().print(campaign_view.campaign(picture, _now()))
    return 0


def _told(campaigns: Campaigns, found: str, customer: str, output: str) -> int:
    """One customer: how far it is, with whom it was told, and where its messages stand."""
    one = campaigns.told(found, customer)
    if output == "json":
        told_with = one.recipient.customer if one.asked != one.recipient.customer else ""
        messages = [dataclasses.asdict(each) | {"state": each.state.value} for each in one.messages]
        about = {"campaign": found, **_person(one.recipient), "customer": one.asked, "told_with": told_with}
        write_json(about | {"others": one.others, "task": one.recipient.task, "messages": messages})
    else:
        out().print(told_view.told(one, found, _now()))
    return 0


async def _watch(campaigns: Campaigns, found: str, output: str) -> int:
    """Look again every second until it is over. On a terminal in place, elsewhere one line a change."""
    console, last = out(), None
    painted = console.is_terminal and not console.is_dumb_terminal and output == "text"
    painter = Painter(console) if painted else None
    if painter:
        painter.__enter__()
    try:
        while True:
            picture = await asyncio.to_thread(campaigns.picture, found, MOST)
            if painter:
                painter.paint(_fitting(console, picture))
            elif picture != last:
                _line(picture, output)
            if campaign_view.over(picture):
                break
            last = picture
            await asyncio.sleep(TICK)
    finally:
        if painter:
            painter.__exit__()
    if painter:
        console.print(campaign_view.campaign(picture, _now()))
    return 0


def _fitting(console: Console, picture: Picture) -> RenderableType:
    """So much of each list as fits the screen: what a person has to do stands below them, and must be seen."""
    now, most = _now(), MOST
    drawn = campaign_view.campaign(picture, now)
    while most > 1 and len(console.render_lines(drawn, pad=False)) >= console.height:
        most -= 1
        drawn = campaign_view.campaign(picture.cut(most), now)
    return drawn


def _line(picture: Picture, output: str) -> None:
    if output == "json":
        sys.stdout.write(json.dumps(document(picture)) + "\n")
    else:
        now = _now().strftime("%H:%M:%S")
        out().print(plain(f"{now}  {picture.standing.flow.value:<8}  {picture.standing.sentence()}"))
    sys.stdout.flush()


async def _steer(campaigns: Campaigns, found: str, task: str, reason: str, output: str) -> int:
    flow, says = STEERS[task]
    steered = await campaigns.steer(found, flow, responder(campaigns.settings), _reason(task, reason))
    return _say(f"{found} {says}.", found, steered, output)


def _consent(campaigns: Campaigns, found: str, *, yes: bool) -> None:
    """What is in doubt is sent again only by somebody who knows what that means. Raises `RefusedError`."""
    count = campaigns.picture(found, 0).standing.messages.get(MessageState.IN_DOUBT, 0)
    if not count:
        return
    said = f"{plural(count, 'messages')} of {found} may have arrived: sent again, their readers get them twice."
    err().print(plain(said))
    consent("Send them again? Type yes:", yes=yes, otherwise="Nothing was sent again")


async def _retry(campaigns: Campaigns, found: str, reason: str, *, doubtful: bool, yes: bool, output: str) -> int:
    if doubtful:
        _consent(campaigns, found, yes=yes)
    by, why = responder(campaigns.settings), reason.strip() or "no reason was given"
    count, steered = await campaigns.retry_failed(found, by, why, doubtful=doubtful)
    flow = steered.standing.flow
    rest = "" if flow is Flow.RUNNING else f" It is {flow.value}: resume it, and they leave."
    verb = "is" if count == 1 else "are"
    return _say(f"{plural(count, 'messages')} of {found} {verb} tried again.{rest}", found, steered, output)


def _listed(file: Path | None) -> list[str]:
    """The customers that a file names. Raises `UsageError` where it cannot be read."""
    if file is None:
        return []
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read: {error}.", changed="Nothing was changed.") from None
    return [line.strip() for line in text.splitlines() if line.strip()]


async def _reached(campaigns: Campaigns, found: str, customers: Sequence[str], reason: str, output: str) -> int:
    every = [*dict.fromkeys(customers)]
    if not every:
        what = "Which customers were reached?"
        raise UsageError(what, changed="Nothing was changed.", next=f"firedoor campaign show {found} names them.")
    if not reason.strip() and interactive():
        reason = err().input("Who was reached, and how? It becomes part of the timeline: ")
    count, steered = await campaigns.reached(found, every, responder(campaigns.settings), reason)
    before = f" {len(every) - count:,} did so before." if count < len(every) else ""
    left, verb = steered.standing.tasks, "counts" if count == 1 else "count"
    rest = f" {plural(left, 'customers')} still {'needs' if left == 1 else 'need'} a person." if left else ""
    return _say(
        f"{plural(count, 'customers')} of {found} {verb} as reached by hand.{before}{rest}", found, steered, output
    )


def _say(sentence: str, found: str, steered: Steered, output: str) -> int:
    if output == "json":
        standing = steered.standing.model_dump(mode="json")
        write_json({"campaign": found, "done": sentence, "behind": steered.behind, "standing": standing})
        return 0
    out().print(plain(sentence))
    for late in steered.behind:
        err().print(plain(f"! {late}"), style="yellow")
    return int(Exit.OK)


def document(picture: Picture) -> dict[str, Any]:
    """A campaign for a program."""
    row = picture.row
    return {
        "incident": row.incident,
        "step": row.step,
        "notice": row.spec.notice,
        "version": row.spec.version,
        "digest": row.digest,
        "began": row.began,
        **picture.standing.model_dump(mode="json"),
        "slowest": [_person(one) for one in picture.slowest],
        "needs_a_person": [
            {"customer": one.customer, "task": one.task, "command": campaign_view.reaches(row.id, one.customer)}
            for one in picture.tasks
        ],
        "losses": [dataclasses.asdict(one) | {"state": one.state.value} for one in picture.losses],
        "unseen": [{"says": says, "credentials": count} for says, count in picture.unseen],
        "doubts": [dataclasses.asdict(one) | {"state": one.state.value} for one in picture.doubts],
    }


def _person(one: Any) -> dict[str, Any]:
    return {
        "customer": one.customer,
        "cohort": one.cohort,
        "exposure": one.exposure,
        "credentials": len(one.credentials),
        "reached": one.reached,
        "acknowledged": one.acknowledged,
    }


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
