"""Hugging Face: a token is revoked by its value, by anybody; `whoami` proves it.

API: https://huggingface.co/docs/hub/security-tokens. The revocation answers 202 whether or not there is such a token.
"""

from collections.abc import Sequence

from pydantic import SecretStr

from activities._http import Request
from activities.providers._by_hand import create, delete, enable, inventory, look, made, usage
from activities.providers._provider import Api, Reading
from activities.providers._reading import taken, tried
from firedoor.errors import StepError
from firedoor.incident import Evidence
from firedoor.providers._provider import Kind
from firedoor.steps._step import Credential

__all__ = ["create", "delete", "enable", "inventory", "look", "made", "revoke", "revoke_values", "usage", "verify"]


def verify(api: Api, credential: Credential, value: SecretStr) -> Reading:
    """GET /api/whoami-v2; 401 is dead."""
    headers = {"Authorization": f"Bearer {value.get_secret_value()}"}
    return tried(api, Request("GET", "/api/whoami-v2", headers=headers, secrets=[value], statuses={401}), dead={401})


def revoke(api: Api, credential: Credential, value: SecretStr | None) -> Evidence:
    """POST /api/credentials/revoke, without authentication. Raises `needs_person` where the value is not known."""
    if value is None:
        raise StepError(
            "needs_person",
            f"Hugging Face revokes a token by its value, and the value of {credential.label} is not known.",
            next="Give `value`: a reference to where the leaked token can be read. Or have its owner delete it at "
            "https://huggingface.co/settings/tokens, then skip the step with that as the reason: nobody else can tell.",
        )
    return revoke_values(api, api.provider.kind(credential.kind), [value])


def revoke_values(api: Api, kind: Kind, values: Sequence[SecretStr]) -> Evidence:
    """POST /api/credentials/revoke, without authentication."""
    body = {"credentials": [value.get_secret_value() for value in values]}
    reply = api.send(Request("POST", "/api/credentials/revoke", json=body, secrets=values))
    return reply.evidence(f"took {taken(len(values))} for revocation, as it does whether or not there is such a token")
