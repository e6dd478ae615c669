"""Who is it that types or presses in Slack: a person of ours, with their roles and user groups, or a stranger.

Whoever belongs to another workspace or organisation is refused, and so is whoever the settings do not know: neither
under `[people]`, nor in a user group that a runbook or the settings name.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from firedoor.config import Settings
from firedoor.errors import RefusedError
from firedoor.incident import Responder
from firedoor.plan import Plan
from firedoor.slack.api.client import Slack
from firedoor.slack.api.faults import SlackError
from firedoor.slack.api.web import PERSON_SECONDS
from firedoor.slack.payload import part, word

GROUP = "slack:@"
#: Seconds for which it is remembered to which organisation somebody belongs.
LIFETIME = 60.0
NOTHING = "Nothing was changed."


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who somebody is, as a payload says. `team` is their own workspace, not the one in which they are.

    `certain` is false where the payload does not tell whose `enterprise` that is: then Slack is asked.
    """

    user: str
    team: str
    enterprise: str = ""
    bot: bool = False
    certain: bool = True

    def identity(self) -> str:
        """The name under which a stranger appears in the timeline."""
        return f"slack:{self.team or self.enterprise or '?'}/{self.user or '?'}"


def visitor(payload: Mapping[str, Any]) -> Visitor:
    """Who sent a payload of any kind: a slash command, an interaction, or an event.

    A slash command comes from the workspace that it names. Whoever presses a button may come from another one by a
    shared channel: `user.team_id` is theirs, and `team` and `enterprise` are those in which it was pressed.
    """
    if event := part(payload, "event"):
        home = word(event, "user_team") or word(event, "source_team") or word(event, "team")
        bot = bool(event.get("bot_id")) or event.get("subtype") == "bot_message"
        return Visitor(word(event, "user"), home or word(payload, "team_id"), bot=bot, certain=False)
    if user := part(payload, "user"):
        return Visitor(word(user, "id"), word(user, "team_id"), certain=False)
    return Visitor(word(payload, "user_id"), word(payload, "team_id"), word(payload, "enterprise_id"))


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody whom the settings know. `unread` says which groups could not be read: they count as empty."""

    responder: Responder
    unread: tuple[str, ...] = ()

    def why(self) -> str:
        """What to add to a refusal, where a group could have changed it."""
        if not self.unread:
            return ""
        return f"Nobody counts as a member of a group that cannot be read: {' '.join(self.unread)}"


class People:
    """The people who use Slack, as `settings` and the workspace know them."""

    def __init__(self, settings: Settings, slack: Slack, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._slack = slack
        self._clock = clock
        self._enterprises: dict[str, tuple[float, str]] = {}

    async def known(self, who: Visitor, plans: Iterable[Plan] = (), admitting: Iterable[Plan] = ()) -> Known:
        """Who it is, with the groups that `plans` and `[slack] start` name. Raises `RefusedError` for everybody else.

        Whoever is in none of these and not under `[people]` is let in by a group that a plan of `admitting` names.
        """
        if not who.user or who.bot:
            raise RefusedError("Only people may use firedoor; this came from an app.", changed=NOTHING)
        identities = await self._identities(who)
        identity = next((one for one in identities if self._settings.principal_of(one) != f"user:{one}"), identities[0])
        principal = self._settings.principal_of(identity)
        counted = self._named() | {handle for plan in plans for handle in handles_of(plan)}
        groups, unread = await self._groups(who.user, counted)
        if principal == f"user:{identity}" and not groups:
            others = {handle for plan in admitting for handle in handles_of(plan)} - counted
            groups, more = await self._groups(who.user, others)
            unread += more
        if principal == f"user:{identity}" and not groups:
            why = f" {' '.join(unread)}" if unread else ""
            raise RefusedError(
                f"firedoor does not know you: you are {identity}.{why}",
                changed=NOTHING,
                next=f'An administrator of firedoor adds to firedoor.toml:\n[people.NAME]\nidentities = ["{identity}"]',
            )
        responder = Responder(
            principal=principal,
            auth="slack",
            roles=self._settings.roles_of(principal),
            identity=identity,
            groups=groups,
        )
        return Known(responder, unread)

    async def _identities(self, who: Visitor) -> tuple[str, ...]:
        """How the settings may name somebody of ours. Raises `RefusedError` for a stranger."""
        ours = self._settings.slack
        if not ours.team and not ours.enterprise:
            raise RefusedError(
                "firedoor has not been told whose Slack this is, so everybody is a stranger.",
                changed=NOTHING,
                next="An administrator of firedoor names the workspace in firedoor.toml: [slack] team.",
            )
        by_team = f"slack:{who.team}/{who.user}"
        if ours.team and who.team == ours.team:
            return (by_team, f"slack:{ours.enterprise}/{who.user}") if ours.enterprise else (by_team,)
        if ours.enterprise and await self._enterprise(who) == ours.enterprise:
            return (f"slack:{ours.enterprise}/{who.user}", by_team)
        raise RefusedError(
            f"You belong to another workspace ({who.team or 'unknown'}). Only people of this one may use firedoor.",
            changed=NOTHING,
            next="Ask somebody of this workspace.",
        )

    async def _enterprise(self, who: Visitor) -> str:
        """The organisation of somebody: as the payload says where that is certain, else as Slack says."""
        if who.certain:
            return who.enterprise
        known = self._enterprises.get(who.user)
        if known and self._clock() - known[0] < LIFETIME:
            return known[1]
        try:
            answer = await self._slack.web.call("users.info", about=who.user, patience=PERSON_SECONDS, user=who.user)
        except SlackError as error:
            raise RefusedError(
                f"Whether you belong to this organisation could not be found out: {error.what}",
                changed=NOTHING,
                next=error.next,
            ) from error
        user = answer.get("user") or {}
        stranger = bool(user.get("is_stranger") or user.get("is_bot") or user.get("deleted"))
        found = "" if stranger else str((user.get("enterprise_user") or {}).get("enterprise_id") or "")
        self._enterprises[who.user] = (self._clock(), found)
        return found

    async def _groups(self, user: str, handles: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The groups that somebody is in, of these; and why some could not be read."""
        handles = sorted(handles)
        # One after the other: the first one asks for the list of groups, and the others have it then.
        found = [await self._has(handle, user) for handle in handles]
        groups = tuple(handle for handle, (inside, _) in zip(handles, found, strict=True) if inside)
        return groups, tuple(why for _, why in found if why)

    async def _has(self, handle: str, user: str) -> tuple[bool, str]:
        try:
            return user in await self._slack.group_members(handle), ""
        except SlackError as error:
            return False, f"{handle.removeprefix('slack:')} could not be read: {error.what}"

    def _named(self) -> set[str]:
        return {one for sources in self._settings.slack.start.values() for one in sources if one.startswith(GROUP)}

    def may_start(self, responder: Responder, runbook: str) -> bool:
        """Does `[slack] start` let this person start it? Without that setting everybody whom the settings know may."""
        start = self._settings.slack.start
        if not start:
            return responder.principal != f"user:{responder.identity}"
        return responder.among(start.get(runbook, start.get("*", ())))

    def starters(self, runbook: str) -> str:
        """Who may start it, for a sentence."""
        start = self._settings.slack.start
        sources = start.get(runbook, start.get("*", ())) if start else ("everybody under [people]",)
        return ", ".join(sources) or "nobody"


def handles_of(plan: Plan) -> set[str]:
    """The user groups that a plan's policies name, those of the runbooks that it runs included."""
    found = {one for policy in plan.policies.values() for one in policy.sources if one.startswith(GROUP)}
    for step in plan.steps:
        if step.child:
            found |= handles_of(step.child)
    return found
