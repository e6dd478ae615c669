"""The methods of the Web API that the fake has: what runs, which scopes it needs, how often it may be called."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from firedoor.drill.slack import chat, conversations, directory, files, views
from firedoor.drill.slack.call import Call
from firedoor.drill.slack.limits import POSTING, SPECIAL
from firedoor.drill.slack.refusal import Refusal
from firedoor.drill.slack.state import JSON, Token
from firedoor.drill.slack.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Method:
    """A method. Any of `scopes` will do; what depends on the channel's kind is checked by the method itself."""

    run: Callable[[Call], JSON]
    tier: int
    scopes: tuple[str, ...] = ()
    kind: str = "bot"


CHANNEL_READ = ("channels:read", "groups:read")
CHANNEL_WRITE = ("channels:manage", "groups:write")
HISTORY = ("channels:history", "groups:history", "im:history")

#: `apps.connections.open` is the socket's own: `sockets.Sockets` adds it.
METHODS: Final[dict[str, Method]] = {
    "auth.test": Method(directory.auth_test, SPECIAL),
    "bookmarks.add": Method(conversations.add_bookmark, 2, ("bookmarks:write",)),
    "bookmarks.list": Method(conversations.list_bookmarks, 3, ("bookmarks:read",)),
    "chat.delete": Method(chat.delete, 3, ("chat:write",)),
    "chat.getPermalink": Method(chat.permalink, SPECIAL),
    "chat.postEphemeral": Method(chat.post_ephemeral, POSTING, ("chat:write",)),
    "chat.postMessage": Method(chat.post_message, POSTING, ("chat:write",)),
    "chat.update": Method(chat.update, 3, ("chat:write",)),
    "conversations.archive": Method(conversations.archive, 2, CHANNEL_WRITE),
    "conversations.create": Method(conversations.create, 2, CHANNEL_WRITE),
    "conversations.history": Method(conversations.history, 3, HISTORY),
    "conversations.info": Method(conversations.info, 3, CHANNEL_READ),
    "conversations.invite": Method(conversations.invite, 3, CHANNEL_WRITE),
    "conversations.join": Method(conversations.join, 3, ("channels:join",)),
    "conversations.kick": Method(conversations.kick, 3, CHANNEL_WRITE),
    "conversations.list": Method(conversations.list_all, 2, CHANNEL_READ),
    "conversations.members": Method(conversations.members, 4, CHANNEL_READ),
    "conversations.open": Method(conversations.open_direct, 3, ("im:write", "mpim:write")),
    "conversations.replies": Method(conversations.replies, 3, HISTORY),
    "conversations.setPurpose": Method(conversations.set_purpose, 2, CHANNEL_WRITE),
    "conversations.setTopic": Method(conversations.set_topic, 2, CHANNEL_WRITE),
    "files.completeUploadExternal": Method(files.complete, 4, ("files:write",)),
    "files.getUploadURLExternal": Method(files.announce, 4, ("files:write",)),
    "pins.add": Method(chat.pin, 2, ("pins:write",)),
    "reactions.add": Method(chat.react, 3, ("reactions:write",)),
    "usergroups.list": Method(directory.group_list, 2, ("usergroups:read",)),
    "usergroups.users.list": Method(directory.group_members, 2, ("usergroups:read",)),
    "users.info": Method(directory.user_info, 4, ("users:read",)),
    "users.list": Method(directory.user_list, 2, ("users:read",)),
    "users.lookupByEmail": Method(directory.user_by_email, 3, ("users:read.email",)),
    "views.open": Method(views.open_view, 4),
    "views.publish": Method(views.publish, 4),
    "views.push": Method(views.push, 4),
    "views.update": Method(views.update, 4),
}


def token_of(workspace: Workspace, value: str) -> Token:
    """The token of a request. Refuses with `not_authed`, `invalid_auth`, `token_revoked`."""
    if not value:
        raise Refusal("not_authed")
    token = workspace.tokens.get(value)
    if token is None:
        raise Refusal("invalid_auth")
    if token.revoked:
        raise Refusal("token_revoked")
    return token


def run(method: Method, call: Call) -> JSON:
    """Check token and scopes, and let a method do its work."""
    if call.token.kind != method.kind:
        raise Refusal("not_allowed_token_type")
    call.need_scope(*method.scopes)
    return method.run(call)
