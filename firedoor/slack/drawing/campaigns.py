"""A campaign where an incident is shown: how far its customers are, and the hand on its tap. Pure."""

from collections.abc import Iterator

from firedoor.campaign import Flow, Goal, MessageState, Standing
from firedoor.incident import FINAL_STATES
from firedoor.phrases import Mark
from firedoor.slack.drawing.buttons import Press
from firedoor.slack.drawing.fields import Block
from firedoor.slack.drawing.markup import actions, bold, confirm, safe, section
from firedoor.slack.drawing.needs import button
from firedoor.slack.drawing.picture import Picture
from firedoor.words import plural

FLOWS: dict[Flow, Mark] = {
    Flow.PREPARED: Mark("?", "waits for approval"),
    Flow.RUNNING: Mark("▶", "under way"),
    Flow.PAUSED: Mark("‖", "paused"),
    Flow.HALTED: Mark("!", "halted by itself"),
    Flow.STOPPED: Mark("✗", "stopped for good"),
    Flow.ENDED: Mark("✓", "ended"),
}
#: In these it can be steered. One that has halted waits for a person as a step does, with a step's buttons.
STEERED = frozenset({Flow.RUNNING, Flow.PAUSED})
SHOWN = frozenset({*STEERED, Flow.HALTED})
MOST_REASON, MOST_NAME = 200, 80


def campaigns(picture: Picture, most: int) -> list[Block]:
    """The campaigns that are under way, each with its buttons."""
    steps = () if picture.ended else picture.view.steps
    shown = [(step.id, step.standing) for step in steps if step.standing and step.state not in FINAL_STATES]
    under_way = [one for one in shown if one[1].flow in SHOWN]
    return [block for one in under_way[:most] for block in campaign(picture.view.id, *one)]


def campaign(incident: str, step: str, standing: Standing) -> list[Block]:
    """One campaign."""
    mark = FLOWS[standing.flow]
    why = f": {safe(standing.reason, MOST_REASON)}" if standing.reason else ""
    lines = [
        f"{mark.icon} {bold(step, MOST_NAME)}  {mark.word}{why}",
        " · ".join(_far(standing)),
        " · ".join(_open(standing)),
    ]
    if standing.tasks:
        lines.append(safe(f"firedoor campaign show {standing.campaign} names who has to be reached another way."))
    blocks = [section(*(one for one in lines if one))]
    return [*blocks, actions(list(_buttons(incident, step, standing)))] if standing.flow in STEERED else blocks


def _far(standing: Standing) -> Iterator[str]:
    """Percent done what they were told, not percent sent."""
    alone = standing.goal is Goal.REACHED
    if not alone:
        share = 100 * standing.done // standing.customers if standing.customers else 0
        yield f"*{share} % {standing.goal.value}*: {standing.done:,} of {plural(standing.customers, 'customers')}"
    by_hand = f" ({standing.by_hand:,} by hand)" if standing.by_hand else ""
    of = f" of {plural(standing.customers, 'customers')}" if alone else ""
    yield f"{standing.reached:,}{of} reached{by_hand}"
    if standing.goal is not Goal.ACKNOWLEDGED:
        yield f"{standing.acknowledged:,} acknowledged"


def _open(standing: Standing) -> Iterator[str]:
    if standing.tasks:
        yield f"! *{plural(standing.tasks, 'customers')} {'needs' if standing.tasks == 1 else 'need'} a person*"
    if doubt := standing.messages.get(MessageState.IN_DOUBT, 0):
        yield f"? *{plural(doubt, 'messages')} in doubt*"
    if standing.queued:
        yield f"{plural(standing.queued, 'messages')} {'waits' if standing.queued == 1 else 'wait'} to be sent"


def _buttons(incident: str, step: str, standing: Standing) -> Iterator[Block]:
    """What each does stands in its dialog; why a campaign is stopped is asked in a form."""
    waiting = f" {plural(standing.queued, 'messages')} wait." if standing.queued else ""
    if standing.flow is Flow.PAUSED:
        resume = button("Resume sending", Press("resume_sending", incident, step), style="primary")
        text = f"Messages of {step} leave again, and reminders when they are due.{waiting}"
        yield resume | {"confirm": confirm("Resume sending?", text, "Resume", "Not now")}
    else:
        pause = button("Pause sending", Press("pause_sending", incident, step))
        text = (
            f"Within a second no further message of {step} leaves, and no reminder.{waiting} What has left has left. "
            "Resume goes on where it was."
        )
        yield pause | {"confirm": confirm("Pause sending?", text, "Pause", "Not now")}
    yield button("Stop sending…", Press("stop_sending", incident, step), style="danger")
