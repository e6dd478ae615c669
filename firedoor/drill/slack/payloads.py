"""What Slack sends to an app. Shapes: bolt-python's scenario tests, docs.slack.dev/reference/interaction-payloads."""

from firedoor.drill.slack.objects import message_object, view_object
from firedoor.drill.slack.state import JSON, Channel, Message, ResponseUrl, User, View
from firedoor.drill.slack.workspace import APP, BOT, TEAM, Workspace

#: Deprecated, and still in every payload.
VERIFICATION = "canary-verification"


def command(
    workspace: Workspace, user: User, channel: Channel, words: tuple[str, str], url: ResponseUrl, *, base_url: str
) -> JSON:
    """A slash command: the fields of its form. `words` are the command and what follows it."""
    team = workspace.teams[user.team_id]
    enterprise = {"enterprise_id": team.enterprise_id, "enterprise_name": team.enterprise_name}
    return {
        "token": VERIFICATION,
        "team_id": team.id,
        "team_domain": team.domain,
        "channel_id": channel.id,
        "channel_name": _named(channel)["name"] if channel.is_im or not channel.is_private else "privategroup",
        "user_id": user.id,
        "user_name": user.name,
        "command": words[0],
        "text": words[1],
        "api_app_id": APP,
        "is_enterprise_install": "false",
        **(enterprise if team.enterprise_id else {}),
        "response_url": f"{base_url}/commands/{url.key}",
        "trigger_id": workspace.new_trigger(user.id).id,
    }


def interaction(workspace: Workspace, kind: str, user: User, *, view: str = "") -> JSON:
    """What all interactions have; `kind` is their `type`."""
    team = workspace.own_team()
    enterprise: JSON | None = None
    if team.enterprise_id:
        enterprise = {"id": team.enterprise_id, "name": team.enterprise_name}
    return {
        "type": kind,
        "team": {"id": team.id, "domain": team.domain}
        | ({"enterprise_id": team.enterprise_id, "enterprise_name": team.enterprise_name} if enterprise else {}),
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team_id},
        "api_app_id": APP,
        "token": VERIFICATION,
        "trigger_id": workspace.new_trigger(user.id, view).id,
        "enterprise": enterprise,
        "is_enterprise_install": False,
    }


def message_action(workspace: Workspace, user: User, message: Message, action: JSON, *, base_url: str) -> JSON:
    """`block_actions` of a message. Of an ephemeral one the app is not given the message itself."""
    channel = workspace.channels[message.channel]
    url = workspace.new_response_url(user.id, channel.id, message.ts, message.thread_ts)
    container: JSON = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": bool(message.ephemeral_to),
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    shown = {} if message.ephemeral_to else {"message": message_object(workspace, message)}
    return (
        interaction(workspace, "block_actions", user)
        | {"container": container, "channel": _named(channel)}
        | shown
        | {
            "state": {"values": {}},
            "response_url": f"{base_url}/actions/{url.key}",
            "actions": [action | {"action_ts": workspace.new_ts()}],
        }
    )


def _named(channel: Channel) -> JSON:
    return {"id": channel.id, "name": "directmessage" if channel.is_im else channel.name}


def view_action(workspace: Workspace, user: User, view: View, action: JSON, values: JSON) -> JSON:
    """`block_actions` of a modal or Home tab."""
    return interaction(workspace, "block_actions", user, view=view.id) | {
        "container": {"type": "view", "view_id": view.id},
        "view": view_object(view, values),
        "actions": [action | {"action_ts": workspace.new_ts()}],
    }


def submission(workspace: Workspace, user: User, view: View, values: JSON) -> JSON:
    """`view_submission`: the values of the inputs by block and action."""
    return interaction(workspace, "view_submission", user, view=view.id) | {
        "view": view_object(view, values),
        "response_urls": [],
    }


def closing(workspace: Workspace, user: User, view: View) -> JSON:
    """`view_closed`. It has no trigger id."""
    payload = interaction(workspace, "view_closed", user) | {"view": view_object(view), "is_cleared": False}
    payload.pop("trigger_id")
    return payload


def shortcut(
    workspace: Workspace, user: User, callback_id: str, message: Message | None = None, *, base_url: str
) -> JSON:
    """A global shortcut, or one of a message (`message_action`)."""
    if message is None:
        return interaction(workspace, "shortcut", user) | {
            "callback_id": callback_id,
            "action_ts": workspace.new_ts(),
        }
    channel = workspace.channels[message.channel]
    url = workspace.new_response_url(user.id, channel.id, message.ts, message.thread_ts)
    return interaction(workspace, "message_action", user) | {
        "callback_id": callback_id,
        "action_ts": workspace.new_ts(),
        "message_ts": message.ts,
        "channel": _named(channel),
        "message": message_object(workspace, message),
        "response_url": f"{base_url}/actions/{url.key}",
    }


def mention(workspace: Workspace, user: User, message: Message) -> JSON:
    """The event `app_mention`, in its envelope: https://docs.slack.dev/reference/events/app_mention"""
    event: JSON = {
        "type": "app_mention",
        "user": user.id,
        "text": message.text,
        "ts": message.ts,
        "channel": message.channel,
        "event_ts": message.ts,
        "team": user.team_id,
    }
    if message.thread_ts:
        event["thread_ts"] = message.thread_ts
    return event_callback(workspace, event)


def event_callback(workspace: Workspace, event: JSON) -> JSON:
    """Any event, in its envelope."""
    team = workspace.own_team()
    return {
        "token": VERIFICATION,
        "team_id": team.id,
        "api_app_id": APP,
        "event": event,
        "type": "event_callback",
        "event_id": workspace.new_id("Ev"),
        "event_time": int(workspace.clock.now()),
        "authorizations": [
            {
                "enterprise_id": team.enterprise_id or None,
                "team_id": TEAM,
                "user_id": BOT,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": bool(workspace.channels[event["channel"]].shared_with)
        if "channel" in event
        else False,
        "event_context": workspace.new_id("canary"),
    }
