"""What Slack's errors mean for a person: which invitation, scope or token is missing. Pure.

The codes are those of docs.slack.dev/reference/methods.
"""

from collections.abc import Mapping
from typing import Any

from firedoor.errors import FiredoorError

#: Codes after which nobody knows whether the call did anything: Slack's own trouble.
DOUBTFUL = frozenset({"internal_error", "fatal_error", "request_timeout", "service_unavailable", "team_added_to_org"})

#: Slack cannot be asked again with these until somebody has changed something.
_NEW_ONE = (
    "Make a new bot token (xoxb-…) in the app's settings, OAuth & Permissions, and put it where [slack] bot_token is."
)
_INVITE = "In Slack, in that channel: /invite @firedoor"
_NEXT = {
    "not_in_channel": _INVITE,
    "channel_not_found": f"{_INVITE}\nIts id (C…) stands below the channel's details; [slack] channel names it.",
    "is_archived": "Unarchive the channel, or name another one in [slack] channel.",
    "is_inactive": "Unarchive the channel, or name another one in [slack] channel.",
    "invalid_auth": _NEW_ONE,
    "not_authed": _NEW_ONE,
    "account_inactive": _NEW_ONE,
    "token_revoked": _NEW_ONE,
    "token_expired": _NEW_ONE,
    "not_allowed_token_type": "The token is of another kind than the setting: bot_token xoxb-…, app_token xapp-….",
    "restricted_action": "An administrator of the workspace has to allow apps to do this.",
    "expired_trigger_id": "Press the button or type the command once more: Slack gives three seconds for a form.",
    "trigger_expired": "Press the button or type the command once more: Slack gives three seconds for a form.",
    "no_such_subteam": "The user group is gone, or its name is another one now: see `from` in the runbook.",
    "subteam_not_found": "The user group is gone, or its name is another one now: see `from` in the runbook.",
}
_WHAT = {
    "not_in_channel": "the bot is not in the channel",
    "channel_not_found": "there is no such channel, or it is private and the bot is not in it",
    "is_archived": "the channel is archived",
    "is_inactive": "the channel is archived",
    "invalid_auth": "the token is not valid",
    "not_authed": "no token was sent",
    "account_inactive": "the app was removed from the workspace, or disabled",
    "token_revoked": "the token was revoked",
    "token_expired": "the token has expired",
    "missing_scope": "the app lacks a scope",
    "ratelimited": "it was asked too often",
    "message_not_found": "the message is gone",
    "cant_update_message": "the message is another app's",
    "name_taken": "a channel has that name already",
    "expired_trigger_id": "the form came too late",
    "trigger_expired": "the form came too late",
    "invalid_blocks": "it does not take the blocks",
    "msg_too_long": "the message is too long",
}


class SlackError(FiredoorError):
    """Slack refused a call, and nothing was done. `code` is its word for why."""

    reason = "slack"

    def __init__(self, what: str, *, code: str, changed: str = "Nothing was sent.", next: str = "") -> None:
        super().__init__(what, changed=changed, next=next)
        self.code = code


class SlackUnreachableError(SlackError):
    """Slack did not answer, or not in a way that says what it did. `doubtful`: it may have done what was asked.

    `seconds` is how long to wait before it is asked again, where it says so.
    """

    reason = "slack_unreachable"

    def __init__(self, what: str, *, code: str = "", doubtful: bool = False, seconds: float = 0.0) -> None:
        changed = "Whether it reached Slack is not known: it is looked for before it is sent again." if doubtful else ""
        super().__init__(
            what,
            code=code or "unreachable",
            changed=changed or "Nothing was sent.",
            next="Incidents go on without Slack. It is tried again by itself; status.slack.com says how Slack is.",
        )
        self.doubtful = doubtful
        self.seconds = seconds


def refused(method: str, answer: Mapping[str, Any], where: str = "") -> SlackError:
    """The error of an answer that says `"ok": false`. `where` is the channel, user or group that it was about."""
    code = str(answer.get("error", "unknown_error"))
    about = f" ({where})" if where else ""
    what = _WHAT.get(code, f"it answers {code}")
    after = _NEXT.get(code, "")
    if code == "missing_scope":
        needed = str(answer.get("needed", ""))
        after = f"Add the bot scope {needed} in the app's settings, OAuth & Permissions, and install the app again."
    if detail := _detail(answer):
        what = f"{what}: {detail}"
    return SlackError(f"Slack refused {method}{about}: {what}.", code=code, next=after)


def _detail(answer: Mapping[str, Any]) -> str:
    """What Slack says besides, such as which block is wrong."""
    metadata = answer.get("response_metadata")
    messages = metadata.get("messages") if isinstance(metadata, Mapping) else None
    return "; ".join(str(one) for one in messages[:3]) if isinstance(messages, list) else ""
