"""`conversations.*` and `bookmarks.*`: channels. https://docs.slack.dev/reference/methods/conversations.create"""

import re

from firedoor.drill.slack.call import Call
from firedoor.drill.slack.objects import bookmark_object, channel_object, message_object
from firedoor.drill.slack.refusal import Refusal, missing
from firedoor.drill.slack.state import JSON, Message
from firedoor.drill.slack.workspace import BOT

NAME_LENGTH, TOPIC_LENGTH, INVITED = 80, 250, 1000


def create(call: Call) -> JSON:
    """A new channel, with the bot in it."""
    private = call.flag("is_private")
    call.need_scope("groups:write" if private else "channels:manage")
    name = call.text("name")
    if not name:
        raise Refusal("invalid_name_required")
    if len(name) > NAME_LENGTH:
        raise Refusal("invalid_name_maxlength")
    if not re.search(r"\w", name):
        raise Refusal("invalid_name_punctuation")
    if not re.fullmatch(r"[^\W\sA-Z]*(?:[\w-]*)", name) or name != name.lower():
        raise Refusal("invalid_name_specials")
    if any(one.name == name for one in call.workspace.channels.values()):
        raise Refusal("name_taken")
    if not call.workspace.apps_create_channels:
        raise Refusal("restricted_action")
    channel = call.workspace.add_channel(name, [BOT], creator=BOT, is_private=private)
    call.workspace.changed()
    return {"ok": True, "channel": channel_object(call.workspace, channel)}


def invite(call: Call) -> JSON:
    """Bring people into a channel; all of them or none."""
    channel = call.own_channel()
    call.need_scope_for(channel, "manage")
    ids = [one.strip() for one in call.text("users").split(",") if one.strip()]
    if not ids:
        raise Refusal("no_user")
    if len(ids) > INVITED:
        raise Refusal("too_many_users")
    faults = [(id, _cannot_invite(call, channel.members, id)) for id in ids]
    errors = [{"user": id, "ok": False, "error": error} for id, error in faults if error]
    if errors:
        raise Refusal(str(errors[0]["error"]), more={"errors": errors})
    channel.members += ids
    call.workspace.changed()
    return {"ok": True, "channel": channel_object(call.workspace, channel)}


def _cannot_invite(call: Call, members: list[str], id: str) -> str:
    user = call.workspace.users.get(id)
    if id == BOT:
        return "cant_invite_self"
    if user is None or user.deleted:
        return "user_not_found"
    if id in members:
        return "already_in_channel"
    return "cant_invite" if user.is_foreign else ""


def join(call: Call) -> JSON:
    """Bring the bot into a public channel."""
    channel = call.channel()
    if channel.is_archived:
        raise Refusal("is_archived")
    if channel.is_private:
        raise Refusal("method_not_supported_for_channel_type")
    already = BOT in channel.members
    if not already:
        channel.members.append(BOT)
        call.workspace.changed()
    warning = {"warning": "already_in_channel", "response_metadata": {"warnings": ["already_in_channel"]}}
    return {"ok": True, "channel": channel_object(call.workspace, channel)} | (warning if already else {})


def info(call: Call) -> JSON:
    """One channel."""
    channel = call.channel()
    call.need_scope_for(channel, "read")
    return {"ok": True, "channel": channel_object(call.workspace, channel, count=call.flag("include_num_members"))}


def open_direct(call: Call) -> JSON:
    """The bot's conversation with one person; `already_open` where there was one."""
    user = call.user("users")
    if user.is_bot:
        raise Refusal("cannot_dm_bot")
    if user.deleted:
        raise Refusal("user_disabled")
    known = {one.id for one in call.workspace.channels.values() if one.is_im}
    channel = call.workspace.direct(user.id)
    again = {"no_op": True, "already_open": True} if channel.id in known else {}
    return {"ok": True, "channel": {"id": channel.id}} | again


def list_all(call: Call) -> JSON:
    """The channels that the bot can see, of the `types` that were asked for."""
    types = {one.strip() for one in (call.text("types") or "public_channel").split(",")}
    if unknown := types - {"public_channel", "private_channel", "mpim", "im"}:
        raise Refusal("invalid_types", more={"response_metadata": {"messages": [f"[ERROR] {min(unknown)}"]}})
    seen = [
        channel_object(call.workspace, one, count=True)
        for one in call.workspace.channels.values()
        if not one.is_im
        and ("private_channel" if one.is_private else "public_channel") in types
        and (not one.is_private or BOT in one.members)
        and not (one.is_archived and call.flag("exclude_archived"))
    ]
    page, cursor = call.page(seen)
    return {"ok": True, "channels": page} | cursor


def members(call: Call) -> JSON:
    """The ids of the people in a channel."""
    channel = call.channel()
    call.need_scope_for(channel, "read")
    page, cursor = call.page(channel.members)
    return {"ok": True, "members": page} | cursor


def set_topic(call: Call) -> JSON:
    """Say what a channel is about, in its head."""
    return _set(call, "topic")


def set_purpose(call: Call) -> JSON:
    """Say what a channel is for."""
    return _set(call, "purpose")


def _set(call: Call, name: str) -> JSON:
    channel = call.own_channel()
    call.need_scope_for(channel, "manage")
    value = call.text(name)
    if len(value) > TOPIC_LENGTH:
        raise Refusal("too_long")
    setattr(channel, name, value)
    call.workspace.changed()
    return {"ok": True, "channel": channel_object(call.workspace, channel)}


def archive(call: Call) -> JSON:
    """Close a channel."""
    channel = call.channel()
    call.need_scope_for(channel, "manage")
    if channel.is_archived:
        raise Refusal("already_archived")
    if channel.is_general:
        raise Refusal("cant_archive_general")
    if BOT not in channel.members:
        raise Refusal("not_in_channel")
    channel.is_archived = True
    call.workspace.changed()
    return {"ok": True}


def kick(call: Call) -> JSON:
    """Put somebody out of a channel."""
    channel = call.own_channel()
    call.need_scope_for(channel, "manage")
    user = call.user()
    if user.id == BOT:
        raise Refusal("cant_kick_self")
    if user.id not in channel.members:
        raise Refusal("not_in_channel")
    channel.members.remove(user.id)
    call.workspace.changed()
    return {"ok": True}


def history(call: Call) -> JSON:
    """The messages of a channel that stand in no thread, newest first; metadata with `include_all_metadata`."""
    channel = call.channel()
    call.need_scope_for(channel, "history")
    if BOT not in channel.members:
        raise Refusal("not_in_channel")
    found = [one for one in _between(call, channel.id) if not one.is_reply or one.broadcast]
    page, cursor = call.page(found[::-1])
    more = bool(cursor["response_metadata"]["next_cursor"])
    return {
        "ok": True,
        "messages": [_shown(call, one) for one in page],
        "has_more": more,
        "pin_count": len(channel.pins),
        "channel_actions_ts": None,
        "channel_actions_count": 0,
    } | (cursor if more else {})


def replies(call: Call) -> JSON:
    """A message and its thread, oldest first."""
    channel = call.channel()
    call.need_scope_for(channel, "history")
    if BOT not in channel.members:
        raise Refusal("not_in_channel")
    ts = call.text("ts", required=True)
    parent = call.workspace.message(channel.id, ts)
    if parent is None or parent.ephemeral_to:
        raise Refusal("thread_not_found")
    found = [one for one in _between(call, channel.id) if one.is_reply and one.thread_ts == ts]
    page, cursor = call.page([parent, *found])
    more = bool(cursor["response_metadata"]["next_cursor"])
    return {"ok": True, "messages": [_shown(call, one) for one in page], "has_more": more} | (cursor if more else {})


def _between(call: Call, channel: str) -> list[Message]:
    oldest, latest = call.text("oldest") or "0", call.text("latest")
    inclusive = call.flag("inclusive")
    bounds = (float(oldest), float(latest) if latest and latest != "now" else float("inf"))
    return [
        one
        for one in call.workspace.messages(channel)
        if not one.ephemeral_to and (bounds[0] < float(one.ts) < bounds[1] or (inclusive and float(one.ts) in bounds))
    ]


def _shown(call: Call, message: Message) -> JSON:
    return message_object(call.workspace, message, metadata=call.flag("include_all_metadata"))


def add_bookmark(call: Call) -> JSON:
    """Put a link to the head of a channel."""
    channel = call.own_channel("channel_id")
    title, link = call.text("title", required=True), call.text("link")
    if call.text("type", required=True) == "link" and not link:
        raise missing("link")
    if link and not re.match(r"https?://", link):
        raise Refusal("invalid_link")
    bookmark = call.workspace.add_bookmark(channel, title, link, call.text("emoji"))
    return {"ok": True, "bookmark": bookmark_object(channel, bookmark)}


def list_bookmarks(call: Call) -> JSON:
    """The links at the head of a channel."""
    channel = call.channel("channel_id")
    return {"ok": True, "bookmarks": [bookmark_object(channel, one) for one in channel.bookmarks]}
