"""Notices to customers' webhooks: Slack's incoming webhooks, and plain ones that take JSON.

A plain one gets `{"type": "firedoor.notice", "timestamp", "data": {"incident", "campaign", "customer", "language",
"subject", "text", "drill"}}` as Standard Webhooks has it: `webhook-id` is the same whenever this letter is sent, and
with a secret `webhook-signature` proves who sends it. Slack's get blocks (docs.slack.dev/messaging/sending-messages-
using-incoming-webhooks); their address is a secret, so the registry may hold a reference instead of it.

A customer chooses the address. So only addresses of the internet are called, over TLS, at the one that was looked at;
no redirect is followed and no proxy asked. Nobody can ask a webhook what became of a call: a lost answer is a doubt.
"""

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import json
import re
import socket
import ssl
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import SplitResult, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from pydantic import SecretStr

from activities.transports._mrkdwn import escaped, message_blocks
from activities.transports._transport import (
    BouncedError,
    DoubtError,
    LaterError,
    Letter,
    Receipt,
    RejectedError,
    TransportError,
)
from firedoor.addresses import addresses, public
from firedoor.errors import FiredoorError, UsageError
from firedoor.mailing import Webhooks

LANES = 10
#: Calls a second to one host; Slack's incoming webhooks take one a second each.
HOST_RATE, SLACK_RATE = 5.0, 1.0
SLACK = "hooks.slack.com"
PAUSE_SECONDS, MOST_SECONDS = 60.0, 3600.0
PREFIX = "whsec_"
#: Bytes of a key below which it can be guessed.
LEAST_BYTES = 16
#: It is not there, or not for us, now or later.
GONE = frozenset({401, 403, 404, 405, 410})
LATER = frozenset({408, 425, 429, 503})


_NAME = re.compile(r"[A-Za-z0-9_.-]+")


class NoWayError(OSError):
    """A name leads nowhere that may be called."""


class WebhookCalls:
    """The transport."""

    lanes = LANES
    batch = 1

    def __init__(self, settings: Webhooks, secret: Callable[[str], SecretStr], key: bytes = b"") -> None:
        self._settings = settings
        self._secret = secret
        self._key = key
        #: By whether they are for https.
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    def pace(self, address: str) -> Sequence[tuple[str, float]]:
        """The host; where the address is a reference, that."""
        host = urlsplit(address).hostname or address
        return ((f"webhook {address if host == SLACK else host}", SLACK_RATE if host == SLACK else HOST_RATE),)

    async def send(self, letters: Sequence[Letter]) -> Sequence[Receipt | TransportError]:
        """Call the webhook of each letter once."""
        outcomes: list[Receipt | TransportError] = []
        for letter in letters:
            try:
                outcomes.append(await self._sent(letter))
            except TransportError as error:
                outcomes.append(error)
        return outcomes

    async def find(self, letter: Letter) -> Receipt | None:
        """Raises `DoubtError`: no webhook tells."""
        raise DoubtError(
            "A webhook cannot be asked what became of a call.",
            changed="It may have arrived: firedoor does not call again by itself.",
            next=f"Ask the customer for the webhook-id {letter.key}.",
        )

    async def close(self) -> None:
        """Close the connections."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    async def _sent(self, letter: Letter) -> Receipt:
        url = await self._url(letter.address)
        body, headers = self._call(letter, slack=url.hostname == SLACK)
        try:
            secure = url.scheme == "https"
            # aiohttp asks its resolver for names only, and takes `127.1` and `2130706433` for none.
            if _is_literal(url.hostname or ""):
                self._permit(url.hostname or "", secure=secure)
            async with self._connections(secure=secure).post(
                url.geturl(), data=body, headers=headers, allow_redirects=False
            ) as answer:
                status, retry = answer.status, answer.headers.get("Retry-After", "")
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError):
            raise BouncedError("The webhook's server does not prove who it is.", changed="Nothing was sent.") from None
        except NoWayError as error:
            raise BouncedError(f"The webhook is not called: {error}.", changed="Nothing was sent.") from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise _unreached(error) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _doubt(f"did not answer ({type(error).__name__})") from None
        return _outcome(status, retry)

    async def _url(self, address: str) -> SplitResult:
        """The address, or what stands at the reference. Raises `BouncedError`."""
        if not address.startswith(("https://", "http://")):
            try:
                address = (await asyncio.to_thread(self._secret, address)).get_secret_value().strip()
            except FiredoorError as error:
                raise BouncedError(error.what, changed="Nothing was sent.", next=error.next) from None
        try:
            url = urlsplit(address)
            named = bool(url.hostname) and url.port != 0
        except ValueError:
            raise BouncedError("The webhook's address is none.", changed="Nothing was sent.") from None
        if url.scheme != "https" and not (url.scheme == "http" and self._settings.networks):
            raise BouncedError("The webhook's address is not https://….", changed="Nothing was sent.")
        if not named or url.username is not None or not (_NAME.fullmatch(url.hostname or "") or "[" in url.netloc):
            raise BouncedError("The webhook's address is none.", changed="Nothing was sent.")
        return url

    def _call(self, letter: Letter, *, slack: bool) -> tuple[bytes, dict[str, str]]:
        """The body and the headers of a call."""
        rendered, now = letter.rendered, datetime.now(UTC)
        said: dict[str, Any] = {
            "type": "firedoor.notice",
            "timestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "data": {
                "incident": letter.incident,
                "campaign": letter.campaign,
                "customer": letter.customer,
                "language": letter.language,
                "subject": rendered.subject,
                "text": rendered.text,
                "drill": letter.drill,
            },
        }
        if slack:
            said = {"text": escaped(rendered.subject), "blocks": message_blocks(rendered.subject, rendered.slack)}
        body = json.dumps(said, ensure_ascii=False).encode()
        moment = str(int(now.timestamp()))
        headers = {"content-type": "application/json", "webhook-id": letter.key, "webhook-timestamp": moment}
        if self._key and not slack:
            headers["webhook-signature"] = signature(self._key, letter.key, moment, body)
        return body, headers

    def _connections(self, *, secure: bool) -> aiohttp.ClientSession:
        if secure not in self._sessions:
            resolver = _Guarded(partial(self._permit, secure=secure))
            self._sessions[secure] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=LANES, resolver=resolver),
                timeout=aiohttp.ClientTimeout(total=self._settings.timeout),
                headers={"user-agent": "firedoor"},
            )
        return self._sessions[secure]

    def _permit(self, address: str, *, secure: bool) -> None:
        """Return if an address may be called; in clear only one of `networks`. Raises `NoWayError`."""
        # An interface may stand behind the address, as in `fe80::1%eth0`.
        try:
            found = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            raise NoWayError("it is a number that is no address") from None
        if any(found in network for network in self._settings.networks):
            return
        if not public(found):
            raise NoWayError(f"it leads to {found}, which is not on the internet")
        if not secure:
            raise NoWayError("it is not https://…")


class _Guarded(AbstractResolver):
    """Names as the system resolves them, as long as all their addresses may be called."""

    def __init__(self, permit: Callable[[str], None]) -> None:
        self._permit = permit

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a host. Raises `OSError`."""
        found = await asyncio.to_thread(addresses, host)
        for address in found:
            self._permit(address)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in found
        ]

    async def close(self) -> None:
        """Nothing is open."""


def open_webhooks(settings: Webhooks, secret: Callable[[str], SecretStr]) -> WebhookCalls:
    """The transport of the settings. Raises `UsageError`, or what `secret` raises."""
    return WebhookCalls(settings, secret, _key(secret(settings.secret)) if settings.secret else b"")


def signature(key: bytes, identity: str, moment: str, body: bytes) -> str:
    """`v1,…` of Standard Webhooks: HMAC-SHA256 over id, time and body."""
    content = f"{identity}.{moment}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()}"


def _key(secret: SecretStr) -> bytes:
    try:
        key = base64.b64decode(secret.get_secret_value().removeprefix(PREFIX), validate=True)
    except ValueError:
        key = b""
    if len(key) < LEAST_BYTES:
        raise UsageError(
            f"[webhooks] secret is not {PREFIX}… in Base64, of {LEAST_BYTES} bytes or more.",
            next=f'Make one: echo "{PREFIX}$(openssl rand -base64 24)"',
        )
    return key


def _outcome(status: int, retry: str) -> Receipt:
    """What an answer means. A 5xx but 503 tells nothing: the call may have done its work."""
    said = f"The webhook answered {status}"
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Receipt(f"HTTP {status}", delivered=True)
    if status < HTTPStatus.BAD_REQUEST:
        raise BouncedError(f"{said}: it sends calls elsewhere, which is not followed.", changed="Nothing was sent.")
    if status in GONE:
        raise BouncedError(f"{said}: it is gone, or not for us any more.", changed="Nothing was sent.")
    if status in LATER:
        seconds = min(float(retry), MOST_SECONDS) if retry.isdigit() else PAUSE_SECONDS
        raise LaterError(f"{said}.", seconds=max(1.0, seconds))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise _doubt(f"answered {status}")
    raise RejectedError(f"{said}: it does not take the notice.")


def _unreached(error: aiohttp.ClientError) -> TransportError:
    """No connection was made. Where we refused one ourselves, the resolver's own error lies inside."""
    inner = getattr(error, "os_error", None)
    if isinstance(inner, NoWayError):
        return BouncedError(f"The webhook is not called: {inner}.", changed="Nothing was sent.")
    if isinstance(inner, ssl.SSLError):
        return BouncedError("The webhook's server does not prove who it is.", changed="Nothing was sent.")
    return LaterError(f"The webhook cannot be reached ({type(inner or error).__name__}).", seconds=PAUSE_SECONDS)


def _doubt(why: str) -> DoubtError:
    return DoubtError(
        f"The webhook {why}.",
        changed="The notice may have arrived: firedoor does not call again by itself.",
        next="Ask the customer. `firedoor campaign retry-failed --in-doubt` calls again.",
    )


def _is_literal(host: str) -> bool:
    """Does aiohttp call a host as it stands? The system may read an address into it that nobody has looked at."""
    return ":" in host or host.replace(".", "").isdigit()
