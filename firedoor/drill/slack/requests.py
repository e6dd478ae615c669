"""Delivery by HTTP: signed requests to the app's own addresses. https://docs.slack.dev/authentication/verifying-requests-from-slack"""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp

from firedoor.drill.slack.reply import EVENT_RETRIES, LIMIT, Reply
from firedoor.drill.slack.state import JSON

FORM: Final = "application/x-www-form-urlencoded"


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """`X-Slack-Signature` of a request."""
    signed = f"v0:{timestamp}:".encode() + body
    return "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


@dataclass
class Requests:
    """Sends to the app's addresses. `sent` are the bodies in order; `now` is the time that is signed."""

    addresses: dict[str, str]
    secret: str = field(repr=False)
    pace: Callable[[], float]
    now: Callable[[], float]
    sent: list[bytes] = field(default_factory=list)

    async def deliver(self, kind: str, payload: JSON, *, accepts: bool) -> Reply:
        """Send to the address of a kind: `slash_commands`, `interactive`, `events_api`; events again, if they fail."""
        body, media = encoded(kind, payload)
        began, reply = time.monotonic(), Reply(error="timeout")
        for attempt in range(len(EVENT_RETRIES) + 1 if kind == "events_api" else 1):
            if attempt:
                await asyncio.sleep(EVENT_RETRIES[attempt - 1] * self.pace())
            why = "http_timeout" if reply.error == "timeout" else "http_error"
            retry = {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": why} if attempt else {}
            reply = await self._send(self.addresses[kind], body, {"Content-Type": media} | retry)
            seconds = (time.monotonic() - began) / self.pace()
            reply = Reply(reply.payload if accepts else None, reply.error, seconds, attempt + 1)
            if not reply.error:
                return reply
        return reply

    async def verify_url(self, challenge: str = "canary-challenge") -> bool:
        """Ask the address for events to prove that it is the app's: it must answer with the challenge."""
        payload = {"type": "url_verification", "token": "verification", "challenge": challenge}
        body, media = encoded("events_api", payload)
        reply = await self._send(self.addresses["events_api"], body, {"Content-Type": media})
        said = reply.payload
        return said == challenge or (isinstance(said, dict) and said.get("challenge") == challenge)

    async def _send(self, address: str, body: bytes, headers: dict[str, str]) -> Reply:
        timestamp = str(int(self.now()))
        signed = {
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature(self.secret, timestamp, body),
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        }
        self.sent.append(body)
        timeout = aiohttp.ClientTimeout(total=LIMIT * self.pace())
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(address, data=body, headers=headers | signed, allow_redirects=False) as answer,
            ):
                text = await answer.text()
                error = "" if answer.status == 200 else f"http {answer.status}"
                return Reply(_parsed(text), error)
        except TimeoutError:
            return Reply(error="timeout")
        except aiohttp.ClientError:
            return Reply(error="dispatch_failed")


def encoded(kind: str, payload: JSON) -> tuple[bytes, str]:
    """The body of a request and its type: a command is a form, an interaction JSON in a form, an event JSON."""
    if kind == "slash_commands":
        return urlencode(payload).encode(), FORM
    if kind == "interactive":
        return urlencode({"payload": json.dumps(payload)}).encode(), FORM
    return json.dumps(payload).encode(), "application/json"


def _parsed(text: str) -> Any:
    """An answer: JSON, or plain text for a command."""
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text
