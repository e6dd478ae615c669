"""Somebody in Slack: looks for a button, reads its dialog, presses it, fills in the form, waits for the answer.

What they do is what a person can do: only what they see can be pressed, and one thing is done at a time.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from firedoor.drill.conversation import Act
from firedoor.drill.slack.lines import block_lines
from firedoor.drill.slack.local import LocalSlack
from firedoor.drill.slack.people import dialog_text, elements
from firedoor.drill.slack.reply import Delivery, Reply
from firedoor.drill.slack.state import Message, View
from firedoor.errors import UsageError
from firedoor.slack.drawing.buttons import Press
from firedoor.slack.drawing.fields import FALSE, TRUE

#: How long somebody looks for a button, and waits for an answer.
LOOK_SECONDS, ANSWER_SECONDS = 20.0, 10.0
#: A press that Slack could not deliver is tried again so often.
PRESSES = 3


class Hands:
    """One person's. `acts` gets what they do; several people share it."""

    def __init__(self, slack: LocalSlack, user: str, name: str, acts: list[Act]) -> None:
        self.name = name
        self._slack = slack
        self.user = user
        self._acts = acts
        self._one_thing = asyncio.Lock()

    def note(self, what: str, *more: str) -> None:
        """Write down what they do now."""
        self._acts.append(Act(self._slack.clock.now(), self.name, what, more))

    async def type(self, channel: str, text: str) -> None:
        """Type a command into a channel. Raises `TimeoutError` if Slack says that nobody took it."""
        self.note(f"types {text}")
        await self._delivered(lambda: self._slack.act.type_command(self.user, channel, text))

    async def press(self, wanted: Press, *, answered: bool = True) -> None:
        """Press the newest button that means this; with `answered` wait for what firedoor says to it.

        A `wanted` without step and digest fits a button with any. Raises `TimeoutError` where there is no such button,
        or no answer.
        """
        await self._shown(lambda: self._button(wanted))
        async with self._one_thing:
            found, label, message = await self._shown(lambda: self._button(wanted))
            heard = self._heard()
            title, text, yes, _ = (*dialog_text(found).split("\n"), "", "", "")[:4]
            reads = f", reads “{title}”, presses [{yes}]" if yes else ""
            # A plan that only they see is replaced by what comes of it.
            shown = block_lines(message.blocks) if message.ephemeral_to else []
            self.note(f"presses [{label}]{_where(wanted, message)}{reads}", *shown, *([text] if text else []))
            await self._pressed(message, found)
            if answered:
                await self._until(lambda: self._heard() > heard)

    async def fill(self, opens: Press, values: Mapping[str, Any]) -> None:
        """Press the button that opens a form, fill it in by block, submit it, wait for what firedoor says to it."""
        await self._shown(lambda: self._button(opens))
        async with self._one_thing:
            found, label, message = await self._shown(lambda: self._button(opens))
            self.note(f"presses [{label}]{_where(opens, message)}")
            await self._pressed(message, found)
            view = await self._shown(self._form)
            given = {name: _typed(value) for name, value in values.items()}
            heard = self._heard()
            said = "; ".join(f"{name.rpartition('.')[2]}: {value}" for name, value in given.items())
            self.note(f"submits “{view.said['title']['text']}”", *([said] if said else []))
            await self._delivered(lambda: self._slack.act.submit(self.user, view, given))
            await self._until(lambda: self._heard() > heard)

    # --- what they see ---

    def _screen(self) -> Iterator[Message]:
        """All that they see, the newest first."""
        workspace = self._slack.workspace
        channels = [one.id for one in workspace.channels.values() if self.user in one.members]
        seen = [message for channel in channels for message in workspace.messages(channel)]
        yield from sorted(
            (one for one in seen if one.ephemeral_to in {"", self.user}), key=lambda one: one.ts, reverse=True
        )

    def _button(self, wanted: Press) -> tuple[dict[str, Any], str, Message] | None:
        for message in self._screen():
            for _, one in elements(message.blocks):
                if one["type"] == "button" and _means(one, wanted):
                    return one, str(one["text"]["text"]), message
        return None

    def _form(self) -> View | None:
        view = self._slack.workspace.open_view(self.user)
        blocks = view.said["blocks"] if view else ()
        return view if any(block["type"] == "input" for block in blocks) else None

    def _heard(self) -> int:
        """How often firedoor has said something to them alone."""
        return sum(one.ephemeral_to == self.user for one in self._screen())

    async def _shown(self, look: Callable[[], Any]) -> Any:
        return await self._slack.eventually(look, LOOK_SECONDS)

    async def _until(self, check: Callable[[], bool]) -> None:
        await self._slack.eventually(lambda: check() or None, ANSWER_SECONDS)

    async def _pressed(self, message: Message, found: Mapping[str, Any]) -> None:
        action, value = found["action_id"], found["value"]
        await self._delivered(lambda: self._slack.act.press(self.user, message, action, value=value))

    async def _delivered(self, act: Callable[[], Delivery]) -> None:
        """Do it, and again where Slack says that it failed. Raises `TimeoutError` if it goes on failing."""
        reply = Reply()
        for _ in range(PRESSES):
            reply = await act()
            if reply.ok:
                return
            self.note(f"is told by Slack that it failed ({reply.error or 'too late'})")
        raise TimeoutError(f"Slack delivers nothing of {self.name}: {reply.error}")


def _means(element: Mapping[str, Any], wanted: Press) -> bool:
    try:
        found = Press.parse(element)
    except UsageError:
        return False
    if (found.verb, found.incident) != (wanted.verb, wanted.incident):
        return False
    return (not wanted.step or found.step == wanted.step) and (not wanted.digest or found.digest == wanted.digest)


def _where(press: Press, message: Message) -> str:
    """Where somebody presses."""
    step = f" at {press.step}" if press.step else ""
    if message.ephemeral_to:
        return f"{step} below what only they see:"
    return f"{step} in the thread" if message.is_reply else f"{step} on the message"


def _typed(value: Any) -> Any:
    """A value as it is put into a field of a form."""
    if isinstance(value, bool):
        return TRUE if value else FALSE
    return value if isinstance(value, list) else str(value)
