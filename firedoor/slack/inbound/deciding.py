"""What people decide in Slack about a running incident: by a button, or by a form that a button opens.

The incident itself says who may and whether it still fits; what it refuses is told to the person and recorded.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, get_args

from firedoor.errors import FiredoorError, RefusedError, UsageError
from firedoor.incident import Decision, StepState, StepView, Verb
from firedoor.slack.api.faults import SlackError
from firedoor.slack.drawing.buttons import Press
from firedoor.slack.drawing.fields import told
from firedoor.slack.drawing.markup import actions
from firedoor.slack.drawing.needs import button
from firedoor.slack.inbound.commands import Note
from firedoor.slack.inbound.door import BY_POLICY, Door
from firedoor.slack.inbound.forms import (
    Errors,
    Slip,
    View,
    answer_form,
    answered,
    loading,
    note_form,
    reason_form,
    reason_of,
    retried,
    retry_form,
    ticked,
    view,
)
from firedoor.slack.inbound.looking import MOST_KEPT, Looking
from firedoor.slack.inbound.people import Known, Visitor
from firedoor.slack.inbound.replies import Place, sentences
from firedoor.slack.inbound.starting import EXPIRED

#: Verbs whose buttons open a form: its title, what it says, its button.
REASONED: dict[str, tuple[str, str, str]] = {
    "deny": (
        "Deny",
        "{step} of {incident} does not run then. It needs attention: ask again, skip it, or abort.",
        "Deny",
    ),
    "skip": ("Skip", "{step} of {incident} is left out. Steps that need its result do not run either.", "Skip"),
    "abort": ("Abort", "{incident}: no new action starts, what is running finishes. Nothing is undone.", "Abort"),
    "stop_sending": (
        "Stop sending",
        (
            "{step} of {incident}: no further message leaves, for good. What has left has left. The step counts as "
            "skipped; what needs its result does not run. To go on later, pause it instead."
        ),
        "Stop for good",
    ),
}
FORMS = frozenset({*REASONED, "retry", "answer", "note"})
DECIDED = frozenset({*FORMS, "approve", "pause", "resume"})
#: Steps whose forms are kept, to check what is typed without asking the incident again.
MOST_SHOWN = 200


class Deciding:
    """Takes decisions."""

    def __init__(self, door: Door, looking: Looking) -> None:
        self._door = door
        self._looking = looking
        self._shown: OrderedDict[tuple[str, str, str], StepView] = OrderedDict()

    async def pressed(self, press: Press, who: Visitor, place: Place, trigger: str) -> None:
        """A button that decides, or that opens a form in which it is decided."""
        if press.verb in FORMS:
            await self._open(press, who, place, trigger)
        elif press.verb == "approve":
            await self._approve(press, who, place)
        else:
            known = await self._door.known(who, press.verb, press.incident)
            await self._send(_verb(press.verb), press.incident, Decision(responder=known.responder), known, place)

    async def _approve(self, press: Press, who: Visitor, place: Place) -> None:
        """Agree to what the button was drawn with. A button without a digest shows what is asked."""
        known = await self._door.known(who, "approve", press.incident)
        if not press.digest:
            await self._looking.asked(await self._door.picture(press.incident), press.step, place)
            return
        decision = Decision(responder=known.responder, step=press.step, digest=press.digest)
        try:
            await self._send("approve", press.incident, decision, known, place)
        except RefusedError as error:
            if not await self._asked_anew(press, error, place):
                raise

    async def _asked_anew(self, press: Press, error: RefusedError, place: Place) -> bool:
        """Is something else asked now than what the button showed? Then that is shown, to be looked at."""
        now = await self._door.picture(press.incident)
        step = next((one for one in now.view.steps if one.id == press.step), None)
        if step is None or step.state is not StepState.WAITING_APPROVAL:
            return False
        if step.request is None or step.request.digest == press.digest:
            return False
        await self._looking.asked(now, press.step, place, error.what, "Nothing was approved. This is asked now:")
        return True

    async def note(self, command: Note, who: Visitor, place: Place) -> None:
        """`/firedoor note TEXT`, or with an incident before the text."""
        await self._door.known(who, "note")
        first, _, rest = command.text.partition(" ")
        named = await self._door.named_by(first) if rest.strip() else ""
        found = named or await self._door.meant("", place)
        if not isinstance(found, str):
            await self._looking.choose_for_note(found, command.text, place)
            return
        known = await self._door.known(who, "note", found)
        decision = Decision(responder=known.responder, reason=rest.strip() if named else command.text)
        await self._send("note", found, decision, known, place)

    async def noted(self, text: str, who: Visitor, place: Place, trigger: str) -> None:
        """A message that is to become a note: the form, with its text; or first, which incident."""
        await self._door.known(who, "note")
        found = await self._door.meant("", place)
        if isinstance(found, str):
            await self._open(Press("note", found, text[:MOST_KEPT]), who, place, trigger)
        else:
            await self._looking.choose_for_note(found, text, place)

    async def _send(self, verb: Verb, incident: str, decision: Decision, known: Known, place: Place) -> None:
        """Send it, and say what it did. Raises `RefusedError`, recorded."""
        more = known.why() if verb in BY_POLICY else ""
        async with self._door.recording(known.responder, verb, incident=incident, step=decision.step, more=more):
            try:
                sentence = await self._door.engine.decide(incident, verb, decision)
            except RefusedError as error:
                look = f"Where it stands: /firedoor status {incident}"
                raise RefusedError(error.what, changed=error.changed, next=look) from error
        self._door.wake(incident)
        await self._door.replies.say(place, f"{incident}: {sentence}")

    # Forms

    async def _open(self, press: Press, who: Visitor, place: Place, trigger: str) -> None:
        """Open the form of a button. Slack gives three seconds; where that was too short, a button opens it anew."""
        slip = Slip(press.verb, press.incident, press.step, press.digest, place.channel, place.thread)
        try:
            opened = await self._door.slack.open_view(trigger, _first(slip))
        except SlackError as error:
            if error.code not in EXPIRED:
                raise
            says = "The form came too late for Slack, which gives three seconds. Nothing was changed."
            await self._door.replies.say(place, says, blocks=[actions([button("Open the form", press)])])
            return
        if press.verb in {"retry", "answer"}:
            await self._fill(opened, slip, who, place)

    async def _fill(self, opened: str, slip: Slip, who: Visitor, place: Place) -> None:
        """Put the step into a form that is open; or why there is none."""
        try:
            await self._door.known(who, slip.verb, slip.incident)
            made = self._made(slip, await self._step(slip))
        except FiredoorError as error:
            made = view(slip, slip.verb.capitalize(), [told(text) for text in sentences(error)])
        if not await self._door.replies.show(opened, made):
            await self._door.replies.say(place, f"The form of {slip.step} was closed. Nothing was changed.")

    async def _step(self, slip: Slip) -> StepView:
        now = await self._door.engine.view(slip.incident)
        step = next((one for one in now.steps if one.id == slip.step), None)
        if step is None:
            raise UsageError(f"{slip.incident} has no step {slip.step!r}.", changed="Nothing was changed.")
        return step

    def _made(self, slip: Slip, step: StepView) -> View:
        self._shown[slip.verb, slip.incident, slip.step] = step
        while len(self._shown) > MOST_SHOWN:
            self._shown.popitem(last=False)
        if slip.verb == "retry":
            return retry_form(slip, step)
        if step.ask is None:
            raise UsageError(
                f"{step.id} asks nothing: it is {step.state.value}.",
                changed="Nothing was changed.",
                next="/firedoor status shows where it stands.",
            )
        return answer_form(slip, step.ask)

    def checked(self, slip: Slip, submitted: Mapping[str, Any]) -> Errors:
        """What is wrong in a submitted form, by block. What only the incident knows, it says later."""
        if slip.verb in {*REASONED, "note"}:
            return {} if reason_of(submitted) else {"reason": "Say it in a few words: the timeline keeps it."}
        step = self._shown.get((slip.verb, slip.incident, slip.step))
        return _read(slip, step, submitted)[1] if step else {}

    async def submitted(self, slip: Slip, form: Mapping[str, Any], who: Visitor, place: Place) -> None:
        """Decide what a form says."""
        known = await self._door.known(who, slip.verb, slip.incident)
        decision = Decision(
            responder=known.responder,
            step=slip.step,
            reason=reason_of(form),
            undo=ticked(form, "undo"),
            failed=ticked(form, "failed"),
        )
        if slip.verb in {"retry", "answer"}:
            values, errors = _read(slip, await self._step(slip), form)
            if errors:
                raise UsageError(" ".join(errors.values()), changed="Nothing was changed.")
            decision = decision.model_copy(update={"arguments" if slip.verb == "retry" else "answers": values})
        await self._send(_verb(slip.verb), slip.incident, decision, known, place)


def _read(slip: Slip, step: StepView, submitted: Mapping[str, Any]) -> tuple[dict[str, Any], Errors]:
    if slip.verb == "retry":
        return retried(step, submitted)
    # A step that asks nothing any more takes no answer: the incident itself says so, with what it does instead.
    return answered(step.ask, submitted) if step.ask else ({}, {})


def _first(slip: Slip) -> View:
    """The form that can be shown at once."""
    if slip.verb == "note":
        return note_form(Slip("note", slip.incident, channel=slip.channel, thread=slip.thread), slip.step)
    if slip.verb in REASONED:
        title, says, submit = REASONED[slip.verb]
        return reason_form(slip, title, says.format(step=slip.step, incident=slip.incident), submit)
    return loading(slip, slip.verb.capitalize())


def _verb(word: str) -> Verb:
    """A verb of an incident. Raises `UsageError` for a word that is none."""
    for verb in get_args(Verb):
        if verb == word and word in DECIDED:
            found: Verb = verb
            return found
    raise UsageError(f"{word} decides nothing.", changed="Nothing was changed.")
