"""Access tokens of Microsoft Entra for an application: client credentials, as Azure Resource Manager takes them.

API: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow. A token lives for an hour or
more; it is kept in this process, and fetched again before it ends or when Azure does not take it any more.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import SecretStr

from activities._http import WORDS, Http, ProviderError, Reply, Request, plain
from activities.access_tokens import AccessTokens
from activities.providers._provider import Api
from firedoor.errors import StepError

GRANTS = "/{tenant}/oauth2/v2.0/token"
UNAUTHORIZED = 401
#: What Entra answers to a tenant, an application or a secret that it does not take.
REFUSED = frozenset({400, 401})
TRACE = re.compile(r"\s*Trace ID:.*", re.DOTALL)


TOKENS = AccessTokens()


def send_as(api: Api, request: Request) -> Reply:
    """Send a request to Azure Resource Manager as the settings' application. Raises `StepError`.

    A kept token that is refused is replaced once: what was refused with 401 was not carried out.
    """
    http = client(api)
    name = _name(api, http)
    for again in (False, True):
        token = TOKENS.get(name, lambda: _minted(api, http))
        headers = {**request.headers, "Authorization": f"Bearer {token.get_secret_value()}"}
        try:
            return http.send(replace(request, headers=headers, secrets=[*request.secrets, token]))
        except ProviderError as error:
            if again or error.status != UNAUTHORIZED:
                raise
        TOKENS.forget(name)
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
