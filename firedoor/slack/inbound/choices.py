"""Buttons for what somebody may mean, so that nobody has to remember an id. Pure."""

from collections.abc import Iterable, Sequence

from firedoor.engine import Summary
from firedoor.plan import Plan
from firedoor.slack.drawing.buttons import Press, Wish
from firedoor.slack.drawing.fields import Block, cut, plain, told
from firedoor.slack.drawing.markup import header
from firedoor.slack.drawing.needs import button
from firedoor.slack.inbound.commands import ALONE, VERBS, how, usage

#: Incidents that are offered where none is named.
MOST_OFFERED = 5
#: Of the 50 blocks of a message, what the lists may take.
MOST_INCIDENTS = 12
MOST_RUNBOOKS = 24
MOST_LINE = 300

ENDED = frozenset({"completed", "aborted", "terminated", "canceled", "failed", "timed_out"})


def is_open(one: Summary) -> bool:
    """Does this incident still run?"""
    return one.ended is None and one.state not in ENDED


def own(found: Iterable[Summary]) -> list[Summary]:
    """Without those that another incident started as a step."""
    return [one for one in found if not one.parent]


def line(text: str, press: Press, label: str) -> Block:
    """A paragraph with a button beside it."""
    return {"type": "section", "text": plain(text, MOST_LINE), "accessory": button(label, press)}


def about(one: Summary) -> str:
    """An incident in a line."""
    words = (one.state.replace("_", " "), one.verdict.replace("_", " "), f"since {one.started:%d %b %H:%M} UTC")
    return f"{one.id}\n{', '.join(word for word in words if word)}"


def offered(found: Sequence[Summary], verb: Wish, label: str, more: str = "") -> list[Block]:
    """The last few incidents, each with the button of what is wanted; `more` is what the button carries besides."""
    return [line(about(one), Press(verb, one.id, more), label) for one in found[:MOST_OFFERED]]


def overview(running: Sequence[Summary], plans: Sequence[Plan], broken: Sequence[str]) -> list[Block]:
    """What `/firedoor` shows: open incidents, and the runbooks that this person may start."""
    blocks = [header("Open incidents")]
    blocks += [line(about(one), Press("status", one.id), "Look") for one in running[:MOST_INCIDENTS]]
    if not running:
        blocks.append(told("There are none."))
    elif len(running) > MOST_INCIDENTS:
        blocks.append(told(f"… and {len(running) - MOST_INCIDENTS} more: firedoor list"))
    blocks.append(header("Runbooks that you may start"))
    blocks += [line(runbook(plan), Press("start", plan.name), "Start…") for plan in plans[:MOST_RUNBOOKS]]
    if not plans:
        blocks.append(told("There are none. [slack] start in firedoor.toml says who may start what."))
    elif left := [plan.name for plan in plans[MOST_RUNBOOKS:]]:
        blocks.append(told(cut(f"By /firedoor run NAME: {', '.join(left)}", MOST_LINE)))
    if broken:
        blocks.append(told(f"With mistakes, so that they cannot be started: {', '.join(broken)}. firedoor lint NAME"))
    return blocks


def runbook(plan: Plan) -> str:
    """A runbook in two lines."""
    return f"{plan.title or plan.name}\n{usage(plan)}"


def helped(verb: str, plans: Sequence[Plan]) -> tuple[str, ...]:
    """What `/firedoor help` says."""
    if verb == "run":
        return (how("run"), VERBS["run"][1], "\n".join(usage(plan) for plan in plans))
    if verb:
        return (how(verb), VERBS[verb][1])
    lines = [f"/firedoor\n    {ALONE[1]}", *(f"{how(name)}\n    {says}" for name, (_, says) in VERBS.items())]
    words = "\n".join(usage(plan) for plan in plans)
    threads = "In a thread, where commands do not work: the buttons, or @firedoor status, approve, note TEXT."
    return ("\n".join(lines), words, threads)
