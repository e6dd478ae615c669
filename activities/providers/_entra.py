"""Access tokens of Microsoft Entra for an application: client credentials, as Azure Resource Manager takes them.

API: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow. A token lives for an hour or
more; it is kept in this process, and fetched again before it ends or when Azure does not take it any more.
"""

import hashlib
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import SecretStr

from activities._http import WORDS, Http, ProviderError, Reply, Request, plain
from activities.providers._provider import Api
from firedoor.errors import StepError

GRANTS = "/{tenant}/oauth2/v2.0/token"
#: A token is not used in its last minutes. Seconds.
MARGIN = 300
UNAUTHORIZED = 401
#: What Entra answers to a tenant, an application or a secret that it does not take.
REFUSED = frozenset({400, 401})
TRACE = re.compile(r"\s*Trace ID:.*", re.DOTALL)


class Tokens:
    """The access tokens of this process, none kept longer than it lives. Threads may share it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[tuple[str, ...], tuple[SecretStr, float]] = {}

    def get(self, api: Api, http: Http) -> SecretStr:
        """The token of the settings' application, kept or new. Raises `StepError`."""
        name = _name(api, http)
        # One at a time: those who come meanwhile get the same token.
        with self._lock:
            token, until = self._held.get(name, (SecretStr(""), 0.0))
            if self._clock() >= until:
                token, seconds = _minted(api, http)
                self._held[name] = token, self._clock() + seconds - MARGIN
            return token

    def forget(self, api: Api, http: Http) -> None:
        """Azure does not take it any more."""
        with self._lock:
            self._held.pop(_name(api, http), None)


TOKENS = Tokens()


def send_as(api: Api, request: Request) -> Reply:
    """Send a request to Azure Resource Manager as the settings' application. Raises `StepError`.

    A kept token that is refused is replaced once: what was refused with 401 was not carried out.
    """
    http = client(api)
    for again in (False, True):
        token = TOKENS.get(api, http)
        headers = {**request.headers, "Authorization": f"Bearer {token.get_secret_value()}"}
        try:
            return http.send(replace(request, headers=headers, secrets=[*request.secrets, token]))
        except ProviderError as error:
            if again or error.status != UNAUTHORIZED:
                raise
        TOKENS.forget(api, http)
    raise AssertionError("the second try returns or raises")


def client(api: Api) -> Http:
    """The HTTP client."""
    if api.http is None:
        raise TypeError("Azure is reached by HTTP")
    return api.http


def _minted(api: Api, http: Http) -> tuple[SecretStr, float]:
    """A new token, and how many seconds it lives."""
    secret = api.secret("client_secret")
    form = {
        "grant_type": "client_credentials",
        "client_id": api.setting("client_id"),
        "client_secret": secret.get_secret_value(),
        "scope": f"{http.base_url}/.default",
    }
    asked = Request(
        "POST",
        GRANTS,
        ids={"tenant": api.setting("tenant")},
        base=api.setting("login_url"),
        form=form,
        secrets=[secret],
        reads=True,
        statuses=REFUSED,
    )
    data = http.send(asked).data
    if isinstance(data, Mapping) and data.get("access_token"):
        return SecretStr(str(data["access_token"])), float(data.get("expires_in") or 0)
    raise StepError(
        "credentials_expired",
        f"Microsoft Entra gives firedoor no access token for the application {api.setting('client_id')}{_said(data)}.",
        next="Look whether tenant, client_id and client_secret in [providers.azure_openai] of firedoor.toml are right, "
        "and whether the secret has expired: Entra → App registrations. Then retry the step.",
    )


def _said(data: Any) -> str:
    """Entra's own sentence, without what only its support can read."""
    words = TRACE.sub("", str(data.get("error_description") or data.get("error") or "") if data else "")
    return f": “{plain(words)[:WORDS].rstrip('. ')}”" if words else ""


def _name(api: Api, http: Http) -> tuple[str, ...]:
    secret = hashlib.sha256(api.secret("client_secret").get_secret_value().encode()).hexdigest()
    return http.base_url, api.setting("login_url"), api.setting("tenant"), api.setting("client_id"), secret
