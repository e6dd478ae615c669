"""Which payload is whose: commands, buttons, forms, shortcuts and mentions."""

from collections.abc import Mapping
from typing import Any

from firedoor.errors import UsageError
from firedoor.slack.drawing.buttons import Press
from firedoor.slack.inbound import commands
from firedoor.slack.inbound.campaigning import STOP, Campaigning
from firedoor.slack.inbound.commands import Approve, Campaign, Command, Help, Note, Overview, Start, Status
from firedoor.slack.inbound.deciding import Deciding
from firedoor.slack.inbound.door import Door
from firedoor.slack.inbound.forms import CALLBACK, Slip
from firedoor.slack.inbound.looking import Looking
from firedoor.slack.inbound.people import Visitor, visitor
from firedoor.slack.inbound.replies import Place, message_of, place_of
from firedoor.slack.inbound.router import Envelope
from firedoor.slack.inbound.starting import Starting
from firedoor.slack.payload import part, parts, word


class Handlers:
    """Everything that Slack can ask of firedoor."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._starting = Starting(door)
        self._looking = Looking(door)
        self._deciding = Deciding(door, self._looking)
        self._campaigning = Campaigning(door)

    async def check(self, envelope: Envelope) -> dict[str, Any]:
        """The mistakes of a submitted form, for Slack to show at its fields; or nothing."""
        form = part(envelope.payload, "view")
        slip = Slip.of(form)
        if slip.verb == "start":
            plan = (await self._door.shelf()).plan(slip.incident)
            errors = self._starting.checked(form, plan)
        else:
            errors = self._deciding.checked(slip, form)
        return {"response_action": "errors", "errors": errors} if errors else {}

    async def handle(self, envelope: Envelope) -> None:
        """Do what an envelope asks for. Raises `FiredoorError` with what the person is told."""
        payload, who, place = envelope.payload, visitor(envelope.payload), place_of(envelope.payload)
        match envelope.type:
            case "slash_commands":
                await self._command(word(payload, "text"), who, place, trigger=word(payload, "trigger_id"))
            case "block_actions":
                await self._buttons(payload, who, place)
            case "view_submission":
                await self._submitted(part(payload, "view"), who, place)
            case "shortcut":
                await self._run(Overview(), who, place)
            case "message_action":
                await self._shortcut(payload, who, place)
            case "events_api":
                await self._event(payload, who, place)
            case _:
                pass  # A form that was closed, and what Slack may think of later.

    async def _command(self, text: str, who: Visitor, place: Place, *, trigger: str = "") -> None:
        await self._run(await self._parsed(text, who), who, place, trigger=trigger)

    async def _parsed(self, text: str, who: Visitor) -> Command:
        """The command. What is said of one that is none names runbooks, which are no stranger's business."""
        shelf = await self._door.shelf()
        try:
            return commands.parse(text, shelf.plans, shelf.broken)
        except UsageError:
            await self._door.known(who, "help")
            raise

    async def _run(self, command: Command, who: Visitor, place: Place, *, trigger: str = "", message: str = "") -> None:
        match command:
            case Overview():
                await self._looking.overview(who, place)
            case Start():
                await self._starting.typed(command, who, place, trigger)
            case Status():
                await self._looking.status(command, who, place, message)
            case Approve():
                await self._looking.approvals(command, who, place, message)
            case Campaign():
                await self._campaigning.shown(command, who, place)
            case Note():
                await self._deciding.note(command, who, place)
            case Help():
                await self._looking.help(command, who, place)

    async def _buttons(self, payload: Mapping[str, Any], who: Visitor, place: Place) -> None:
        trigger = word(payload, "trigger_id")
        for action in parts(payload, "actions"):
            # A button that only opens an address is told as well.
            if word(action, "action_id").startswith(CALLBACK):
                await self._pressed(Press.parse(action), who, place, trigger)

    async def _pressed(self, press: Press, who: Visitor, place: Place, trigger: str) -> None:
        match press.verb:
            case "start" if press.digest:
                await self._starting.pressed(press, who, place)
            case "start":
                await self._starting.wished(press, who, place, trigger)
            case "cancel":
                await self._starting.cancelled(press, place)
            case "details":
                await self._looking.details(press, who, place)
            case "timeline":
                await self._looking.timeline(press, who, place)
            case "status":
                await self._looking.status(Status(press.incident), who, place)
            case "pause_sending" | "resume_sending":
                await self._campaigning.pressed(press, who, place)
            case _:
                await self._deciding.pressed(press, who, place, trigger)

    async def _submitted(self, form: Mapping[str, Any], who: Visitor, place: Place) -> None:
        slip = Slip.of(form)
        if slip.verb == "start":
            await self._starting.submitted(slip, form, who, place)
        elif slip.verb == STOP:
            await self._campaigning.submitted(slip, form, who, place)
        else:
            await self._deciding.submitted(slip, form, who, place)

    async def _shortcut(self, payload: Mapping[str, Any], who: Visitor, place: Place) -> None:
        """A message shortcut: in threads, where commands do not work. It is about the message's incident."""
        message = message_of(payload)
        place = Place(place.user, place.channel, place.thread or message, place.response_url)
        match word(payload, "callback_id").removeprefix(CALLBACK):
            case "approve":
                await self._run(Approve(), who, place, message=message)
            case "note":
                await self._note_of(payload, who, place)
            case _:
                await self._run(Status(), who, place, message=message)

    async def _note_of(self, payload: Mapping[str, Any], who: Visitor, place: Place) -> None:
        """Take a message into the timeline, as a note that can be changed before it is written."""
        text = commands.typed(word(part(payload, "message"), "text"))
        await self._deciding.noted(text, who, place, word(payload, "trigger_id"))

    async def _event(self, payload: Mapping[str, Any], who: Visitor, place: Place) -> None:
        """A mention, `@firedoor approve`: answered to whoever wrote it, alone."""
        event = part(payload, "event")
        if word(event, "type") != "app_mention" or who.bot:
            return
        # What is written after our name: `hey <@U01> approve`.
        text = word(event, "text").partition("<@")[2].partition(">")[2]
        command = await self._parsed(text, who)
        if isinstance(command, Start):
            raise UsageError(
                "A mention starts nothing.",
                changed="Nothing was started.",
                next=f"Outside of threads: {commands.how('run').partition(' [')[0]}",
            )
        await self._run(command, who, place)
