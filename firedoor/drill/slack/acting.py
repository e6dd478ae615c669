"""Acting as a person: type a command, press, choose, submit, mention, delete, archive, remove.

Everything that reaches the app gives a `Delivery`: `wait()` in a sync test, `await` in an async one. What Slack's own
clients would not let anybody do raises `NotPossible`.
"""

from collections.abc import Callable
from typing import Any, Protocol

from firedoor.drill.slack import payloads
from firedoor.drill.slack.answers import show
from firedoor.drill.slack.blocks import check_message, check_view, with_ids
from firedoor.drill.slack.inputs import NotPossible, check_inputs, chosen, state_of
from firedoor.drill.slack.people import dialog_text, find_element, must_see, seen_by
from firedoor.drill.slack.refusal import Refusal
from firedoor.drill.slack.reply import Delivery, Reply, unsent
from firedoor.drill.slack.state import JSON, Channel, Message, ResponseUrl, User, View
from firedoor.drill.slack.views import add_view, change_view
from firedoor.drill.slack.workspace import BOT, Workspace

Then = Callable[[Reply], None]
FAILED = "{} failed because the app did not respond."


class Deliver(Protocol):
    """Delivers to the app."""

    def __call__(self, kind: str, payload: JSON, then: Then, *, accepts: bool) -> Delivery:
        """Send a payload; `accepts` says whether an answer in the acknowledgement counts, `then` does what it says."""
        ...


class Acting:
    """Acts in a workspace. `notices` is what Slack itself told people, as pairs of user and words."""

    def __init__(self, workspace: Workspace, deliver: Deliver, base_url: str) -> None:
        self.workspace = workspace
        self.notices: list[tuple[str, str]] = []
        self._deliver = deliver
        self._base_url = base_url

    # --- what reaches the app ---

    def type_command(self, user: str, channel: str, text: str, *, thread: str = "") -> Delivery:
        """Type `/firedoor …`. A stranger may, which is more than real Slack allows. Not in a thread."""
        command, _, rest = text.partition(" ")
        if thread:
            raise NotPossible(f"{command} is not supported in threads. Sorry!")
        with self.workspace.lock:
            person, where = self._member(user, channel)
            url = self.workspace.new_response_url(user, channel)
            payload = payloads.command(
                self.workspace, person, where, (command, rest.strip()), url, base_url=self._base_url
            )

        def then(reply: Reply) -> None:
            self._failed(user, command, reply)
            if reply.ok and reply.payload:
                self._answered(url, reply.payload)

        return self._deliver("slash_commands", payload, then, accepts=True)

    def press(
        self,
        user: str,
        where: Message | View,
        action_id: str,
        *,
        confirm: bool = True,
        value: Any = None,
        values: JSON | None = None,
    ) -> Delivery:
        """Press a button, or choose `value` in a select. A confirm dialog is answered with yes, or with no.

        `values` are what stands in the other inputs of a view, as in `submit`.
        """
        with self.workspace.lock:
            person = self.workspace.users[user]
            self._must_have(user, where)
            blocks: list[JSON] = where.blocks if isinstance(where, Message) else where.said["blocks"]
            block, element = find_element(blocks, action_id, value)
            dialog = dialog_text(element)
            if dialog and not confirm:
                return unsent(dialog)
            action = _action(block, element, value)
            if isinstance(where, Message):
                payload = payloads.message_action(self.workspace, person, where, action, base_url=self._base_url)
            else:
                chosen_here = {} if element["type"] == "button" else {action_id: value}
                state = state_of(where, chosen_here | (values or {}))
                payload = payloads.view_action(self.workspace, person, where, action, state)
        delivery = self._deliver(
            "interactive", payload, lambda reply: self._failed(user, action_id, reply), accepts=False
        )
        delivery.dialog = dialog
        return delivery

    def submit(self, user: str, view: View, values: JSON | None = None) -> Delivery:
        """Submit a modal. `values` are by `block_id` or `action_id`: text, the value of an option, a list of them.

        The reply's `payload` is the app's `response_action`, which has been done by then.
        """
        with self.workspace.lock:
            person = self.workspace.users[user]
            self._must_have(user, view)
            state = state_of(view, values or {})
            check_inputs(view, state)
            payload = payloads.submission(self.workspace, person, view, state)
        return self._deliver("interactive", payload, lambda reply: self._submitted(view, reply), accepts=True)

    def close(self, user: str, view: View) -> Delivery | None:
        """Close a modal. The app is told if it wanted to be (`notify_on_close`)."""
        with self.workspace.lock:
            person = self.workspace.users[user]
            self._must_have(user, view)
            view.is_open = False
            self.workspace.changed()
            if not view.said.get("notify_on_close"):
                return None
            payload = payloads.closing(self.workspace, person, view)
        return self._deliver("interactive", payload, lambda reply: None, accepts=False)

    def shortcut(self, user: str, callback_id: str, message: Message | None = None) -> Delivery:
        """Use a shortcut: a global one, or one of a message."""
        with self.workspace.lock:
            person = self.workspace.users[user]
            if message is not None:
                must_see(self.workspace, user, message)
            payload = payloads.shortcut(self.workspace, person, callback_id, message, base_url=self._base_url)
        return self._deliver(
            "interactive", payload, lambda reply: self._failed(user, callback_id, reply), accepts=False
        )

    def mention(self, user: str, channel: str, text: str, *, thread: str = "") -> Delivery | None:
        """Write `@firedoor text`. None where the app is not in the channel: it is not told."""
        message = self.say(user, channel, f"<@{BOT}> {text}".strip(), thread=thread)
        with self.workspace.lock:
            if BOT not in self.workspace.channels[channel].members:
                return None
            payload = payloads.mention(self.workspace, self.workspace.users[user], message)
        return self._deliver("events_api", payload, lambda reply: None, accepts=False)

    # --- what does not ---

    def say(self, user: str, channel: str, text: str, *, thread: str = "") -> Message:
        """Write a message."""
        with self.workspace.lock:
            self._member(user, channel)
            ts = self.workspace.new_ts()
            return self.workspace.post(Message(channel=channel, ts=ts, user=user, text=text, thread_ts=thread))

    def seen_by(self, user: str, channel: str, *, thread: str = "") -> list[Message]:
        """The messages on somebody's screen, oldest first; of the ephemeral ones only their own."""
        with self.workspace.lock:
            return seen_by(self.workspace, user, channel, thread=thread)

    def modal(self, user: str) -> View | None:
        """The modal on somebody's screen."""
        with self.workspace.lock:
            return self.workspace.open_view(user)

    def told(self, user: str) -> list[str]:
        """What Slack itself has told somebody: that a command failed, that an answer made no sense."""
        return [words for who, words in self.notices if who == user]

    def delete_message(self, message: Message) -> None:
        """Somebody deletes a message."""
        with self.workspace.lock:
            self.workspace.delete(message)

    def archive(self, channel: str) -> None:
        """Somebody archives a channel."""
        with self.workspace.lock:
            self.workspace.channels[channel].is_archived = True
            self.workspace.changed()

    def kick(self, channel: str, user: str = BOT) -> None:
        """Somebody puts the bot, or somebody else, out of a channel."""
        with self.workspace.lock:
            self.workspace.channels[channel].members.remove(user)
            self.workspace.changed()

    def invite(self, channel: str, user: str = BOT) -> None:
        """Somebody brings the bot, or somebody else, into a channel."""
        with self.workspace.lock:
            self.workspace.channels[channel].members.append(user)
            self.workspace.changed()

    def deactivate(self, user: str) -> None:
        """Somebody leaves for good: their account is deactivated, and they are in no channel and no group."""
        with self.workspace.lock:
            self.workspace.users[user].deleted = True
            lists = [one.members for one in self.workspace.channels.values()]
            lists += [one.members for one in self.workspace.groups.values()]
            for members in lists:
                members[:] = [one for one in members if one != user]
            self.workspace.changed()

    def remove_group(self, group: str) -> None:
        """Somebody removes a user group."""
        with self.workspace.lock:
            del self.workspace.groups[group]
            self.workspace.changed()

    # --- inside ---

    def _member(self, user: str, channel: str) -> tuple[User, Channel]:
        where = self.workspace.channels[channel]
        if user not in where.members:
            raise NotPossible(f"They are not in #{where.name}.")
        if where.is_archived:
            raise NotPossible("The channel is archived.")
        return self.workspace.users[user], where

    def _must_have(self, user: str, where: Message | View) -> None:
        if isinstance(where, Message):
            must_see(self.workspace, user, where)
        elif where.user != user or not where.is_open:
            raise NotPossible("They do not have that view on the screen.")

    def _failed(self, user: str, what: str, reply: Reply) -> None:
        if not reply.ok:
            self.notices.append((user, FAILED.format(what)))

    def _answered(self, url: ResponseUrl, payload: Any) -> None:
        """An answer in the acknowledgement of a command: text, or a message."""
        said: JSON = payload if isinstance(payload, dict) else {"text": str(payload)}
        try:
            blocks = check_message(said.get("blocks"), self.workspace.features)
        except Refusal as refusal:
            self.notices.append((url.user, f"The app's answer was refused: {refusal.answer}"))
            return
        kept = with_ids(blocks, lambda: self.workspace.new_id("b"))
        if said.get("text") or kept:
            show(self.workspace, url, said | {"blocks": kept})

    def _submitted(self, view: View, reply: Reply) -> None:
        """Do what the app said to a submission. Without a word the modal closes."""
        if not reply.ok:
            self.notices.append((view.user, "We had some trouble connecting. Try again?"))
            return
        said: JSON = reply.payload if isinstance(reply.payload, dict) else {}
        action = said.get("response_action")
        try:
            self._response_action(view, action, said)
        except Refusal as refusal:
            self.notices.append((view.user, f"The app's answer was refused: {refusal.answer}"))

    def _response_action(self, view: View, action: Any, said: JSON) -> None:
        if action == "errors":
            inputs = {one["block_id"] for one in view.said["blocks"] if one["type"] == "input"}
            errors = said.get("errors")
            if not isinstance(errors, dict) or not errors or not errors.keys() <= inputs:
                raise Refusal("invalid_arguments", messages=["errors must name blocks of inputs"])
        elif action == "update":
            change_view(self.workspace, view, check_view(said.get("view"), self.workspace.features))
        elif action == "push":
            add_view(self.workspace, view.user, check_view(said.get("view"), self.workspace.features), view)
        elif action == "clear":
            self.workspace.close_views(view.user)
        elif action is None:
            view.is_open = False
            self.workspace.changed()
        else:
            raise Refusal("invalid_arguments", messages=[f"unknown response_action {action}"])


def _action(block: JSON, element: JSON, value: Any) -> JSON:
    """What was pressed or chosen, as the payload tells it."""
    shared: JSON = {"action_id": element["action_id"], "block_id": block["block_id"], "type": element["type"]}
    if element["type"] == "button":
        return shared | {name: element[name] for name in ("text", "value", "style", "url") if name in element}
    return shared | chosen(element, value)
