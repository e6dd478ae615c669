"""The app's manifest: what an administrator gives Slack to make the app. Pure.

Keys: docs.slack.dev/reference/app-manifest. The scopes are those that are used, each with what for.
"""

from typing import Any

import yaml

#: Bot scopes: what each is for. Nothing else is asked of the workspace.
SCOPES = {
    "app_mentions:read": "answers to @firedoor in threads, where commands do not work",
    "bookmarks:write": "links at the head of an incident's own channel",
    "channels:history": "looking for a message whose answer was lost, before it is sent again",
    "channels:manage": "a channel per incident: made, filled, archived",
    "channels:read": "is the bot in the channel, is the channel of an incident there already",
    "chat:write": "messages",
    "commands": "/firedoor, and the shortcuts",
    "files:write": "the record of an incident, attached at its end",
    "groups:history": "the same search where the incident channel is private",
    "groups:read": "is the bot in a private incident channel",
    "im:history": "the same search in a conversation with one person",
    "im:write": "notices to one person at a customer's, as a direct message",
    "usergroups:read": "who is in the user groups that approve",
    "users:read": "to which organisation somebody belongs",
}
#: Of the app-level token, for Socket Mode.
APP_SCOPE = "connections:write"
EVENTS = ["app_mention"]
#: callback_id: type, name, and what it does.
SHORTCUTS = {
    "firedoor.open": ("global", "firedoor", "Open incidents, and the runbooks that you may start"),
    "firedoor.status": ("message", "Where it stands", "The incident of this message"),
    "firedoor.approve": ("message", "What waits for approval", "In the incident of this message, with buttons"),
    "firedoor.note": ("message", "Add to the timeline", "This message, as a note in the incident's timeline"),
}


def manifest(url: str = "") -> dict[str, Any]:
    """The manifest for Socket Mode; for HTTP, if `url` says where the world reaches the server."""
    command = {
        "command": "/firedoor",
        "description": "Start, watch, approve and steer incidents",
        "usage_hint": "[status | approve | note | run RUNBOOK | help]",
        "should_escape": True,
    }
    interactivity: dict[str, Any] = {"is_enabled": True}
    events: dict[str, Any] = {"bot_events": EVENTS}
    if url:
        command["url"] = f"{url}/slack/commands"
        interactivity["request_url"] = f"{url}/slack/interactivity"
        events = {"request_url": f"{url}/slack/events", **events}
    return {
        "display_information": {
            "name": "firedoor",
            "description": "Closes the door behind a breach",
            "background_color": "#7a1f1f",
        },
        "features": {
            "bot_user": {"display_name": "firedoor", "always_online": True},
            "slash_commands": [command],
            "shortcuts": [
                {"name": name, "type": kind, "callback_id": callback, "description": what}
                for callback, (kind, name, what) in SHORTCUTS.items()
            ],
        },
        "oauth_config": {"scopes": {"bot": sorted(SCOPES)}},
        "settings": {
            "event_subscriptions": events,
            "interactivity": interactivity,
            "org_deploy_enabled": False,
            "socket_mode_enabled": not url,
            "token_rotation_enabled": False,
        },
    }


def text(url: str = "") -> str:
    """The manifest as YAML, as Slack's form for a new app takes it."""
    return yaml.safe_dump(manifest(url), sort_keys=False, allow_unicode=True)
