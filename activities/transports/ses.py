"""Mail by Amazon SES v2: `SendBulkEmail`, up to 50 messages a call, each with a status of its own.

Permissions: ses:SendBulkEmail on the identity and the configuration set, ses:GetAccount; `firedoor doctor` also asks
ses:GetEmailIdentity. The whole content of a message travels as the data of an inline template that holds three
placeholders: SES escapes nothing in it (docs.aws.amazon.com/ses/latest/dg/send-personalized-email-advanced.html).
Headers go along for each entry. SES writes Message-ID and Date itself and signs (Easy DKIM), so `SendEmail` with a raw
message, one a call, would gain nothing. Each entry carries its letter's key as the message tag `firedoor`: SES's events
repeat it, also for a message whose answer was lost. SES has no idempotency token: what is in doubt waits for an event.
"""

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from activities.transports._replies import shown
from activities.transports._ses_refusals import AWAY, LOOK, MisfitError, of_call, of_entry
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
from activities.transports.message import Mailbox, Sender, extra_headers, mailbox_of, sender_of
from activities.transports.smtp import paces
from firedoor.config import Settings
from firedoor.errors import UsageError
from firedoor.mailing import Mail

#: Characters of the data of one entry; bytes of a call with an inline template (1 MB), with room for the rest.
MOST_DATA, MOST_CALL = 262_144, 900_000
#: Messages a second of an account that has not told: what SES gives one that has just left the sandbox.
ASSUMED_RATE = 14.0
#: The message tag that an entry carries: its value is the letter's key.
TAG = "firedoor"
SUCCESS = "SUCCESS"

#: All that boto3 raises of a call; what it knew of the request stays behind.
ERRORS = (BotoCoreError, ClientError, ResponseParserError)

Outcome = Receipt | TransportError


@dataclass(frozen=True, slots=True)
class Account:
    """How the account stands. `rate` is messages a second; without `production` only verified addresses get any."""

    rate: float
    sends: bool
    production: bool
    left: float
    """Messages that it may still send within 24 hours; infinite where there is no limit."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A letter as an entry of a call. `html`: entries with and without an HTML part never share a call."""

    letter: Letter
    said: dict[str, Any]
    size: int
    html: bool


class Ses:
    """The transport. Its calls run in threads of its own, for boto3 blocks."""

    def __init__(self, mail: Mail, client: Any, sender: Sender) -> None:
        self.lanes = mail.connections
        self._mail = mail
        self._client = client
        self._sender = sender
        self._threads = ThreadPoolExecutor(self.lanes, thread_name_prefix="ses")
        self._lock = threading.Lock()
        self._account: Account | None = None

    @property
    def batch(self) -> int:
        """One until the account's rate is known: of a call with more than it allows a second, some are throttled."""
        if self._account is None:
            return 1
        return max(1, min(self._mail.ses.per_call, int(self._account.rate)))

    def pace(self, address: str) -> Sequence[tuple[str, float]]:
        """What SES allows the account, besides the limits of all mail."""
        known = self._account
        return (("ses", known.rate if known else ASSUMED_RATE), *paces(self._mail, address))

    async def send(self, letters: Sequence[Letter]) -> Sequence[Outcome]:
        """Send letters in as few calls as their size allows. Raises `BrokenError` where that is so of all of them."""
        outcomes = await asyncio.get_running_loop().run_in_executor(self._threads, self._sent, letters)
        broken = [one for one in outcomes if isinstance(one, BrokenError)]
        if broken and len(broken) == len(outcomes):
            raise broken[0]
        return outcomes

    async def find(self, letter: Letter) -> Receipt | None:
        """Raises `DoubtError`: SES tells by events only."""
        raise DoubtError(
            "SES cannot be asked what became of a message.",
            changed="It may have been sent: firedoor does not send it again by itself.",
            next=f"An event with the tag {TAG}={letter.key} tells.",
        )

    async def close(self) -> None:
        """Wait for nothing: a call that runs is in doubt anyway."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    def admit(self) -> None:
        """Learn once how the account stands. Blocks. Raises `BrokenError` where it does not send, as `account`."""
        with self._lock:
            if self._account is None:
                account = self.account()
                if not account.sends:
                    raise BrokenError("SES sends nothing: sending is paused for the account.", next=LOOK)
                self._account = account

    def account(self) -> Account:
        """`ses:GetAccount`. Blocks. Raises `BrokenError` and other `TransportError`s."""
        answer = self._call("get_account")
        quota = answer.get("SendQuota", {})
        most = float(quota.get("Max24HourSend", 0))
        left = most - float(quota.get("SentLast24Hours", 0)) if most >= 0 else float("inf")
        rate = float(quota.get("MaxSendRate", 0)) or 1.0
        return Account(rate, bool(answer.get("SendingEnabled")), bool(answer.get("ProductionAccessEnabled")), left)

    def verified(self) -> str:
        """The identity that lets us send as the sender: its address, or its domain. Empty: neither is verified.

        `ses:GetEmailIdentity`. Blocks. Raises `TransportError`.
        """
        mailbox = self._sender.mailbox
        for identity in (mailbox.address, mailbox.domain):
            try:
                answer = self._client.get_email_identity(EmailIdentity=identity)
            except self._client.exceptions.NotFoundException:
                continue
            except ERRORS as error:
                raise of_call(error, mailbox.address) from None
            if answer.get("VerifiedForSendingStatus"):
                return identity
        return ""

    def _sent(self, letters: Sequence[Letter]) -> list[Outcome]:
        try:
            self.admit()
        except BrokenError:
            raise
        except TransportError as error:
            # Nothing was sent: only the account was asked.
            return [_unsent(error)] * len(letters)
        outcomes: dict[int, Outcome] = {}
        entries: list[_Entry] = []
        for letter in letters:
            try:
                entries.append(self._entry(letter))
            except TransportError as error:
                outcomes[letter.row] = error
        for part in _parts(entries):
            outcomes |= self._tried(part)
        return [outcomes[letter.row] for letter in letters]

    def _tried(self, entries: Sequence[_Entry]) -> dict[int, Outcome]:
        """One call. For one entry that does not fit SES refuses all of it and sends none: then its halves are tried."""
        rows = [entry.letter.row for entry in entries]
        try:
            results = self._bulk(entries)
        except MisfitError as error:
            if len(entries) == 1:
                return {rows[0]: error}
            middle = len(entries) // 2
            return self._tried(entries[:middle]) | self._tried(entries[middle:])
        except TransportError as error:
            return dict.fromkeys(rows, error)
        return dict(zip(rows, (self._outcome(*pair) for pair in zip(entries, results, strict=True)), strict=True))

    def _bulk(self, entries: Sequence[_Entry]) -> list[dict[str, Any]]:
        """The results of the entries, in their order. Raises `TransportError`: `DoubtError` where they do not fit."""
        content = {"Subject": "{{subject}}", "Text": "{{text}}"} | ({"Html": "{{html}}"} if entries[0].html else {})
        arguments: dict[str, Any] = {
            "FromEmailAddress": self._sender.mailbox.written(),
            "DefaultContent": {"Template": {"TemplateContent": content, "TemplateData": "{}"}},
            "BulkEmailEntries": [entry.said for entry in entries],
        }
        if self._sender.reply_to:
            arguments["ReplyToAddresses"] = [self._sender.reply_to.written()]
        if self._mail.ses.configuration_set:
            arguments["ConfigurationSetName"] = self._mail.ses.configuration_set
        found = self._call("send_bulk_email", **arguments).get("BulkEmailEntryResults", [])
        if len(found) != len(entries):
            raise DoubtError(f"SES answered {len(found)} results for {len(entries)} messages.")
        return list(found)

    def _outcome(self, entry: _Entry, result: dict[str, Any]) -> Outcome:
        status, identity = str(result.get("Status", "")), str(result.get("MessageId", ""))
        if status == SUCCESS:
            return Receipt(shown(identity))
        return of_entry(status, str(result.get("Error", "")), entry.letter.address, self._sender.mailbox.address)

    def _entry(self, letter: Letter) -> _Entry:
        """Raises `BouncedError`, `RejectedError`."""
        mailbox = _plain(letter)
        rendered = letter.rendered
        said = {"subject": rendered.subject, "text": rendered.text, "html": rendered.html}
        data = json.dumps(said, ensure_ascii=False)
        if len(data) > MOST_DATA:
            raise RejectedError(f"SES takes {MOST_DATA:,} characters of content a message, and this is {len(data):,}.")
        entry = {
            "Destination": {"ToAddresses": [mailbox.written()]},
            "ReplacementTags": [{"Name": TAG, "Value": letter.key}],
            "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": data}},
            "ReplacementHeaders": [{"Name": name, "Value": value} for name, value in extra_headers(letter)],
        }
        return _Entry(letter, entry, len(json.dumps(entry)), bool(rendered.html))

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """An operation, once. Raises `TransportError`; nothing of botocore's, which holds the request."""
        try:
            answer: dict[str, Any] = getattr(self._client, operation)(**arguments)
        except ERRORS as error:
            raise of_call(error, self._sender.mailbox.address) from None
        return answer


def open_ses(settings: Settings, session: boto3.Session | None = None) -> Ses:
    """The transport of the settings, with the AWS credentials of the worker. Blocks: the account is asked for its rate.

    Raises `UsageError`. An account that does not answer now is asked again by the first `send`, which says so.
    """
    mail = settings.mail
    if mail.dkim.key:
        raise UsageError(
            '[mail] transport = "ses" and [mail.dkim] key: SES signs by itself.',
            next="Switch on Easy DKIM for the identity in SES, and take [mail.dkim] out.",
        )
    if mail.bounces.address:
        raise UsageError(
            '[mail] transport = "ses" and [mail.bounces] address: SES takes bounces itself, and tells them as events.',
            next="Take the address out of [mail.bounces]; [mail.ses] topics are how the events come in.",
        )
    sender = sender_of(mail)
    region = mail.ses.region or settings.aws.region
    config = Config(
        connect_timeout=5,
        read_timeout=mail.timeout,
        # A call that is repeated in secret sends twice.
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=mail.connections,
        user_agent_extra="firedoor",
    )
    endpoint = mail.ses.base_url or settings.aws.endpoint_url or None
    try:
        made = session or boto3.Session(region_name=region)
        client: Any = made.client("sesv2", region_name=region, endpoint_url=endpoint, config=config)
    except BotoCoreError as error:
        raise UsageError(
            f"SES in {region} cannot be called: AWS's configuration here is not right ({type(error).__name__}).",
            next="docs/how-to/real-account.md says how the worker gets its credentials.",
        ) from None
    ses = Ses(mail, client, sender)
    with contextlib.suppress(TransportError):
        ses.admit()
    return ses


def _unsent(error: TransportError) -> TransportError:
    """What befalls letters where the account could not be asked: whatever is in doubt, they were not sent."""
    return LaterError(error.what, seconds=AWAY) if isinstance(error, DoubtError) else error


def _plain(letter: Letter) -> Mailbox:
    mailbox = mailbox_of(letter.address, letter.recipient)
    if mailbox.international:
        raise BouncedError(
            "The address is an international one, and SES cannot send to those.", changed="Nothing was sent."
        )
    return mailbox


def _parts(entries: Sequence[_Entry]) -> Iterator[list[_Entry]]:
    """Entries that fit into a call together."""
    for html in (True, False):
        part: list[_Entry] = []
        size = 0
        for entry in (one for one in entries if one.html is html):
            if part and size + entry.size > MOST_CALL:
                yield part
                part, size = [], 0
            part.append(entry)
            size += entry.size
        if part:
            yield part
