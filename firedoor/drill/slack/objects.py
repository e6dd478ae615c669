"""The workspace as the Web API shows it: the shapes of the official OpenAPI document, and what it is too old to know.

Too old for: `metadata` and `edited` of a message, views at all.
"""

from typing import Any

from firedoor.drill.slack.state import JSON, Bookmark, Channel, Group, Message, Upload, User, View
from firedoor.drill.slack.workspace import APP, BOT, BOT_ID, BOT_NAME, TEAM, Workspace

ICONS = {f"image_{size}": f"https://slack.invalid/bot_{size}.png" for size in (36, 48, 72)}


def user_object(workspace: Workspace, user: User, *, email: bool) -> JSON:
    """Somebody. The address is there only for tokens with `users:read.email`."""
    profile: JSON = dict.fromkeys(
        ("title", "phone", "skype", "status_text", "status_emoji", "avatar_hash", "display_name"), ""
    )
    profile |= {
        "real_name": user.name.title(),
        "real_name_normalized": user.name.title(),
        "display_name": user.name,
        "display_name_normalized": user.name,
        "fields": None,
        "team": user.team_id,
    }
    if email and user.email and not user.is_foreign:
        profile["email"] = user.email
    if user.is_bot:
        profile |= {"bot_id": BOT_ID, "api_app_id": APP}
    result: JSON = {
        "id": user.id,
        "team_id": user.team_id,
        "name": user.name,
        "real_name": user.name.title(),
        "deleted": user.deleted,
        "profile": profile,
        "is_bot": user.is_bot,
        "is_app_user": False,
        "updated": 1_700_000_000,
    }
    team = workspace.teams[user.team_id]
    if team.enterprise_id:
        result["enterprise_user"] = {
            "id": user.id,
            "enterprise_id": team.enterprise_id,
            "enterprise_name": team.enterprise_name,
            "is_admin": False,
            "is_owner": False,
            "teams": [user.team_id],
        }
    return result | ({"is_stranger": True} if workspace.is_stranger(user) else {})


def channel_object(workspace: Workspace, channel: Channel, *, count: bool = False) -> JSON:
    """A conversation; with the number of its members on request."""
    result: JSON = {
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "created": int(channel.created),
        "creator": channel.creator,
        "is_archived": channel.is_archived,
        "is_channel": True,
        "is_general": channel.is_general,
        "is_group": False,
        "is_im": False,
        "is_mpim": False,
        "is_private": channel.is_private,
        "is_member": BOT in channel.members,
        "is_org_shared": False,
        "is_ext_shared": bool(channel.shared_with),
        "is_shared": bool(channel.shared_with),
        "topic": _said(channel.topic),
        "purpose": _said(channel.purpose),
        "shared_team_ids": [TEAM, *channel.shared_with],
    }
    return result | ({"num_members": len(channel.members)} if count else {})


def _said(value: str) -> JSON:
    return {"value": value, "creator": BOT if value else "", "last_set": 1_700_000_000 if value else 0}


def group_object(group: Group, *, users: bool, count: bool) -> JSON:
    """A user group, with its members and their number on request."""
    result: JSON = {
        "id": group.id,
        "team_id": TEAM,
        "is_usergroup": True,
        "is_subteam": True,
        "name": group.name,
        "description": "",
        "handle": group.handle,
        "is_external": False,
        "date_create": 1_700_000_000,
        "date_update": 1_700_000_000,
        "date_delete": 1_700_000_001 if group.disabled else 0,
        "auto_type": None,
        "auto_provision": False,
        "enterprise_subteam_id": "",
        "created_by": "U0ALICE000",
        "updated_by": "U0ALICE000",
        "deleted_by": None,
        "prefs": {"channels": [], "groups": []},
    }
    if users:
        result["users"] = list(group.members)
    return result | ({"user_count": len(group.members)} if count else {})


def message_object(workspace: Workspace, message: Message, *, metadata: bool = False) -> JSON:
    """A message as the history and the payloads show it; its metadata only on request."""
    user = workspace.users[message.user]
    result: JSON = {
        "type": "message",
        "user": message.user,
        "text": message.text,
        "ts": message.ts,
        "team": user.team_id,
    }
    if message.bot_id:
        result |= {"bot_id": message.bot_id, "bot_profile": _bot_profile()}
    if message.blocks:
        result["blocks"] = message.blocks
    if message.attachments:
        result["attachments"] = [one | {"id": at} for at, one in enumerate(message.attachments, 1)]
    if message.edited:
        result["edited"] = {"user": message.user, "ts": message.edited}
    if metadata and message.metadata:
        result["metadata"] = message.metadata
    if message.reactions:
        result["reactions"] = [
            {"name": name, "users": users, "count": len(users)} for name, users in message.reactions.items()
        ]
    if message.files:
        result |= {"files": [file_object(workspace.uploads[one]) for one in message.files], "upload": False}
    return result | _threading(workspace, message)


def _threading(workspace: Workspace, message: Message) -> JSON:
    if message.is_reply:
        parent = workspace.message(message.channel, message.thread_ts)
        parent_user = {"parent_user_id": parent.user} if parent else {}
        return {"thread_ts": message.thread_ts} | parent_user
    replies = workspace.thread(message.channel, message.ts)
    if not replies:
        return {}
    people = list(dict.fromkeys(reply.user for reply in replies))
    return {
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "reply_users": people,
        "reply_users_count": len(people),
        "latest_reply": replies[-1].ts,
        "subscribed": False,
    }


def _bot_profile() -> JSON:
    return {
        "id": BOT_ID,
        "app_id": APP,
        "name": BOT_NAME,
        "deleted": False,
        "updated": 1_700_000_000,
        "team_id": TEAM,
        "icons": ICONS,
    }


def file_object(upload: Upload) -> JSON:
    """A file, without its content."""
    return {
        "id": upload.id,
        "created": 1_700_000_000,
        "timestamp": 1_700_000_000,
        "name": upload.name,
        "size": upload.size,
        "user": upload.user,
        "mode": "hosted",
        "is_external": False,
        "is_public": True,
        "permalink": f"https://firedoor-drill.slack.invalid/files/{upload.user}/{upload.id}",
    }


def bookmark_object(channel: Channel, bookmark: Bookmark) -> JSON:
    """A link at the head of a channel."""
    return {
        "id": bookmark.id,
        "channel_id": channel.id,
        "title": bookmark.title,
        "link": bookmark.link,
        "emoji": bookmark.emoji or None,
        "type": "link",
    }


def view_object(view: View, state: JSON | None = None) -> JSON:
    """A modal or Home tab; `state` are the values of its inputs by block and action."""
    said = view.said
    kept: dict[str, Any] = {
        name: said.get(name)
        for name in ("type", "title", "submit", "close", "blocks")
        if name in said or name != "title"
    }
    return kept | {
        "id": view.id,
        "team_id": TEAM,
        "app_id": APP,
        "app_installed_team_id": TEAM,
        "bot_id": BOT_ID,
        "hash": view.hash,
        "callback_id": said.get("callback_id", ""),
        "private_metadata": said.get("private_metadata", ""),
        "external_id": said.get("external_id", ""),
        "clear_on_close": said.get("clear_on_close", False),
        "notify_on_close": said.get("notify_on_close", False),
        "root_view_id": view.root,
        "previous_view_id": view.previous or None,
        "state": {"values": state or {}},
    }
