"""What people look at in Slack: what there is, where an incident stands, what is asked, what the timeline says."""

import asyncio
import shlex
from collections.abc import Sequence

from firedoor.engine import Summary
from firedoor.errors import UsageError
from firedoor.incident import IncidentView, StepState, StepView
from firedoor.slack.drawing import blocks
from firedoor.slack.drawing.buttons import Press, Wish
from firedoor.slack.drawing.fields import told
from firedoor.slack.drawing.markup import safe, size
from firedoor.slack.drawing.needs import need
from firedoor.slack.drawing.picture import Picture
from firedoor.slack.inbound.choices import helped, offered, overview
from firedoor.slack.inbound.commands import Approve, Help, Status, expected
from firedoor.slack.inbound.door import Door
from firedoor.slack.inbound.people import Visitor
from firedoor.slack.inbound.replies import Place
from firedoor.timeline.entry import Entry
from firedoor.timeline.render import Row, rows
from firedoor.words import plural

#: Lines of the timeline that are shown; the rest is a command away.
MOST_LINES = 20
MOST_LINE = 200
#: Characters of a note that a button carries.
MOST_KEPT = 900
#: Characters of requests that are shown at once: Slack takes about 10,000 in a message.
MOST_SIZE = 8000


class Looking:
    """Shows things, and changes nothing."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def overview(self, who: Visitor, place: Place) -> None:
        """`/firedoor`: open incidents, and what this person may start."""
        shelf = await self._door.shelf()
        known = await self._door.known(who, "status")
        may = [plan for plan in shelf.plans.values() if self._door.people.may_start(known.responder, plan.name)]
        running = await self._door.open_incidents()
        await self._door.replies.say(
            place, blocks=overview(running, may, list(shelf.broken)), brief="Open incidents, and runbooks"
        )

    async def help(self, command: Help, who: Visitor, place: Place) -> None:
        """`/firedoor help`."""
        await self._door.known(who, "help")
        shelf = await self._door.shelf()
        await self._door.replies.say(place, *helped(command.verb, list(shelf.plans.values())))

    async def status(self, command: Status, who: Visitor, place: Place, message: str = "") -> None:
        """Where an incident stands."""
        await self._door.known(who, "status")
        found = await self._door.meant(command.incident, place, message)
        if not isinstance(found, str):
            await self._choose(found, "status", "Look", place)
            return
        picture = await self._door.picture(found)
        await self._show(picture, place)
        self._door.wake(found)

    async def approvals(self, command: Approve, who: Visitor, place: Place, message: str = "") -> None:
        """What waits for approval, with its buttons: of an incident, or of one step."""
        await self._door.known(who, "approve")
        first, second = (*command.words, "", "")[:2]
        found, step = await self._named(first, second, place, message)
        if not isinstance(found, str):
            await self._choose(found, "approve", "What is asked?", place)
            return
        await self.asked(await self._door.picture(found), step, place)

    async def _named(self, first: str, second: str, place: Place, message: str) -> tuple[str | Sequence[Summary], str]:
        """The incident and the step. A single word is a step where the incident that is meant has one of that name."""
        if second:
            return await self._door.meant(first, place, message), second
        meant = await self._door.meant("", place, message)
        if first and isinstance(meant, str) and first in {step.id for step in (await self._door.plan_of(meant)).steps}:
            return meant, first
        return (await self._door.meant(first, place, message), "") if first else (meant, "")

    async def asked(self, picture: Picture, step: str, place: Place, *says: str) -> None:
        """The requests of an incident, each with its buttons. Raises `UsageError` for a step that does not wait."""
        view = picture.view
        waiting = [one for one in view.steps if one.state is StepState.WAITING_APPROVAL]
        if step:
            waiting = [one for one in waiting if one.id == step]
        if not waiting:
            raise _nothing_asked(view, step)
        shown = need(picture, waiting[0])
        left: list[str] = []
        for one in waiting[1:]:
            block = need(picture, one)
            if left or size([*shown, *block]) > MOST_SIZE:
                left.append(one.id)
            else:
                shown += block
        if left:
            shown.append(told(f"{', '.join(left)} as well: /firedoor approve {view.id} STEP"))
        brief = safe(f"What waits for approval in {view.id}")
        await self._door.replies.say(place, *says, blocks=shown, brief=brief)

    async def _choose(self, found: Sequence[Summary], verb: Wish, label: str, place: Place) -> None:
        """Which one? The last few, with buttons."""
        if not found:
            raise UsageError("There is no incident.", next="/firedoor shows what you may start.")
        await self._door.replies.say(place, "Which incident?", blocks=offered(found, verb, label))

    async def choose_for_note(self, found: Sequence[Summary], text: str, place: Place) -> None:
        """The same for a note: what was typed stands in the form that the button opens, if it fits a button."""
        if not found:
            raise expected("note", "There is no incident that a note could belong to.")
        kept = text if len(text) <= MOST_KEPT else ""
        await self._door.replies.say(place, "Whose note is it?", blocks=offered(found, "note", "Write the note…", kept))

    async def details(self, press: Press, who: Visitor, place: Place) -> None:
        """A step with its evidence, or the incident."""
        await self._door.known(who, "details", press.incident)
        picture = await self._door.picture(press.incident)
        step = next((one for one in picture.view.steps if one.id == press.step), None)
        if step:
            await self._door.replies.say(place, blocks=blocks.step(picture, step), brief=safe(f"{step.id}: details"))
        else:
            await self._show(picture, place)

    async def _show(self, picture: Picture, place: Place) -> None:
        message = blocks.incident(picture)
        await self._door.replies.say(place, blocks=message.blocks, brief=message.text)

    async def timeline(self, press: Press, who: Visitor, place: Place) -> None:
        """The last lines of the timeline, and where the rest is."""
        await self._door.known(who, "timeline", press.incident)
        stored = await asyncio.to_thread(self._door.timeline.entries, press.incident)
        says = _lines([one.entry for one in stored])
        command = shlex.join(("firedoor", "timeline", press.incident))
        await self._door.replies.say(place, *says, f"{plural(len(stored), 'entries')} in all: {command}")


def _lines(entries: Sequence[Entry]) -> tuple[str, ...]:
    """The newest last, as in a chat, each under its day."""
    if not entries:
        return ("Nothing has been recorded yet.",)
    lines: list[str] = []
    day = ""
    for row in rows(entries[-MOST_LINES:]):
        if day != row.time[:10]:
            day = row.time[:10]
            lines.append(f"{day} UTC")
        lines.append(_line(row, entries[0].incident)[:MOST_LINE])
    half = len(lines) // 2
    # Two paragraphs: together they may be longer than Slack takes in one.
    return tuple(text for text in ("\n".join(lines[:half]), "\n".join(lines[half:])) if text)


def _line(row: Row, incident: str) -> str:
    """An entry. The workflow's own decisions bear the incident's name, which everybody knows here."""
    step = f"{row.step}: " if row.step else ""
    who = "" if row.who == incident else f"  ({row.who})"
    return f"{row.time[11:]}  {step}{row.say.removeprefix(step)}{who}"


def _nothing_asked(view: IncidentView, step: str) -> UsageError:
    found: StepView | None = next((one for one in view.steps if one.id == step), None)
    if step and found is None:
        names = ", ".join(one.id for one in view.steps)
        return UsageError(f"{view.id} has no step {step!r}.", changed="Nothing was changed.", next=f"It has: {names}.")
    what = f"{step} of {view.id} waits for no approval: it is {found.state.value}." if found else ""
    return UsageError(what or f"Nothing of {view.id} waits for approval.", changed="Nothing was changed.")
