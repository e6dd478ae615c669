"""Calls of Slack's Web API: paced, without silent resends, their errors in sentences.

slack_sdk repeats a call after a dropped connection by itself, which posts twice: none of its retry handlers is used.
"""

import logging
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from pydantic import SecretStr
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from firedoor.slack.api.faults import DOUBTFUL, SlackError, SlackUnreachableError, refused
from firedoor.slack.api.pace import Lane, Pace

#: Seconds that one attempt may take. Less than the lease of a message (`store.LEASE_SECONDS`).
ATTEMPT_SECONDS = 20.0
#: Seconds that a call waits in all because Slack says that it is asked too often.
PATIENCE_SECONDS = 60.0
#: Whoever has pressed a button does not wait longer.
PERSON_SECONDS = 3.0
TOO_MANY, BROKEN = 429, 500

_LOG = logging.getLogger("firedoor.slack.sdk")
# Below this it logs bodies, and builds their text for each call even where nobody reads it.
_LOG.setLevel(logging.WARNING)


class Web:
    """Slack's Web API by method. Used in one event loop; `close` it there."""

    def __init__(self, base_url: str, token: SecretStr, pace: Pace) -> None:
        self.base_url = base_url
        self.pace = pace
        self._token = token
        self._client: AsyncWebClient | None = None
        self._session: aiohttp.ClientSession | None = None

    @property
    def token(self) -> str:
        """The token, for a call that takes it as an argument. Never to be shown."""
        return self._token.get_secret_value()

    async def close(self) -> None:
        """Close the connections."""
        if self._session:
            await self._session.close()
        self._session = self._client = None

    def session(self) -> aiohttp.ClientSession:
        """The connections, which follow no redirects."""
        if self._session is None:
            trace = aiohttp.TraceConfig()
            trace.on_request_redirect.append(_refuse_redirect)
            timeout = aiohttp.ClientTimeout(total=ATTEMPT_SECONDS)
            self._session = aiohttp.ClientSession(timeout=timeout, trace_configs=[trace])
        return self._session

    async def call(
        self,
        method: str,
        *,
        lane: Lane | None = None,
        about: str = "",
        patience: float = PATIENCE_SECONDS,
        **arguments: Any,
    ) -> AsyncSlackResponse:
        """Call a method (`chat.update`), and again for as long as Slack asks for patience.

        `about` is the channel or user that errors name. Raises `SlackError`, `SlackUnreachableError`.
        """
        waited = 0.0
        while True:
            await self.place(method, lane, patience)
            try:
                return await self.once(method, about=about, **arguments)
            except SlackUnreachableError as error:
                waited += error.seconds
                if not error.seconds or waited > patience:
                    raise

    async def place(self, method: str, lane: Lane | None = None, patience: float = PATIENCE_SECONDS) -> None:
        """Wait until a method may be called. Raises `SlackUnreachableError` where Slack wants that to be too long."""
        if (held := self.pace.held(method)) > patience:
            raise _too_often(method, held)
        await self.pace.wait(method, lane)

    async def once(self, method: str, *, about: str = "", **arguments: Any) -> AsyncSlackResponse:
        """One attempt, at once. `SlackUnreachableError.seconds` says how long Slack wants to be left alone."""
        call = getattr(self._sdk(), method.replace(".", "_"))
        try:
            answer: AsyncSlackResponse = await call(**arguments)
        except SlackApiError as error:
            raise self._failed(method, about, error) from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise SlackUnreachableError(f"Slack cannot be reached ({type(error).__name__}).") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            what = f"Slack did not answer {method} ({type(error).__name__})."
            raise SlackUnreachableError(what, doubtful=True) from None
        except (SlackRequestError, AttributeError):
            # What is no JSON object: slack_sdk asks a text for its fields.
            raise SlackUnreachableError(f"What answers {method} is not Slack.", doubtful=True) from None
        return answer

    def _sdk(self) -> AsyncWebClient:
        if self._client is None:
            self._client = AsyncWebClient(
                token=self.token,
                base_url=self.base_url,
                session=self.session(),
                retry_handlers=[],
                logger=_LOG,
            )
        return self._client

    def _failed(self, method: str, about: str, error: SlackApiError) -> SlackError:
        answer = error.response
        if not isinstance(answer, AsyncSlackResponse):
            return SlackUnreachableError(f"What answers {method} is not Slack.", doubtful=True)
        data = answer.data if isinstance(answer.data, dict) else {}
        code = str(data.get("error", ""))
        if answer.status_code == TOO_MANY or code == "ratelimited":
            seconds = _seconds(answer.headers)
            self.pace.hold(method, seconds)
            return _too_often(method, seconds)
        if answer.status_code >= BROKEN or code in DOUBTFUL or not code:
            told = code or f"HTTP {answer.status_code}"
            return SlackUnreachableError(f"Slack has trouble of its own ({method}: {told}).", code=code, doubtful=True)
        return refused(method, data, about)


async def _refuse_redirect(
    session: aiohttp.ClientSession, context: SimpleNamespace, where: aiohttp.TraceRequestRedirectParams
) -> None:
    raise SlackUnreachableError(f"{where.url.host} sends calls elsewhere, which is not followed.", code="redirect")


def _seconds(headers: Any) -> float:
    """`Retry-After`, in seconds; 1 where it is not a number."""
    found = next((value for name, value in dict(headers).items() if name.lower() == "retry-after"), "")
    word = found if isinstance(found, str) else next(iter(found), "")
    return max(1.0, float(word)) if word.isdigit() else 1.0


def _too_often(method: str, seconds: float) -> SlackUnreachableError:
    what = f"Slack wants no {method} for another {seconds:.0f} s."
    return SlackUnreachableError(what, code="ratelimited", seconds=seconds)


def is_ours(url: str, base_url: str) -> bool:
    """May this URL of a payload be called? Only `hooks.` of Slack's own host, or the server of the settings."""
    try:
        found, base = urlsplit(url), urlsplit(base_url)
        port = found.port
    except ValueError:
        return False
    if found.username is not None or found.password is not None:
        return False
    if base.netloc and (found.scheme, found.netloc) == (base.scheme, base.netloc):
        return True
    return found.scheme == "https" and port in (None, 443) and found.hostname == f"hooks.{base.hostname}"
