"""Notices in Slack: channels (C…, G…; Slack Connect's too, by the same id) and direct messages (U…, W…).

Bot scopes: chat:write, and im:write for people; channels:history, groups:history and im:history to look for a message
whose answer was lost. A message has its letter's key in its metadata, so that what is in doubt is looked for, and the
client posts a key once whoever asks. About one message a second a channel, and some hundreds a minute in a workspace
(docs.slack.dev/apis/web-api/rate-limits); 429 is honoured. A channel of Slack Connect has to exist before an incident:
people on both sides have to agree to it.
"""

import re
from collections.abc import Callable, Sequence

from pydantic import SecretStr

from activities.transports._mrkdwn import escaped, message_blocks
from activities.transports._transport import (
    BouncedError,
    BrokenError,
    DoubtError,
    LaterError,
    Letter,
    Receipt,
    RejectedError,
    TransportError,
)
from firedoor.config import Settings
from firedoor.errors import UsageError
from firedoor.slack.api.client import Slack
from firedoor.slack.api.faults import SlackError, SlackUnreachableError
from firedoor.slack.api.pace import MESSAGES
from firedoor.slack.store import Store

#: Messages that may be on their way at once: one channel is slow, many are not.
LANES = 8
#: Messages a second in a whole workspace.
WORKSPACE_RATE = 5.0
#: Seconds until Slack is asked again, where it did not say.
PAUSE_SECONDS = 30.0
#: This place cannot be written to, now or later: the next contact or channel of the customer is tried.
GONE = frozenset({
    "cannot_dm_bot", "channel_not_found", "is_archived", "is_inactive", "messages_tab_disabled", "not_in_channel",
    "restricted_action", "restricted_action_non_threadable_channel", "restricted_action_read_only_channel",
    "user_disabled", "user_not_found", "user_not_visible", "users_not_found",
})  # fmt: skip
#: We may not write to anybody, until a person has changed something.
LOCKED_OUT = frozenset({
    "access_denied", "account_inactive", "ekm_access_denied", "enterprise_is_restricted", "invalid_auth",
    "missing_scope", "no_permission", "not_allowed_token_type", "not_authed", "org_login_required",
    "team_access_not_granted", "token_expired", "token_revoked",
})  # fmt: skip
#: Sent elsewhere, which is not followed: a person has to look at the address of Slack.
ELSEWHERE = "redirect"

_CHANNEL, _PERSON = re.compile(r"[CGD][A-Z0-9]{2,}"), re.compile(r"[UW][A-Z0-9]{2,}")


class SlackMessages:
    """The transport. The client and the store that it knows messages by are its own."""

    lanes = LANES
    batch = 1

    def __init__(self, settings: Settings, store: Store, token: SecretStr) -> None:
        self._slack = Slack(settings, store, token)
        self._store = store
        self._factor = settings.slack.pace
        #: Conversations with people, by who they are.
        self._direct: dict[str, str] = {}

    def pace(self, address: str) -> Sequence[tuple[str, float]]:
        """A workspace, and a channel in it."""
        if not self._factor:
            return ()
        one = 1 / (MESSAGES.seconds * self._factor)
        return (("slack", WORKSPACE_RATE * one), (f"slack {address}", one))

    async def send(self, letters: Sequence[Letter]) -> Sequence[Receipt | TransportError]:
        """Post each letter, at most once. Raises `BrokenError`."""
        outcomes: list[Receipt | TransportError] = []
        for letter in letters:
            try:
                outcomes.append(await self._sent(letter))
            except BrokenError:
                raise
            except TransportError as error:
                outcomes.append(error)
        return outcomes

    async def find(self, letter: Letter) -> Receipt | None:
        """Look for a letter's key in the channel. Raises `DoubtError` where Slack cannot be asked."""
        try:
            channel = await self._channel(letter.address)
            ts = await self._slack.find(letter.key, channel)
        except SlackError as error:
            raise DoubtError(
                f"Slack cannot be asked what became of the message: {error.what}",
                changed="It may have been sent: it is looked for before it is sent again.",
                next=error.next,
            ) from None
        return Receipt(f"{channel}/{ts}", delivered=True) if ts else None

    async def close(self) -> None:
        """Close the connections and the store."""
        await self._slack.close()
        self._store.close()

    async def _sent(self, letter: Letter) -> Receipt:
        rendered = letter.rendered
        try:
            channel = await self._channel(letter.address)
        except SlackUnreachableError as error:
            # Nothing was posted yet, whatever became of the conversation.
            raise _unreachable(error) from None
        except SlackError as error:
            raise _refused(error) from None
        try:
            ts = await self._slack.post(
                channel,
                escaped(rendered.subject),
                message_blocks(rendered.subject, rendered.slack),
                key=letter.key,
                incident=letter.incident,
                attempts=1,
            )
        except SlackUnreachableError as error:
            if error.doubtful:
                return await self._looked_for(letter)
            raise _unreachable(error) from None
        except SlackError as error:
            raise _refused(error) from None
        return Receipt(f"{channel}/{ts}", delivered=True)

    async def _looked_for(self, letter: Letter) -> Receipt:
        """The answer was lost: Slack can say whether the message is there. Raises `DoubtError` where it does not."""
        if receipt := await self.find(letter):
            return receipt
        raise LaterError("The message got lost on its way to Slack: it is not in the channel.", seconds=PAUSE_SECONDS)

    async def _channel(self, address: str) -> str:
        """The channel behind an address. Raises `SlackError`."""
        if _CHANNEL.fullmatch(address):
            return address
        if not _PERSON.fullmatch(address):
            raise SlackError("The address is no channel (C…) and nobody (U…) in Slack.", code="channel_not_found")
        if address not in self._direct:
            self._direct[address] = await self._slack.direct(address)
        return self._direct[address]


def open_slack(settings: Settings, secret: Callable[[str], SecretStr]) -> SlackMessages:
    """The transport of the settings. Raises `UsageError`, or what `secret` or the store raises."""
    if not settings.slack.bot_token:
        raise UsageError(
            "[slack] has no bot_token, so nothing can be posted.",
            next="docs/how-to/slack.md says how to make the app. Then set [slack] bot_token.",
        )
    return SlackMessages(settings, Store.open(settings.slack_path), secret(settings.slack.bot_token))


def _unreachable(error: SlackUnreachableError) -> TransportError:
    if error.seconds:
        return LaterError(error.what, seconds=error.seconds)
    if error.code == ELSEWHERE:
        return BrokenError(error.what, next="Correct [slack] base_url, or what answers in its place.")
    return BrokenError(error.what, seconds=PAUSE_SECONDS, next=error.next)


def _refused(error: SlackError) -> TransportError:
    if error.code in GONE:
        return BouncedError(error.what, changed="Nothing was sent.", next=error.next)
    if error.code in LOCKED_OUT:
        return BrokenError(error.what, next=error.next)
    return RejectedError(error.what, next=error.next)
