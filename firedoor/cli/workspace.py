"""What `firedoor doctor` finds of Slack: tokens, scopes, the workspace, the channel, user groups. Changes nothing."""

from collections.abc import AsyncIterator, Iterable

from pydantic import SecretStr

from firedoor.cli.views.checklist import Finding
from firedoor.config import Settings
from firedoor.errors import FiredoorError, UsageError
from firedoor.plan import Plan
from firedoor.server.secrets import read
from firedoor.slack.api.bot import Whoami, can_connect, channel_of, whoami
from firedoor.slack.api.faults import SlackError
from firedoor.slack.api.groups import Groups
from firedoor.slack.api.pace import Pace
from firedoor.slack.api.web import Web
from firedoor.slack.manifest import SCOPES

GROUP = "slack:@"
HOW = "docs/how-to/slack.md"


async def slack(settings: Settings, plans: Iterable[Plan]) -> list[Finding]:
    """All of it; nothing where Slack is not configured."""
    door = settings.slack
    if not door.bot_token:
        return []
    findings: list[Finding] = []
    try:
        web = Web(door.base_url, read(door.bot_token, settings.secret_environment), Pace())
    except UsageError as error:
        return [Finding("fail", "slack bot_token", error.what, error.next)]
    try:
        found = await whoami(web)
        findings += [_workspace(settings, found), _scopes(found)]
        findings += [await _channel(settings, web)]
        findings += [one async for one in _groups(web, plans)]
    except SlackError as error:
        findings.append(Finding("fail", "slack bot_token", error.what, error.next))
    finally:
        await web.close()
    return [*findings, await _transport(settings)]


def _workspace(settings: Settings, found: Whoami) -> Finding:
    ours = settings.slack
    named = {ours.team, ours.enterprise} - {""}
    where = f"{found.url or 'the workspace'} is {found.team}{f' of {found.enterprise}' if found.enterprise else ''}"
    if not named:
        return Finding("fail", "slack team", f"{where}, and the settings name none", f'[slack] team = "{found.team}"')
    if named.isdisjoint({found.team, found.enterprise} - {""}):
        says = f"{where}, and the settings say {' and '.join(sorted(named))}: everybody there is a stranger"
        return Finding(
            "fail", "slack team", says, f'[slack] team = "{found.team}", or the token of the other workspace'
        )
    return Finding("ok", "slack team", where)


def _scopes(found: Whoami) -> Finding:
    if missing := sorted(SCOPES.keys() - found.scopes):
        says = "; ".join(f"{one}: {SCOPES[one]}" for one in missing)
        return Finding(
            "fail",
            "slack scopes",
            f"the app lacks {says}",
            "In the app's settings: App Manifest, paste `firedoor slack manifest`; then install the app again.",
        )
    return Finding("ok", "slack scopes", f"all {len(SCOPES)}")


async def _channel(settings: Settings, web: Web) -> Finding:
    name = settings.slack.channel
    if not name:
        hint = '[slack] channel = "C…", the id at the bottom of the channel\'s details'
        return Finding(
            "warn", "slack channel", "none is set: incidents without a channel of their own are not told", hint
        )
    try:
        found = await channel_of(web, name)
    except SlackError as error:
        return Finding("fail", "slack channel", error.what, error.next)
    shown = f"#{found.get('name', name)} ({name})"
    if found.get("is_archived"):
        return Finding("fail", "slack channel", f"{shown} is archived", "Unarchive it, or name another one.")
    if not found.get("is_member"):
        return Finding("fail", "slack channel", f"the bot is not in {shown}", "In that channel: /invite @firedoor")
    return Finding("ok", "slack channel", shown)


async def _groups(web: Web, plans: Iterable[Plan]) -> AsyncIterator[Finding]:
    """The user groups that approve are there, and somebody is in them."""
    policies = (policy for plan in plans for policy in plan.policies.values())
    named = sorted({source for policy in policies for source in policy.sources if source.startswith(GROUP)})
    groups = Groups(web)
    for one in named:
        try:
            members = await groups.members(one)
        except SlackError as error:
            yield Finding("warn", f"slack {one.removeprefix('slack:')}", error.what, error.next)
            continue
        subject = f"slack {one.removeprefix('slack:')}"
        if members:
            yield Finding("ok", subject, f"{len(members)} in it")
        else:
            yield Finding("warn", subject, "nobody is in it", "Put the people into it who approve.")


async def _transport(settings: Settings) -> Finding:
    """One of Socket Mode and HTTP can be had."""
    door, variables = settings.slack, settings.secret_environment
    try:
        if door.app_token:
            return await _socket(door.base_url, read(door.app_token, variables))
        if door.signing_secret:
            read(door.signing_secret, variables)
            url = settings.server.public_url
            if not url:
                return Finding("fail", "slack over HTTP", "[server] public_url is not set", HOW)
            return Finding("ok", "slack over HTTP", f"Slack calls {url}/slack/…")
    except FiredoorError as error:
        return Finding("fail", "slack transport", error.what, error.next)
    return Finding("fail", "slack transport", "neither app_token nor signing_secret is set: nothing comes in", HOW)


async def _socket(base_url: str, token: SecretStr) -> Finding:
    web = Web(base_url, token, Pace())
    try:
        await can_connect(web)
    except SlackError as error:
        hint = error.next or "Make an app-level token with connections:write, and turn Socket Mode on."
        return Finding("fail", "slack app_token", error.what, hint)
    finally:
        await web.close()
    return Finding("ok", "slack app_token", "Socket Mode opens")
