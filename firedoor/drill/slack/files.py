"""Uploads in three steps: announce, send the bytes, share. https://docs.slack.dev/messaging/working-with-files"""

from typing import Any

from firedoor.drill.slack.call import Call
from firedoor.drill.slack.objects import file_object
from firedoor.drill.slack.refusal import Refusal
from firedoor.drill.slack.state import JSON, Channel, Message, Upload
from firedoor.drill.slack.workspace import BOT, BOT_ID, Workspace


def announce(call: Call) -> JSON:
    """Where to send a file's bytes."""
    size = call.number("length", 0)
    if size <= 0:
        raise Refusal("invalid_arguments", messages=["must be greater than 0 [json-pointer:/length]"])
    upload = Upload(call.workspace.new_id("F"), call.text("filename", required=True), size, BOT)
    call.workspace.uploads[upload.id] = upload
    return {"ok": True, "upload_url": f"{call.base_url}/upload/v1/{upload.id}", "file_id": upload.id}


def receive(workspace: Workspace, id: str, content: bytes) -> tuple[int, str]:
    """The bytes of a file: a status of HTTP and a sentence."""
    upload = workspace.uploads.get(id)
    if upload is None or upload.complete:
        return 404, "Not found"
    if len(content) != upload.size:
        return 400, f"Expected {upload.size} bytes, got {len(content)}"
    upload.content = content
    return 200, f"OK - {upload.size}"


def complete(call: Call) -> JSON:
    """Share files that were sent, in a channel and thread or nowhere yet."""
    wanted: Any = call.parsed("files")
    if not isinstance(wanted, list) or not wanted:
        raise Refusal("invalid_arguments", messages=["no fewer than 1 items allowed [json-pointer:/files]"])
    uploads = [_sent(call, one) for one in wanted]
    ids = [one for one in (call.text("channel_id") or call.text("channels")).split(",") if one]
    channels = [_target(call, id) for id in ids]
    for upload, one in zip(uploads, wanted, strict=True):
        upload.complete, upload.title = True, str(one.get("title") or upload.name)
    for channel in channels:
        _share(call, channel, uploads)
    return {"ok": True, "files": [file_object(one) | {"title": one.title} for one in uploads]}


def _sent(call: Call, wanted: Any) -> Upload:
    upload = call.workspace.uploads.get(str(wanted.get("id"))) if isinstance(wanted, dict) else None
    if upload is None or upload.content is None or upload.complete:
        raise Refusal("file_not_found")
    return upload


def _target(call: Call, id: str) -> Channel:
    channel = call.workspace.channels.get(id)
    if channel is None or (channel.is_private and BOT not in channel.members):
        raise Refusal("channel_not_found")
    if channel.is_archived:
        raise Refusal("is_archived")
    if BOT not in channel.members:
        raise Refusal("not_in_channel")
    return channel


def _share(call: Call, channel: Channel, uploads: list[Upload]) -> None:
    for upload in uploads:
        upload.channel = channel.id
    call.workspace.post(
        Message(
            channel=channel.id,
            ts=call.workspace.new_ts(),
            user=BOT,
            bot_id=BOT_ID,
            text=call.text("initial_comment"),
            thread_ts=call.text("thread_ts"),
            files=[one.id for one in uploads],
        )
    )
