"""SendGrid: API keys are listed, made with the scopes of the old one, and deleted.

API: https://www.twilio.com/docs/sendgrid/api-reference/api-keys. An account has at most 100 keys, in one page. A
deletion takes effect after a small delay. The second part of a value is the key's id.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pydantic import SecretStr

from activities._http import Request
from activities.providers import _by_hand
from activities.providers._provider import Api, Made, Reading, kind_of
from activities.providers._reading import fingerprint, tried
from firedoor.errors import StepError
from firedoor.incident import Evidence
from firedoor.providers._provider import Kind
from firedoor.steps._step import Credential
from firedoor.steps.credentials import Found

KEYS = "/v3/api_keys"
KEY = f"{KEYS}/{{key}}"
#: SendGrid lists these among a key's scopes, sets them itself, and refuses them in a request.
NOT_GIVEN = frozenset({"2fa_required", "sender_verification_eligible"})

enable, usage = _by_hand.enable, _by_hand.usage


def inventory(api: Api, kind: Kind, scope: str) -> Sequence[Found]:
    """GET /v3/api_keys: names and ids are all that SendGrid tells."""
    reply = api.send(Request("GET", KEYS, headers=_own(api), permission="api_keys.read"))
    return [Found(credential=_credential(kind, key), status="active") for key in reply.data["result"]]


def look(api: Api, credential: Credential) -> Reading:
    """GET /v3/api_keys/{id}: what is not there is deleted, and may still be accepted for a while."""
    reply = api.send(_key(api, credential, "GET"))
    if reply.status == 404:
        return Reading("dead", reply.evidence(f"{credential.label} does not exist"), exists=False)
    return Reading("live", reply.evidence(f"{credential.label} exists"))


def verify(api: Api, credential: Credential, value: SecretStr) -> Reading:
    """GET /v3/scopes; 401 is dead. 403 may be a rule for addresses, and does not tell."""
    headers = _bearer(value)
    return tried(api, Request("GET", "/v3/scopes", headers=headers, secrets=[value], statuses={401, 403}), dead={401})


def revoke(api: Api, credential: Credential, value: SecretStr | None) -> Evidence:
    """DELETE /v3/api_keys/{id}: SendGrid disables nothing."""
    return delete(api, credential)


def delete(api: Api, credential: Credential) -> Evidence:
    """As `revoke`. Raises `refused_self` for the key that firedoor works with."""
    request = _key(api, credential, "DELETE")
    if api.secret("api_key").get_secret_value().startswith(f"SG.{credential.id}."):
        raise StepError(
            "refused_self",
            f"firedoor itself works with the SendGrid API key {credential.label}.",
            next="Give firedoor another key, restart the worker, then retry the step.",
        )
    return api.send(request).evidence(f"{credential.label} is deleted")


def create(api: Api, like: Credential, name: str) -> Made:
    """POST /v3/api_keys {name, scopes}. Where the old key is gone, its scopes are: the setting `scopes` says them."""
    kind = kind_of(api.provider, like)
    reply = api.send(
        Request(
            "POST",
            KEYS,
            json={"name": name, "scopes": _scopes(api, like)},
            headers=_own(api),
            permission="api_keys.create, and every scope of the new key",
        )
    )
    value = SecretStr(reply.data["api_key"])
    credential = _credential(kind, reply.data).model_copy(update={"fingerprint": fingerprint(value)})
    return Made(credential, value)


def made(api: Api, like: Credential, name: str, known: Sequence[str]) -> Sequence[Credential]:
    """Keys of that name."""
    found = inventory(api, kind_of(api.provider, like), "")
    return [one.credential for one in found if one.credential.name == name]


def _scopes(api: Api, like: Credential) -> Collection[str]:
    """The scopes of the old key that a new one can be given."""
    reply = api.send(_key(api, like, "GET")) if like.id else None
    if reply is None or reply.status == 404:
        return [one.strip() for one in api.setting("scopes").split(",")]
    return [one for one in _one(reply.data).get("scopes", ()) if one not in NOT_GIVEN]


def _one(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """A single key: SendGrid's document puts it into a list named `result`, its answers do not."""
    found: Mapping[str, Any] = data["result"][0] if data.get("result") else data
    return found


def _key(api: Api, credential: Credential, method: str) -> Request:
    kind_of(api.provider, credential)
    permission = "api_keys.read" if method == "GET" else "api_keys.delete"
    ids = {"key": credential.id}
    return Request(method, KEY, ids=ids, headers=_own(api), permission=permission, statuses={404})


def _credential(kind: Kind, key: Mapping[str, Any]) -> Credential:
    return Credential(provider="sendgrid", kind=kind.name, id=str(key["api_key_id"]), name=str(key.get("name") or ""))


def _own(api: Api) -> dict[str, str]:
    return _bearer(api.secret("api_key"))


def _bearer(value: SecretStr) -> dict[str, str]:
    return {"Authorization": f"Bearer {value.get_secret_value()}"}
