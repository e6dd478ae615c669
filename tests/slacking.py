"""The judge of the fake Slack: every exchange by the official document, which is of 2021, with what is newer said by name.

Requests are judged where the fake accepted them, answers always, unless a fault stood in their way.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from firedoor.drill.fakes._fake import Exchange
from firedoor.drill.slack.web import arguments
from tests.openapi import SPECS, Judge
from tests.openapi_document import FORM
from tests.shared import SHARED

JSON = dict[str, Any]

#: Methods that the document does not have, and since when Slack has them.
NEWER_METHODS = {
    "apps.connections.open": "Socket Mode, January 2021",
    "bookmarks.add": "bookmarks, 2021",
    "bookmarks.list": "bookmarks, 2021",
    "files.completeUploadExternal": "replaces files.upload, 2022",
    "files.getUploadURLExternal": "replaces files.upload, 2022",
}
#: Arguments that the document does not have.
NEWER_ARGUMENTS = {
    "chat.postMessage": {"metadata": "message metadata, 2022", "markdown_text": "2025"},
    "chat.update": {
        "metadata": "message metadata, 2022",
        "markdown_text": "2025",
        "reply_broadcast": "2020, undocumented",
    },
    "conversations.history": {"include_all_metadata": "message metadata, 2022"},
    "conversations.invite": {"force": "2023"},
    "conversations.replies": {"include_all_metadata": "message metadata, 2022"},
}
#: Words of refusals that the document does not have, by method; `*` is any.
NEWER_ERRORS = {
    "*": {
        "invalid_arguments",
        "invalid_json",
        "json_not_object",
        "missing_scope",
        "not_allowed_token_type",
        "token_revoked",
        "ratelimited",
    },
    "apps.connections.open": {"invalid_auth"},
    "bookmarks.add": {"channel_not_found", "not_in_channel", "is_archived", "invalid_link"},
    "bookmarks.list": {"channel_not_found"},
    "chat.postEphemeral": {"not_in_channel", "user_not_found", "invalid_blocks", "invalid_blocks_format"}
    | {"thread_not_found", "cannot_reply_to_message"},
    "chat.postMessage": {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "restricted_action"}
    | {"invalid_metadata_format", "thread_not_found", "cannot_reply_to_message", "cannot_dm_bot", "user_disabled"},
    "chat.update": {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "invalid_metadata_format"},
    "conversations.archive": {"not_in_channel"},
    "conversations.history": {"not_in_channel", "invalid_cursor", "invalid_limit"},
    "conversations.kick": {"is_archived"},
    "conversations.list": {"invalid_types", "invalid_cursor", "invalid_limit"},
    "conversations.replies": {"not_in_channel", "invalid_cursor", "invalid_limit"},
    "files.completeUploadExternal": {"file_not_found", "channel_not_found", "not_in_channel", "is_archived"},
    "pins.add": {"not_in_channel", "is_archived"},
    "reactions.add": {"channel_not_found", "not_in_channel", "is_archived"},
    "usergroups.users.list": {"no_such_subteam"},
    "users.list": {"invalid_limit"},
    "views.open": {"invalid_trigger_id", "expired_trigger_id", "exchanged_trigger_id", "view_too_large"}
    | {"duplicate_external_id"},
    "views.publish": {"user_not_found", "hash_conflict", "view_too_large"},
    "views.push": {"invalid_trigger_id", "expired_trigger_id", "exchanged_trigger_id", "push_limit_reached"}
    | {"view_too_large", "duplicate_external_id"},
    "views.update": {"not_found", "hash_conflict", "view_too_large"},
}
#: What a refusal may hold besides `ok` and `error`.
DETAILS = {"needed", "provided", "errors", "response_metadata"}
#: A request that is refused so was never a request of the document.
NO_REQUEST = {"invalid_arguments", "invalid_json", "json_not_object", "not_authed", "unknown_method"}


@dataclass(frozen=True, slots=True)
class Newer:
    """Fields of an answer that the document does not have, and why; they are taken out before it judges."""

    fields: dict[str, str]

    def without(self, value: JSON) -> JSON:
        """A value without them."""
        return {name: one for name, one in value.items() if name not in self.fields}


MESSAGE = Newer({"metadata": "message metadata, 2022", "edited": "in every edited message, missing in the document"})
ANSWER = Newer({
    "warning": "message_truncated: docs.slack.dev/changelog/2018-04",
    "response_metadata": "warnings, and since 2017 the cursor of conversations.history",
    "enterprise_id": "of auth.test",
})  # fmt: skip
#: Their cursor is in the document.
CURSORS = {"conversations.list", "conversations.members", "users.list"}


def judge_slack(log: Sequence[Exchange]) -> None:
    """Judge all calls of the Web API; nothing without the document. Raises `AssertionError`."""
    if not SHARED.is_dir():
        return
    spec = SPECS["slack"]
    judge = Judge.of(spec.document, spec.prefix)
    for one in log:
        name = one.path.removeprefix("/api/")
        answer: JSON = json.loads(one.answer)
        if answer.get("error") not in NO_REQUEST:
            _request(judge, name, one)
        if not one.fault and one.status == 200 and answer.get("error") != "unknown_method":
            _answer(judge, name, one.method, answer)


def _request(judge: Judge, name: str, one: Exchange) -> None:
    """Judge a request as a form: slack_sdk sends arguments in the address, in JSON, and `1` for true."""
    said = arguments(one.query, one.headers.get("content-type", "").partition(";")[0], one.body)
    assert "token" not in said, f"{name}: the token belongs into Authorization"
    if name in NEWER_METHODS:
        assert one.headers.get("authorization"), f"{name}: no token"
        return
    newer = NEWER_ARGUMENTS.get(name, {})
    booleans = _booleans(judge, one.method, one.path)
    words = [(key, _word(value, boolean=key in booleans)) for key, value in said.items() if key not in newer]
    headers = dict(one.headers) | {"content-type": FORM}
    if one.method == "GET":
        judge.request("GET", one.path, words, headers, b"")
    else:
        judge.request("POST", one.path, [], headers, urlencode(words).encode())


def _booleans(judge: Judge, method: str, path: str) -> set[str]:
    operation = judge.document.operation(method, path)
    fields = operation.body.get("content", {}).get(FORM, {}).get("schema", {}).get("properties", {})
    found = {name for name, schema in fields.items() if schema.get("type") == "boolean"}
    return found | {one["name"] for one in operation.parameters if one["schema"].get("type") == "boolean"}


def _word(value: Any, *, boolean: bool) -> str:
    if isinstance(value, list | dict | bool):
        return json.dumps(value)
    return {"1": "true", "0": "false"}.get(str(value), str(value)) if boolean else str(value)


def _answer(judge: Judge, name: str, method: str, answer: JSON) -> None:
    if not answer["ok"]:
        _refusal(judge, name, method, answer)
    elif name not in NEWER_METHODS:
        path, judged = f"/api/{name}", ANSWER.without(answer)
        if name in CURSORS:
            judged["response_metadata"] = answer["response_metadata"]
        path, judged = OLDER.get(name, _same)(path, judged)
        judge.answer(method, path, 200, {"content-type": "application/json"}, json.dumps(judged).encode())


def _refusal(judge: Judge, name: str, method: str, answer: JSON) -> None:
    """Judge a refusal: by the document if it knows the word, else by the list of newer ones."""
    unknown = answer.keys() - {"ok", "error"} - DETAILS
    assert not unknown, f"{name}: the refusal has {unknown}"
    if answer["error"] in NEWER_ERRORS["*"] | NEWER_ERRORS.get(name, set()):
        return
    assert name not in NEWER_METHODS, f"{name}: {answer['error']} is not known"
    bare = {"ok": False, "error": answer["error"]}
    judge.answer(method, f"/api/{name}", 200, {"content-type": "application/json"}, json.dumps(bare).encode())


Older = Callable[[str, JSON], tuple[str, JSON]]


def _same(path: str, answer: JSON) -> tuple[str, JSON]:
    return path, answer


def _posted(path: str, answer: JSON) -> tuple[str, JSON]:
    return path, answer | {"message": MESSAGE.without(answer["message"])}


def _updated(path: str, answer: JSON) -> tuple[str, JSON]:
    """The document says that `blocks` of an updated message were an object; they are a list. It names three fields."""
    kept = {key: one for key, one in answer["message"].items() if key in {"text", "attachments"}}
    return path, answer | {"message": kept}


def _history(path: str, answer: JSON) -> tuple[str, JSON]:
    """The document wants at least one message: an empty channel has none."""
    messages = [MESSAGE.without(one) for one in answer["messages"]]
    return path, answer | {"messages": messages or [{"type": "message", "text": "", "ts": "1000000000.000000"}]}


def _replies(path: str, answer: JSON) -> tuple[str, JSON]:
    """Its messages are those of the history; the document has two shapes for them that no bot's message fits."""
    rest = {"pin_count": 0, "channel_actions_ts": None, "channel_actions_count": 0}
    return _history("/api/conversations.history", answer | rest)


OLDER: dict[str, Older] = {
    "chat.postMessage": _posted,
    "chat.update": _updated,
    "conversations.history": _history,
    "conversations.replies": _replies,
}
