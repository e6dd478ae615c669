"""User groups of the workspace: their ids and members, remembered for a minute. Scope: usergroups:read.

Whoever asks fails closed: an error is never "nobody is in it" and never "still as before".
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from firedoor.slack.api.faults import SlackError
from firedoor.slack.api.pace import TIER_2
from firedoor.slack.api.web import PERSON_SECONDS, Web

#: Seconds that an answer is used again. Whoever leaves a group can approve for so long.
LIFETIME = 60.0


@dataclass(frozen=True, slots=True)
class _Known:
    at: float
    members: frozenset[str]


class Groups:
    """The user groups, by handle: `security`, with or without `@` or `slack:@` before it."""

    def __init__(self, web: Web, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._web = web
        self._clock = clock
        self._ids: dict[str, str] = {}
        self._listed = float("-inf")
        self._members: dict[str, _Known] = {}

    async def id_of(self, handle: str) -> str:
        """The id (S…) of a group. Raises `SlackError`: `no_such_subteam` where there is none, or not any more."""
        name = handle.rpartition("@")[2]
        if self._clock() - self._listed > LIFETIME:
            answer = await self._web.call("usergroups.list", lane=TIER_2, patience=PERSON_SECONDS)
            found = [one for one in answer.get("usergroups") or () if not one.get("date_delete")]
            self._ids = {str(one.get("handle", "")): str(one.get("id", "")) for one in found}
            self._listed = self._clock()
        if name not in self._ids:
            raise SlackError(
                f"Slack has no user group @{name}.",
                code="no_such_subteam",
                changed="Nothing was changed.",
                next="Somebody has renamed or disabled it: enable it, or name another one in `from` of the runbook.",
            )
        return self._ids[name]

    async def members(self, handle: str) -> frozenset[str]:
        """The user ids (U…) in a group. Raises `SlackError` where that cannot be told for certain."""
        group = await self.id_of(handle)
        known = self._members.get(group)
        if known is None or self._clock() - known.at > LIFETIME:
            answer = await self._web.call(
                "usergroups.users.list", lane=TIER_2, about=handle, patience=PERSON_SECONDS, usergroup=group
            )
            known = _Known(self._clock(), frozenset(str(user) for user in answer.get("users") or ()))
            self._members[group] = known
        return known.members
