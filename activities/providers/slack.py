"""Slack: a token revokes itself. Every answer has status 200; what it means stands in `ok` and `error`.

API: https://docs.slack.dev/reference/methods/auth.revoke.
"""

from typing import Any

from pydantic import SecretStr

from activities._http import Request
from activities.providers._by_hand import create, delete, enable, inventory, look, made, usage
from activities.providers._provider import Api, Reading
from activities.providers._reading import tried
from firedoor.errors import StepError
from firedoor.incident import Evidence
from firedoor.steps._step import Credential

__all__ = ["create", "delete", "enable", "inventory", "look", "made", "revoke", "usage", "verify"]

#: What Slack says of a token that is dead. Other errors (a limit, maintenance) say nothing of it.
DEAD = frozenset({"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"})


def verify(api: Api, credential: Credential, value: SecretStr) -> Reading:
    """auth.test."""
    request = Request("GET", "/api/auth.test", headers=_bearer(value), secrets=[value])
    return tried(
        api, request, dead=(), refused=lambda data: _error(data) in DEAD, doubtful=lambda data: bool(_error(data))
    )


def revoke(api: Api, credential: Credential, value: SecretStr | None) -> Evidence:
    """auth.revoke with the token itself. Raises `needs_person` where the value is not known."""
    if value is None:
        raise StepError(
            "needs_person",
            f"Slack lets a token revoke itself, and the value of {credential.label} is not known.",
            next="Give `value`: a reference to where the leaked token can be read. Or remove the app at "
            "https://api.slack.com/apps, then skip the step with that as the reason: nobody else can tell.",
        )
    reply = api.send(Request("POST", "/api/auth.revoke", headers=_bearer(value), secrets=[value]))
    error = _error(reply.data)
    if error in DEAD:
        return reply.evidence(f"it was refused already: {error}")
    if error or not reply.data.get("revoked"):
        raise StepError("provider_error", f"Slack did not revoke the token: {error or 'no reason given'}.")
    return reply.evidence("the token revoked itself")


def _error(data: Any) -> str:
    """Slack's word for what is wrong; empty for `ok`."""
    return "" if not isinstance(data, dict) or data.get("ok") else str(data.get("error") or "unknown")


def _bearer(value: SecretStr) -> dict[str, str]:
    return {"Authorization": f"Bearer {value.get_secret_value()}"}
