"""The workspace that the fake Slack serves: pure state, and what may become of it. Nothing here knows HTTP.

Whoever reads or changes it while the server runs holds `lock`. After each change `changed` calls the `watchers`.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from firedoor.drill.fakes._fake import canary
from firedoor.drill.slack.state import (
    JSON,
    Bookmark,
    Channel,
    Clock,
    Group,
    Message,
    ResponseUrl,
    Team,
    Token,
    Trigger,
    Upload,
    User,
    Version,
    View,
)

TEAM: Final = "T0FIREDOOR"
FOREIGN_TEAM: Final = "T0STRANGER"
APP: Final = "A0FIREDOOR"
BOT: Final = "U0FIREDOOR"
BOT_ID: Final = "B0FIREDOOR"
BOT_NAME: Final = "firedoor"
ALICE, BOB, CAROL, DAVE = "U0ALICE000", "U0BOB00000", "U0CAROL000", "U0DAVE0000"
#: Of another team, in #shared.
MALLORY: Final = "U0MALLORY0"
GENERAL, INCIDENTS, SECRET, SHARED_CHANNEL, OLD = "C0GENERAL0", "C0INCIDENT", "C0SECRET00", "C0SHARED00", "C0OLD00000"
SECURITY, ADMINS = "S0SECURITY", "S0ADMINS00"

#: What the manifest asks for.
SCOPES: Final = frozenset({
    "app_mentions:read", "bookmarks:read", "bookmarks:write", "channels:history", "channels:join", "channels:manage",
    "channels:read", "chat:write", "chat:write.public", "commands", "files:write", "groups:history", "groups:read",
    "groups:write", "im:history", "im:write", "pins:write", "reactions:write", "usergroups:read", "users:read",
    "users:read.email",
})  # fmt: skip

#: Blocks that not every workspace has: they are refused until `Workspace.features` holds them.
NEW_BLOCKS: Final = frozenset({"plan", "task_card", "alert", "markdown", "card", "carousel", "container"})
MICRO: Final = 1_000_000


class Workspace:
    """One workspace, what is in it, and the teams that share channels with it."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.lock = threading.RLock()
        self.clock = clock or Clock()
        self.teams: dict[str, Team] = {}
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.groups: dict[str, Group] = {}
        self.views: dict[str, View] = {}
        self.homes: dict[str, str] = {}
        self.uploads: dict[str, Upload] = {}
        self.tokens: dict[str, Token] = {}
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.features: set[str] = set()
        #: Whether apps may create channels here; else `restricted_action`.
        self.apps_create_channels = True
        #: What the app is given when it is installed.
        self.bot_token = canary("xoxb-")
        self.app_token = canary("xapp-")
        self.signing_secret = canary("")
        self.watchers: list[Callable[[], None]] = []
        self._messages: dict[str, dict[str, Message]] = {}
        self._replies: dict[tuple[str, str], list[Message]] = {}
        self._last_ts = 0
        self._ids = 0

    # --- who and what there is ---

    def own_team(self) -> Team:
        """The team that the app is installed in."""
        return self.teams[TEAM]

    def join_enterprise(self, id: str = "E0FIREDOOR", name: str = "Firedoor Group") -> None:
        """Make our team part of an enterprise."""
        team = self.own_team()
        team.enterprise_id, team.enterprise_name = id, name

    def is_stranger(self, user: User) -> bool:
        """Of another team, and in no channel that the bot is in: what Slack says in `is_stranger`."""
        shared = (one for one in self.channels.values() if BOT in one.members and user.id in one.members)
        return user.is_foreign and next(shared, None) is None

    def add_user(self, id: str, name: str, team: str = TEAM, *, is_bot: bool = False) -> User:
        """Somebody new; of another team if it is not ours."""
        email = "" if is_bot else f"{name}@{self.teams[team].domain}.example"
        user = User(id, name, team, email=email, is_bot=is_bot, is_foreign=team != TEAM)
        self.users[id] = user
        return user

    def add_channel(
        self, name: str, members: Iterable[str] = (), *, id: str = "", creator: str = ALICE, is_private: bool = False
    ) -> Channel:
        """A new channel with these people."""
        channel = Channel(id or self.new_id("C"), name, creator, self.clock.now(), list(members), is_private=is_private)
        self.channels[channel.id] = channel
        return channel

    def direct(self, user: str) -> Channel:
        """The bot's conversation with one person, begun if there is none yet."""
        for channel in self.channels.values():
            if channel.is_im and user in channel.members:
                return channel
        channel = self.add_channel("", (user, BOT), id=self.new_id("D"), creator=user, is_private=True)
        channel.is_im = True
        return channel

    def add_group(self, handle: str, members: Iterable[str], *, id: str = "") -> Group:
        """A new user group."""
        group = Group(id or self.new_id("S"), handle, handle.title(), list(members))
        self.groups[group.id] = group
        return group

    def add_token(self, value: str, kind: str, scopes: Iterable[str], user: str = BOT) -> Token:
        """A token that the Web API takes."""
        self.tokens[value] = Token(value, kind, set(scopes), user)
        return self.tokens[value]

    def new_id(self, prefix: str) -> str:
        """An id as Slack's look: `C0000000001`."""
        self._ids += 1
        return f"{prefix}{self._ids:010d}"

    def new_ts(self) -> str:
        """The time as the id of a message: unique, and later than all before."""
        self._last_ts = max(int(self.clock.now() * MICRO), self._last_ts + 1)
        return f"{self._last_ts // MICRO}.{self._last_ts % MICRO:06d}"

    def changed(self) -> None:
        """Tell the watchers that something is different."""
        for watcher in list(self.watchers):
            watcher()

    # --- messages ---

    def post(self, message: Message) -> Message:
        """Put a message where it belongs."""
        self._messages.setdefault(message.channel, {})[message.ts] = message
        if message.is_reply:
            self._replies.setdefault((message.channel, message.thread_ts), []).append(message)
        self.changed()
        return message

    def message(self, channel: str, ts: str) -> Message | None:
        """A message that is there, ephemeral ones too; None if there is none, or none any more."""
        found = self._messages.get(channel, {}).get(ts)
        return None if found is None or found.deleted else found

    def messages(self, channel: str, *, deleted: bool = False) -> Iterator[Message]:
        """All of a channel in the order of their ts: replies and ephemeral ones too, and deleted ones on request."""
        found = sorted(self._messages.get(channel, {}).values(), key=lambda one: one.ts)
        return (one for one in found if deleted or not one.deleted)

    def thread(self, channel: str, ts: str) -> list[Message]:
        """The replies to a message that everybody sees."""
        return [one for one in self._replies.get((channel, ts), ()) if not one.ephemeral_to and not one.deleted]

    def edit(self, message: Message, text: str, blocks: list[JSON], attachments: list[JSON] | None = None) -> None:
        """Make a message say something else. What it said before is kept in its `versions`."""
        message.versions.append(Version(self.clock.now(), message.text, message.blocks))
        message.text, message.blocks = text, blocks
        if attachments is not None:
            message.attachments = attachments
        message.edited = self.new_ts()
        self.changed()

    def delete(self, message: Message) -> None:
        """Take a message away."""
        message.deleted = True
        self.changed()

    # --- interactions ---

    def new_trigger(self, user: str, view: str = "") -> Trigger:
        """A trigger id for somebody who has just done something."""
        id = f"{self.new_id('')}.{self.new_id('')}.{self.new_id('canary')}"
        self.triggers[id] = Trigger(id, user, self.clock.now(), view)
        return self.triggers[id]

    def new_response_url(self, user: str, channel: str, ts: str = "", thread_ts: str = "") -> ResponseUrl:
        """Where an app may answer what somebody has just done."""
        key = self.new_id("canary")
        self.response_urls[key] = ResponseUrl(key, user, channel, self.clock.now(), ts, thread_ts)
        return self.response_urls[key]

    def open_view(self, user: str) -> View | None:
        """The modal that somebody sees: the top of the stack."""
        found = [one for one in self.views.values() if one.user == user and one.is_open and one.said["type"] == "modal"]
        return found[-1] if found else None

    def close_views(self, user: str) -> None:
        """Close all modals of somebody."""
        for view in self.views.values():
            if view.user == user and view.said["type"] == "modal":
                view.is_open = False
        self.changed()

    def add_bookmark(self, channel: Channel, title: str, link: str, emoji: str = "") -> Bookmark:
        """A link at the head of a channel."""
        bookmark = Bookmark(self.new_id("Bk"), title, link, emoji)
        channel.bookmarks.append(bookmark)
        self.changed()
        return bookmark


def standard(clock: Clock | None = None) -> Workspace:
    """A workspace with people, channels and groups: what drills and tests begin with.

    alice, bob, carol and dave work here; mallory of another team is in #shared. The bot is in #incidents, #secret
    (private) and #shared, not in #general. `@security` is alice and bob, `@admins` is carol.
    """
    made = Workspace(clock)
    made.teams[TEAM] = Team(TEAM, "Firedoor", "firedoor-drill")
    made.teams[FOREIGN_TEAM] = Team(FOREIGN_TEAM, "Strangers", "strangers")
    for id, name in ((ALICE, "alice"), (BOB, "bob"), (CAROL, "carol"), (DAVE, "dave")):
        made.add_user(id, name)
    made.add_user(MALLORY, "mallory", FOREIGN_TEAM)
    made.add_user(BOT, BOT_NAME, is_bot=True)
    people = (ALICE, BOB, CAROL, DAVE)
    made.add_channel("general", people, id=GENERAL).is_general = True
    made.add_channel("incidents", (*people, BOT), id=INCIDENTS)
    made.add_channel("secret", (ALICE, BOB, BOT), id=SECRET, is_private=True)
    made.add_channel("shared", (ALICE, MALLORY, BOT), id=SHARED_CHANNEL).shared_with.append(FOREIGN_TEAM)
    made.add_channel("old", (ALICE, BOT), id=OLD).is_archived = True
    made.add_group("security", (ALICE, BOB), id=SECURITY)
    made.add_group("admins", (CAROL,), id=ADMINS)
    made.add_token(made.bot_token, "bot", SCOPES)
    made.add_token(made.app_token, "app", {"connections:write"})
    return made
