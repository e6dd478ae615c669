"""Starting from Slack: what it would do is shown to the person first, and a button starts exactly that.

All that the button needs stands in the button: whichever process it reaches can start it, and only the person who
asked, only once, and only while the runbook is as it was shown.
"""

import asyncio
import json
import logging
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from firedoor.engine import read
from firedoor.errors import FiredoorError, RefusedError, UnreachableError, UsageError
from firedoor.incident import IncidentView, Responder
from firedoor.inputs import resolve_inputs
from firedoor.plan import Plan
from firedoor.slack.api.faults import SlackError
from firedoor.slack.drawing import blocks
from firedoor.slack.drawing.buttons import Press
from firedoor.slack.drawing.markup import actions, safe
from firedoor.slack.drawing.needs import button
from firedoor.slack.inbound.commands import Start, usage, values
from firedoor.slack.inbound.door import Door
from firedoor.slack.inbound.forms import Slip, start_form, started
from firedoor.slack.inbound.people import Known, Visitor
from firedoor.slack.inbound.replies import Place, sentences

#: Seconds until the plan is shown as it was compiled, without what it would find.
READ_SECONDS = 20
#: Plans that are read at once.
READS_AT_ONCE = 8
#: What Slack calls a form that came too late.
EXPIRED = frozenset(
    {"expired_trigger_id", "trigger_expired", "exchanged_trigger_id", "trigger_exchanged", "invalid_trigger_id"}
)

_LOG = logging.getLogger("firedoor.slack")


@dataclass(frozen=True, slots=True)
class Offer:
    """What a Start button starts: the inputs, for whom, and a name of its own so that it starts once.

    `forecast` is the run in plan mode that was shown with it, if there was one.
    """

    inputs: dict[str, Any]
    user: str
    name: str
    forecast: str = ""

    def text(self) -> str:
        """As it stands in the button."""
        return json.dumps({"v": self.inputs, "u": self.user, "n": self.name, "f": self.forecast}, separators=(",", ":"))

    @classmethod
    def of(cls, press: Press) -> "Offer":
        """The offer of a pressed button. Raises `UsageError`."""
        try:
            match json.loads(press.step):
                case {"v": dict() as inputs, "u": str() as user, "n": str() as name, **rest}:
                    return cls(inputs, user, name, str(rest.get("f", "")))
                case _:
                    pass
        except ValueError:
            pass
        raise UsageError("This button is not one that firedoor knows.", changed="Nothing was started.")


class Starting:
    """Starts runbooks for people in Slack."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._reads = asyncio.Semaphore(READS_AT_ONCE)

    async def typed(self, command: Start, who: Visitor, place: Place, trigger: str) -> None:
        """`/firedoor aws-key AKIA…`: a form for what is missing, else the plan."""
        plan = (await self._door.shelf()).plan(command.runbook)
        given = values(plan, command.words)
        lacking = [name for name, one in plan.inputs.items() if one.required and name not in given]
        if not lacking and (given or not plan.inputs):
            known = await self._starter(who, plan)
            await self._show(plan, _resolved(plan, given), known.responder, place)
            return
        await self._ask(plan, given, who, place, trigger)

    async def wished(self, press: Press, who: Visitor, place: Place, trigger: str) -> None:
        """The button of a runbook: its form, or the plan where it has no inputs."""
        plan = (await self._door.shelf()).plan(press.incident)
        if plan.inputs:
            await self._ask(plan, _prefilled(press), who, place, trigger)
            return
        known = await self._starter(who, plan)
        await self._show(plan, {}, known.responder, place)

    async def _ask(self, plan: Plan, given: Mapping[str, str], who: Visitor, place: Place, trigger: str) -> None:
        """Open the form. Slack gives three seconds; where that was too short, a button opens it anew."""
        slip = Slip("start", plan.name, channel=place.channel, thread=place.thread)
        await self._starter(who, plan)
        try:
            await self._door.slack.open_view(trigger, start_form(plan, slip, given))
        except SlackError as error:
            if error.code not in EXPIRED:
                raise
            again = Press("start", plan.name, json.dumps({"g": dict(given)}) if given else "")
            says = (f"{plan.title or plan.name} needs more.", f"The form came too late for Slack. {usage(plan)}")
            await self._door.replies.say(place, *says, blocks=[actions([button("Open the form", again)])])

    def checked(self, submitted: Mapping[str, Any], plan: Plan) -> dict[str, str]:
        """What is wrong in a submitted form, by block."""
        return started(plan, submitted)[1]

    async def submitted(self, slip: Slip, view: Mapping[str, Any], who: Visitor, place: Place) -> None:
        """A form that was filled in: the plan."""
        plan = (await self._door.shelf()).plan(slip.incident)
        inputs, errors = started(plan, view)
        if errors:
            raise UsageError(" ".join(f"{name}: {why}" for name, why in errors.items()), changed="Nothing was started.")
        known = await self._starter(who, plan)
        await self._show(plan, inputs, known.responder, place)

    async def _starter(self, who: Visitor, plan: Plan) -> Known:
        """Who it is, if they may start it. Raises `RefusedError`."""
        known = await self._door.known(who, "start")
        async with self._door.recording(known.responder, "start", more=known.why()):
            if not self._door.people.may_start(known.responder, plan.name):
                raise RefusedError(
                    f"{known.responder.principal} may not start {plan.name}: "
                    f"{self._door.people.starters(plan.name)} may.",
                    changed="Nothing was started.",
                    next="Ask one of them, or an administrator of firedoor: [slack] start in firedoor.toml.",
                )
        return known

    async def _show(self, plan: Plan, inputs: dict[str, Any], starter: Responder, place: Place) -> None:
        """Show what it would do, and the button that starts it."""
        _start_button(plan, inputs, place.user)  # Before anything is read: what no button can hold cannot be started.
        says = f"Reading what {plan.name} would do, changing nothing…"
        await self._door.replies.say(place, says)
        view, why = await self._read(plan, inputs, starter)
        start = _start_button(plan, inputs, place.user, view.id if view else "")
        buttons = actions([start, button("Cancel", Press("cancel", plan.name))])
        shown = blocks.plan(plan, inputs, view)
        await self._door.replies.say(place, *why, blocks=[*shown, buttons], brief=safe(f"What {plan.name} would do"))

    async def _read(
        self, plan: Plan, inputs: dict[str, Any], starter: Responder
    ) -> tuple[IncidentView | None, tuple[str, ...]]:
        """What the plan would do; or nothing, and why, where that takes too long or nobody answers."""
        async with self._reads:
            reading = asyncio.ensure_future(read(self._door.engine, plan, inputs, starter, READ_SECONDS))
            done, _ = await asyncio.wait({reading}, timeout=READ_SECONDS + 1)
        if not done:
            # It ends by itself: it is told to stop, and whether that is heard is not for this person to wait for.
            reading.add_done_callback(_ended)
            return None, ("What it would find could not be read in time: no worker answers, or its reads take longer.",)
        try:
            return reading.result(), ()
        except UnreachableError as error:
            return None, ("What it would find could not be read in time.", error.what)
        except FiredoorError as error:
            return None, ("What it would find could not be read.", *sentences(error))

    async def pressed(self, press: Press, who: Visitor, place: Place) -> None:
        """The button below a plan: start it, once, as it was shown."""
        offer = Offer.of(press)
        plan = (await self._door.shelf()).plan(press.incident)
        known = await self._starter(who, plan)
        async with self._door.recording(known.responder, "start"):
            if offer.user != who.user:
                what = "Somebody else was shown this plan."
                raise RefusedError(what, changed="Nothing was started.", next=usage(plan))
        inputs = resolve_inputs(plan, offer.inputs)
        if plan.digest() != press.digest:
            says = f"{plan.name} has changed since it was shown. Nothing was started. This is what it would do now:"
            await self._door.replies.say(place, says, replace=True)
            await self._show(plan, inputs, known.responder, place)
            return
        claim = f"start/{offer.name}"
        if not await asyncio.to_thread(self._door.store.claim, claim):
            says = f"{plan.name} was started from this plan already. It was not started a second time."
            await self._door.replies.say(
                place, says, "/firedoor status shows it. If there is none, ask for the plan again."
            )
            return
        try:
            found = await self._door.engine.start(plan, inputs, starter=known.responder, forecast=offer.forecast)
        except FiredoorError:
            await asyncio.to_thread(self._door.store.release, claim)
            raise
        self._door.wake(found.incident)
        await self._door.replies.say(place, *_begun(plan, found.incident, joined=found.joined), replace=True)

    async def cancelled(self, press: Press, place: Place) -> None:
        """The other button."""
        await self._door.replies.say(place, f"{press.incident} was not started. Nothing was changed.", replace=True)


def _start_button(plan: Plan, inputs: dict[str, Any], user: str, forecast: str = "") -> dict[str, Any]:
    for named in (forecast, ""):  # What was shown is left out where the inputs need its place.
        offer = Offer(inputs, user, secrets.token_hex(8), named).text()
        with suppress(UsageError):
            return button("Start", Press("start", plan.name, offer, plan.digest()), style="danger")
    raise UsageError(
        f"These inputs of {plan.name} are longer than a button of Slack can hold.",
        changed="Nothing was started.",
        next=f"Start it on a terminal: firedoor run {plan.name} INPUT=VALUE…",
    )


def _resolved(plan: Plan, given: Mapping[str, str]) -> dict[str, Any]:
    try:
        return resolve_inputs(plan, given)
    except UsageError as error:
        raise UsageError(error.what, changed=error.changed, next=f"Expected: {usage(plan)}") from error


def _prefilled(press: Press) -> dict[str, str]:
    """What was typed already before a form came too late."""
    try:
        match json.loads(press.step or "{}"):
            case {"g": dict() as given}:
                return {str(name): str(value) for name, value in given.items()}
            case _:
                return {}
    except ValueError:
        return {}


def _begun(plan: Plan, incident: str, *, joined: bool) -> tuple[str, ...]:
    if joined:
        return (f"{incident} runs already. You joined it: it has a note that you reported it again.",)
    return (
        f"Started: {incident}. {plan.title or plan.name}.",
        "Its message in the incident channel shows how it goes.",
    )


def _ended(reading: "asyncio.Task[IncidentView] | asyncio.Future[IncidentView]") -> None:
    if not reading.cancelled() and (error := reading.exception()):
        _LOG.info("a plan that nobody waits for any longer: %s", error)
