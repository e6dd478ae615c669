"""What firedoor does in Slack: post once, edit, answer, open forms, look up who somebody is.

Bot scopes: chat:write for messages; channels:history, groups:history and im:history to look for a message whose answer
was lost; im:write to begin a conversation with one person; usergroups:read for groups; files:write for uploads.
"""

import asyncio
import weakref
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self, TypeVar

import aiohttp
from pydantic import SecretStr

from firedoor.config import Settings
from firedoor.errors import UsageError
from firedoor.slack.api.bot import Whoami, whoami
from firedoor.slack.api.faults import SlackError, SlackUnreachableError
from firedoor.slack.api.groups import Groups
from firedoor.slack.api.pace import MESSAGES, TIER_3, Pace
from firedoor.slack.api.traces import EVENT, is_attached, trace
from firedoor.slack.api.web import PATIENCE_SECONDS, PERSON_SECONDS, Web, is_ours
from firedoor.slack.store import SENT, MessageState, Store

#: Attempts of one `post`, with a look-up before each that follows one in doubt.
ATTEMPTS = 4
#: Seconds after a lost answer before Slack is asked what became of it.
SETTLE_SECONDS = 2.0
POLL_SECONDS = 0.25
OK = 200

T = TypeVar("T")

Blocks = Sequence[Mapping[str, Any]]


class Slack:
    """Slack as firedoor's bot. For one event loop; `close` it there, or use it as a context."""

    def __init__(self, settings: Settings, store: Store, token: SecretStr, *, pace: Pace | None = None) -> None:
        self.web = Web(settings.slack.base_url, token, pace or Pace(settings.slack.pace))
        self.store = store
        self.groups = Groups(self.web)
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def close(self) -> None:
        """Close the connections."""
        await self.web.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def post(
        self,
        channel: str,
        text: str,
        blocks: Blocks,
        *,
        key: str,
        thread: str = "",
        incident: str = "",
        attempts: int = ATTEMPTS,
    ) -> str:
        """Post a message at most once, whoever asks for it and however often; returns its timestamp.

        The intent is stored before the call. Where its answer was lost, now or before a crash, Slack is searched for
        the key before it is sent again. Raises `SlackError`; calling it again with the same key is always right.
        """
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            for attempt in range(attempts):
                await self.web.place("chat.postMessage")
                await self.web.pace.wait(f"chat.postMessage {channel}", MESSAGES)
                try:
                    return await self._post(channel, text, blocks, key=key, thread=thread, incident=incident)
                except SlackUnreachableError as error:
                    last = attempt + 1 == attempts
                    if last or error.seconds > PATIENCE_SECONDS or not (error.doubtful or error.seconds):
                        raise
                    settle = SETTLE_SECONDS * (attempt + 1) * self.web.pace.factor
                    await self.web.pace.sleep(error.seconds or settle)
        raise AssertionError("the last attempt returns or raises")

    async def _post(self, channel: str, text: str, blocks: Blocks, *, key: str, thread: str, incident: str) -> str:
        async with self._attempt(key):
            ts = await self._already(key, channel, thread)
            if not ts:
                answer = await self.web.once(
                    "chat.postMessage",
                    about=channel,
                    channel=channel,
                    text=text,
                    blocks=list(blocks) or None,
                    thread_ts=thread or None,
                    metadata={"event_type": EVENT, "event_payload": {"key": key, "incident": incident}},
                    unfurl_links=False,
                    unfurl_media=False,
                )
                ts = str(answer["ts"])
                await _whole(self.store.posted, key, ts)
            return ts

    @asynccontextmanager
    async def _attempt(self, key: str) -> AsyncGenerator[None]:
        """However an attempt ends, the store says what is known of the message. Nothing is ours afterwards."""
        try:
            yield
        except SlackUnreachableError as error:
            await _whole(self.store.doubted if error.doubtful else self.store.unsent, key)
            raise
        except SlackError:
            await _whole(self.store.unsent, key)
            raise
        except asyncio.CancelledError:
            self.store.doubted(key)
            raise

    async def _already(self, key: str, channel: str, thread: str) -> str:
        """The timestamp of a message that is in Slack already. Nothing: it is not, and it is ours to send."""
        while True:
            before = await _whole(self.store.take, key, channel, thread)
            if before.state in SENT:
                return before.ts
            if self.store.busy(before):
                await asyncio.sleep(POLL_SECONDS)
                continue
            if before.state is MessageState.OPEN:
                return ""
            try:
                ts = await trace(self.web, before)
            except SlackError:
                # That the search failed says nothing of what is searched for.
                await _whole(self.store.doubted, key)
                raise
            if ts:
                await _whole(self.store.posted, key, ts)
                return ts
            await _whole(self.store.unsent, key)

    async def find(self, key: str, channel: str, thread: str = "") -> str:
        """The timestamp of a message whose answer was lost. Nothing: it is surely not in Slack, nor on its way there.

        Raises `SlackError` where that cannot be told now.
        """
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            known = await _whole(self.store.message, key)
            if known and known.state is MessageState.SENDING:
                await self.web.pace.sleep(SETTLE_SECONDS * self.web.pace.factor)
            async with self._attempt(key):
                ts = await self._already(key, channel, thread)
            if not ts:
                await _whole(self.store.unsent, key)
            return ts

    async def direct(self, user: str) -> str:
        """The id (D…) of the bot's conversation with one person (U…), begun if there is none. Raises `SlackError`."""
        answer = await self.web.call("conversations.open", lane=TIER_3, about=user, patience=PERSON_SECONDS, users=user)
        opened: dict[str, Any] = answer.get("channel", {})
        return str(opened["id"])

    async def update(self, channel: str, ts: str, text: str, blocks: Blocks) -> None:
        """Put other blocks into a message of ours. Raises `SlackError`: `message_not_found` where it was deleted."""
        await self.web.call("chat.update", about=channel, channel=channel, ts=ts, text=text, blocks=list(blocks))

    async def ephemeral(self, channel: str, user: str, text: str, blocks: Blocks = (), *, thread: str = "") -> None:
        """Say something to one person in a channel, who alone sees it. Not repeated. Raises `SlackError`."""
        await self.web.call(
            "chat.postEphemeral",
            about=channel,
            patience=PERSON_SECONDS,
            channel=channel,
            user=user,
            text=text,
            blocks=list(blocks) or None,
            thread_ts=thread or None,
        )

    async def respond(self, response_url: str, text: str, blocks: Blocks = (), *, replace: bool = False) -> None:
        """Answer a command or a button by the URL that came with it: only for the person, up to five times in 30 min.

        Raises `UsageError` for a URL that is not Slack's; `SlackError` where it is too late.
        """
        if not is_ours(response_url, self.web.base_url):
            raise UsageError("The answer was to go to an address that is not Slack's.", changed="It was not called.")
        body: dict[str, Any] = {"text": text, "response_type": "ephemeral", "replace_original": replace}
        if blocks:
            body["blocks"] = list(blocks)
        try:
            async with self.web.session().post(response_url, json=body, allow_redirects=False) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SlackUnreachableError(f"The answer did not reach Slack ({type(error).__name__}).") from None
        if status != OK:
            raise SlackError(
                f"Slack did not take the answer (HTTP {status}): it is too late for it.", code="expired_url"
            )

    async def open_view(self, trigger_id: str, view: Mapping[str, Any]) -> str:
        """Open a form, within 3 s of the press that it answers; returns its id. Raises `SlackError`."""
        answer = await self.web.call("views.open", patience=0, trigger_id=trigger_id, view=dict(view))
        opened: dict[str, Any] = answer.get("view", {})
        return str(opened["id"])

    async def update_view(self, view_id: str, view: Mapping[str, Any]) -> None:
        """Show something else in a form that is open. Raises `SlackError`."""
        await self.web.call("views.update", patience=PERSON_SECONDS, view_id=view_id, view=dict(view))

    async def upload(self, channel: str, name: str, data: bytes, thread: str = "", *, key: str = "") -> None:
        """Attach a file, at most once per key (its name in that place, if there is none). Raises `SlackError`."""
        key = key or f"file/{channel}/{thread}/{name}"
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            before = await _whole(self.store.take, key, channel, thread)
            if before.state in SENT or self.store.busy(before):
                return
            async with self._attempt(key):
                if before.state is MessageState.OPEN or not await is_attached(self.web, before, name):
                    await self.web.call(
                        "files.upload_v2",
                        about=channel,
                        channel=channel,
                        filename=name,
                        content=data,
                        thread_ts=thread or None,
                    )
                await _whole(self.store.posted, key, "")

    async def group_members(self, handle: str) -> frozenset[str]:
        """The user ids in a user group (`@security`, `slack:@security`). Raises `SlackError`: fail closed."""
        return await self.groups.members(handle)

    async def whoami(self) -> Whoami:
        """`auth.test`: who our token is. Raises `SlackError`."""
        return await whoami(self.web)


async def _whole(call: Callable[..., T], *arguments: str) -> T:
    """A call of the store, in a thread: to its end, even where whoever waits for it is cancelled."""
    work = asyncio.ensure_future(asyncio.to_thread(call, *arguments))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise
