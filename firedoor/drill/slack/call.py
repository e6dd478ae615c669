"""One call of a method of the Web API: who calls, and with which arguments."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from firedoor.drill.slack.refusal import Refusal, missing
from firedoor.drill.slack.state import JSON, Channel, Message, Token, User
from firedoor.drill.slack.workspace import BOT, Workspace

PAGE = 100


class Call:
    """A call. `said` are its arguments: JSON values, or words where they came as a form or in the address."""

    def __init__(self, workspace: Workspace, token: Token, said: JSON, base_url: str) -> None:
        self.workspace = workspace
        self.token = token
        self.said = said
        #: Where the fake listens: what addresses of sockets and uploads begin with.
        self.base_url = base_url

    def has(self, name: str) -> bool:
        """Whether an argument was given."""
        return self.said.get(name) is not None

    def text(self, name: str, *, required: bool = False) -> str:
        """An argument that is text. Refuses with `invalid_arguments`."""
        value = self.said.get(name)
        if value in (None, "") and required:
            raise missing(name)
        return "" if value is None else str(value)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """An argument that is yes or no: true, "true", 1, "1"."""
        value = self.said.get(name)
        return default if value is None else value in (True, "true", "True", 1, "1")

    def number(self, name: str, default: int) -> int:
        """An argument that is a whole number. Refuses with `invalid_arguments`."""
        value = self.said.get(name)
        if value in (None, ""):
            return default
        try:
            return int(str(value))
        except ValueError:
            raise Refusal("invalid_arguments", messages=[f"must be an integer [json-pointer:/{name}]"]) from None

    def parsed(self, name: str, error: str = "invalid_arguments") -> Any:
        """An argument that is JSON: as it is, or in the text of a form. Refuses with `error`."""
        value = self.said.get(name)
        if not isinstance(value, str) or not value:
            return value or None if isinstance(value, str) else value
        try:
            return json.loads(value)
        except ValueError:
            raise Refusal(error) from None

    # --- what the arguments name ---

    def channel(self, name: str = "channel", *, by_name: bool = False) -> Channel:
        """The channel that an argument names. One that the bot cannot see is not found.

        `by_name`: `#incidents` will do as well, and somebody's id for the bot's conversation with them.
        """
        wanted = self.text(name, required=True)
        found = self.workspace.channels.get(wanted)
        if found is None and by_name and wanted in self.workspace.users:
            return self._direct(self.workspace.users[wanted])
        if found is None and by_name:
            named = (
                one for one in self.workspace.channels.values() if one.name == wanted.lstrip("#") and not one.is_im
            )
            found = next(named, None)
        if found is None or (found.is_private and BOT not in found.members):
            raise Refusal("channel_not_found")
        return found

    def _direct(self, user: User) -> Channel:
        if user.is_bot:
            raise Refusal("cannot_dm_bot")
        if user.deleted:
            raise Refusal("user_disabled")
        return self.workspace.direct(user.id)

    def own_channel(self, name: str = "channel") -> Channel:
        """A channel that the bot is in, and that is not archived. Refuses with `not_in_channel`, `is_archived`."""
        channel = self.channel(name)
        if channel.is_archived:
            raise Refusal("is_archived")
        if BOT not in channel.members:
            raise Refusal("not_in_channel")
        return channel

    def message(self, channel: Channel, name: str) -> Message:
        """The message whose ts an argument is. Ephemeral ones are not found: they are nowhere but on a screen."""
        found = self.workspace.message(channel.id, self.text(name, required=True))
        if found is None or found.ephemeral_to:
            raise Refusal("message_not_found")
        return found

    def user(self, name: str = "user") -> User:
        """Somebody whom an argument names by id."""
        found = self.workspace.users.get(self.text(name, required=True))
        if found is None:
            raise Refusal("user_not_found")
        return found

    def need_scope(self, *alternatives: str) -> None:
        """Refuse with `missing_scope` if the token has none of these."""
        if alternatives and not self.token.scopes & set(alternatives):
            provided = ",".join(sorted(self.token.scopes))
            raise Refusal("missing_scope", more={"needed": alternatives[0], "provided": provided})

    def need_scope_for(self, channel: Channel, verb: str) -> None:
        """The same for a channel: `channels:verb` for a public one, `groups:verb` for a private one, `im:verb`."""
        other = "write" if verb == "manage" else verb
        if channel.is_im:
            self.need_scope(f"im:{other}")
        else:
            self.need_scope(f"groups:{other}" if channel.is_private else f"channels:{verb}")

    def page(self, items: Sequence[Any]) -> tuple[list[Any], JSON]:
        """The part of a list that `cursor` and `limit` ask for, and its `response_metadata`."""
        start = 0
        if cursor := self.text("cursor"):
            try:
                start = int(base64.b64decode(cursor, validate=True))
            except ValueError:
                raise Refusal("invalid_cursor") from None
        limit = self.number("limit", PAGE) or PAGE
        if not 0 < limit <= 1000:
            raise Refusal("invalid_limit")
        end = start + limit
        more = base64.b64encode(str(end).encode()).decode() if end < len(items) else ""
        return list(items[start:end]), {"response_metadata": {"next_cursor": more}}
