"""A channel per incident: made, filled with its people, given a topic and links, archived with the record in it.

Bot scopes: channels:manage (create, invite, topic, archive), channels:read, bookmarks:write, files:write.
"""

import asyncio
import logging
import re
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from firedoor.config import Settings
from firedoor.errors import FiredoorError
from firedoor.forecast import policies_asked
from firedoor.incident import IncidentView
from firedoor.slack.api.client import Slack
from firedoor.slack.api.faults import SlackError, SlackUnreachableError
from firedoor.slack.api.pace import TIER_2, TIER_3
from firedoor.slack.drawing.markup import line, safe, section
from firedoor.slack.drawing.picture import Picture, incident_mark
from firedoor.slack.outbound.mentions import Mentions
from firedoor.slack.store import Conversation
from firedoor.timeline.export import export
from firedoor.timeline.store import Timeline

MOST_NAME, MOST_TOPIC = 80, 250
#: Names that are tried where one is taken.
TRIES = 9
#: Slack takes 100 at once; one that it does not take must not keep out the others.
PAGE = 200
PRESENT = frozenset({"already_in_channel", "cant_invite_self"})
WHO = "slack"

_LOG = logging.getLogger("firedoor.slack")


def name_of(view: IncidentView) -> str:
    """`inc-20261129-9f2c`: the day it started, and the part of its id that tells it from others."""
    own = view.id.removeprefix(f"{view.runbook}-").lower()
    day = view.started[:10].replace("-", "")
    return f"inc-{day}-{re.sub(r'[^a-z0-9]+', '-', own).strip('-')}"[: MOST_NAME - 3].rstrip("-")


class Channels:
    """The channels of incidents that have one of their own."""

    def __init__(self, slack: Slack, settings: Settings) -> None:
        self._slack = slack
        self._settings = settings
        self._mentions = Mentions(slack, settings)

    async def opened(self, one: Conversation, view: IncidentView) -> Conversation:
        """The conversation with a channel of its own, which is made where there is none. Raises `SlackError`."""
        if one.own:
            return one
        name = name_of(view)
        for number in range(1, TRIES + 1):
            tried = name if number == 1 else f"{name}-{number}"
            channel = await self._create(tried) or await self._ours(tried)
            if channel:
                found = replace(one, own=channel)
                await asyncio.to_thread(self._slack.store.keep, found)
                return found
        raise SlackError(f"{name} and {TRIES - 1} names after it are taken in Slack.", code="name_taken")

    async def _create(self, name: str) -> str:
        """The id of a new channel; empty where the name is taken."""
        try:
            answer = await self._slack.web.call("conversations.create", lane=TIER_2, about=name, name=name)
        except SlackUnreachableError:
            raise
        except SlackError as error:
            if error.code == "name_taken":
                return ""
            raise
        made: dict[str, Any] = answer.get("channel", {})
        return str(made["id"])

    async def _ours(self, name: str) -> str:
        """A channel of that name that we made and lost: the answer was lost, or a process died in between."""
        bot = (await self._slack.whoami()).user
        known = {one.own for one in await asyncio.to_thread(self._slack.store.conversations)}
        async for channel in self._all():
            if channel.get("name") == name:
                ours = channel.get("creator") == bot and not channel.get("is_archived")
                return str(channel["id"]) if ours and channel["id"] not in known else ""
        return ""

    async def _all(self) -> AsyncIterator[dict[str, Any]]:
        cursor = ""
        while True:
            answer = await self._slack.web.call(
                "conversations.list", lane=TIER_2, limit=PAGE, types="public_channel", cursor=cursor or None
            )
            for one in answer.get("channels") or ():
                yield one
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return

    async def filled(self, one: Conversation, picture: Picture) -> None:
        """Invite whoever has to do with it and is not there yet; set the topic. Raises `SlackUnreachableError` only."""
        base = f"{one.incident}/{one.run}"
        wanted = await self._mentions.users(_concerned(picture))
        known = self._slack.store.fact(f"invited {base}").split()
        if new := [user for user in wanted if user not in known]:
            await self._invite(one.own, new)
            await asyncio.to_thread(self._slack.store.remember, f"invited {base}", " ".join([*known, *new]))
        mark = incident_mark(picture.view)
        topic = line(f"{mark.word} · {picture.view.severity} · {picture.view.title} · {one.incident}", MOST_TOPIC)
        if self._slack.store.fact(f"topic {base}") != topic:
            await self._try("conversations.setTopic", channel=one.own, topic=topic)
            await asyncio.to_thread(self._slack.store.remember, f"topic {base}", topic)

    async def _invite(self, channel: str, users: Sequence[str]) -> None:
        for user in users:
            await self._try("conversations.invite", channel=channel, users=user)

    async def linked(self, one: Conversation, title: str, channel: str, ts: str) -> None:
        """Put a link to a message at the head of the channel, once. Raises `SlackUnreachableError` only."""
        name = f"link {one.own} {ts}"
        if self._slack.store.fact(name):
            return
        try:
            answer = await self._slack.web.call("chat.getPermalink", about=channel, channel=channel, message_ts=ts)
        except SlackUnreachableError:
            raise
        except SlackError as error:
            _LOG.warning("no link: %s", error.what)
            return
        # Remembered first: rather no link than two.
        await asyncio.to_thread(self._slack.store.remember, name, "put")
        link = str(answer["permalink"])
        await self._try("bookmarks.add", channel_id=one.own, title=title, type="link", link=link)

    async def closed(self, one: Conversation) -> bool:
        """Attach the record and archive the channel; was the record attached? Raises `SlackUnreachableError` only."""
        base = f"{one.incident}/{one.run}"
        attached = True
        try:
            data = await asyncio.to_thread(_record, self._settings, one.incident)
            name = f"{re.sub(r'[^A-Za-z0-9._-]+', '-', one.incident)}.zip"
            await self._slack.upload(one.own, name, data, one.ts, key=f"{base}/record")
        except SlackUnreachableError:
            raise
        except FiredoorError as error:
            attached = False
            text = f"The record could not be attached: {safe(error.what)}"
            more = f"firedoor export {safe(one.incident)} FILE.zip"
            await self._slack.post(
                one.own, text, [section(text, more)], key=f"{base}/no-record", thread=one.ts, incident=one.incident
            )
        await self._try("conversations.archive", channel=one.own)
        return attached

    async def _try(self, method: str, **arguments: Any) -> None:
        """What is pleasant to have: where Slack refuses it, the incident goes on, and the log says so."""
        try:
            await self._slack.web.call(method, lane=TIER_3, about=str(arguments.get("channel", "")), **arguments)
        except SlackUnreachableError:
            raise
        except SlackError as error:
            if error.code not in PRESENT | {"already_archived"}:
                _LOG.warning("%s", error.what)


def _concerned(picture: Picture) -> list[str]:
    """Who starts, responds to and may approve it."""
    view = picture.view
    named = [view.starter.principal, view.commander, *view.responders]
    if picture.plan:
        for name, _ in policies_asked(picture.plan):
            named += picture.plan.policies[name].sources
    return [one for one in dict.fromkeys(named) if one]


def _record(settings: Settings, incident: str) -> bytes:
    """The export of an incident. Raises `FiredoorError` where the timeline is elsewhere, or does not verify."""
    if not settings.timeline_path.exists():
        raise FiredoorError(f"There is no timeline at {settings.timeline_path}: the worker runs elsewhere.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "record.zip"
        with Timeline.open(settings.timeline_path, settings.signing_key_path, settings.log) as timeline:
            export(timeline, incident, path, WHO, "the incident's channel in Slack")
        return path.read_bytes()
