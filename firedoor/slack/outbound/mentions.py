"""Whom a message mentions: the sources of a policy, and principals, as Slack knows them.

`slack:@security` is a user group where the workspace has it, or whom `[groups]` names; `user:ada` and `role:security`
are the people whose identities in `[people]` are of this workspace.
"""

import logging
from collections.abc import Iterable

from firedoor.config import Settings
from firedoor.slack.api.client import Slack
from firedoor.slack.api.faults import SlackError

GROUP = "slack:@"
#: More people than this are not called by name.
MOST = 20

_LOG = logging.getLogger("firedoor.slack")


class Mentions:
    """Finds them."""

    def __init__(self, slack: Slack, settings: Settings) -> None:
        self._slack = slack
        self._settings = settings

    async def line(self, sources: Iterable[str]) -> str:
        """Mentions with blanks between them; nothing where Slack knows none of them."""
        groups, users = await self._found(sources)
        return " ".join([*(f"<!subteam^{one}>" for one in groups), *(f"<@{one}>" for one in users[:MOST])])

    async def users(self, sources: Iterable[str]) -> list[str]:
        """The user ids behind sources, those in user groups too. What cannot be read is left out, and logged."""
        found: dict[str, None] = {}
        for source in sources:
            found |= dict.fromkeys(self._users((source,)))
            if source.startswith(GROUP):
                try:
                    found |= dict.fromkeys(sorted(await self._slack.group_members(source)))
                except SlackError as error:
                    _LOG.warning("%s is not invited: %s", source, error.what)
        return list(found)

    async def _found(self, sources: Iterable[str]) -> tuple[list[str], list[str]]:
        groups: list[str] = []
        users: dict[str, None] = {}
        for source in sources:
            if source.startswith(GROUP):
                try:
                    groups.append(await self._slack.groups.id_of(source))
                    continue
                except SlackError as error:
                    _LOG.warning("%s is not mentioned: %s", source, error.what)
            users |= dict.fromkeys(self._users((source,)))
        return groups, list(users)

    def _users(self, sources: Iterable[str]) -> list[str]:
        """The ids of the people whom the settings know behind sources, in this workspace."""
        ours = {self._settings.slack.team, self._settings.slack.enterprise} - {""}
        found: list[str] = []
        for principal in self._settings.members(sources):
            person = self._settings.people.get(principal.removeprefix("user:"))
            for identity in person.identities if person else (principal.removeprefix("user:"),):
                door, _, name = identity.partition(":")
                home, _, user = name.partition("/")
                if door == "slack" and user and (not ours or home in ours):
                    found.append(user)
        return found
