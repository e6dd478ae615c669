"""What a workspace of Slack consists of: teams, people, channels, groups, messages, views, files, tokens."""

import time
from dataclasses import dataclass, field
from typing import Any

JSON = dict[str, Any]


class Clock:
    """Seconds since 1970. `advance` makes time pass that nobody waits for."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        """The time."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass at once."""
        self._ahead += seconds


@dataclass
class Team:
    """A workspace (T…); it may belong to an enterprise (E…)."""

    id: str
    name: str
    domain: str
    enterprise_id: str = ""
    enterprise_name: str = ""


@dataclass
class User:
    """Somebody (U…). Whoever `is_foreign` belongs to another team, and is here in a shared channel."""

    id: str
    name: str
    team_id: str
    email: str = ""
    is_bot: bool = False
    deleted: bool = False
    is_foreign: bool = False


@dataclass
class Bookmark:
    """A link at the head of a channel (Bk…)."""

    id: str
    title: str
    link: str
    emoji: str = ""


@dataclass
class Channel:
    """A conversation: C…, or D… for one of the bot with one person (`is_im`).

    `read_only` lets no app post; `shared_with` are the other teams of a shared channel.
    """

    id: str
    name: str
    creator: str
    created: float
    members: list[str] = field(default_factory=list)
    is_private: bool = False
    is_archived: bool = False
    is_im: bool = False
    is_general: bool = False
    read_only: bool = False
    topic: str = ""
    purpose: str = ""
    shared_with: list[str] = field(default_factory=list)
    bookmarks: list[Bookmark] = field(default_factory=list)
    pins: list[str] = field(default_factory=list)


@dataclass
class Group:
    """A user group (S…), written `@handle`."""

    id: str
    handle: str
    name: str
    members: list[str] = field(default_factory=list)
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Version:
    """What a message said until it was edited, at a time."""

    until: float
    text: str
    blocks: list[JSON]


@dataclass
class Message:
    """A message. `ephemeral_to` is the only one who sees it; `versions` are the ones before the edits, oldest first."""

    channel: str
    ts: str
    user: str
    text: str = ""
    blocks: list[JSON] = field(default_factory=list)
    attachments: list[JSON] = field(default_factory=list)
    thread_ts: str = ""
    metadata: JSON | None = None
    bot_id: str = ""
    ephemeral_to: str = ""
    edited: str = ""
    deleted: bool = False
    broadcast: bool = False
    versions: list[Version] = field(default_factory=list)
    reactions: dict[str, list[str]] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)

    @property
    def is_reply(self) -> bool:
        """Whether it stands in a thread, and does not begin it."""
        return bool(self.thread_ts) and self.thread_ts != self.ts


@dataclass
class View:
    """A modal or a Home tab (V…). `said` is what the app gave; `previous` the modal under it."""

    id: str
    user: str
    said: JSON
    hash: str
    root: str
    previous: str = ""
    is_open: bool = True


@dataclass
class Upload:
    """A file (F…): announced, then uploaded, then shared by `complete`."""

    id: str
    name: str
    size: int
    user: str
    content: bytes | None = None
    title: str = ""
    channel: str = ""
    complete: bool = False


@dataclass
class Token:
    """A bot token (xoxb-) or an app token (xapp-), and what it may."""

    value: str = field(repr=False)
    kind: str
    scopes: set[str]
    user: str = ""
    revoked: bool = False


@dataclass
class Trigger:
    """What lets an app open a modal: for 3 seconds, once. `view` is the modal that stood open when it was made."""

    id: str
    user: str
    made: float
    view: str = ""
    used: bool = False


@dataclass
class ResponseUrl:
    """Where an app may answer an interaction. `ts` is the message whose button was pressed; empty after a command."""

    key: str
    user: str
    channel: str
    made: float
    ts: str = ""
    thread_ts: str = ""
    uses: int = 0
