"""`chat.*`, `reactions.add`, `pins.add`: messages. https://docs.slack.dev/reference/methods/chat.postMessage"""

from typing import Any

from firedoor.drill.slack.blocks import check_message, with_ids
from firedoor.drill.slack.call import Call
from firedoor.drill.slack.objects import message_object
from firedoor.drill.slack.refusal import Refusal
from firedoor.drill.slack.state import JSON, Channel, Message
from firedoor.drill.slack.workspace import BOT, BOT_ID, Workspace

#: Longer text is cut (docs.slack.dev/changelog: 2018-04), but refused in an update.
TEXT, UPDATED_TEXT = 40_000, 4_000
ATTACHMENTS = 100
CUT = "[WARN] Your message was truncated but still posted. The `text` field accepts up to 40,000 characters."


def post_message(call: Call) -> JSON:
    """Post to a channel or into a thread. A public channel takes it without the bot, given `chat:write.public`."""
    channel = _postable(call)
    text, blocks, attachments = _content(call)
    message = Message(
        channel=channel.id,
        ts=call.workspace.new_ts(),
        user=BOT,
        bot_id=BOT_ID,
        text=text[:TEXT],
        blocks=with_ids(blocks, lambda: call.workspace.new_id("b")),
        attachments=attachments,
        thread_ts=_thread(call, channel),
        metadata=_metadata(call),
        broadcast=call.flag("reply_broadcast"),
    )
    call.workspace.post(message)
    answer = {
        "ok": True,
        "channel": channel.id,
        "ts": message.ts,
        "message": message_object(call.workspace, message, metadata=True),
    }
    return answer | _warning(text)


def _warning(text: str) -> JSON:
    if len(text) <= TEXT:
        return {}
    return {"response_metadata": {"messages": [CUT], "warnings": ["message_truncated"]}, "warning": "message_truncated"}


def post_ephemeral(call: Call) -> JSON:
    """Show something to one person of a channel. Nothing keeps it: it cannot be updated, and no history has it."""
    channel = _postable(call)
    user = call.user()
    if user.id not in channel.members:
        raise Refusal("user_not_in_channel")
    text, blocks, attachments = _content(call)
    message = Message(
        channel=channel.id,
        ts=call.workspace.new_ts(),
        user=BOT,
        bot_id=BOT_ID,
        text=text[:TEXT],
        blocks=with_ids(blocks, lambda: call.workspace.new_id("b")),
        attachments=attachments,
        thread_ts=_thread(call, channel),
        ephemeral_to=user.id,
    )
    call.workspace.post(message)
    return {"ok": True, "message_ts": message.ts}


def update(call: Call) -> JSON:
    """Change a message of the app's own. Blocks, attachments and metadata that are not given stay as they are."""
    channel = call.channel()
    message = call.message(channel, "ts")
    if channel.is_archived:
        raise Refusal("is_inactive")
    if message.user != BOT:
        raise Refusal("cant_update_message")
    text, blocks, attachments = _content(call, of=message)
    if len(text) > UPDATED_TEXT:
        raise Refusal("msg_too_long")
    if call.has("blocks"):
        blocks = with_ids(blocks, lambda: call.workspace.new_id("b"))
    if call.has("metadata"):
        message.metadata = _metadata(call) or None
    call.workspace.edit(message, text, blocks, attachments)
    shown = message_object(call.workspace, message, metadata=True)
    return {"ok": True, "channel": channel.id, "ts": message.ts, "text": message.text, "message": shown}


def delete(call: Call) -> JSON:
    """Take a message of the app's own away."""
    channel = call.channel()
    message = call.message(channel, "ts")
    if message.user != BOT:
        raise Refusal("cant_delete_message")
    call.workspace.delete(message)
    return {"ok": True, "channel": channel.id, "ts": message.ts}


def permalink(call: Call) -> JSON:
    """The address of a message for people."""
    channel = call.channel()
    message = call.message(channel, "message_ts")
    return {"ok": True, "channel": channel.id, "permalink": link(call.workspace, message)}


def link(workspace: Workspace, message: Message) -> str:
    """The address of a message for people."""
    address = (
        f"https://{workspace.own_team().domain}.slack.com/archives/{message.channel}/p{message.ts.replace('.', '')}"
    )
    return f"{address}?thread_ts={message.thread_ts}&cid={message.channel}" if message.is_reply else address


def react(call: Call) -> JSON:
    """Put an emoji to a message."""
    channel = call.own_channel()
    message = call.message(channel, "timestamp")
    people = message.reactions.setdefault(call.text("name", required=True).strip(":"), [])
    if BOT in people:
        raise Refusal("already_reacted")
    people.append(BOT)
    call.workspace.changed()
    return {"ok": True}


def pin(call: Call) -> JSON:
    """Pin a message to its channel."""
    channel = call.own_channel()
    message = call.message(channel, "timestamp")
    if message.ts in channel.pins:
        raise Refusal("already_pinned")
    channel.pins.append(message.ts)
    call.workspace.changed()
    return {"ok": True}


def _postable(call: Call) -> Channel:
    channel = call.channel(by_name=True)
    if channel.is_archived:
        raise Refusal("is_archived")
    if BOT not in channel.members and "chat:write.public" not in call.token.scopes:
        raise Refusal("not_in_channel")
    if channel.read_only:
        raise Refusal("restricted_action")
    return channel


def _content(call: Call, of: Message | None = None) -> tuple[str, list[JSON], list[JSON]]:
    """Text, blocks, attachments. What an update does not give stays as it is in the message that it is `of`."""
    blocks = check_message(call.parsed("blocks", "invalid_blocks_format"), call.workspace.features)
    attachments: Any = call.parsed("attachments") or []
    if len(attachments) > ATTACHMENTS:
        raise Refusal("too_many_attachments")
    if of and not call.has("blocks"):
        blocks = of.blocks
    if of and not call.has("attachments"):
        attachments = of.attachments
    text = call.text("markdown_text") or call.text("text")
    if not text and not blocks and not attachments:
        raise Refusal("no_text")
    return text, blocks, attachments


def _thread(call: Call, channel: Channel) -> str:
    """The thread that a message goes into. A reply begins none of its own."""
    if not call.has("thread_ts"):
        return ""
    parent = call.workspace.message(channel.id, call.text("thread_ts"))
    if parent is None and not call.workspace.thread(channel.id, call.text("thread_ts")):
        raise Refusal("thread_not_found")
    if parent is not None and parent.is_reply:
        raise Refusal("cannot_reply_to_message")
    return call.text("thread_ts")


def _metadata(call: Call) -> JSON | None:
    """`event_type` and `event_payload`, or Work Objects' `entities`: https://docs.slack.dev/messaging/message-metadata"""
    metadata = call.parsed("metadata", "invalid_metadata_format")
    if metadata is None:
        return None
    if not isinstance(metadata, dict):
        raise Refusal("invalid_metadata_format")
    event = isinstance(metadata.get("event_type"), str) and isinstance(metadata.get("event_payload"), dict)
    if metadata and not event and not isinstance(metadata.get("entities"), list):
        raise Refusal("invalid_metadata_format")
    return metadata
